/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the correlator's tests: messages as the BPF programs send them, and the results. */
#ifndef TESTS_CORRELATOR_SUPPORT_H
#define TESTS_CORRELATOR_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "build_incident.h"
#include "correlate/correlator.h"
#include "class_ids.h"

#define FOLIO 0xffffea0000008000ULL
#define OTHER_FOLIO 0xffffea0000010000ULL
#define T 1000000000ULL
#define LATE (T + 10000000000ULL)
#define SHOWN 64

static struct {
	struct thprace_incident shown[SHOWN];
	size_t nr;
	unsigned int verdicts[THPRACE_VERDICT_MAX];
} emitted;

static inline void collect(void *ctx, const struct thprace_incident *incident)
{
	(void)ctx;
	if (emitted.nr < SHOWN)
		emitted.shown[emitted.nr] = *incident;
	emitted.nr++;
	emitted.verdicts[incident->verdict]++;
}

static inline struct correlator *new_correlator(enum thprace_mode mode)
{
	struct correlator *correlator = correlator__new(mode, collect, NULL);

	memset(&emitted, 0, sizeof(emitted));
	assert_non_null(correlator);
	return correlator;
}

/*
 * Walkers are of task 20 and windows of task 10, unless a test says otherwise. A window leaves
 * nothing.
 */
static inline struct thprace_incident walker(uint64_t enter, uint64_t leave, int32_t residual)
{
	struct thprace_incident message = {
		.type = THPRACE_MSG_INCIDENT,
		.walk = build_walk(20, THPRACE_TRUNCATE_UNMAP, enter, leave),
	};

	message.walk.folio = FOLIO;
	build_left(&message.walk, residual, 0);
	message.walker_stack.nr = 1;
	message.walker_stack.ip[0] = 0x20;
	return message;
}

static inline struct thprace_window window(uint64_t open, uint64_t removed, uint64_t close)
{
	struct thprace_window result = build_window(10, open, removed, close);

	result.folio = FOLIO;
	return result;
}

/* A walker that left mappings by PTEs. */
static inline struct thprace_incident small_walker(uint64_t enter, uint64_t leave, int32_t residual)
{
	struct thprace_incident message = walker(enter, leave, residual);

	build_left(&message.walk, 0, residual);
	return message;
}

/* The zap of a range by task 11, which took one page and left this many. */
static inline struct thprace_window range(uint64_t open, uint64_t close, int32_t left)
{
	struct thprace_window result = window(open, 0, close);

	result.pid = 11;
	result.level = THPRACE_LEVEL_PTE;
	result.flags = THPRACE_WF_RANGE;
	result.pages = 1;
	result.left = left;
	return result;
}

static inline struct thprace_window removal(uint64_t ts, uint32_t pid)
{
	struct thprace_window result = window(ts, ts, ts);

	result.pid = pid;
	result.level = THPRACE_LEVEL_PTE;
	return result;
}

static inline void send(struct correlator *correlator, const void *message, size_t size)
{
	assert_int_equal(correlator__message(correlator, message, size, T), 0);
}

static inline void send_walker(struct correlator *correlator, struct thprace_incident message)
{
	send(correlator, &message, sizeof(message));
}

static inline void send_pair(struct correlator *correlator, struct thprace_incident message,
			     struct thprace_window open)
{
	message.window = open;
	message.first_verdict = THPRACE_ESCAPE;
	message.walker_stack.nr = 0;
	send(correlator, &message, sizeof(message));
}

static inline void send_opener(struct correlator *correlator, struct thprace_window closed)
{
	struct thprace_opener message = {.type = THPRACE_MSG_OPENER, .window = closed};

	message.stack.nr = 1;
	message.stack.ip[0] = closed.pid;
	send(correlator, &message, sizeof(message));
}

static inline void send_outer(struct correlator *correlator, uint64_t leave,
			      struct thprace_counts before, struct thprace_counts now)
{
	struct thprace_outer message = {.type = THPRACE_MSG_OUTER,
					.pid = 20,
					.leave = leave,
					.at = leave + 5000,
					.before = before,
					.now = now,
					.order = 9};

	send(correlator, &message, sizeof(message));
}

static inline void finish(struct correlator *correlator)
{
	correlator__finish(correlator);
	correlator__free(correlator);
}

static inline const struct thprace_incident *only(enum thprace_verdict verdict)
{
	assert_int_equal(emitted.nr, 1);
	assert_int_equal(emitted.shown[0].verdict, verdict);
	return &emitted.shown[0];
}

static inline void only_escape(enum thprace_attribution attribution)
{
	assert_int_equal(only(THPRACE_ESCAPE)->attribution, attribution);
}

static inline struct thprace_incident check_point(uint64_t ts)
{
	struct thprace_incident message = walker(ts, ts, 1);

	message.type = THPRACE_MSG_CHECK;
	message.walk.flags = THPRACE_KF_CHECK;
	return message;
}

#endif
