// SPDX-License-Identifier: GPL-2.0-only
#include "trace_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "base/incident_old.h"
#include "base/json_bounds.h"
#include "base/work.h"
#include "block_type.h"
#include "record_pack.h"
#include "trace_classes.h"
#include "trace_validate.h"

/* Maximum size of the file's header in later versions; a larger one is damage. */
#define HEADER_SIZE_MAX 4096
#define BUFFER_MIN 65536
/* JSON of a whole file: reading it takes time, whatever it contains. */
#define JSON_FILE_BYTES_MAX (64u << 20)
#define JSON_FILE_VALUES_MAX 524288

struct buffer {
	unsigned char *data;
	size_t size;
};

struct trace_reader {
	int fd;
	int own_fd;
	int finished; /* nothing more is read */
	int ended; /* an END block was seen */
	unsigned int only; /* type of the blocks that the caller wants; 0: all */
	uint64_t offset; /* bytes read so far */
	struct work *work; /* where they are counted, or NULL */
	struct thprace_trace_header header;
	struct thprace_block_header block;
	uint64_t block_offset;
	uint64_t json_bytes; /* so far */
	size_t json_values;
	z_stream inflate;
	struct record_pack *pack;
	struct trace_classes classes;
	struct buffer stored;
	struct buffer raw;
	char why[256];
};

__attribute__((format(printf, 3, 4))) static int fail(struct trace_reader *reader, int err,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reader->why, sizeof(reader->why), format, args);
	va_end(args);
	return err;
}

/* Returns the number of bytes read, less than size only at the end of the file, or -EIO. */
static ssize_t read_all(struct trace_reader *reader, void *to, size_t size)
{
	struct pollfd more = {.fd = reader->fd, .events = POLLIN};
	unsigned char *at = to;
	size_t done = 0;
	ssize_t got;

	while (done < size) {
		got = read(reader->fd, at + done, size - done);
		/* Another process may have made this pipe non-blocking. */
		if (got < 0 && errno == EAGAIN && (poll(&more, 1, -1) >= 0 || errno == EINTR))
			continue;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(reader, -EIO, "cannot read on at byte %" PRIu64 ": %s",
				    reader->offset, strerror(errno));
		if (got == 0)
			break;
		done += (size_t)got;
		reader->offset += (uint64_t)got;
	}
	return (ssize_t)done;
}

/* Make space for size bytes; the old content is lost. */
static int reserve(struct trace_reader *reader, struct buffer *buffer, size_t size)
{
	size_t grown = buffer->size ? buffer->size : BUFFER_MIN;

	if (size <= buffer->size)
		return 0;
	while (grown < size)
		grown *= 2;
	/*
	 * Blocks of the maximum size need some more bytes here: a NUL, or those of unpacking; and
	 * incidents of an older file become larger.
	 */
	if (grown > THPRACE_BLOCK_MAX)
		grown = THPRACE_BLOCK_MAX + RECORD_PACK_SLACK;
	if (grown < size)
		grown = size;
	free(buffer->data);
	buffer->data = malloc(grown);
	buffer->size = buffer->data ? grown : 0;
	if (!buffer->data)
		return fail(reader, -ENOMEM, "no memory for the block at byte %" PRIu64,
			    reader->block_offset);
	return 0;
}

/* As they are stored in this file. */
static size_t member_size(const struct trace_reader *reader, unsigned int type)
{
	switch (type) {
	case THPRACE_BLOCK_RECORDS:
	case THPRACE_BLOCK_CONTEXT:
		return sizeof(struct thprace_record);
	case THPRACE_BLOCK_INCIDENTS:
		return incident_old__size(reader->header.version);
	default:
		return 0;
	}
}

