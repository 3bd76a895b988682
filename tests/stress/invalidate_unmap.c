// SPDX-License-Identifier: GPL-2.0-only
/*
 * invalidate-unmap: openers munmap() a huge page of a disk file, the walker writes the file past
 * the page cache: invalidate_inode_pages2_range().
 *
 * It first unmaps the whole range in one go, at the first page that is mapped, and calls
 * unmap_mapping_folio() only for what was faulted in again since. So, as in truncate-unmap, the range
 * starts with a fuse of small pages, of which the first is mapped, and ends in the huge page, which
 * the openers fault in while the fuse burns and unmap as the walker arrives.
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
#define FUSE_PAGES 160
#define FUSE_SIZE (FUSE_PAGES * STRESS_PAGE)
#define FUSE_AT ((off_t)(STRESS_HPAGE - FUSE_SIZE))
#define MOST_PAGES_LEFT 42 /* as in truncate-unmap */

struct invalidate {
	struct shared_file file;
	int direct; /* past the page cache */
	int small; /* reads small pages into it */
	char *fuse; /* a mapping of the fuse, only ever touched at its start */
	void *block;
};

/*
 * The last round's write has put the fuse out of the page cache. The huge page leaves it too: what was
 * faulted in while it was being invalidated may be small pages, and would stay so.
 */
static int arm(void *ctx, unsigned int round)
{
	struct invalidate *v = ctx;

	(void)round;
	posix_fadvise(v->small, v->file.offset, (off_t)STRESS_HPAGE, POSIX_FADV_DONTNEED);
	if (pread(v->small, v->block, FUSE_SIZE, FUSE_AT) < 0)
		return -errno;
	support__touch(v->fuse);
	return 0;
}

static int enter(void *ctx, unsigned int round, unsigned int opener, struct duel_side *side)
{
	struct invalidate *v = ctx;

	(void)round;
	return shared_file__map(&v->file, opener, side);
}

/* Time to go: the walker has only a few small pages left before it. */
static bool linger(void *ctx, unsigned int round, unsigned int opener)
{
	struct invalidate *v = ctx;

	shared_file__touch(&v->file, opener);
	return shared_file__burnt(v->fuse, FUSE_PAGES, 1 + round * 7 % MOST_PAGES_LEFT);
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

	(void)round;
	if (pwrite(v->direct, v->block, FUSE_SIZE + STRESS_PAGE, FUSE_AT) < 0)
		return; /* -EBUSY: an invalidation that failed */
}

/* The same nameless file again. */
static int reopen(int fd, int flags)
{
	char path[64];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC | flags);
	return again < 0 ? -errno : again;
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
	if (v->fuse != MAP_FAILED)
		munmap(v->fuse, FUSE_SIZE);
	if (v->direct >= 0)
		close(v->direct);
	if (v->small >= 0)
		close(v->small);
	free(v->block);
}

/* Read in random order, a file comes into the page cache by small pages. */
static int lay_fuse(struct invalidate *v, struct stress *s)
{
	v->small = reopen(v->file.fd, 0);
	if (v->small < 0)
		return stress__refuse(s, v->small, "cannot open the file again: %s",
				      strerror(-v->small));
	posix_fadvise(v->small, 0, 0, POSIX_FADV_RANDOM);
	v->fuse = mmap(NULL, FUSE_SIZE, PROT_READ, MAP_SHARED, v->small, FUSE_AT);
	if (v->fuse == MAP_FAILED)
		return stress__refuse(s, -errno, "cannot map the file: %s", strerror(errno));
	return 0;
}

static int set_up(struct invalidate *v, struct stress *s)
{
	const char *dir = s->options->dir;

	*v = (struct invalidate){
		.file = {.fd = -1, .mappings = MAPPINGS, .offset = (off_t)STRESS_HPAGE},
		.direct = -1,
		.small = -1,
		.fuse = MAP_FAILED,
	};
	if (!dir)
		return stress__refuse(s, -EOPNOTSUPP,
				      "needs --dir on a disk file system with huge page-cache "
				      "folios: XFS, Linux 6.1 or later");
	v->file.fd = support__file_in(dir, FILE_SIZE, 0);
	if (v->file.fd < 0)
		return stress__refuse(s, v->file.fd, "no file in %s: %s", dir,
				      strerror(-v->file.fd));
	v->direct = reopen(v->file.fd, O_DIRECT);
	if (v->direct < 0)
		return stress__refuse(s, v->direct,
				      "%s cannot be written past the page cache (%s); needs XFS, "
				      "Linux 6.1 or later",
				      dir, strerror(-v->direct));
	if (fill(v, s))
		return -EIO;
	if (lay_fuse(v, s))
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
		.arm = arm,
		.enter = enter,
		.linger = linger,
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
