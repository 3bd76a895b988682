/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `thprace top` knows: the counts of a source (top_source.h) at two times and their difference,
 * the latest incidents, and the names of the functions in their stacks.
 */
#ifndef THPRACE_TOP_H
#define THPRACE_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/shared.h>
#include "report/incident_groups.h"

struct json_object;

#define TOP_SPARK 40 /* samples in a sparkline */
#define TOP_INCIDENTS 1024 /* the latest ones: as many as the daemon has in memory */
#define TOP_TASK_LEN 32
#define TOP_PAIRS 16
#define TOP_CGROUPS 1024
#define TOP_SYMBOLS 16384 /* as many as core/kernel/symbols.h keeps */

struct top_phase {
	uint64_t count;
	uint64_t p50; /* ns */
	uint64_t p99;
	uint64_t max;
};

struct top_class {
	char name[32];
	bool observable;
	char reason[160]; /* why not */
	uint64_t walkers;
	uint64_t overlaps;
	uint64_t contained;
	uint64_t escapes;
	uint64_t others; /* remained, unattributed, unproven */
	/* Of a race from a file: */
	bool measured;
	uint64_t windows;
	struct top_phase lengths;
	uint64_t closest; /* pass, ns; 0: none */
};

/* What a source says at one time. Its texts are clean. */
struct top_sample {
	char version[32]; /* of the daemon; "": there is none */
	char kernel[96];
	char mode[16];
	uint64_t now; /* ns CLOCK_MONOTONIC */
	uint64_t started; /* when the counts began */
	uint64_t escapes;
	uint64_t likely; /* of these: not proved */
	struct top_class classes[THPRACE_CLASS_MAX];
	unsigned int nr_classes;
	struct top_phase phases[THPRACE_PHASE_MAX];
	uint64_t closest; /* pass of the built-in classes, ns; 0: none */
	uint64_t seen;
	uint64_t lost;
	bool measured; /* the share is known */
	double share; /* of all CPUs' time */
	double budget; /* 0: none */
	bool over;
	unsigned int shed; /* probes */
	uint64_t cpu; /* ns, of the observing process */
	uint64_t rss; /* its bytes */
	uint64_t only_counted; /* incidents that the daemon did not store, so they have no number */
};

/* Rates of the last intervals, the latest is the last. */
struct top_history {
	double rate[TOP_SPARK];
	unsigned int nr;
};

struct top_incident {
	uint64_t number;
	uint64_t wall; /* ns CLOCK_REALTIME */
	unsigned int asked; /* how often its names were asked for */
	struct thprace_incident incident;
};

enum top_order {
	TOP_BY_CLASS, /* as the source lists them */
	TOP_BY_WALKERS,
	TOP_BY_OVERLAPS,
	TOP_BY_ESCAPES,
	TOP_ORDER_MAX
};

#define TOP_ORDER_NAMES                                     \
	{                                                   \
		"class", "walkers/s", "overlaps", "escapes" \
	}

struct top {
	int utf8; /* of the terminal */
	uint64_t samples; /* so far */
	struct top_sample now;
	/* Per second, between the last two samples. */
	double walkers_per_s[THPRACE_CLASS_MAX]; /* as now.classes */
	double overlaps_per_s[THPRACE_CLASS_MAX];
	double race_windows_per_s[THPRACE_CLASS_MAX];
	double windows_per_s;
	double lost_per_s;
	double cpu_share; /* of one CPU */
	struct top_history windows;
	struct top_history walkers[THPRACE_CLASS_MAX];
	struct top_incident incidents[TOP_INCIDENTS]; /* a ring */
	uint64_t nr_incidents; /* that came, in all */
	uint64_t next; /* the first number that was not asked for */
	uint64_t missed; /* that came faster than they were asked for */
	struct summary *names; /* symbols and probed functions, for drawings */
	struct incident_groups *groups; /* of the incidents */
};

/* Returns an object to be freed with top__free(), or NULL. */
struct top *top__new(int utf8);
void top__free(struct top *top);

/* Take a new sample: compute the rates. */
void top__take(struct top *top, const struct top_sample *sample);

/* Keep an incident, whose number is higher than those before. */
void top__incident(struct top *top, uint64_t number, uint64_t wall,
		   const struct thprace_incident *incident);

/* The path of a cgroup. The first one stays. */
void top__cgroup(struct top *top, uint64_t id, const char *path);

/* The name of an address in a stack: "function+0x1a". The first one stays. */
void top__name(struct top *top, uint64_t address, const char *name);

/* The function to which a point is attached, for drawings. */
void top__function(struct top *top, const char *point, const char *function);

/* Do the stacks of an incident have addresses without a name? */
bool top__unnamed(const struct top *top, const struct thprace_incident *incident);

/* Put the incidents that are kept into groups. 0 or -ENOMEM. */
int top__group(struct top *top);

/*
 * The pairs of stacks that are seen most (escapes first), with this verdict (0: any), into list: at
 * most max. Returns their number. Valid until top__group().
 */
size_t top__pairs(const struct top *top, unsigned int verdict, const struct incident_group **list,
		  size_t max);

/* The incident of this number, or NULL: it is not kept any more. */
struct top_incident *top__find(struct top *top, uint64_t number);

/* The classes in this order: indexes, into list, which has space for all. */
void top__order(const struct top *top, enum top_order order, unsigned int *list);

/*
 * The incidents with this verdict (0: with any), the latest first, into list: at most max. Returns
 * their number.
 */
size_t top__latest(const struct top *top, unsigned int verdict, const struct top_incident **list,
		   size_t max);

#define TOP_SPARK_LEN (3 * TOP_SPARK + 1)

/*
 * The sparkline: a character for each of the last samples, at most `columns` of them; the highest is
 * full. Into buf; returns it.
 */
const char *top__spark(const struct top_history *history, unsigned int columns, int utf8,
		       char buf[TOP_SPARK_LEN]);

/* "comm/pid" of a side, clean; "-": there is none. */
const char *top__task(char buf[TOP_TASK_LEN], const char *comm, size_t size, uint32_t pid,
		      int utf8);

#endif