static int check_version(struct trace_reader *reader)
{
	const struct thprace_trace_header *header = &reader->header;
	uint32_t crc = (uint32_t)crc32(0, (const Bytef *)header,
				       offsetof(struct thprace_trace_header, crc));

	if (header->version < THPRACE_TRACE_VERSION_OLDEST ||
	    header->version > THPRACE_TRACE_VERSION)
		return fail(reader, -EPROTONOSUPPORT,
			    "the file has trace format version %" PRIu32
			    ", this build reads versions %d to %d%s",
			    header->version, THPRACE_TRACE_VERSION_OLDEST, THPRACE_TRACE_VERSION,
			    header->crc == crc ? "" : " (or it is damaged: checksum)");
	if (header->crc != crc)
		return fail(reader, -EBADMSG,
			    "the file's header, at byte 0, is damaged: its checksum is wrong");
	if (header->header_size < sizeof(*header) || header->header_size > HEADER_SIZE_MAX)
		return fail(reader, -EBADMSG,
			    "the file's header, at byte 0, is damaged: it claims to be %" PRIu32
			    " bytes long",
			    header->header_size);
	return 0;
}

static int read_header(struct trace_reader *reader)
{
	struct thprace_trace_header *header = &reader->header;
	unsigned char rest[HEADER_SIZE_MAX];
	size_t magic = sizeof(header->magic);
	ssize_t got, more;
	int err;

	got = read_all(reader, header, sizeof(*header));
	if (got < 0)
		return (int)got;
	if (got == 0)
		return fail(reader, -ENODATA, "the file is empty");
	if ((size_t)got < magic)
		magic = (size_t)got;
	if (memcmp(header->magic, THPRACE_TRACE_MAGIC, magic) != 0)
		return fail(reader, -EINVAL,
			    "not a thprace trace: byte 0 does not begin \"THPRACE\"");
	if ((size_t)got < sizeof(*header))
		return fail(reader, -ENODATA,
			    "the file is cut off at byte %zd, inside its header of %zu bytes", got,
			    sizeof(*header));
	err = check_version(reader);
	if (err)
		return err;
	more = read_all(reader, rest, header->header_size - sizeof(*header));
	if (more < 0)
		return (int)more;
	if ((size_t)more < header->header_size - sizeof(*header))
		return fail(reader, -ENODATA,
			    "the file is cut off at byte %" PRIu64 ", inside its header of %" PRIu32
			    " bytes",
			    reader->offset, header->header_size);
	return 0;
}

static int open_input(struct trace_reader *reader, const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0) {
		reader->fd = STDIN_FILENO;
		return 0;
	}
	reader->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (reader->fd < 0)
		return fail(reader, -errno, "%s", strerror(errno));
	reader->own_fd = 1;
	if (fstat(reader->fd, &st) == 0 && S_ISDIR(st.st_mode))
		return fail(reader, -EISDIR, "%s", strerror(EISDIR));
	return 0;
}

/* path NULL: read from fd. */
static int open_reader(struct trace_reader **result, const char *path, int fd, char *why,
		       size_t why_size)
{
	struct trace_reader *reader;
	int err = 0;

	*result = NULL;
	reader = calloc(1, sizeof(*reader));
	if (!reader) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	reader->fd = fd;
	reader->pack = record_pack__new();
	trace_classes__init(&reader->classes);
	if (inflateInit(&reader->inflate) != Z_OK || !reader->pack)
		err = fail(reader, -ENOMEM, "%s", strerror(ENOMEM));
	if (!err && path)
		err = open_input(reader, path);
	if (!err)
		err = read_header(reader);
	if (err) {
		snprintf(why, why_size, "%s", reader->why);
		trace_reader__close(reader);
		return err;
	}
	snprintf(why, why_size, "%s", "");
	*result = reader;
	return 0;
}

int trace_reader__open(struct trace_reader **reader, const char *path, char *why, size_t why_size)
{
	return open_reader(reader, path, -1, why, why_size);
}

int trace_reader__open_fd(struct trace_reader **reader, int fd, char *why, size_t why_size)
{
	return open_reader(reader, NULL, fd, why, why_size);
}

void trace_reader__count(struct trace_reader *reader, struct work *work)
{
	off_t at = lseek(reader->fd, 0, SEEK_CUR);
	struct stat st;

	reader->work = work;
	if (at >= 0 && !fstat(reader->fd, &st) && S_ISREG(st.st_mode) && st.st_size > at)
		work__total(work, reader->offset + (uint64_t)(st.st_size - at));
}

void trace_reader__only(struct trace_reader *reader, enum thprace_block_type type)
{
	reader->only = type;
}

