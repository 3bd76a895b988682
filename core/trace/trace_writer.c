// SPDX-License-Identifier: GPL-2.0-only
#include "trace_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "base/json_bounds.h"
#include "base/private_file.h"
#include "record_pack.h"
#include "trace_validate.h"

#define RECORDS_BUFFERED 4096

enum batch_index {
	BATCH_RECORDS,
	BATCH_CONTEXT,
	BATCH_INCIDENTS,
	BATCH_MAX
};

/* Members of one array type that wait to become a block. */
struct batch {
	enum thprace_block_type type;
	uint32_t count;
	uint32_t max;
	size_t member_size;
	unsigned char *members;
};

struct trace_writer {
	int fd;
	int regular; /* can be truncated */
	int broken; /* negative errno: no complete block can be appended any more */
	uint32_t missing; /* bit per JSON type whose last block could not be written */
	off_t base; /* where the trace starts: stdout may have contained something before it */
	uint64_t bytes;
	uint64_t records;
	uint64_t incidents;
	uint64_t lost;
	z_stream deflate;
	struct record_pack *pack;
	unsigned char *block; /* header and payload, as written */
	size_t block_size;
	struct batch batch[BATCH_MAX];
};

static int write_all(int fd, const void *data, size_t size, size_t *written)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	const unsigned char *from = data;
	ssize_t got;

	*written = 0;
	while (*written < size) {
		got = write(fd, from + *written, size - *written);
		if (got > 0) {
			*written += (size_t)got;
			continue;
		}
		if (got == 0)
			return -EIO;
		if (errno == EAGAIN) {
			/* Another process made this pipe non-blocking. */
			if (poll(&room, 1, -1) < 0 && errno != EINTR)
				return -errno;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Remove the part of a block that was written; if that is impossible, the trace ends there. */
static void cut_back(struct trace_writer *writer, int err, size_t written)
{
	off_t end = writer->base + (off_t)writer->bytes;

	if (writer->regular) {
		if (ftruncate(writer->fd, end) || lseek(writer->fd, end, SEEK_SET) < 0)
			writer->broken = err;
	} else if (written || err == -EPIPE) {
		writer->broken = err;
	}
}

static int append(struct trace_writer *writer, const void *data, size_t size)
{
	size_t written;
	int err;

	if (writer->broken)
		return writer->broken;
	err = write_all(writer->fd, data, size, &written);
	if (err)
		cut_back(writer, err, written);
	else
		writer->bytes += size;
	return err;
}

/* Make writer->block large enough for a header and size bytes. */
static int reserve(struct trace_writer *writer, size_t size)
{
	unsigned char *block;

	size += sizeof(struct thprace_block_header) + RECORD_PACK_ROOM;
	if (size <= writer->block_size)
		return 0;
	block = realloc(writer->block, size);
	if (!block)
		return -ENOMEM;
	writer->block = block;
	writer->block_size = size;
	return 0;
}

/*
 * Compress into `to`, which has as many bytes; returns how many were used, 0 if it would not
 * shrink.
 */
static uint32_t compress_into(struct trace_writer *writer, void *to, const void *raw, uint32_t size)
{
	z_stream *z = &writer->deflate;

	if (!size || deflateReset(z) != Z_OK)
		return 0;
	z->next_in = (Bytef *)(uintptr_t)raw;
	z->avail_in = size;
	z->next_out = to;
	z->avail_out = size;
	if (deflate(z, Z_FINISH) != Z_STREAM_END || !z->avail_out)
		return 0;
	return size - z->avail_out;
}

/*
 * Make the payload of a block from raw bytes, in the way that stores it best, in the space of
 * reserve().
 */
static void encode(struct trace_writer *writer, struct thprace_block_header *header,
		   unsigned char *payload, const void *raw)
{
	uint32_t size = header->raw_size;

	header->codec = THPRACE_CODEC_PACKED;
	header->stored_size = 0;
	if (header->type == THPRACE_BLOCK_RECORDS || header->type == THPRACE_BLOCK_CONTEXT)
		header->stored_size = (uint32_t)record_pack__pack(
			writer->pack, payload, size + RECORD_PACK_ROOM, raw, header->count);
	if (header->stored_size && header->stored_size < size)
		return;
	header->codec = THPRACE_CODEC_ZLIB;
	header->stored_size = compress_into(writer, payload, raw, size);
	if (header->stored_size)
		return;
	header->codec = THPRACE_CODEC_RAW;
	header->stored_size = size;
	if (size)
		memcpy(payload, raw, size);
}

static int write_block(struct trace_writer *writer, enum thprace_block_type type, const void *raw,
		       size_t raw_size, uint32_t count)
{
	struct thprace_block_header header = {.magic = THPRACE_BLOCK_MAGIC};
	unsigned char *payload;
	int err;

	if (raw_size > THPRACE_BLOCK_MAX)
		return -EFBIG;
	err = reserve(writer, raw_size);
	if (err)
		return err;
	payload = writer->block + sizeof(header);
	header.type = (uint16_t)type;
	header.raw_size = (uint32_t)raw_size;
	header.count = count;
	encode(writer, &header, payload, raw);
	header.crc = (uint32_t)crc32(0, payload, header.stored_size);
	header.header_crc = (uint32_t)crc32(0, (const Bytef *)&header,
					    offsetof(struct thprace_block_header, header_crc));
	memcpy(writer->block, &header, sizeof(header));
	return append(writer, writer->block, sizeof(header) + header.stored_size);
}

static int flush_batch(struct trace_writer *writer, struct batch *batch)
{
	int err;

	if (!batch->count)
		return 0;
	err = write_block(writer, batch->type, batch->members, batch->count * batch->member_size,
			  batch->count);
	if (err)
		writer->lost += batch->count;
	else if (batch->type == THPRACE_BLOCK_INCIDENTS)
		writer->incidents += batch->count;
	else
		writer->records += batch->count;
	batch->count = 0;
	return err;
}

static int add(struct trace_writer *writer, struct batch *batch, const void *member)
{
	memcpy(batch->members + batch->count * batch->member_size, member, batch->member_size);
	batch->count++;
	return batch->count < batch->max ? 0 : flush_batch(writer, batch);
}

static int init_batch(struct batch *batch, enum thprace_block_type type, uint32_t max,
		      size_t member_size)
{
	batch->type = type;
	batch->max = max;
	batch->member_size = member_size;
	batch->members = calloc(max, member_size);
	return batch->members ? 0 : -ENOMEM;
}

static int init_buffers(struct trace_writer *writer)
{
	int err;

	err = init_batch(&writer->batch[BATCH_RECORDS], THPRACE_BLOCK_RECORDS, RECORDS_BUFFERED,
			 sizeof(struct thprace_record));
	if (!err)
		err = init_batch(&writer->batch[BATCH_CONTEXT], THPRACE_BLOCK_CONTEXT,
				 RECORDS_BUFFERED, sizeof(struct thprace_record));
	if (!err)
		err = init_batch(&writer->batch[BATCH_INCIDENTS], THPRACE_BLOCK_INCIDENTS,
				 TRACE_WRITER_INCIDENTS, sizeof(struct thprace_incident));
	writer->pack = record_pack__new();
	if (!writer->pack)
		return -ENOMEM;
	/* Allocated early, so that a machine short of memory does not lose a full buffer later. */
	if (!err)
		err = reserve(writer, RECORDS_BUFFERED * sizeof(struct thprace_record));
	return err;
}

/* Find out whether writer->fd can be truncated, and where the trace starts. */
static int look_at_output(struct trace_writer *writer)
{
	struct stat st;
	int flags;

	if (fstat(writer->fd, &st))
		return -errno;
	writer->regular = S_ISREG(st.st_mode);
	if (!writer->regular)
		return 0;
	flags = fcntl(writer->fd, F_GETFL);
	if (flags >= 0 && (flags & O_APPEND))
		writer->base = st.st_size;
	else
		writer->base = lseek(writer->fd, 0, SEEK_CUR);
	return writer->base < 0 ? -errno : 0;
}

static int write_header(struct trace_writer *writer, uint64_t started, uint64_t started_wall,
			uint32_t flags)
{
	struct thprace_trace_header header = {
		.version = THPRACE_TRACE_VERSION,
		.header_size = sizeof(header),
		.started = started,
		.started_wall = started_wall,
		.flags = flags,
	};

	memcpy(header.magic, THPRACE_TRACE_MAGIC, sizeof(header.magic));
	header.crc = (uint32_t)crc32(0, (const Bytef *)&header,
				     offsetof(struct thprace_trace_header, crc));
	return append(writer, &header, sizeof(header));
}

static int release(struct trace_writer *writer)
{
	int err = 0, i;

	if (writer->fd >= 0 && close(writer->fd) && errno != EINTR)
		err = -errno;
	deflateEnd(&writer->deflate);
	record_pack__free(writer->pack);
	for (i = 0; i < BATCH_MAX; i++)
		free(writer->batch[i].members);
	free(writer->block);
	free(writer);
	return err;
}

/* Takes ownership of fd; err: why there is none (fd < 0). */
static int open_output(struct trace_writer **result, int fd, int err, uint64_t started,
		       uint64_t started_wall, uint32_t flags)
{
	struct trace_writer *writer;

	*result = NULL;
	if (fd < 0)
		return err;
	writer = calloc(1, sizeof(*writer));
	if (!writer || deflateInit(&writer->deflate, 1) != Z_OK) {
		free(writer);
		close(fd);
		return -ENOMEM;
	}
	writer->fd = fd;
	err = init_buffers(writer);
	if (!err)
		err = look_at_output(writer);
	if (!err)
		err = write_header(writer, started, started_wall, flags);
	if (err) {
		release(writer);
		return err;
	}
	*result = writer;
	return 0;
}

int trace_writer__open(struct trace_writer **result, const char *path, uint64_t started,
		       uint64_t started_wall, uint32_t flags)
{
	bool made;
	int fd = private_file__open(path, &made);

	return fd < 0 ? fd : trace_writer__begin(result, fd, started, started_wall, flags);
}

int trace_writer__begin(struct trace_writer **result, int fd, uint64_t started,
			uint64_t started_wall, uint32_t flags)
{
	struct stat st;
	int err = 0;

	/* Standard output may append to another file. */
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && !(fcntl(fd, F_GETFL) & O_APPEND) &&
	    !lseek(fd, 0, SEEK_CUR) && ftruncate(fd, 0)) {
		err = -errno;
		close(fd);
		fd = -1;
	}
	return open_output(result, fd, err, started, started_wall, flags);
}

int trace_writer__open_fd(struct trace_writer **result, int fd, uint64_t started,
			  uint64_t started_wall, uint32_t flags)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return open_output(result, own, -errno, started, started_wall, flags);
}

