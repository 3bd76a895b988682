// SPDX-License-Identifier: GPL-2.0-only
/*
 * shmem-truncate-swap (races/shmem-truncate-swap.race): a huge page of tmpfs is paged out, as one swap
 * entry; then one task punches a hole over all of it, and another one reads one of its pages. It
 * reads by a system call, because a page fault waits until the hole is punched.
 *
 * Needs the module zram, root, and a system without other swap.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define SWAP_PAGES 8192
#define PAGES (STRESS_HPAGE / STRESS_PAGE)

struct truncate_swap {
	struct stress *stress;
	struct shared_file file;
	char *map;
};

static int check(struct stress *s)
{
	int err = zram__check(s);

	return err ? err : support__thp_on(s);
}

/* Huge, and swapped out. */
static int arm(void *ctx, unsigned int round)
{
	struct truncate_swap *t = ctx;

	(void)round;
	if (!support__touch(t->map))
		return stress__refuse(t->stress, -ENOMEM, "no memory for a huge page");
	*(volatile char *)t->map = 1;
	t->stress->result.mapped++;
	t->stress->result.huge += support__huge_kib(t->map, STRESS_HPAGE) > 0;
	madvise(t->map, STRESS_HPAGE, MADV_PAGEOUT);
	return 0;
}

static void read_page(void *ctx, unsigned int round, unsigned int opener)
{
	const struct truncate_swap *t = ctx;
	char byte;

	(void)opener;
	/* a page that is not there is no error: the hole was first */
	if (pread(t->file.fd, &byte, 1, (off_t)((round * 37UL % PAGES) * STRESS_PAGE)) < 0)
		stress__refuse(t->stress, -errno, "cannot read the file: %s", strerror(errno));
}

static void punch(void *ctx, unsigned int round)
{
	struct truncate_swap *t = ctx;

	(void)round;
	shared_file__punch(&t->file, 0, STRESS_HPAGE);
}

static int run(struct stress *s)
{
	static const struct duel_ops ops = {
		.aim = {0.05, 0.9, 0.05, 0.9},
		.arm = arm,
		.open = read_page,
		.walk = punch,
	};
	struct truncate_swap t = {.stress = s, .file = {.fd = -1}};
	int err;

	t.map = support__reserve(STRESS_HPAGE);
	if (!t.map)
		return stress__refuse(s, -ENOMEM, "no address range");
	t.file.fd = support__tmpfs_file(s, (off_t)STRESS_HPAGE);
	if (t.file.fd < 0)
		return t.file.fd;
	if (mmap(t.map, STRESS_HPAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, t.file.fd,
		 0) == MAP_FAILED) {
		err = stress__refuse(s, -errno, "cannot map tmpfs: %s", strerror(errno));
		goto cleanup;
	}
	madvise(t.map, STRESS_HPAGE, MADV_HUGEPAGE);
	err = zram__swap_on(s, SWAP_PAGES);
	if (!err)
		err = duel__run(s, &ops, &t);
	munmap(t.map, STRESS_HPAGE);
cleanup:
	close(t.file.fd);
	zram__swap_off();
	return err;
}

STRESS_CLASS(shmem_truncate_swap) = {.name = "shmem-truncate-swap", .check = check, .run = run};
