// SPDX-License-Identifier: GPL-2.0-only
#include "report_many.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "classes/race_class.h"
#include "cli.h"
#include "progress.h"
#include "report/render_sum.h"
#include "report/summary.h"
#include "report/trace_sum.h"
#include "trace/trace_reader.h"

#define SUFFIX ".thpr"
#define DEPTH_MAX 16 /* folders in folders: each takes a descriptor */

struct reading {
	const struct report_many *many;
	struct trace_sum *sum;
	size_t found; /* files, in all folders */
};

bool report_many__is_folder(const char *path)
{
	struct stat st;

	return strcmp(path, "-") != 0 && !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* 0 or -ENOMEM */
static int skip(struct reading *reading, const char *path, const char *why)
{
	char text[512];

	progress__clear();
	trace_sum__skip(reading->sum);
	snprintf(text, sizeof(text), "skipped: %s", why);
	cli__fail("report", path, text);
	return reading->many->json ? render_sum__json_skipped(reading->many->out, path, why) : 0;
}

/* The whole file, or nothing of it: what a damaged block leaves would be counted as if it were all. */
static int add(struct reading *reading, struct trace_reader *reader, const char *path)
{
	struct summary *summary = NULL;
	char why[256];
	int err;

	err = summary__read(&summary, reader, why, sizeof(why));
	if (err)
		return skip(reading, path, err == -ENOMEM ? CLI_TOO_LARGE : why);
	if (summary->bad_blocks > (unsigned int)summary->cut)
		err = skip(reading, path, summary->notes[0]);
	else
		err = trace_sum__add(reading->sum, summary, path);
	summary__free(summary);
	return err;
}

static int read_file(struct reading *reading, int folder, const char *name, const char *path)
{
	/* What a folder has is not followed, and not waited for. */
	int flags = O_RDONLY | O_CLOEXEC | (folder == AT_FDCWD ? 0 : O_NOFOLLOW | O_NONBLOCK);
	CLEANUP(cleanup__fd) int fd = -1;
	struct trace_reader *reader = NULL;
	char why[256];
	int err;

	reading->found++;
	if (progress__due())
		progress__show("reading the traces: %" PRIu64 " files", reading->sum->files);
	/* Each file has its own races. */
	race_class__forget_foreign();
	if (strcmp(path, "-") != 0) {
		fd = openat(folder, name, flags);
		if (fd < 0)
			return skip(reading, path, strerror(errno));
		err = trace_reader__open_fd(&reader, fd, why, sizeof(why));
	} else {
		err = trace_reader__open(&reader, path, why, sizeof(why));
	}
	if (err)
		return skip(reading, path, why);
	err = add(reading, reader, path);
	trace_reader__close(reader);
	return err;
}

static bool is_trace(const char *name)
{
	size_t length = strlen(name);

	return name[0] != '.' && length > strlen(SUFFIX) &&
	       !strcmp(name + length - strlen(SUFFIX), SUFFIX);
}

static int read_folder(struct reading *reading, int parent, const char *name, const char *path,
		       unsigned int depth);

static int read_entry(struct reading *reading, DIR *folder, const char *name, const char *above,
		      unsigned int depth)
{
	char path[PATH_MAX];
	struct stat st;

	if (!strcmp(name, ".") || !strcmp(name, "..") ||
	    fstatat(dirfd(folder), name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	if (!S_ISDIR(st.st_mode) && !(S_ISREG(st.st_mode) && is_trace(name)))
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%s%s%s", above,
			     above[strlen(above) - 1] == '/' ? "" : "/", name) >= sizeof(path))
		return skip(reading, above, "a name in it is too long");
	if (S_ISDIR(st.st_mode))
		return read_folder(reading, dirfd(folder), name, path, depth + 1);
	return read_file(reading, dirfd(folder), name, path);
}

static int read_folder(struct reading *reading, int parent, const char *name, const char *path,
		       unsigned int depth)
{
	int fd, flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0), err = 0;
	CLEANUP(cleanup__dir) DIR *folder = NULL;
	struct dirent *entry;

	if (depth > DEPTH_MAX)
		return skip(reading, path, "it is too deep in other folders");
	fd = openat(parent, name, flags);
	folder = fd < 0 ? NULL : fdopendir(fd);
	if (!folder) {
		err = errno;
		if (fd >= 0)
			close(fd);
		return skip(reading, path, strerror(err));
	}
	while (!err && (errno = 0, entry = readdir(folder)) != NULL)
		err = read_entry(reading, folder, entry->d_name, path, depth);
	return !err && errno ? skip(reading, path, strerror(errno)) : err;
}

static int read_all(struct reading *reading)
{
	const struct report_many *many = reading->many;
	size_t i;
	int err = 0;

	for (i = 0; i < many->nr && !err; i++) {
		const char *path = many->paths[i];

		if (report_many__is_folder(path))
			err = read_folder(reading, AT_FDCWD, path, path, 0);
		else
			err = read_file(reading, AT_FDCWD, path, path);
	}
	progress__clear();
	return err;
}

static int print(const struct reading *reading)
{
	const struct report_many *many = reading->many;

	trace_sum__finish(reading->sum);
	if (many->json)
		return render_sum__json(many->out, reading->sum, &many->render);
	render_sum__text(many->out, reading->sum, &many->render);
	return 0;
}

static int status_of(const struct trace_sum *sum)
{
	if (sum->counts.of[THPRACE_ESCAPE])
		return CLI_FOUND;
	return sum->skipped ? CLI_NO_STATEMENT : CLI_DONE;
}

int report_many__run(const struct report_many *many)
{
	struct reading reading = {.many = many, .sum = trace_sum__new()};
	int err = reading.sum ? read_all(&reading) : -ENOMEM, status = CLI_FAILED;

	if (!err && !reading.sum->files) {
		if (!reading.found && !reading.sum->skipped)
			cli__fail("report", many->nr == 1 ? many->paths[0] : NULL,
				  "no trace is in it: no file whose name ends in " SUFFIX);
	} else {
		err = err ? err : print(&reading);
		status = err ? cli__fail("report", NULL,
					 err == -ENOMEM ? CLI_TOO_LARGE : strerror(-err))
			     : status_of(reading.sum);
	}
	trace_sum__free(reading.sum);
	return status;
}
