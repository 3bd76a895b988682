// SPDX-License-Identifier: GPL-2.0-only
/*
 * split-migrate: openers munmap() an anonymous huge page, the walker splits it.
 *
 * Only fork shares an anonymous huge page. So the walker touches a number of them, forks the
 * openers, and each round uses up one: the openers unmap their mapping of it while the walker
 * splits it through its own, with debugfs' split_huge_pages (by address since 5.13). Without
 * debugfs, one page of it is dropped first, which queues the huge page for a split, and drop_caches
 * splits what is queued.
 *
 * Every other huge page is only mapped by a single PTE on both sides: as in split-unmap, a PMD is
 * never missed.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#define ROUNDS_PER_CREW 24
#define STRIDE (2 * STRESS_HPAGE)
#define LAST_PAGE (STRESS_HPAGE - STRESS_PAGE)
#define AREA_SIZE (ROUNDS_PER_CREW * STRIDE)
#define DROP_CACHES "/proc/sys/vm/drop_caches"

struct migrate {
	struct stress *s;
	char *area;
	long huge; /* pages of the area that are huge */
	int split; /* debugfs' file, or drop_caches */
	bool by_address;
};

static char *page_of(const struct migrate *m, unsigned int round)
{
	return m->area + round * STRIDE;
}

/* Every other round the huge page is mapped by one PTE, so the window is at PTE level. */
static bool is_small(unsigned int round)
{
	return round % 2;
}

/*
 * Of a huge page only the last small page stays mapped, here and in the later openers: a walk over
 * the mappings is soon done, and reaches the openers' last.
 */
static void keep_last_page(char *page)
{
	madvise(page, LAST_PAGE, MADV_DONTFORK); /* its own vma */
	madvise(page, LAST_PAGE, MADV_DONTNEED);
}

/*
 * Each huge page is its own vma: to cut one out of a larger vma, munmap() would need the anon_vma
 * lock that a split holds, and could not zap meanwhile.
 */
static int muster(void *ctx)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	struct migrate *m = ctx;

	munmap(m->area, AREA_SIZE); /* including its page tables: what was split never becomes huge
				     * again */
	for (unsigned int i = 0; i < ROUNDS_PER_CREW; i++) {
		char *page =
			mmap(page_of(m, i), STRESS_HPAGE, PROT_READ | PROT_WRITE, flags, -1, 0);

		if (page == MAP_FAILED)
			return stress__refuse(m->s, -errno, "no memory: %s", strerror(errno));
		madvise(page, STRESS_HPAGE, MADV_HUGEPAGE);
		*(volatile char *)page = 1;
	}
	m->huge = support__huge_kib(m->area, AREA_SIZE) / (long)(STRESS_HPAGE / 1024);
	for (unsigned int i = 0; i < ROUNDS_PER_CREW; i++)
		if (is_small(i))
			keep_last_page(page_of(m, i));
	return 0;
}

static int arm(void *ctx, unsigned int round)
{
	struct migrate *m = ctx;

	if (!m->by_address && !is_small(round))
		madvise(page_of(m, round) + STRESS_PAGE, STRESS_PAGE, MADV_DONTNEED);
	return 0;
}

static int enter(void *ctx, unsigned int round, unsigned int opener, struct duel_side *side)
{
	struct migrate *m = ctx;

	(void)opener;
	side->mapped = 1;
	side->huge = (long)round < m->huge;
	return 0;
}

static void open_window(void *ctx, unsigned int round, unsigned int opener)
{
	(void)opener;
	if (is_small(round))
		munmap(page_of(ctx, round) + LAST_PAGE, STRESS_PAGE);
	else
		munmap(page_of(ctx, round), STRESS_HPAGE);
}

static int split(const struct migrate *m, const char *page)
{
	char text[96];
	int length;

	if (m->by_address)
		length = snprintf(text, sizeof(text), "%d,0x%lx,0x%lx", getpid(),
				  (unsigned long)page, (unsigned long)page + STRESS_PAGE);
	else
		length = snprintf(text, sizeof(text), "2");
	return pwrite(m->split, text, (size_t)length, 0) < 0 ? -errno : 0;
}

static void walk(void *ctx, unsigned int round)
{
	split(ctx, page_of(ctx, round) + (is_small(round) ? LAST_PAGE : 0));
}

static int open_split(struct migrate *m)
{
	m->split = support__debugfs("split_huge_pages");
	m->by_address = true;
	if (m->split >= 0 && !split(m, m->area))
		return 0;
	if (m->split >= 0)
		close(m->split);
	m->by_address = false;
	m->split = open(DROP_CACHES, O_WRONLY | O_CLOEXEC);
	return m->split < 0 ? -errno : 0;
}

static int set_up(struct migrate *m, struct stress *s)
{
	int err = support__thp_on(s);

	*m = (struct migrate){.s = s, .split = -1};
	if (err)
		return err;
	m->area = support__reserve(AREA_SIZE);
	if (!m->area)
		return stress__refuse(s, -ENOMEM, "no address space");
	err = muster(m);
	if (!err && m->huge == 0)
		err = stress__refuse(s, -ENOMEM,
				     "no anonymous memory became huge (AnonHugePages 0 in smaps); "
				     "needs free 2 MiB pages");
	if (err)
		return err;
	err = open_split(m);
	if (err)
		stress__refuse(
			s, err,
			"cannot have a huge page split (debugfs split_huge_pages, " DROP_CACHES
			": %s); run as root",
			strerror(-err));
	return err;
}

static void put_down(struct migrate *m)
{
	if (m->area)
		munmap(m->area, AREA_SIZE);
	if (m->split >= 0)
		close(m->split);
}

static int check(struct stress *s)
{
	struct migrate m;
	int err = set_up(&m, s);

	put_down(&m);
	return err;
}

static int run(struct stress *s)
{
	static const struct duel_ops ops = {
		.aim = {0.25, 0.45, 0.03, 0.2},
		.rounds_per_crew = ROUNDS_PER_CREW,
		.muster = muster,
		.arm = arm,
		.enter = enter,
		.open = open_window,
		.walk = walk,
	};
	struct migrate m;
	int err = set_up(&m, s);

	if (!err)
		err = duel__run(s, &ops, &m);
	put_down(&m);
	return err;
}

STRESS_CLASS(split_migrate) = {
	.name = "split-migrate",
	.check = check,
	.run = run,
};
