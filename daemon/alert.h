/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Alerts: which incidents and changes become messages, and how storms of them are limited.
 *
 * Incidents are identical if class, verdict, level, both comms, the walker's kind and the source are
 * equal. The source is the cgroup of the opener, or, without one, of the walker. The first one is
 * sent at once; identical ones within `fold` seconds are counted and sent as one message at the end
 * of that time. Of each class each source may send `per_minute` messages, and so may each kind of
 * kernel complaint; the rest is counted, and sent with the next message of folded ones. A change
 * of state is always one message, outside of any limit: the first escape of a class since the
 * start, loss, shedding, the spool. So is a complaint that has its incident.
 *
 * Contained overlaps are not alerts: only the first of each class since the start is sent, as
 * information.
 */
#ifndef THPRACE_DAEMON_ALERT_H
#define THPRACE_DAEMON_ALERT_H

#include <stdbool.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/record.h>

#include "complaint/complaint.h"
#include "config.h"
#include "state.h"

struct alert;

/* How alerts are sent: log__send(), or a test's own function. Returns 0 or negative errno. */
struct log_message;
typedef int (*alert_send_fn)(const struct log_message *message);

/* Returns an alert, to be freed with alert__free(), or NULL. */
struct alert *alert__new(const struct config *config, alert_send_fn send);

void alert__configure(struct alert *alert, const struct config *config);

/*
 * A settled incident. number: in the spool, 0: not stored; file: path of its evidence, or NULL;
 * now: ns CLOCK_MONOTONIC.
 */
void alert__incident(struct alert *alert, const struct thprace_incident *incident, uint64_t number,
		     const char *file, uint64_t now);

/* The result of reading the kernel's code is known now: first overlaps are sent with it. */
void alert__checked(struct alert *alert, const struct check_state *check);

/* Records were lost (THPRACE_REC_LOST). Loss has ended when none was reported for 10 s. */
void alert__lost(struct alert *alert, const struct thprace_record *lost, uint64_t now);

struct cgroups;

/* Where the paths of tasks' cgroups are found; not freed with the alert. Without it they have none. */
void alert__name_cgroups(struct alert *alert, struct cgroups *cgroups);

/* The page frame of a struct page's address. False: it is not known. */
typedef bool (*alert_pfn_fn)(void *ctx, uint64_t page, uint64_t *pfn);

/* Enables the comparison of pages. huge: number of small pages in a huge one. */
void alert__compare_pages(struct alert *alert, alert_pfn_fn pfn, void *ctx, unsigned int huge);

/*
 * A complaint of the kernel (core/complaint/complaint.h), in ns CLOCK_MONOTONIC. A complaint that
 * can belong to no class is ignored. Any other is tied to an incident (escape, unattributed,
 * unproven) of one of its classes that was settled up to 2 s before or after it: then it is
 * "confirmed by the kernel". If the complaint names a page, it must be the incident's; if it names
 * a task, it must be one of the incident's two; at least one of both must match. Without an
 * incident it is a message of its own. now: ns.
 */
void alert__complaint(struct alert *alert, const struct complaint *complaint, uint64_t now);

/*
 * To be called at the time of alert__deadline(): folded messages, end of loss, complaints without
 * an incident.
 */
void alert__tick(struct alert *alert, uint64_t now);

/* When alert__tick() must be called next, ns CLOCK_MONOTONIC; 0: nothing waits. */
uint64_t alert__deadline(const struct alert *alert);

void alert__state(const struct alert *alert, struct alert_state *state);

/* Send what is still folded, and free. */
void alert__free(struct alert *alert);

#endif
