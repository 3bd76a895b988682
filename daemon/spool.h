/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The spool: incidents with their context in trace files, limited in size and age
 * (core/trace/spool_dir.h has the names). Flushed data is in complete blocks and survives SIGKILL;
 * synced data also survives a power loss. If the disk accepts no writes, a limited number of
 * incidents waits in memory until it does again.
 *
 * All times are ns. No function blocks for longer than the disk does.
 */
#ifndef THPRACE_DAEMON_SPOOL_H
#define THPRACE_DAEMON_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/record.h>

#include "config.h"
#include "state.h"

struct spool;

/* Incidents that memory keeps while the disk accepts no writes, and that spool__recent() knows. */
#define SPOOL_MEMORY 1024

/* What the spool needs from its owner. */
struct symbols;

struct spool_hooks {
	/*
	 * META and STATS of the present session as malloc'd JSON text, or NULL: no such block.
	 * Called when a file is begun and completed, so also by spool__rotate() and spool__close().
	 */
	char *(*meta)(void *ctx);
	char *(*stats)(void *ctx);
	/*
	 * The disk began to fail (err < 0: with that errno) or works again (err == 0). path: the
	 * folder. Also called by spool__open().
	 */
	void (*health)(void *ctx, int err, const char *path);
	/* Files are not removed by age from now on, or are again; may be NULL. */
	void (*ageless)(void *ctx, bool ageless);
	/*
	 * Let symbols__step() find names, a piece at a time, until spool__close(): a file waits a
	 * little for them. NULL: they are found at once.
	 */
	void (*find_names)(void *ctx, struct symbols *symbols);
	void *ctx;
};

/*
 * Open the spool: create the folder if it is missing, find the next number, remove what is too old
 * or too large. A folder that cannot be written to is no error: then the spool is degraded, and
 * calls the health hook. Returns 0 and *spool, or -ENOMEM.
 */
int spool__open(struct spool **spool, const struct config *config, const struct spool_hooks *hooks);

/*
 * Store one incident. Returns its number (from 1); or 0 if it was only counted: contained and above
 * contained_per_hour (skipped), or memory is full of incidents that wait for the disk and has no
 * contained one that could be dropped for it (dropped). It is in a complete block after the next
 * spool__flush(), and always counts as exactly one of stored, memory, skipped and dropped in
 * spool__state(). A contained one that is dropped for another already had a number.
 */
uint64_t spool__incident(struct spool *spool, const struct thprace_incident *incident);

/*
 * Store a record of the flight recorder (context), or a LOST record. The latest 4096 of context
 * wait for the next stored incident, and are dropped if none comes; so do the latest 256 LOST
 * records while there is no file. Records that the disk or memory could not take are reported by a
 * LOST record of cause write in the next file.
 */
void spool__record(struct spool *spool, const struct thprace_record *record, bool context);

/*
 * Write out what is buffered, with the new symbols; sync: and wait until it is on the disk
 * (fdatasync). Also rotates, removes old files, and, while degraded, tries the disk again (at most
 * every 10 s). Cheap if there is nothing to do; call it about once a second while incidents come,
 * and after each escape with sync.
 */
void spool__flush(struct spool *spool, bool sync);

/* Begin a new file with the next incident: for a new session, a clock step, or on request. */
void spool__rotate(struct spool *spool);

/* Apply another configuration; the folder may change. */
void spool__configure(struct spool *spool, const struct config *config);

/*
 * One of the last SPOOL_MEMORY incidents by its number, also while it waits in memory: copied into
 * *incident. Returns 0 or -ENOENT.
 */
int spool__recent(const struct spool *spool, uint64_t number, struct thprace_incident *incident);

/*
 * Wall-clock time of one of them, ns CLOCK_REALTIME, by the anchor of its file, so that readers of
 * the file and callers of this function see the same time. 0: it is in no file.
 */
uint64_t spool__wall_of(struct spool *spool, uint64_t number);

/* The lowest number that spool__recent() knows; next_id if it knows none. */
uint64_t spool__recent_first(const struct spool *spool);

/*
 * Path of the file that contains an incident, or will after the next flush; false: in none, or it
 * waits in memory. For an old number that was never stored (dropped or skipped) it is the file
 * before.
 */
bool spool__file_of(const struct spool *spool, uint64_t number, char *path, size_t size);

/*
 * The name of an address in a stack ("function+0x1a"), if it was found for a file already. name has
 * space for SYMBOLS_NAME_LEN bytes. False: it is not known.
 */
bool spool__name_of(const struct spool *spool, uint64_t address, char *name);

void spool__state(const struct spool *spool, struct spool_state *state);

/*
 * Flush, complete the file (STATS, END), close, free. While degraded, the disk is tried once more.
 */
void spool__close(struct spool *spool);

#endif