int trace_writer__record(struct trace_writer *writer, enum thprace_block_type type,
			 const struct thprace_record *record)
{
	enum batch_index index = type == THPRACE_BLOCK_CONTEXT ? BATCH_CONTEXT : BATCH_RECORDS;

	if (type != writer->batch[index].type)
		return -EINVAL;
	if (trace_validate__record(record)) {
		writer->lost++;
		return -EINVAL;
	}
	return add(writer, &writer->batch[index], record);
}

int trace_writer__incident(struct trace_writer *writer, const struct thprace_incident *incident)
{
	if (trace_validate__incident(incident)) {
		writer->lost++;
		return -EINVAL;
	}
	return add(writer, &writer->batch[BATCH_INCIDENTS], incident);
}

int trace_writer__json(struct trace_writer *writer, enum thprace_block_type type, const char *text)
{
	int err;

	switch (type) {
	case THPRACE_BLOCK_META:
	case THPRACE_BLOCK_STATS:
	case THPRACE_BLOCK_SYMBOLS:
	case THPRACE_BLOCK_TASKS:
		break;
	default:
		return -EINVAL;
	}
	/* As strict as the reader. */
	err = json_bounds__check(text, strlen(text), NULL)
		      ? -E2BIG
		      : write_block(writer, type, text, strlen(text), 0);
	if (err)
		writer->missing |= 1u << type;
	else
		writer->missing &= ~(1u << type);
	return err;
}