const struct thprace_trace_header *trace_reader__header(const struct trace_reader *reader)
{
	return &reader->header;
}

/* Returns 1 with a complete, undamaged header, 0 at the end of the file, or an error. */
static int read_block_header(struct trace_reader *reader)
{
	struct thprace_block_header *block = &reader->block;
	uint32_t crc;
	ssize_t got;

	reader->block_offset = reader->offset;
	got = read_all(reader, block, sizeof(*block));
	if (got <= 0)
		return (int)got;
	if (reader->ended)
		return fail(reader, -EINVAL,
			    "the recording ended before byte %" PRIu64 ", but the file goes on",
			    reader->block_offset);
	if ((size_t)got < sizeof(*block))
		return fail(reader, -ENODATA,
			    "the file is cut off at byte %" PRIu64
			    ", inside the header of the block at byte %" PRIu64,
			    reader->offset, reader->block_offset);
	if (block->magic != THPRACE_BLOCK_MAGIC)
		return fail(reader, -EINVAL,
			    "no block begins at byte %" PRIu64
			    ", though one should: nothing can be read from there on",
			    reader->block_offset);
	crc = (uint32_t)crc32(0, (const Bytef *)block,
			      offsetof(struct thprace_block_header, header_crc));
	if (block->header_crc != crc)
		return fail(reader, -EBADMSG,
			    "the header of the block at byte %" PRIu64
			    " is damaged (checksum): nothing can be read from there on",
			    reader->block_offset);
	return 1;
}

static int check_sizes(struct trace_reader *reader)
{
	const struct thprace_block_header *block = &reader->block;
	size_t member = member_size(reader, block->type);
	const char *name = block_type__name(block->type);
	uint64_t at = reader->block_offset;

	if (block->stored_size > THPRACE_BLOCK_MAX || block->raw_size > THPRACE_BLOCK_MAX)
		return fail(reader, -EFBIG,
			    "the %s block at byte %" PRIu64 " claims %" PRIu32
			    " bytes, more than the %u that a block may have",
			    name, at,
			    block->raw_size > block->stored_size ? block->raw_size
								 : block->stored_size,
			    THPRACE_BLOCK_MAX);
	if (!block_type__is_known(block->type))
		return 0;
	if (block->codec != THPRACE_CODEC_RAW && block->codec != THPRACE_CODEC_ZLIB &&
	    (block->codec != THPRACE_CODEC_PACKED || !block_type__has_records(block->type)))
		return fail(reader, -EPROTONOSUPPORT,
			    "the %s block at byte %" PRIu64
			    " is compressed in a way (%u) that this build does not know",
			    name, at, block->codec);
	if ((uint64_t)block->count * member != (member ? block->raw_size : 0) ||
	    (!member && block->count))
		return fail(reader, -EFBIG,
			    "the %s block at byte %" PRIu64 " claims %" PRIu32
			    " members, which do not make its %" PRIu32 " bytes",
			    name, at, block->count, block->raw_size);
	if ((block->type == THPRACE_BLOCK_END && block->raw_size) ||
	    (block->codec == THPRACE_CODEC_RAW && block->raw_size != block->stored_size))
		return fail(reader, -EFBIG,
			    "the %s block at byte %" PRIu64 " claims %" PRIu32
			    " bytes, which do not fit the %" PRIu32 " stored",
			    name, at, block->raw_size, block->stored_size);
	return 0;
}

/* Read what the header announced. After -EBADMSG the next block can still be read. */
static int read_payload(struct trace_reader *reader)
{
	const struct thprace_block_header *block = &reader->block;
	struct buffer *to = &reader->stored;
	ssize_t got;
	int err;

	/* A block that is stored as it is needs no second buffer. */
	if (block_type__is_known(block->type) && block->codec == THPRACE_CODEC_RAW)
		to = &reader->raw;
	err = reserve(reader, to, (size_t)block->stored_size + RECORD_PACK_SLACK);
	if (err)
		return err;
	got = read_all(reader, to->data, block->stored_size);
	if (got < 0)
		return (int)got;
	if ((size_t)got < block->stored_size)
		return fail(reader, -ENODATA,
			    "the file is cut off at byte %" PRIu64
			    ", inside the %s block at byte %" PRIu64,
			    reader->offset, block_type__name(block->type), reader->block_offset);
	if ((uint32_t)crc32(0, to->data, block->stored_size) != block->crc)
		return fail(reader, -EBADMSG,
			    "the %s block at byte %" PRIu64 " is damaged (checksum) and left out",
			    block_type__name(block->type), reader->block_offset);
	return 0;
}

