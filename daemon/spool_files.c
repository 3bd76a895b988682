// SPDX-License-Identifier: GPL-2.0-only
#include "spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "trace/trace_reader.h"

#define NOTE "next-number"
#define PROBE "probe"

/* An incident takes at least this much of a file: an unreadable part may have held that many. */
#define INCIDENT_BYTES_MIN 16

struct path {
	char text[CONFIG_PATH_MAX + SPOOL_NAME_LEN];
};

static struct path path_of(const char *directory, const char *name)
{
	struct path path;

	snprintf(path.text, sizeof(path.text), "%s/%s", directory, name);
	return path;
}

int spool_files__make(const char *directory)
{
	return mkdir(directory, 0750) && errno != EEXIST ? -errno : 0;
}

int spool_files__newest(const char *directory, uint64_t *newest)
{
	struct spool_file *files;
	size_t count;
	int err = spool_dir__list(directory, &files, &count);

	if (err)
		return err;
	*newest = count ? files[count - 1].first : 0;
	free(files);
	return 0;
}

/* The lowest number after those of a file that did not end normally. */
static uint64_t leap(uint64_t next)
{
	next += SPOOL_LEAP + SPOOL_ROUND - 1;
	return next - next % SPOOL_ROUND;
}

/* The lowest number that a file cannot have used. Returns 0 or negative errno. */
static int number_behind(const char *path, const struct spool_file *file, uint64_t *next)
{
	struct trace_reader *reader;
	struct trace_block block;
	bool damaged = false;
	char why[256];
	int err;

	*next = file->first;
	err = trace_reader__open(&reader, path, why, sizeof(why));
	if (err == -EINVAL || err == -EBADMSG || err == -EPROTONOSUPPORT || err == -ENODATA) {
		*next = leap(*next + file->size / INCIDENT_BYTES_MIN);
		return 0;
	}
	if (err)
		return err;
	while ((err = trace_reader__next(reader, &block)) != 0) {
		if (err == -EIO || err == -ENOMEM)
			break;
		if (err < 0 && err != -ENODATA)
			damaged = true;
		if (err > 0 && block.type == THPRACE_BLOCK_INCIDENTS)
			*next += block.count;
	}
	if (damaged)
		*next += file->size / INCIDENT_BYTES_MIN;
	if (damaged || !trace_reader__ended(reader))
		*next = leap(*next);
	trace_reader__close(reader);
	return err;
}

/* The number noted by spool_files__note(), or 0. */
static uint64_t noted(const char *directory)
{
	struct path path = path_of(directory, NOTE);
	char text[32] = "";
	const char *end = text;
	uint64_t next;
	ssize_t got;
	int fd;

	fd = open(path.text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return 0;
	return !number__take(&end, 10, &next) && *end == '\n' ? next : 0;
}

int spool_files__number(const char *directory, uint64_t *next)
{
	struct spool_file *files;
	uint64_t note;
	size_t count;
	int err;

	err = spool_dir__list(directory, &files, &count);
	if (err)
		return err;
	*next = 1;
	if (count)
		err = number_behind(path_of(directory, files[count - 1].name).text,
				    &files[count - 1], next);
	note = noted(directory);
	if (note > *next)
		*next = note;
	free(files);
	return err;
}

/* In place: this needs no space on a full disk, and the few bytes are in one sector. */
int spool_files__note(const char *directory, uint64_t next)
{
	struct path path = path_of(directory, NOTE);
	char text[32];
	int length, fd, err = 0;
	ssize_t written;

	fd = open(path.text, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0640);
	if (fd < 0)
		return -errno;
	length = snprintf(text, sizeof(text), "%020" PRIu64 "\n", next);
	written = pwrite(fd, text, (size_t)length, 0);
	if (written < 0 || fdatasync(fd))
		err = -errno;
	else if (written != length)
		err = -ENOSPC;
	close(fd);
	return err;
}

int spool_files__probe(const char *directory)
{
	struct path path = path_of(directory, PROBE);
	int err, fd;

	/* A killed process may have left one. */
	unlink(path.text);
	fd = open(path.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	if (unlink(path.text))
		err = errno;
	else
		err = posix_fallocate(fd, 0, SPOOL_ROOM);
	close(fd);
	return -err;
}

/* When the oldest file was begun. */
static void look_at_oldest(struct spool_folder *folder, const char *path, uint64_t first)
{
	struct trace_reader *reader;
	char why[256];

	if (folder->oldest == first && folder->oldest_wall)
		return;
	folder->oldest = first;
	folder->oldest_wall = 0;
	if (trace_reader__open(&reader, path, why, sizeof(why)))
		return;
	folder->oldest_wall = trace_reader__header(reader)->started_wall;
	trace_reader__close(reader);
}

/* Files last written to before this time are too old; 0: none is. ns CLOCK_REALTIME. */
static uint64_t oldest_allowed(struct spool_folder *folder, const struct config *config,
			       const struct spool_file *files, size_t count)
{
	uint64_t age = config->spool.max_age * SECOND, newest = 0;
	struct spool_instant now;
	size_t i;

	for (i = 0; i < count; i++)
		newest = files[i].mtime > newest ? files[i].mtime : newest;
	spool_clock__now(&now);
	folder->ageless =
		!spool_clock__check(&folder->clock, config->spool.directory, &now, newest);
	return folder->ageless || now.wall <= age ? 0 : now.wall - age;
}

void spool_files__prune(struct spool_folder *folder, const struct config *config, uint64_t current,
			uint64_t room)
{
	const char *directory = config->spool.directory;
	uint64_t total = 0, oldest_mtime, written = 0;
	struct spool_file *files;
	size_t count, left = 0, i;

	folder->pruned_at = clock__now();
	if (spool_dir__list(directory, &files, &count))
		return;
	oldest_mtime = oldest_allowed(folder, config, files, count);
	for (i = 0; i < count; i++)
		total += files[i].size;
	folder->files = 0;
	folder->bytes = 0;
	for (i = 0; i < count; i++) {
		struct path path = path_of(directory, files[i].name);

		/*
		 * Whatever the clock was when it was written: no file is older than the one before
		 * it.
		 */
		written = files[i].mtime > written ? files[i].mtime : written;
		if (files[i].first != current &&
		    (written < oldest_mtime || total + room > config->spool.max_size) &&
		    !unlink(path.text)) {
			total -= files[i].size;
			folder->removed++;
			continue;
		}
		if (!left++)
			look_at_oldest(folder, path.text, files[i].first);
		if (files[i].first == current)
			continue;
		folder->files++;
		folder->bytes += files[i].size;
	}
	if (!left)
		folder->oldest = 0;
	free(files);
}
