/* SPDX-License-Identifier: GPL-2.0-only */
/* The content of alerts: text, fields and priorities. docs/alerts.md lists them. */
#ifndef THPRACE_DAEMON_ALERT_MESSAGE_H
#define THPRACE_DAEMON_ALERT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/record.h>

#include "alert.h"
#include "alert_dedup.h"
#include "log.h"

struct cgroups;

/* An incident with its evidence. */
struct alert_evidence {
	struct thprace_incident incident;
	uint64_t number; /* 0: not stored */
	char file[ALERT_DEDUP_FILE_MAX]; /* "": none */
	struct cgroups *cgroups; /* finds their paths; NULL: they have none */
};

/*
 * Losses from the first to the last one before 10 s without loss. Times are ns of CLOCK_MONOTONIC.
 */
struct alert_loss {
	uint64_t count[THPRACE_LOSS_MAX];
	uint64_t from;
	uint64_t to;
};

/* first: the first of its class and verdict since the start. */
void alert_message__incident(struct log_message *message, const struct alert_evidence *evidence,
			     bool first);

/*
 * The first contained overlap of a class. status: the result of reading the kernel's code for the
 * class.
 */
void alert_message__overlap(struct log_message *message, const struct alert_evidence *evidence,
			    enum check_status status);

/* same_page: the complaint names the incident's page. */
void alert_message__confirmed(struct log_message *message, const struct alert_evidence *evidence,
			      const struct complaint *complaint, bool same_page);

void alert_message__complaint(struct log_message *message, const struct complaint *complaint);

/* cgroups: finds the path of the source, or NULL; so in the next one. */
void alert_message__folded(struct log_message *message, const struct alert_dedup_group *group,
			   struct cgroups *cgroups);

/* limit: messages a minute. */
void alert_message__withheld(struct log_message *message, unsigned int class,
			     const struct alert_dedup_limit *withheld, uint64_t limit,
			     struct cgroups *cgroups);

/* kind: enum complaint_kind. */
void alert_message__withheld_complaints(struct log_message *message, unsigned int kind,
					const struct alert_dedup_limit *withheld, uint64_t limit);

void alert_message__loss_began(struct log_message *message, const struct alert_loss *loss);

/* stopping: the daemon ends, so it is not known whether the loss has ended. */
void alert_message__loss_ended(struct log_message *message, const struct alert_loss *loss,
			       bool stopping);

#endif
