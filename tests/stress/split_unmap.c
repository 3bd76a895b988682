// SPDX-License-Identifier: GPL-2.0-only
/*
 * split-unmap: openers munmap() a huge page of tmpfs, the walker splits it.
 *
 * A punch inside one small page splits the huge page without unmapping it first, so that
 * try_to_unmap() finds all the mappings in place (shmem_undo_range() of 5.17 and later, through
 * truncate_inode_partial_folio()). Older kernels split for a hole of whole pages only, and take
 * the mappings away before; every fourth round does it that way.
 */
#define _GNU_SOURCE 1
#include <errno.h>

#include "stress.h"

#define WHOLE_PAGES_EVERY 4

static int arm(void *ctx, unsigned int round)
{
	(void)round;
	return shared_file__punch(ctx, 0, STRESS_HPAGE);
}

static int enter(void *ctx, unsigned int round, unsigned int opener, struct duel_side *side)
{
	(void)round;
	return shared_file__map(ctx, opener, side);
}

static void open_window(void *ctx, unsigned int round, unsigned int opener)
{
	(void)round;
	shared_file__unmap(ctx, opener);
}

static void walk(void *ctx, unsigned int round)
{
	off_t at = (off_t)(1 + round * 7 % 500) * (off_t)STRESS_PAGE;

	if (round % WHOLE_PAGES_EVERY == 0)
		shared_file__punch(ctx, at, 2 * STRESS_PAGE);
	else
		shared_file__punch(ctx, at + 64, 128);
}

int split_unmap__run(struct stress *s, const struct steer_aim *aim, unsigned int mappings)
{
	struct shared_file f = {.fd = -1, .mappings = mappings};
	const struct duel_ops ops = {
		.aim = *aim,
		.arm = arm,
		.enter = enter,
		.open = open_window,
		.walk = walk,
	};
	int err = shared_file__open(&f, s, STRESS_HPAGE);

	if (!err)
		err = duel__run(s, &ops, &f);
	shared_file__close(&f);
	return err;
}

static int run(struct stress *s)
{
	/* munmap() zaps in its first half; the split unmaps early and spends its time splitting */
	static const struct steer_aim aim = {0.2, 0.55, 0.12, 0.35};

	return split_unmap__run(s, &aim, 8);
}

const struct stress_class split_unmap_class = {
	.name = "split-unmap",
	.check = shared_file__check,
	.run = run,
};
