// SPDX-License-Identifier: GPL-2.0-only
/*
 * invalidate-unmap: openers munmap() a huge page of a disk file, the walker writes the file past
 * the page cache: invalidate_inode_pages2_range().
 *
 * Needs a file system with folios of 2 MiB in its page cache (XFS since 6.1): faulting on a mapping
 * with MADV_HUGEPAGE reads ahead by such folios.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#define MAPPINGS 6
#define FILE_SIZE (2 * STRESS_HPAGE)

struct invalidate {
	struct shared_file file;
	int direct;
	void *block;
};

static int enter(void *ctx, unsigned int round, unsigned int opener, struct duel_side *side)
{
	struct invalidate *v = ctx;

	(void)round;
	return shared_file__map(&v->file, opener, side);
}

static void open_window(void *ctx, unsigned int round, unsigned int opener)
{
	struct invalidate *v = ctx;

	(void)round;
	shared_file__unmap(&v->file, opener);
}

static void walk(void *ctx, unsigned int round)
{
	struct invalidate *v = ctx;
	off_t at = (off_t)(round * 7 % 500) * (off_t)STRESS_PAGE;

	if (pwrite(v->direct, v->block, STRESS_PAGE, at) < 0)
		return; /* -EBUSY: an invalidation that failed */
}

/* The same nameless file again, past the page cache. */
static int reopen_direct(int fd)
{
	char path[64];
	int direct;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	direct = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	return direct < 0 ? -errno : direct;
}

static int fill(struct invalidate *v, struct stress *s)
{
	const char *dir = s->options->dir;
	int err = 0;

	if (posix_memalign(&v->block, STRESS_HPAGE, STRESS_HPAGE))
		return stress__refuse(s, -ENOMEM, "no memory");
	memset(v->block, 1, STRESS_HPAGE);
	for (off_t at = 0; !err && at < (off_t)FILE_SIZE; at += (off_t)STRESS_HPAGE)
		if (pwrite(v->direct, v->block, STRESS_HPAGE, at) != (ssize_t)STRESS_HPAGE)
			err = stress__refuse(s, -EIO, "cannot write past the page cache in %s: %s",
					     dir, strerror(errno));
	if (!err && fsync(v->direct))
		err = stress__refuse(s, -errno, "cannot sync in %s: %s", dir, strerror(errno));
	return err;
}

static void put_down(struct invalidate *v)
{
	shared_file__close(&v->file);
	if (v->direct >= 0)
		close(v->direct);
	free(v->block);
}

static int set_up(struct invalidate *v, struct stress *s)
{
	const char *dir = s->options->dir;

	*v = (struct invalidate){.file = {.fd = -1, .mappings = MAPPINGS}, .direct = -1};
	if (!dir)
		return stress__refuse(s, -EOPNOTSUPP,
				      "needs --dir on a disk file system with huge page-cache "
				      "folios: XFS, Linux 6.1 or later");
	v->file.fd = support__file_in(dir, FILE_SIZE, 0);
	if (v->file.fd < 0)
		return stress__refuse(s, v->file.fd, "no file in %s: %s", dir,
				      strerror(-v->file.fd));
	v->direct = reopen_direct(v->file.fd);
	if (v->direct < 0)
		return stress__refuse(s, v->direct,
				      "%s cannot be written past the page cache (%s); needs XFS, "
				      "Linux 6.1 or later",
				      dir, strerror(-v->direct));
	if (fill(v, s))
		return -EIO;
	return shared_file__reserve(&v->file, s);
}

static int check(struct stress *s)
{
	struct duel_side side = {0};
	struct invalidate v;
	long kib;
	int err = set_up(&v, s);

	if (!err)
		err = support__thp_on(s);
	if (err)
		goto cleanup;
	err = shared_file__map(&v.file, 0, &side);
	kib = support__huge_kib(v.file.arena[0], STRESS_HPAGE);
	if (err || kib < (long)(STRESS_HPAGE / 1024))
		err = stress__refuse(s, err ? err : -EOPNOTSUPP,
				     "a mapping of a file in %s did not become huge (%ld KiB of "
				     "2048 in smaps); needs XFS, Linux 6.1 or later",
				     s->options->dir, kib);
cleanup:
	put_down(&v);
	return err;
}

static int run(struct stress *s)
{
	static const struct duel_ops ops = {
		.aim = {0.3, 0.6, 0.15, 0.35},
		.enter = enter,
		.open = open_window,
		.walk = walk,
	};
	struct invalidate v;
	int err = set_up(&v, s);

	if (!err)
		err = duel__run(s, &ops, &v);
	put_down(&v);
	return err;
}

const struct stress_class invalidate_unmap_class = {
	.name = "invalidate-unmap",
	.check = check,
	.run = run,
};
