// SPDX-License-Identifier: GPL-2.0-only
/*
 * invalidate-unmap: openers munmap() a huge page of a file, the walker calls
 * invalidate_inode_pages2_range(). There are two ways:
 *
 * With --dir, a file on a disk file system with folios of 2 MiB in its page cache (XFS since 6.1: a
 * fault in a mapping with MADV_HUGEPAGE reads ahead with such folios), written past the page cache.
 * The invalidation first unmaps the whole range at once, at the first page that is mapped, and
 * calls unmap_mapping_folio() only for what was faulted in again since. So, as in truncate-unmap,
 * the range starts with a fuse of small pages, of which the first is mapped, and ends with the huge
 * page, which the openers fault in while the fuse burns and unmap when the walker arrives.
 *
 * Without --dir, the file of fuse_file.c, for older kernels. Its range is only the huge page. The
 * openers map and unmap it over and over: a window that is open while the range is unmapped at once
 * hides its mapping from that step, but not from the check of the mapcount that comes next. Before
 * the fix (5.10.47, 5.13), unmapping at once was the last step.
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
	int small; /* reads small pages into the page cache */
	char *fuse; /* a mapping of the fuse, only touched at its start */
	void *block;
};

/*
 * The last round's write has removed the fuse from the page cache. The huge page leaves it too:
 * pages faulted in while it was being invalidated may be small, and would stay small.
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
		return; /* -EBUSY: a failed invalidation */
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

/* Read in random order, a file is in the page cache as small pages. */
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

static int check_dir(struct stress *s)
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

static int run_dir(struct stress *s)
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

/* The other way */

#define CHECK_SECONDS 5
#define COLLAPSE_SECONDS 60 /* again, once it was seen to work */

/*
 * On 5.10 an invalidation drops one of a huge page's 512 references (invalidate_complete_page2()),
 * and so loses the page until the next boot. The run ends when that share of the memory is lost.
 */
#define LOSE_SHARE 3

struct fused {
	struct stress *s;
	long unowned; /* KiB at the start */
	long spare;
	struct fuse_file fuse;
	struct shared_file file;
};

static int arm_fused(void *ctx, unsigned int round)
{
	struct fused *v = ctx;

	(void)round;
	if (support__unowned_kib() - v->unowned > v->spare / LOSE_SHARE)
		return -ENODATA;
	return fuse_file__collapse(&v->fuse, v->s, COLLAPSE_SECONDS);
}

static int enter_fused(void *ctx, unsigned int round, unsigned int opener, struct duel_side *side)
{
	struct fused *v = ctx;

	(void)round;
	return shared_file__map(&v->file, opener, side);
}

static void open_fused(void *ctx, unsigned int round, unsigned int opener)
{
	struct fused *v = ctx;

	(void)round;
	shared_file__unmap(&v->file, opener);
}

static void walk_fused(void *ctx, unsigned int round)
{
	struct fused *v = ctx;

	(void)round;
	fuse_file__invalidate(&v->fuse);
}

/*
 * One mapping per opener: adjacent mappings share a lock, and the walker, taking it for the next
 * one, would wait for the window.
 */
static int set_up_fused(struct fused *v, struct stress *s)
{
	int err;

	*v = (struct fused){.s = s, .file = {.fd = -1, .mappings = 1, .offset = FUSE_FILE_HUGE}};
	err = fuse_file__open(&v->fuse, s);
	if (err)
		return err;
	v->file.fd = dup(v->fuse.fd);
	return v->file.fd < 0 ? stress__refuse(s, -errno, "too many files open")
			      : shared_file__reserve(&v->file, s);
}

static void put_down_fused(struct fused *v)
{
	shared_file__close(&v->file);
	fuse_file__close(&v->fuse);
}

static int run_fused(struct stress *s)
{
	/*
	 * munmap() zaps early; if widened, it then waits. A walker that comes later overlaps the
	 * next ones
	 */
	static const struct duel_ops ops = {
		.aim = {0.1, 0.4, 0, 0},
		.arm = arm_fused,
		.enter = enter_fused,
		.open = open_fused,
		.churn = true,
		.churn_first = true,
		.walk = walk_fused,
	};
	struct fused v;
	int err = set_up_fused(&v, s);

	v.unowned = support__unowned_kib();
	v.spare = support__spare_kib();
	if (!err)
		err = duel__run(s, &ops, &v);
	if (!err && !stress__over(s))
		fprintf(stderr,
			"thprace-stress: ended early: this kernel has lost %ld MiB of memory by "
			"invalidating huge pages\n",
			(support__unowned_kib() - v.unowned) / 1024);
	put_down_fused(&v);
	return err;
}

static int check_fused(struct stress *s)
{
	char reason[sizeof(s->reason)];
	struct fused v;
	int err = support__thp_on(s);

	if (err)
		return err;
	s->deadline = INT64_MAX;
	err = set_up_fused(&v, s);
	if (!err)
		err = fuse_file__collapse(&v.fuse, s, CHECK_SECONDS);
	put_down_fused(&v);
	if (!err || err == -ENODATA)
		return err;
	memcpy(reason, s->reason, sizeof(reason));
	return stress__refuse(
		s, err,
		"needs --dir on a disk file system with huge page-cache folios "
		"(XFS, Linux 6.1 or later), or FUSE and huge pages of programs' files "
		"(CONFIG_READ_ONLY_THP_FOR_FS): %.150s",
		reason);
}

static int check(struct stress *s)
{
	return s->options->dir ? check_dir(s) : check_fused(s);
}

static int run(struct stress *s)
{
	return s->options->dir ? run_dir(s) : run_fused(s);
}

STRESS_CLASS(invalidate_unmap) = {
	.name = "invalidate-unmap",
	.check = check,
	.run = run,
};
