/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the spool: memory (spool_memory.c), the folder (spool_files.c), the file being
 * written (spool_output.c). Only for spool*.c and their tests.
 */
#ifndef THPRACE_DAEMON_SPOOL_PRIVATE_H
#define THPRACE_DAEMON_SPOOL_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>

#include "spool.h"
#include "trace/spool_dir.h"

struct symbols;
struct trace_writer;

#define SECOND 1000000000ULL

#define SPOOL_RETRY_NS (10 * SECOND) /* how often the disk is tried while it fails */
#define SPOOL_PRUNE_NS (60 * SECOND) /* how often old files are searched for */
#define SPOOL_SYMBOLS_NS (5 * SECOND) /* how often names are looked up */
#define SPOOL_HOUR_NS (3600 * SECOND)

/*
 * Space that a disk must have before it counts as working again: for a file and for what may wait
 * for it.
 */
#define SPOOL_ROOM (1u << 20)

/*
 * Minimum of numbers that are skipped after an unclean end: those that may have been reported and
 * are on no disk. These are SPOOL_MEMORY since the last fdatasync (which is done after that many),
 * SPOOL_MEMORY that waited while the disk failed, and as many for which such were dropped.
 */
#define SPOOL_LEAP 4000
#define SPOOL_ROUND 1000 /* and the next number is a multiple of this */
_Static_assert(SPOOL_LEAP >= 3 * SPOOL_MEMORY, "a number could be used twice");

/* --- memory -------------------------------------------------------------------------------------- */

/*
 * The last incidents, oldest first. Those below saved are in complete blocks; from there to handed
 * they are in the writer's buffer; the others wait for the disk.
 */
struct spool_memory {
	size_t count;
	size_t saved;
	size_t handed;
	uint16_t order[SPOOL_MEMORY]; /* places of the members below, oldest first */
	uint64_t number[SPOOL_MEMORY];
	uint64_t wall[SPOOL_MEMORY]; /* its time, ns CLOCK_REALTIME, as in its file; 0: in none */
	struct thprace_incident incident[SPOOL_MEMORY];
};

/*
 * Keep one incident. If memory is full, a saved one is dropped, else, for one that is not
 * contained, the oldest contained one. Returns how many unsaved ones were dropped for it (0 or 1),
 * or -ENOSPC: it was not kept.
 */
int spool_memory__add(struct spool_memory *memory, uint64_t number,
		      const struct thprace_incident *incident);

/* The i-th, oldest first, i < count. */
const struct thprace_incident *spool_memory__at(const struct spool_memory *memory, size_t i);
uint64_t spool_memory__number(const struct spool_memory *memory, size_t i);
uint64_t *spool_memory__wall(struct spool_memory *memory, size_t i);

/* Index of a number, or count. */
size_t spool_memory__find(const struct spool_memory *memory, uint64_t number);

/* Add delta to the numbers of all that are not saved. */
void spool_memory__renumber(struct spool_memory *memory, uint64_t delta);

/* The latest records that no file has: they are stored with the next incident. */
#define SPOOL_BACKLOG_CONTEXT 4096
#define SPOOL_BACKLOG_LOST 256

struct spool_backlog {
	struct thprace_record *records; /* a ring of room */
	size_t room;
	size_t start;
	size_t count;
};

/* Returns 1 if the oldest one was dropped for it, else 0. */
unsigned int spool_backlog__add(struct spool_backlog *backlog, const struct thprace_record *record);

/* Remove the oldest one: false if there is none. */
bool spool_backlog__take(struct spool_backlog *backlog, struct thprace_record *record);

/* Contained incidents stored in this hour, by class. */
struct spool_quota {
	uint64_t began; /* ns CLOCK_MONOTONIC; 0: not yet */
	uint64_t count[THPRACE_CLASS_MAX];
};

/* May one more of this class be stored at now? If so, it is counted. */
bool spool_quota__take(struct spool_quota *quota, unsigned int class, uint64_t per_hour,
		       uint64_t now);

/* --- the clock ----------------------------------------------------------------------------------- */

#define SPOOL_BOOT_ID_LEN 40

struct spool_instant {
	uint64_t wall; /* ns CLOCK_REALTIME */
	uint64_t boot; /* ns CLOCK_BOOTTIME */
	char boot_id[SPOOL_BOOT_ID_LEN];
};

/* Plain; initially all 0. */
struct spool_clock {
	bool known;
	uint64_t agreed; /* ns for which both clocks advanced equally, up to about a day */
	uint64_t noted; /* ns CLOCK_BOOTTIME */
	struct spool_instant last;
};

void spool_clock__now(struct spool_instant *now);

/*
 * Can the wall clock be trusted? Not after it has advanced by more than a day more, or less, than
 * the time since boot, or, across a boot, than the time noted in the folder; until both have agreed
 * for a day. newest: when the newest file was written, ns CLOCK_REALTIME, for a folder without a
 * note; 0: no file.
 */
