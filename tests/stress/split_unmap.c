// SPDX-License-Identifier: GPL-2.0-only
/*
 * split-unmap: openers munmap() a huge page of tmpfs, the walker splits it.
 *
 * A punch inside one small page splits the huge page without unmapping it first, so try_to_unmap()
 * finds all the mappings in place (shmem_undo_range() of 5.17 and later, through
 * truncate_inode_partial_folio()); some rounds punch whole pages.
 *
 * Every other round the openers map single small pages of it. That is how a split escapes: at a
 * PMD, TTU_SPLIT_HUGE_PMD takes the lock first in every kernel (__split_huge_pmd()).
 *
 * Older kernels only split for a hole of whole pages, and remove the mappings before. There the
 * openers map, touch and unmap again and again meanwhile, and if debugfs is available, the walker
 * splits through its split_huge_pages, which removes no mapping.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#define WHOLE_PAGES_EVERY 4
#define OWN_MAPPINGS 12
#define OWN_DEBUGFS_EVERY 4 /* rounds: each of these takes long */
#define HESITATE_NS 400000
#define OWN_SIZE (OWN_MAPPINGS * STRESS_HPAGE)

struct split {
	struct shared_file file;
	char *own; /* OWN_MAPPINGS of the walker, or NULL */
	int debugfs; /* split_huge_pages, or -1 */
	bool older; /* only a hole of whole pages splits, and removes the mappings before */
};

static int map_own(const struct split *split, char *at, size_t size)
{
	if (mmap(at, size, PROT_READ, MAP_SHARED | MAP_FIXED, split->file.fd, 0) == MAP_FAILED)
		return -errno;
	madvise(at, size, MADV_HUGEPAGE);
	support__touch(at);
	return 0;
}

/*
 * The walker's own mappings come first: a walk visits the mappings in order of their offset in the
 * file, and of their creation. There are many, so that the walk takes a while. On an older kernel
 * they are small ones outside of the hole.
 */
static int arm(void *ctx, unsigned int round)
{
	struct split *split = ctx;
	int err = shared_file__punch(&split->file, 0, STRESS_HPAGE);
	char *at = split->own;

	(void)round;
	if (!at || err)
		return err;
	err = map_own(split, at, STRESS_HPAGE);
	for (int i = 0; !err && i < OWN_MAPPINGS; i++, at += STRESS_HPAGE)
		err = split->older ? map_own(split, at, STRESS_PAGE)
				   : map_own(split, at, STRESS_HPAGE);
	return err;
}

/* Every other round maps it small, so the windows are at PTE level. */
static bool is_small(const struct split *split, unsigned int round)
{
	return !split->own && round % 2;
}

static int enter(void *ctx, unsigned int round, unsigned int opener, struct duel_side *side)
{
	struct split *split = ctx;

	if (is_small(split, round))
		return shared_file__map_small(&split->file, opener, side);
	return shared_file__map(&split->file, opener, side);
}

static void hesitate(unsigned int round)
{
	static _Thread_local unsigned int seed;
	int64_t until = stress__now();

	seed = seed ? seed : round + 1;
	until += rand_r(&seed) % HESITATE_NS;
	while (stress__now() < until)
		;
}

static void open_window(void *ctx, unsigned int round, unsigned int opener)
{
	struct split *split = ctx;

	/*
	 * Mapped for a while: a split that began meanwhile should have reached the other mappings.
	 */
	if (split->own && split->older)
		hesitate(round);
	shared_file__unmap(&split->file, opener);
}

static off_t hole_of(unsigned int round)
{
	return (off_t)(1 + round * 7 % (STRESS_SMALL_FROM - 4)) * (off_t)STRESS_PAGE;
}

static void walk(void *ctx, unsigned int round)
{
	struct split *split = ctx;

	if (round % WHOLE_PAGES_EVERY < 2 && !split->own)
		shared_file__punch(&split->file, hole_of(round), 2 * STRESS_PAGE);
	else
		shared_file__punch(&split->file, hole_of(round) + 64, 128);
}

/* The way for older kernels. debugfs: "1" splits all huge pages (until 5.12). */
static void walk_older(void *ctx, unsigned int round)
{
	struct split *split = ctx;

	bool debugfs = split->own ? round % OWN_DEBUGFS_EVERY == 0 : !is_small(split, round);

	if (split->debugfs >= 0 && debugfs) {
		if (write(split->debugfs, "1", 1) == 1) /* it ignores the position */
			return;
		close(split->debugfs);
		split->debugfs = -1;
	}
	shared_file__punch(&split->file, hole_of(round), 2 * STRESS_PAGE);
}

/* Does a punch inside one page split? Negative errno if that cannot be found out. */
static int splits_for_part(struct shared_file *f)
{
	struct duel_side side = {0};
	long before, after;
	int err = shared_file__map(f, 0, &side);

	before = support__huge_kib(f->arena[0], f->mappings * STRESS_HPAGE);
	if (!err)
		err = shared_file__punch(f, (off_t)STRESS_PAGE + 64, 128);
	after = support__huge_kib(f->arena[0], f->mappings * STRESS_HPAGE);
	shared_file__unmap(f, 0);
	return err ? err : before > 0 && after <= 0;
}

static int set_up(struct split *split, struct stress *s, bool own, struct duel_ops *ops)
{
	int err = shared_file__open(&split->file, s, STRESS_HPAGE), part;

	if (err)
		return err;
	if (own) {
		split->own = support__reserve(OWN_SIZE);
		if (!split->own)
			return stress__refuse(s, -ENOMEM, "no address space");
	}
	part = splits_for_part(&split->file);
	if (part < 0)
		return stress__refuse(s, part, "cannot punch a hole: %s", strerror(-part));
	if (!part) {
		split->older = true;
		split->debugfs = support__debugfs("split_huge_pages");
		ops->walk = walk_older;
		ops->churn = true;
		split->file.mappings = 1;
	}
	return 0;
}

int split_unmap__run(struct stress *s, const struct steer_aim *aim, unsigned int mappings, bool own)
{
	struct split split = {.file = {.fd = -1, .mappings = mappings}, .debugfs = -1};
	struct duel_ops ops = {
		.aim = *aim,
		.arm = arm,
		.enter = enter,
		.open = open_window,
		.walk = walk,
	};
	int err = set_up(&split, s, own, &ops);

	if (!err)
		err = duel__run(s, &ops, &split);
	if (split.own)
		munmap(split.own, OWN_SIZE);
	if (split.debugfs >= 0)
		close(split.debugfs);
	shared_file__close(&split.file);
	return err;
}

static int run(struct stress *s)
{
	/* munmap() zaps in its first half; the split unmaps early and spends its time splitting */
	static const struct steer_aim aim = {0.2, 0.55, 0.12, 0.35};

	return split_unmap__run(s, &aim, 8, false);
}

STRESS_CLASS(split_unmap) = {
	.name = "split-unmap",
	.check = shared_file__check,
	.run = run,
};