static int unpack(struct trace_reader *reader)
{
	const struct thprace_block_header *block = &reader->block;

	/* The bytes after the stored ones are read but not used: they must be initialised. */
	memset(reader->stored.data + block->stored_size, 0, RECORD_PACK_SLACK);
	if (record_pack__unpack(reader->pack, (struct thprace_record *)reader->raw.data,
				block->count, reader->stored.data, block->stored_size))
		return fail(reader, -EBADMSG,
			    "the %s block at byte %" PRIu64 " does not unpack to the %" PRIu32
			    " records that it claims, and is left out",
			    block_type__name(block->type), reader->block_offset, block->count);
	return 0;
}

static int decompress(struct trace_reader *reader)
{
	const struct thprace_block_header *block = &reader->block;
	z_stream *z = &reader->inflate;
	int ret, err;

	if (block->codec == THPRACE_CODEC_RAW)
		return 0;
	err = reserve(reader, &reader->raw, (size_t)block->raw_size + 1);
	if (err)
		return err;
	if (block->codec == THPRACE_CODEC_PACKED)
		return unpack(reader);
	if (inflateReset(z) != Z_OK)
		return fail(reader, -ENOMEM, "%s", strerror(ENOMEM));
	z->next_in = reader->stored.data;
	z->avail_in = block->stored_size;
	z->next_out = reader->raw.data;
	/* One more than expected, to notice if there is too much. */
	z->avail_out = block->raw_size + 1;
	ret = inflate(z, Z_FINISH);
	if (ret != Z_STREAM_END || z->avail_out != 1 || z->avail_in)
		return fail(reader, -EBADMSG,
			    "the %s block at byte %" PRIu64 " does not decompress to the %" PRIu32
			    " bytes that it claims, and is left out",
			    block_type__name(block->type), reader->block_offset, block->raw_size);
	return 0;
}

static int check_json(struct trace_reader *reader)
{
	const struct thprace_block_header *block = &reader->block;
	const char *beyond;

	reader->json_bytes += block->raw_size;
	beyond = json_bounds__check((const char *)reader->raw.data, block->raw_size,
				    &reader->json_values);
	if (!beyond && reader->json_bytes > JSON_FILE_BYTES_MAX)
		beyond = "more than 64 MiB of JSON are in the file";
	if (!beyond && reader->json_values > JSON_FILE_VALUES_MAX)
		beyond = "more than 524,288 values of JSON are in the file";
	if (!beyond && block->type == THPRACE_BLOCK_META)
		beyond = trace_classes__take(&reader->classes, (const char *)reader->raw.data,
					     block->raw_size);
	if (beyond)
		return fail(
			reader, -E2BIG,
			"the %s block at byte %" PRIu64
			" is not one that thprace writes, and nothing is read from there on: %s",
			block_type__name(block->type), reader->block_offset, beyond);
	return 0;
}

/* Convert incidents of an older file to today's struct, in the other buffer. */
static int convert(struct trace_reader *reader)
{
	const struct thprace_block_header *block = &reader->block;
	size_t size = member_size(reader, block->type);
	struct buffer old;
	uint32_t i;
	int err;

	if (block->type != THPRACE_BLOCK_INCIDENTS || size == sizeof(struct thprace_incident))
		return 0;
	err = reserve(reader, &reader->stored,
		      block->count * sizeof(struct thprace_incident) + RECORD_PACK_SLACK);
	if (err)
		return err;
	for (i = 0; i < block->count; i++)
		incident_old__convert((struct thprace_incident *)reader->stored.data + i,
				      reader->header.version, reader->raw.data + i * size);
	old = reader->raw;
	reader->raw = reader->stored;
	reader->stored = old;
	reader->block.raw_size = block->count * sizeof(struct thprace_incident);
	return 0;
}

