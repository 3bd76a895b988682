/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts what gets no message of its own: identical incidents are folded into one message, and each
 * source of a class has a limit of messages per minute, so that one of them cannot use up another's. Everything given to alert_dedup__incident() is either
 * to be sent, or is counted in exactly one later call of a hook. Times are ns of CLOCK_MONOTONIC.
 */
#ifndef THPRACE_DAEMON_ALERT_DEDUP_H
#define THPRACE_DAEMON_ALERT_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>

#include "complaint/complaint.h"

/* Groups that fold at the same time; other incidents only have the limit of their class. */
#define ALERT_DEDUP_GROUPS 128
#define ALERT_DEDUP_FILE_MAX 384
/* The kernel's complaints are counted with the verdict "clean", which no incident has. */
#define ALERT_DEDUP_COMPLAINTS_VERDICT THPRACE_CLEAN
/* Sources that have a limit of their own; further ones have that of their class together. */
#define ALERT_DEDUP_SOURCES 64
#define ALERT_DEDUP_SOURCES_OF_CLASS 8
#define ALERT_DEDUP_KINDS (THPRACE_CLASS_MAX + COMPLAINT_KIND_MAX)
#define ALERT_DEDUP_LIMITS (ALERT_DEDUP_KINDS + ALERT_DEDUP_SOURCES)

/* Incidents with the same key are identical. All bytes are compared: set it to 0 first. */
struct alert_dedup_key {
	uint8_t class; /* below THPRACE_CLASS_MAX */
	uint8_t verdict; /* below THPRACE_VERDICT_MAX */
	uint8_t likely; /* an escape that is not proved */
	uint8_t level;
	uint8_t origin; /* the walker's */
	char opener[THPRACE_COMM_LEN];
	char walker[THPRACE_COMM_LEN];
	uint64_t source; /* the cgroup that it came from; 0: not known */
};

/* The evidence of the last one that was counted. */
struct alert_dedup_last {
	uint64_t from; /* when the first was counted */
	uint64_t to; /* when the last was */
	uint64_t number; /* the last number that there was; 0: none */
	char file[ALERT_DEDUP_FILE_MAX]; /* its file, or "" */
};

struct alert_dedup_group {
	struct alert_dedup_key key;
	uint64_t until; /* 0: not in use */
	uint64_t count; /* incidents without a message of their own */
	struct alert_dedup_last last;
};

/* What exceeds the limit of a class, of one source of it, or of a kind of complaint. */
struct alert_dedup_limit {
	uint64_t source; /* 0: of a class: all others; of a kind: all */
	uint8_t class; /* of a source: its class; else not used */
	uint64_t minute_end; /* a minute begins with its first message */
	uint64_t sent; /* within it */
	uint64_t withheld[THPRACE_VERDICT_MAX];
	struct alert_dedup_last last;
};

struct alert_dedup_hooks {
	/* A group has ended. */
	void (*group)(void *ctx, const struct alert_dedup_group *group);
	/* The minute of a class, or of one source of it, has ended. */
	void (*withheld)(void *ctx, unsigned int class, const struct alert_dedup_limit *withheld);
	/* The same for a kind of complaint. */
	void (*complaints)(void *ctx, unsigned int kind, const struct alert_dedup_limit *withheld);
	void *ctx;
};

/* A plain value of about 128 KiB. */
struct alert_dedup {
	uint64_t length; /* ns */
	uint64_t per_minute; /* at least 1 */
	struct alert_dedup_hooks hooks;
	struct alert_dedup_group groups[ALERT_DEDUP_GROUPS];
	/* The classes, then the kinds of complaints, then the sources. */
	struct alert_dedup_limit limits[ALERT_DEDUP_LIMITS];
};

void alert_dedup__init(struct alert_dedup *dedup, const struct alert_dedup_hooks *hooks);

/* length: ns; groups that have begun keep theirs. */
void alert_dedup__configure(struct alert_dedup *dedup, uint64_t length, uint64_t per_minute);

/*
 * An incident. exempt: it is sent whatever the limit is, and does not count. file may be NULL.
 * Returns true if it is to be sent now; else it was counted.
 */
bool alert_dedup__incident(struct alert_dedup *dedup, const struct alert_dedup_key *key,
			   uint64_t number, const char *file, bool exempt, uint64_t now);

/*
 * One of the kernel's complaints, to which only its kind's limit applies. Returns as
 * alert_dedup__incident().
 */
bool alert_dedup__complaint(struct alert_dedup *dedup, enum complaint_kind kind, uint64_t now);

/* Call the hooks that are due. */
void alert_dedup__tick(struct alert_dedup *dedup, uint64_t now);

/* When the next hook is due; 0: nothing is counted. */
uint64_t alert_dedup__deadline(const struct alert_dedup *dedup);

/* Tell all. */
void alert_dedup__finish(struct alert_dedup *dedup, uint64_t now);

#endif
