/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of alerts: a target that keeps and counts what is sent; incidents. */
#ifndef THPRACE_ALERT_SUPPORT_H
#define THPRACE_ALERT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <syslog.h>
#include <cmocka.h>
#include "alert.h"
#include "build_incident.h"
#include "alert_dedup.h"
#include "log.h"
#include "base/names.h"

#define S 1000000000ULL
#define START (1000 * S)
#define KEPT 64

/* What was sent. */
static struct log_message kept[KEPT];
static size_t sent;
static int send_fails; /* negative errno for the next message */
/* Incidents according to the messages: one each, or THPRACE_COUNT. */
static uint64_t accounted[THPRACE_CLASS_MAX];
static uint64_t complaints_counted;

static inline const char *field_at(const struct log_message *message, const char *name, size_t nth)
{
	size_t i;

	for (i = 0; i < message->nr_fields; i++) {
		if (!strcmp(message->fields[i].name, name) && !nth--)
			return message->fields[i].value;
	}
	return NULL;
}

static inline const char *field(const struct log_message *message, const char *name)
{
	return field_at(message, name, 0);
}

static inline bool has_id(const struct log_message *message, const char *id)
{
	return !strcmp(message->id, id);
}

static inline void account(const struct log_message *message)
{
	const char *class = field(message, "THPRACE_CLASS");
	int index = class ? names__find_class(class) : 0;

	if (index < 0) /* "?", of an incident that is damaged */
		index = 0;
	if (has_id(message, LOG_ID_ESCAPE) || has_id(message, LOG_ID_UNATTRIBUTED) ||
	    has_id(message, LOG_ID_UNPROVEN) || has_id(message, LOG_ID_LIKELY) ||
	    has_id(message, LOG_ID_REMAINED))
		accounted[index]++;
	else if (has_id(message, LOG_ID_CONFIRMED) || has_id(message, LOG_ID_COMPLAINT))
		complaints_counted++;
	else if (has_id(message, LOG_ID_FOLDED) && class)
		accounted[index] += strtoull(field(message, "THPRACE_COUNT"), NULL, 10);
	else if (has_id(message, LOG_ID_FOLDED))
		complaints_counted += strtoull(field(message, "THPRACE_COUNT"), NULL, 10);
}

static inline int fake_send(const struct log_message *message)
{
	int err = send_fails;
	size_t i;

	assert_non_null(message->id);
	assert_int_equal(strlen(message->id), 32);
	assert_true(message->nr_fields < LOG_FIELDS_MAX);
	assert_null(strpbrk(message->text, "\n\r\t"));
	for (i = 0; i < message->nr_fields; i++)
		assert_int_equal(strncmp(message->fields[i].name, "THPRACE_", 8), 0);
	if (sent < KEPT)
		kept[sent] = *message;
	sent++;
	account(message);
	send_fails = 0;
	return err;
}

static inline struct alert *begin(uint64_t fold, uint64_t per_minute)
{
	struct config config;
	struct alert *alert;

	config__defaults(&config);
	config.alerts.fold = fold;
	config.alerts.per_minute = per_minute;
	sent = 0;
	send_fails = 0;
	memset(accounted, 0, sizeof(accounted));
	complaints_counted = 0;
	alert = alert__new(&config, fake_send);
	assert_non_null(alert);
	return alert;
}

static inline struct thprace_incident make(unsigned int class, unsigned int verdict)
{
	struct thprace_incident incident =
		build_incident(verdict, build_window(11, 5000000, 5010000, 5022100),
			       build_walk(21, class, 5001000, 5006000));

	incident.attribution = verdict == THPRACE_ESCAPE ? THPRACE_EXACT : THPRACE_ATTRIBUTION_NONE;
	incident.close_call = 1;
	incident.window.folio = incident.walk.folio = 0xffea8000;
	incident.window.tgid = 10;
	incident.window.cpu = 3;
	incident.window.level = THPRACE_LEVEL_PTE;
	strcpy(incident.window.comm, "opens");
	incident.walk.tgid = 20;
	incident.walk.residual = 1;
	incident.walk.cpu = 4;
	incident.walk.origin = THPRACE_ORIGIN_SPLIT;
	strcpy(incident.walk.comm, "walks");
	return incident;
}

static inline void no_window(struct thprace_incident *incident)
{
	memset(&incident->window, 0, sizeof(incident->window));
}

static inline void expect_field(const struct log_message *message, const char *name,
				const char *value)
{
	const char *is = field(message, name);

	if (!is || strcmp(is, value))
		fail_msg("%s is '%s', not '%s'", name, is ? is : "(not there)", value);
}

/* The next message is due at a time, and is sent then and not before. */
static inline void expect_sent_at(struct alert *alert, uint64_t time)
{
	size_t before = sent;

	assert_int_equal(alert__deadline(alert), time);
	alert__tick(alert, time - 1);
	assert_int_equal(sent, before);
	alert__tick(alert, time);
	assert_int_equal(sent, before + 1);
}

/* Pages of 64 bytes from here on. */
#define PAGES 0xffea0000ULL

static inline bool pfn_of(void *ctx, uint64_t page, uint64_t *pfn)
{
	(void)ctx;
	*pfn = (page - PAGES) / 64;
	return page >= PAGES;
}

static inline struct complaint complain(unsigned int class, uint32_t pid, uint64_t when)
{
	struct complaint complaint = {
		.kind = COMPLAINT_BUG, .classes = 1U << class, .pid = pid, .when = when};

	strcpy(complaint.text, "kernel BUG at mm/huge_memory.c:1!");
	return complaint;
}

#endif