/* Translate the file's id of a class to this run's. false: the file does not define it. */
static bool name_class(const struct trace_reader *reader, uint8_t *class)
{
	if (*class >= THPRACE_CLASS_MAX)
		return false;
	*class = reader->classes.of[*class];
	return *class != THPRACE_CLASS_MAX;
}

static const char *take_member(const struct trace_reader *reader, void *member)
{
	const bool incidents = reader->block.type == THPRACE_BLOCK_INCIDENTS;
	struct thprace_incident *incident = member;
	struct thprace_record *record = member;

	if (!name_class(reader, incidents ? &incident->walk.class : &record->class))
		return "its class is not known";
	return incidents ? trace_validate__incident(incident) : trace_validate__record(record);
}

static int take_members(struct trace_reader *reader)
{
	const struct thprace_block_header *block = &reader->block;
	const size_t size = block->type == THPRACE_BLOCK_INCIDENTS
				    ? sizeof(struct thprace_incident)
				    : member_size(reader, block->type);
	const char *wrong = NULL;
	uint32_t i;

	for (i = 0; size && i < block->count && !wrong; i++)
		wrong = take_member(reader, reader->raw.data + i * size);
	if (wrong)
		return fail(reader, -EBADMSG,
			    "the %s block at byte %" PRIu64 " is left out: member %" PRIu32
			    " of %" PRIu32 " is wrong, %s",
			    block_type__name(block->type), reader->block_offset, i, block->count,
			    wrong);
	return 0;
}

/* The caller does not want this block: leave its contents unread. */
static int pass_over(struct trace_reader *reader)
{
	if (lseek(reader->fd, reader->block.stored_size, SEEK_CUR) < 0)
		return fail(reader, -EIO, "cannot go on from byte %" PRIu64 ": %s", reader->offset,
			    strerror(errno));
	reader->offset += reader->block.stored_size;
	return -EAGAIN;
}

/* Returns 1 with a block for the caller, 0 at the end, -EAGAIN after a block that is not for it. */
static int read_block(struct trace_reader *reader)
{
	int err;

	err = read_block_header(reader);
	if (err <= 0) {
		reader->finished = 1;
		return err;
	}
	err = check_sizes(reader);
	if (!err && reader->only && reader->block.type != reader->only &&
	    reader->block.type != THPRACE_BLOCK_END)
		return pass_over(reader);
	if (!err)
		err = read_payload(reader);
	if (!err && !block_type__is_known(reader->block.type))
		return -EAGAIN;
	if (!err)
		err = decompress(reader);
	if (!err)
		err = convert(reader);
	if (!err)
		err = block_type__has_json(reader->block.type) ? check_json(reader)
							       : take_members(reader);
	if (err) {
		reader->finished = err != -EBADMSG;
		return err;
	}
	return 1;
}

int trace_reader__next(struct trace_reader *reader, struct trace_block *block)
{
	int got = -EAGAIN;

	while (got == -EAGAIN && !reader->finished)
		got = read_block(reader);
	work__done(reader->work, reader->offset);
	if (got == -EAGAIN)
		return 0;
	if (got <= 0)
		return got;
	if (reader->block.type == THPRACE_BLOCK_END)
		reader->ended = 1;
	reader->raw.data[reader->block.raw_size] = 0;
	block->type = (enum thprace_block_type)reader->block.type;
	block->count = reader->block.count;
	block->size = reader->block.raw_size;
	block->offset = reader->block_offset;
	block->data = reader->raw.data;
	return 1;
}

const char *trace_reader__why(const struct trace_reader *reader)
{
	return reader->why;
}

int trace_reader__ended(const struct trace_reader *reader)
{
	return reader->ended;
}

void trace_reader__close(struct trace_reader *reader)
{
	if (!reader)
		return;
	if (reader->own_fd)
		close(reader->fd);
	inflateEnd(&reader->inflate);
	record_pack__free(reader->pack);
	free(reader->stored.data);
	free(reader->raw.data);
	free(reader);
}