bool spool_clock__check(struct spool_clock *clock, const char *directory,
			const struct spool_instant *now, uint64_t newest);

/* --- the folder ---------------------------------------------------------------------------------- */

/* The content of the folder except the file being written. */
struct spool_folder {
	unsigned int files;
	uint64_t bytes;
	uint64_t oldest; /* first number of the oldest file, including the one being written; 0:
			  * none */
	uint64_t oldest_wall; /* its header's started_wall */
	uint64_t newest; /* first number of the newest file that is included in next */
	bool counted; /* next includes the folder at all */
	uint64_t pruned_at; /* ns CLOCK_MONOTONIC */
	uint64_t removed; /* files, ever */
	struct spool_clock clock;
	bool ageless; /* the wall clock is not trusted: files are not removed by age */
};

/* Make the folder if it is missing. Returns 0 or negative errno. */
int spool_files__make(const char *directory);

/* First number of the newest file, 0: none. Returns 0 or negative errno. */
int spool_files__newest(const char *directory, uint64_t *newest);

/*
 * The lowest number that was never used in the folder, from its newest file and from the note of
 * spool_files__note(). Reads the whole newest file. Returns 0 or negative errno.
 */
int spool_files__number(const char *directory, uint64_t *next);

/*
 * Note in the folder that the numbers below next are used. Returns 0 or negative errno, which also
 * shows whether the folder can be written to.
 */
int spool_files__note(const char *directory, uint64_t next);

/* Does the disk have space for SPOOL_ROOM bytes? Returns 0 or negative errno. */
int spool_files__probe(const char *directory);

/*
 * Remove what is too old, and then the oldest files until room more bytes fit within max_size. The
 * file that begins with current (0: none) stays. folder describes what is left.
 */
void spool_files__prune(struct spool_folder *folder, const struct config *config, uint64_t current,
			uint64_t room);

/* --- the file being written ---------------------------------------------------------------------- */

struct spool_output {
	struct trace_writer *writer; /* NULL: none */
	int fd;
	uint64_t first; /* number of its first incident */
	uint64_t submitted; /* incidents given to the writer */
	uint64_t saved; /* of these, in whole blocks */
	uint64_t records; /* given to the writer, with context */
	uint64_t reported_missed; /* of spool.missed, reported by a record in this file */
	uint64_t began; /* ns CLOCK_MONOTONIC */
	uint64_t began_wall; /* the same time, ns CLOCK_REALTIME */
	uint64_t names_at; /* when names were last looked up */
	uint64_t unsynced; /* incidents written since the last sync */
	uint64_t synced_bytes;
	bool folder_unsynced; /* the folder's entry for it is not synced yet */
	char path[CONFIG_PATH_MAX + SPOOL_NAME_LEN];
};

struct spool {
	struct config config;
	struct spool_hooks hooks;
	struct symbols *symbols;
	struct spool_folder folder;
	struct spool_output output;
	struct spool_memory memory;
	struct spool_backlog context;
	struct spool_backlog lost;
	struct spool_quota quota;
	uint64_t next;
	uint64_t noted; /* numbers below it are noted in the folder as used */
	int failing; /* negative errno while degraded */
	uint64_t retry_at; /* ns CLOCK_MONOTONIC */
	uint64_t missed; /* records in no file, and dropped incidents; no file reports them yet */
	uint64_t missed_since; /* ns CLOCK_MONOTONIC */
	uint64_t stored;
	uint64_t skipped;
	uint64_t dropped;
};

/* A file is complete above this size: file_size, but at most a quarter of max_size. */
uint64_t spool_output__file_size(const struct config *config);

/*
 * Remove what exceeds the limits, with space for this many bytes more; never the file being
 * written.
 */
void spool_output__prune(struct spool *spool, uint64_t room);

/*
 * Write what waits in memory to the file; a file is begun if there is none, if the numbers have a
 * gap, and if the last one is full. Returns 0 or negative errno.
 */
int spool_output__write(struct spool *spool);

/* A LOST record, to the file if there is one. Returns 0 or negative errno. */
int spool_output__lost(struct spool *spool, const struct thprace_record *record);

/* Write out what is buffered and, when it is time, the new names. */
int spool_output__flush(struct spool *spool, bool sync);

/*
 * Write out everything, complete the file with STATS and END, and sync it. Without a file, nothing.
 */
int spool_output__complete(struct spool *spool);

/* Note in the folder that the numbers up to now, and some more, are used, unless it is noted. */
int spool_output__note(struct spool *spool);

/*
 * Abandon the file as it is, without END: what is not in complete blocks waits in memory again.
 * salvage: first try to write out what is buffered. A file without any incident is removed.
 */
void spool_output__abandon(struct spool *spool, bool salvage);

/* Does the path still lead to the file being written? */
bool spool_output__in_place(const struct spool *spool);

/* Count n records or incidents that will be in no file: the next file reports them. */
void spool_output__miss(struct spool *spool, uint64_t n);

#endif
