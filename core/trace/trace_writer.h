/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes trace files (include/thprace/trace.h).
 *
 * Handles no signals: a caller that writes to a pipe or under RLIMIT_FSIZE must ignore SIGPIPE and
 * SIGXFSZ, and gets -EPIPE and -EFBIG.
 */
#ifndef THPRACE_TRACE_WRITER_H
#define THPRACE_TRACE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/record.h>
#include <thprace/trace.h>

struct trace_writer;

/*
 * Create path (truncated; core/base/private_file.h; "-" is stdout) and write the header. started
 * and started_wall: ns, see struct thprace_trace_header; flags: THPRACE_TF_*. Returns 0 and
 * *writer, which the caller closes with trace_writer__close(), or negative errno.
 */
int trace_writer__open(struct trace_writer **writer, const char *path, uint64_t started,
		       uint64_t started_wall, uint32_t flags);

/* Begin a trace in the descriptor that private_file__open() returned; takes ownership of it. */
int trace_writer__begin(struct trace_writer **writer, int fd, uint64_t started,
			uint64_t started_wall, uint32_t flags);

/*
 * The same, writing to fd from its position on (O_APPEND: from the end on). fd still belongs to the
 * caller and stays open; the writer uses a duplicate, so both share one position.
 */
int trace_writer__open_fd(struct trace_writer **writer, int fd, uint64_t started,
			  uint64_t started_wall, uint32_t flags);

/* Maximum number of incidents that wait to become a block. */
#define TRACE_WRITER_INCIDENTS 64

/*
 * Buffer one record or incident; a full buffer is written as a block. type: THPRACE_BLOCK_RECORDS
 * or _CONTEXT. Returns 0 or negative errno of the write (-ENOSPC …): then only that block is not in
 * the file, its members are counted in trace_writer__lost(), the file is truncated to the last
 * complete block, and the writer can still be used, because a later block may fit again. An output
 * that cannot be truncated (a pipe) and took a part of the block stays failed. -EINVAL: a member
 * that no reader would accept (core/trace/trace_validate.h), also counted as lost.
 */
int trace_writer__record(struct trace_writer *writer, enum thprace_block_type type,
			 const struct thprace_record *record);
int trace_writer__incident(struct trace_writer *writer, const struct thprace_incident *incident);

/*
 * Write a JSON block at once (META, STATS, SYMBOLS, TASKS). text: NUL terminated, not kept. Returns
 * 0 or negative errno as above; -EFBIG also if text is longer than THPRACE_BLOCK_MAX, -E2BIG if no
 * reader would accept it (core/base/json_bounds.h).
 */
int trace_writer__json(struct trace_writer *writer, enum thprace_block_type type, const char *text);

/* Write out what is buffered. Returns 0 or negative errno as above. */
int trace_writer__flush(struct trace_writer *writer);

/*
 * Flush, and wait until the file's content is on the disk (fdatasync). Returns 0 or the first
 * negative errno of both. Output that cannot be synced, such as a pipe, is no error.
 */
int trace_writer__sync(struct trace_writer *writer);

/*
 * Number of incidents in complete blocks: those that were added and are neither buffered nor lost.
 */
uint64_t trace_writer__incidents(const struct trace_writer *writer);

/* Records and incidents that could not be written. */
uint64_t trace_writer__lost(const struct trace_writer *writer);

/* Bytes and records (including context) written so far. */
uint64_t trace_writer__bytes(const struct trace_writer *writer);
uint64_t trace_writer__records(const struct trace_writer *writer);

/*
 * Flush, write the END block, close, free. Returns 0 or the first negative errno of these. END is
 * omitted if this flush failed, or if the last block of a JSON type could not be written. So flush
 * before STATS is made: then the file itself contains what was lost until then.
 */
int trace_writer__close(struct trace_writer *writer);

/* Close and free without END. Buffered members are not written; the complete blocks stay. */
void trace_writer__abandon(struct trace_writer *writer);

#endif
