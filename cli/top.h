/* SPDX-License-Identifier: GPL-2.0-only */
/* What `thprace top` shows: the latest answers of the daemon, and how they changed. */
#ifndef THPRACE_TOP_H
#define THPRACE_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/race.h>

struct json_object;

#define TOP_SPARK 40 /* samples in a sparkline */
#define TOP_INCIDENTS 256 /* the latest ones */
#define TOP_TASK_LEN 32

struct top_class {
	char name[32];
	bool observable;
	char reason[160]; /* why not */
	uint64_t walkers;
	uint64_t overlaps;
	uint64_t contained;
	uint64_t escapes;
	uint64_t others; /* remained, unattributed, unproven */
	double walkers_per_s; /* between the last two answers */
	double overlaps_per_s;
};

struct top_phase {
	uint64_t count;
	uint64_t p50;
	uint64_t p99;
	uint64_t max;
};

struct top_incident {
	uint64_t number;
	uint64_t wall; /* ns CLOCK_REALTIME */
	unsigned int class; /* 0: not known to this program */
	unsigned int verdict;
	bool overlap_known;
	uint64_t overlap;
	char opener[TOP_TASK_LEN]; /* "comm/pid", or "-" */
	char walker[TOP_TASK_LEN];
};

enum top_order {
	TOP_BY_CLASS, /* as the daemon lists them */
	TOP_BY_WALKERS,
	TOP_BY_OVERLAPS,
	TOP_BY_ESCAPES,
	TOP_ORDER_MAX
};

#define TOP_ORDER_NAMES                                     \
	{                                                   \
		"class", "walkers/s", "overlaps", "escapes" \
	}

/* Zero it before use, and set utf8. */
struct top {
	int utf8;
	uint64_t answers; /* of status, so far */
	char version[32];
	char kernel[96];
	char mode[16];
	uint64_t now; /* ns CLOCK_MONOTONIC */
	uint64_t started;
	uint64_t escapes;
	uint64_t likely;
	struct top_class classes[THPRACE_CLASS_MAX];
	unsigned int nr_classes;
	struct top_phase whole;
	double windows_per_s;
	double spark[TOP_SPARK]; /* windows a second, the latest is the last */
	unsigned int nr_spark;
	uint64_t seen;
	uint64_t lost;
	double lost_per_s;
	bool measured; /* the share is known */
	double share;
	double budget; /* 0: none */
	bool over;
	unsigned int shed; /* probes */
	struct top_incident incidents[TOP_INCIDENTS]; /* a ring */
	uint64_t nr_incidents; /* that came, in all */
	uint64_t next; /* the first number that was not asked for */
};

/* Take an answer to "status". */
void top__status(struct top *top, struct json_object *answer);

/* Take a line of the answer to "incidents": an incident, or the end. */
void top__incident(struct top *top, struct json_object *line);

/* The classes in this order: indexes, into list, which has space for all. */
void top__order(const struct top *top, enum top_order order, unsigned int *list);

/*
 * The incidents with this verdict (0: with any), the latest first, into list: at most max. Returns
 * their number.
 */
size_t top__latest(const struct top *top, unsigned int verdict, const struct top_incident **list,
		   size_t max);

#define TOP_SPARK_LEN (3 * TOP_SPARK + 1)

/* The sparkline: a character for each sample, the highest is full. Into buf; returns it. */
const char *top__spark(const struct top *top, char buf[TOP_SPARK_LEN]);

#endif
