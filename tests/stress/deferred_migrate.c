// SPDX-License-Identifier: GPL-2.0-only
/*
 * deferred-migrate (races/deferred-migrate.race): in each round one task moves a new huge page to the
 * other node, and another one gives up the page's parts, one after the other: from the time when the
 * migration has taken the mapping away or, in every other round, from when it has put it back.
 * /proc/self/pagemap tells: meanwhile the page looks as if it were swapped out.
 *
 * Needs transparent huge pages and two nodes: numa=fake=2 makes two of one.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stress.h"

#define PAGEMAP_SWAPPED (1ULL << 62)
#define MPOL_MF_MOVE 2 /* linux/mempolicy.h */
#define NODE1 "/sys/devices/system/node/node1/meminfo"

struct move {
	struct stress *stress;
	char *page;
	int pagemap;
	atomic_uint round; /* the mover works on this one */
	atomic_uint done; /* and has finished this one */
	atomic_bool stop;
	uint64_t moved;
};

static int check(struct stress *s)
{
	if (access(NODE1, F_OK))
		return stress__refuse(s, -EOPNOTSUPP,
				      "needs two nodes: boot with numa=fake=2, which takes "
				      "CONFIG_NUMA_EMU");
	return support__thp_on(s);
}

/* To the node where it is not. */
static void move_page(struct move *move)
{
	void *page = move->page;
	int node = -1, status = -1;

	if (syscall(SYS_move_pages, 0, 1UL, &page, NULL, &status, 0) || status < 0)
		return;
	node = !status;
	if (!syscall(SYS_move_pages, 0, 1UL, &page, &node, &status, MPOL_MF_MOVE) && status == node)
		move->moved++;
}

static void *mover(void *context)
{
	struct move *move = context;
	unsigned int round;

	support__pin(move->stress->options, 1);
	while (!atomic_load(&move->stop)) {
		round = atomic_load(&move->round);
		if (round == atomic_load(&move->done))
			continue;
		move_page(move);
		atomic_store(&move->done, round);
	}
	return NULL;
}

static bool moving(const struct move *move)
{
	return atomic_load(&move->done) != atomic_load(&move->round);
}

static bool taken_away(const struct move *move)
{
	off_t at = (off_t)((uintptr_t)move->page / STRESS_PAGE * sizeof(uint64_t));
	uint64_t entry = 0;

	return pread(move->pagemap, &entry, sizeof(entry), at) == (ssize_t)sizeof(entry) &&
	       entry & PAGEMAP_SWAPPED;
}

/* Gives up all pages but the first, as long as it is being moved. */
static bool give_up(const struct move *move)
{
	size_t at;

	for (at = STRESS_PAGE; at < STRESS_HPAGE && moving(move); at += STRESS_PAGE)
		madvise(move->page + at, STRESS_PAGE, MADV_DONTNEED);
	return at > STRESS_PAGE;
}

/* A new huge page: the page table of the last one's parts is given up with the mapping. */
static bool renew(const struct move *move)
{
	if (mmap(move->page, STRESS_HPAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return false;
	madvise(move->page, STRESS_HPAGE, MADV_HUGEPAGE);
	*move->page = 1;
	return true;
}

static void one_round(struct move *move)
{
	struct stress_result *result = &move->stress->result;

	if (result->rounds % 64 == 0) {
		result->mapped++;
		result->huge += support__huge_kib(move->page, STRESS_HPAGE) > 0;
	}
	result->rounds++;
	atomic_fetch_add(&move->round, 1);
	while (moving(move) && !taken_away(move))
		;
	while (result->rounds % 2 && moving(move) && taken_away(move))
		;
	result->walker_runs += give_up(move);
	while (moving(move) && !stress__interrupted())
		;
}

static int fight(struct move *move)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, mover, move))
		return stress__refuse(move->stress, -EAGAIN, "no thread");
	support__pin(move->stress->options, 0);
	while (!stress__over(move->stress) && renew(move))
		one_round(move);
	atomic_store(&move->stop, true);
	pthread_join(thread, NULL);
	move->stress->result.opener_runs = move->moved;
	return 0;
}

static int run(struct stress *s)
{
	struct move move = {.stress = s, .page = support__reserve(STRESS_HPAGE)};
	int err;

	if (!move.page)
		return stress__refuse(s, -ENOMEM, "no address range");
	move.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (move.pagemap < 0)
		return stress__refuse(s, -errno, "/proc/self/pagemap: %s", strerror(errno));
	err = fight(&move);
	close(move.pagemap);
	return err;
}

STRESS_CLASS(deferred_migrate) = {.name = "deferred-migrate", .check = check, .run = run};
