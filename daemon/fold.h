/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counting what gets no message of its own: identical incidents fold into one message, and each class
 * has a number of messages a minute. Whatever is given to fold__incident() or fold__allow() either may
 * be sent, or is counted in exactly one later call of a hook. Times ns CLOCK_MONOTONIC.
 */
#ifndef THPRACE_DAEMON_FOLD_H
#define THPRACE_DAEMON_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>

#include "complaint/complaint.h"

/* Kinds of incidents that fold at the same time; others only have their class' limit. */
#define FOLD_GROUPS 128
#define FOLD_FILE_MAX 384
/* The kernel's complaints are counted as of verdict "clean", which no incident has. */
#define FOLD_COMPLAINTS_VERDICT THPRACE_CLEAN
#define FOLD_LIMITS (THPRACE_CLASS_MAX + COMPLAINT_KIND_MAX)

/* Incidents with the same key are identical. All of it is compared: set it to 0 first. */
struct fold_key {
	uint8_t class; /* below THPRACE_CLASS_MAX */
	uint8_t verdict; /* below THPRACE_VERDICT_MAX */
	uint8_t likely; /* of an escape: it is not proved */
	uint8_t level;
	uint8_t kind;
	char opener[THPRACE_COMM_LEN];
	char walker[THPRACE_COMM_LEN];
};

/* The evidence of the last one that was counted. */
struct fold_last {
	uint64_t from; /* when the first was counted */
	uint64_t to; /* when the last was */
	uint64_t number; /* of the last that has one; 0: none */
	char file[FOLD_FILE_MAX]; /* its file, or "" */
};

struct fold_group {
	struct fold_key key;
	uint64_t until; /* 0: not in use */
	uint64_t count; /* without a message of their own */
	struct fold_last last;
};

/* What is above the limit of a class, or of a kind of complaint. */
struct fold_class {
	uint64_t minute_end; /* a minute begins with its first message */
	uint64_t sent; /* within it */
	uint64_t withheld[THPRACE_VERDICT_MAX];
	struct fold_last last;
};

struct fold_hooks {
	/* A group has ended. */
	void (*group)(void *ctx, const struct fold_group *group);
	/* A class' minute has ended. */
	void (*withheld)(void *ctx, unsigned int class, const struct fold_class *withheld);
	/* The same for a kind of complaint. */
	void (*complaints)(void *ctx, unsigned int kind, const struct fold_class *withheld);
	void *ctx;
};

/* A plain value of about 64 KiB. */
struct fold {
	uint64_t length; /* ns */
	uint64_t per_minute; /* at least 1 */
	struct fold_hooks hooks;
	struct fold_group groups[FOLD_GROUPS];
	struct fold_class limits[FOLD_LIMITS]; /* the classes, then the kinds of complaints */
};

void fold__init(struct fold *fold, const struct fold_hooks *hooks);

/* length: ns; groups that have begun keep theirs. */
void fold__configure(struct fold *fold, uint64_t length, uint64_t per_minute);

/*
 * An incident. exempt: it is to be sent whatever the limit says; it is not counted in it. file may be
 * NULL. Returns true when it is to be sent now; else it was counted.
 */
bool fold__incident(struct fold *fold, const struct fold_key *key, uint64_t number,
		    const char *file, bool exempt, uint64_t now);

/* One of the kernel's complaints: it only has its kind's limit. Returns as fold__incident(). */
bool fold__complaint(struct fold *fold, enum complaint_kind kind, uint64_t now);

/* Tell what is due. */
void fold__tick(struct fold *fold, uint64_t now);

/* When something is due next; 0: nothing is counted. */
uint64_t fold__deadline(const struct fold *fold);

/* Tell all. */
void fold__finish(struct fold *fold, uint64_t now);

#endif
