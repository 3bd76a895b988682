// SPDX-License-Identifier: GPL-2.0-only
/*
 * deferred-swapout (races/deferred-swapout.race): a task pages a huge page out, whole; another one drops
 * a page of it, as soon as it sees that swap space was taken. If that comes before the huge page is in
 * the swap cache, it is queued for a split, and swapped out none the less. A drop that comes before
 * reclaim has looked at the page has it split instead.
 *
 * Needs a memory cgroup of version 1, which it makes, the module zram, root, and a system without
 * other swap.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "stress.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define SWAP_PAGES 8192
#define PAGES (STRESS_HPAGE / STRESS_PAGE)

struct swap_out {
	struct stress *stress;
	char *area;
	char where[64]; /* the hierarchy */
	char group[96];
	unsigned long free; /* swap, before the round */
};

static unsigned long free_swap(void)
{
	struct sysinfo info;

	return sysinfo(&info) ? 0 : info.freeswap;
}

static int move_to(const char *group)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	snprintf(text, sizeof(text), "%d", getpid());
	return support__write(path, text);
}

static void leave_group(struct swap_out *out)
{
	if (out->group[0]) {
		move_to(out->where);
		rmdir(out->group);
	}
	if (out->where[0])
		support__leave(out->where);
}

static int join_group(struct swap_out *out)
{
	int err = support__mount("cgroup", "memory", out->where, sizeof(out->where));

	if (err) {
		out->where[0] = '\0';
		return stress__refuse(out->stress, err,
				      "no memory cgroup of version 1: %s (version 2 has it, or the "
				      "kernel has none)",
				      strerror(-err));
	}
	snprintf(out->group, sizeof(out->group), "%s/thprace-stress.%d", out->where, getpid());
	if (mkdir(out->group, 0700)) {
		err = -errno;
		out->group[0] = '\0';
	} else {
		err = move_to(out->group);
	}
	return err ? stress__refuse(out->stress, err, "no memory cgroup: %s", strerror(-err)) : 0;
}

static int check(struct stress *s)
{
	struct swap_out out = {.stress = s};
	int err = zram__check(s);

	if (!err)
		err = support__thp_on(s);
	if (!err)
		err = join_group(&out);
	leave_group(&out);
	return err;
}

/* Anew: what was split never becomes huge again. */
static int arm(void *ctx, unsigned int round)
{
	struct swap_out *out = ctx;

	(void)round;
	munmap(out->area, STRESS_HPAGE);
	if (mmap(out->area, STRESS_HPAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return stress__refuse(out->stress, -errno, "no memory: %s", strerror(errno));
	madvise(out->area, STRESS_HPAGE, MADV_HUGEPAGE);
	*(volatile char *)out->area = 1;
	out->free = free_swap();
	out->stress->result.mapped++;
	out->stress->result.huge += support__huge_kib(out->area, STRESS_HPAGE) > 0;
	return 0;
}

/* In /proc/meminfo, SwapFree; this is quicker. */
static bool swap_was_taken(void *ctx, unsigned int round, unsigned int opener)
{
	const struct swap_out *out = ctx;

	(void)round;
	(void)opener;
	return free_swap() < out->free;
}

static void drop(void *ctx, unsigned int round, unsigned int opener)
{
	const struct swap_out *out = ctx;

	(void)opener;
	madvise(out->area + (round * 37UL % PAGES) * STRESS_PAGE, STRESS_PAGE, MADV_DONTNEED);
}

static void page_out(void *ctx, unsigned int round)
{
	const struct swap_out *out = ctx;

	(void)round;
	madvise(out->area, STRESS_HPAGE, MADV_PAGEOUT);
}

static int run(struct stress *s)
{
	static const struct duel_ops ops = {
		.arm = arm,
		.linger = swap_was_taken,
		.open = drop,
		.walk = page_out,
	};
	struct swap_out out = {.stress = s};
	int err;

	out.area = support__reserve(STRESS_HPAGE);
	if (!out.area)
		return stress__refuse(s, -ENOMEM, "no address range");
	err = join_group(&out);
	if (!err)
		err = zram__swap_on(s, SWAP_PAGES);
	if (!err)
		err = duel__run(s, &ops, &out);
	munmap(out.area, STRESS_HPAGE);
	zram__swap_off();
	leave_group(&out);
	return err;
}

STRESS_CLASS(deferred_swapout) = {.name = "deferred-swapout", .check = check, .run = run};
