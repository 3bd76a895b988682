/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random schedules, as records, of tasks that zap, walk and split a few folios, whose mapcounts are
 * simulated at both levels; and what may happen to the records on their way to the detector.
 */
#ifndef TESTS_DETECTOR_SCHEDULE_H
#define TESTS_DETECTOR_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/race.h>
#include <thprace/record.h>

#define TASKS 8
#define FOLIOS 3
#define EVENTS_MAX 6000

enum task_does {
	IDLE,
	ZAP,
	PTE_ZAP,
	RANGE,
	MAP,
	WALK,
	SPLIT,
	COLLAPSE,
	POISON
};

struct task {
	enum task_does does;
	int step;
	bool empty; /* zap of the huge zero page */
	bool own; /* the walker has a result of its own */
	bool mapped; /* what it saw */
	bool nested; /* the walker zaps as well */
	bool checks;
	unsigned int folio;
	uint8_t class;
	uint64_t began;
	uint64_t removed;
	uint64_t split;
	uint64_t leave;
	uint64_t zap;
	int residual;
	int seen[THPRACE_LEVEL_MAX]; /* mapped at the walker's entry */
	unsigned int pages; /* that a range takes */
	struct thprace_record held; /* a return whose proof is not read yet */
};

struct schedule {
	uint64_t seed;
	uint64_t random;
	enum thprace_mode mode;
	unsigned int pace; /* the size of gaps between events */
	uint64_t now;
	struct task task[TASKS];
	int mapped[FOLIOS][THPRACE_LEVEL_MAX];
	uint64_t counted_from
		[FOLIOS]; /* until when somebody asks what zaps leave: a walker is there, or failed */
	uint64_t returned[FOLIOS]; /* the last time a walker did */
	struct thprace_record record[EVENTS_MAX + 8];
	size_t n;
};

/* At least this many records, numbered, in order of time. */
void detector_schedule__generate(struct schedule *schedule, uint64_t seed, size_t events);
/* For qsort(): equal times keep the order in which they were made, as in one ring. */
int detector_schedule__by_time(const void *a, const void *b);
/* The order in which records of several rings may arrive: later by less than the watermark. */
void detector_schedule__shuffle(struct schedule *schedule, struct thprace_record *record, size_t n,
				uint64_t watermark);
/*
 * Loses runs of records of one CPU. A LOST record covers each run: from at latest its first record
 * until at earliest the CPU's next record. Returns how many records are left.
 */
size_t detector_schedule__lose(struct schedule *schedule, struct thprace_record *record, size_t n,
			       bool *gone);
/* Feeds some records after all others. */
void detector_schedule__delay(struct schedule *schedule, struct thprace_record *record, size_t n);

#endif