int trace_writer__flush(struct trace_writer *writer)
{
	int err = 0, one, i;

	for (i = 0; i < BATCH_MAX; i++) {
		one = flush_batch(writer, &writer->batch[i]);
		if (!err)
			err = one;
	}
	return err;
}

int trace_writer__sync(struct trace_writer *writer)
{
	int err = trace_writer__flush(writer);

	if (fdatasync(writer->fd) && errno != EINVAL && errno != ENOTSUP && !err)
		err = -errno;
	return err;
}

uint64_t trace_writer__incidents(const struct trace_writer *writer)
{
	return writer->incidents;
}

uint64_t trace_writer__lost(const struct trace_writer *writer)
{
	return writer->lost;
}

uint64_t trace_writer__bytes(const struct trace_writer *writer)
{
	return writer->bytes;
}

uint64_t trace_writer__records(const struct trace_writer *writer)
{
	return writer->records;
}

int trace_writer__close(struct trace_writer *writer)
{
	int err, closed;

	if (!writer)
		return 0;
	err = trace_writer__flush(writer);
	/*
	 * END promises that what is missing was counted in STATS, which is not true if something
	 * was lost just now.
	 */
	if (!err && !writer->missing)
		err = write_block(writer, THPRACE_BLOCK_END, NULL, 0, 0);
	closed = release(writer);
	return err ? err : closed;
}

void trace_writer__abandon(struct trace_writer *writer)
{
	if (writer)
		release(writer);
}
