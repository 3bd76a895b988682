// SPDX-License-Identifier: GPL-2.0-only
/*
 * truncate-unmap: openers munmap() a huge page of tmpfs, the walker truncates it.
 *
 * A hole punch first unmaps the whole range and then removes page after page from the page cache;
 * truncate_cleanup_folio() finds a mapping only if it was faulted in between. So the hole starts
 * with a fuse of small pages, and the openers fault in the huge page after it again while the
 * walker burns the fuse: faulting around maps cached pages without checking whether a hole is being
 * punched (filemap_map_pages()). With mincore() they see how far the fuse has burnt, and unmap the
 * huge page when the walker arrives.
 *
 * With --churn there is no fuse, and nobody looks. The openers map the huge page and unmap it again
 * until the walker is done: one mapping each, because a walker waits at the next one until the window
 * is over. A window that is open while the range is unmapped hides its mapping from that step, but not
 * from the check of the mapcount that comes next. If windows are held open, most walkers meet one,
 * however late they come.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#define FUSE_PAGES 160
#define MAPPINGS 12
#define FILE_SIZE (2 * STRESS_HPAGE)
#define FUSE_AT ((off_t)(STRESS_HPAGE - FUSE_PAGES * STRESS_PAGE))

#define FUSE_SIZE (FUSE_PAGES * STRESS_PAGE)
/* munmap() takes as long until its first zap as the walker takes for some twenty pages. */
#define MOST_PAGES_LEFT 42

struct truncate {
	struct shared_file file;
	char *fuse; /* a mapping of the fuse, never touched */
};

static const char small_pages[FUSE_SIZE];

static int arm(void *ctx, unsigned int round)
{
	struct truncate *t = ctx;

	(void)round;
	return pwrite(t->file.fd, small_pages, FUSE_SIZE, FUSE_AT) < 0 ? -errno : 0;
}

static int enter(void *ctx, unsigned int round, unsigned int opener, struct duel_side *side)
{
	struct truncate *t = ctx;

	(void)round;
	return shared_file__map(&t->file, opener, side);
}

/* Time to go: the walker has only a few small pages left before it. */
static bool linger(void *ctx, unsigned int round, unsigned int opener)
{
	struct truncate *t = ctx;

	shared_file__touch(&t->file, opener);
	return shared_file__burnt(t->fuse, FUSE_PAGES, 1 + round * 7 % MOST_PAGES_LEFT);
}

static void open_window(void *ctx, unsigned int round, unsigned int opener)
{
	struct truncate *t = ctx;

	(void)round;
	shared_file__unmap(&t->file, opener);
}

static void walk(void *ctx, unsigned int round)
{
	struct truncate *t = ctx;

	(void)round;
	shared_file__punch(&t->file, FUSE_AT, FUSE_SIZE + STRESS_HPAGE);
}

/* The huge page alone. */
static void walk_at_once(void *ctx, unsigned int round)
{
	struct truncate *t = ctx;

	(void)round;
	shared_file__punch(&t->file, t->file.offset, STRESS_HPAGE);
}

static int run(struct stress *s)
{
	struct truncate t = {
		.file = {.fd = -1, .mappings = MAPPINGS, .offset = (off_t)STRESS_HPAGE},
		.fuse = MAP_FAILED,
	};
	struct duel_ops ops = {
		.arm = arm,
		.enter = enter,
		.linger = linger,
		.open = open_window,
		.walk = walk,
	};
	int err;

	if (s->options->churn) {
		ops = (struct duel_ops){.enter = enter,
					.open = open_window,
					.churn = true,
					.churn_before = true,
					.rounds_per_crew = 1000,
					.walk = walk_at_once};
		t.file.mappings = 1;
	}
	err = shared_file__open(&t.file, s, FILE_SIZE);

	if (err)
		goto cleanup;
	t.fuse = mmap(NULL, FUSE_SIZE, PROT_READ, MAP_SHARED, t.file.fd, FUSE_AT);
	if (t.fuse == MAP_FAILED)
		err = stress__refuse(s, -errno, "cannot map tmpfs: %s", strerror(errno));
	else
		err = duel__run(s, &ops, &t);
cleanup:
	if (t.fuse != MAP_FAILED)
		munmap(t.fuse, FUSE_SIZE);
	shared_file__close(&t.file);
	return err;
}

STRESS_CLASS(truncate_unmap) = {
	.name = "truncate-unmap",
	.check = shared_file__check,
	.run = run,
};
