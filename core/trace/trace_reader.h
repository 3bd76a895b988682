/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads trace files (include/thprace/trace.h), block by block, in constant memory. Whatever the
 * file contains, it never crashes or reads past a block.
 */
#ifndef THPRACE_TRACE_READER_H
#define THPRACE_TRACE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <thprace/trace.h>

struct trace_reader;
struct work;

/* One complete, checked and decompressed block. data stays valid until the next call. */
struct trace_block {
	enum thprace_block_type type;
	uint32_t count; /* members (array types): data holds exactly count * member size bytes */
	size_t size; /* bytes of data; JSON types have a NUL after it */
	uint64_t offset; /* of the block in the file */
	const void *data; /* aligned to 8 */
};

/*
 * Open path ("-": stdin, need not be seekable) and check the header. Returns 0 and *reader, to be
 * closed with trace_reader__close(); or negative errno, with the reason in plain words in why (size
 * why_size, always terminated): -ENOENT …, -EINVAL not a trace, -EPROTONOSUPPORT version not
 * supported, -EBADMSG header checksum, -ENODATA too short.
 */
int trace_reader__open(struct trace_reader **reader, const char *path, char *why, size_t why_size);

/*
 * The same, reading from fd at its position. fd still belongs to the caller and stays open; it must
 * not be used until trace_reader__close().
 */
int trace_reader__open_fd(struct trace_reader **reader, int fd, char *why, size_t why_size);

/*
 * Count what is read in work from now on; its total is what is left of the file, if that is known.
 * work must stay until trace_reader__close().
 */
void trace_reader__count(struct trace_reader *reader, struct work *work);

/*
 * Return only blocks of this type, and END, from now on. The contents of all others are not read: a
 * file of any size takes a moment. Only for input that can be seeked.
 */
void trace_reader__only(struct trace_reader *reader, enum thprace_block_type type);

const struct thprace_trace_header *trace_reader__header(const struct trace_reader *reader);

/*
 * Read the next block. Returns 1 and *block; 0 at the end of the file; negative errno if no
 * complete valid block follows: -ENODATA truncated, -EBADMSG checksum, -EFBIG sizes beyond
 * THPRACE_BLOCK_MAX or a count that does not fit the size, -EINVAL not a block (or bytes after
 * END), -EPROTONOSUPPORT codec, -E2BIG JSON beyond core/base/json_bounds.h, -EIO, -ENOMEM. After
 * -EBADMSG of the payload (complete header) reading may go on: the next call returns the next
 * block. After every other error the next call returns 0. Unknown types are skipped silently.
 * Members that core/trace/trace_validate.h refuses make their block -EBADMSG: enums, stack lengths
 * and names in a returned block are in range.
 */
int trace_reader__next(struct trace_reader *reader, struct trace_block *block);

/*
 * The reason for the last negative result of trace_reader__next(), in plain words, with the offset.
 */
const char *trace_reader__why(const struct trace_reader *reader);

/* Was an END block seen? Valid once trace_reader__next() returned 0. */
int trace_reader__ended(const struct trace_reader *reader);

void trace_reader__close(struct trace_reader *reader);

#endif
