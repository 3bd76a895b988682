// SPDX-License-Identifier: GPL-2.0-only
/*
 * smaps-migration (races/smaps-migration.race): one task moves pages of hugetlbfs from one node to the
 * other and back, while another reads /proc/self/smaps_rollup, which looks at each mapping of them.
 *
 * Needs root and two nodes; with CONFIG_NUMA_EMU numa=fake=2 on the kernel's command line makes them.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stress.h"

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4U
#endif
#define MFD_HUGE_2MB (21U << 26)
#define MPOL_MF_MOVE_ALL 4 /* linux/mempolicy.h, of a package that nothing else needs */
#define PAGES 4UL /* moved by one call, most of which is spent on draining the CPUs' lists */
#define MAPPINGS 2 /* of each */
#define OF_NODE "5" /* pages */
#define NODE "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages"

struct move {
	struct stress *stress;
	char *pages;
	atomic_bool stop;
	uint64_t moved;
};

/* Pages of both nodes; undone by support__restore(). */
static int take_pages(struct stress *s)
{
	char path[128];
	int node, err;

	for (node = 0; node < 2; node++) {
		snprintf(path, sizeof(path), NODE, node);
		if (access(path, F_OK))
			return stress__refuse(s, -EOPNOTSUPP,
					      "needs two nodes with huge pages of 2 MiB: boot with "
					      "numa=fake=2");
		err = support__set(path, OF_NODE);
		if (err)
			return stress__refuse(s, err, "no huge pages of node %d: %s", node,
					      strerror(-err));
	}
	return 0;
}

static int check(struct stress *s)
{
	if (geteuid())
		return stress__refuse(s, -EPERM, "needs root: it sets the number of huge pages");
	return take_pages(s);
}

static void *move_page(void *context)
{
	struct move *move = context;
	int to = 1, node[PAGES], status[PAGES];
	void *page[PAGES];
	size_t i;

	support__pin(move->stress->options, 1);
	for (i = 0; i < PAGES; i++)
		page[i] = move->pages + i * STRESS_HPAGE;
	while (!atomic_load(&move->stop)) {
		for (i = 0; i < PAGES; i++) {
			node[i] = to;
			status[i] = -1;
		}
		syscall(SYS_move_pages, 0, PAGES, page, node, status, MPOL_MF_MOVE_ALL);
		for (i = 0; i < PAGES; i++)
			move->moved += status[i] == to;
		to = !to;
	}
	return NULL;
}

static int read_smaps(struct move *move)
{
	struct stress *s = move->stress;
	int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
	char text[4096];
	pthread_t mover;

	if (fd < 0)
		return stress__refuse(s, -errno, "/proc/self/smaps_rollup: %s", strerror(errno));
	if (pthread_create(&mover, NULL, move_page, move)) {
		close(fd);
		return stress__refuse(s, -EAGAIN, "no thread");
	}
	support__pin(s->options, 0);
	while (!stress__over(s) && pread(fd, text, sizeof(text), 0) > 0)
		s->result.rounds++;
	atomic_store(&move->stop, true);
	pthread_join(mover, NULL);
	close(fd);
	s->result.opener_runs = move->moved;
	s->result.walker_runs = s->result.rounds;
	return 0;
}

static int run(struct stress *s)
{
	struct move move = {.stress = s};
	int fd = (int)syscall(SYS_memfd_create, "smaps-migration", MFD_HUGETLB | MFD_HUGE_2MB);
	size_t i, at;

	if (fd < 0 || ftruncate(fd, PAGES * STRESS_HPAGE))
		return stress__refuse(s, -errno, "no file of hugetlbfs: %s", strerror(errno));
	for (i = 0; i < MAPPINGS; i++) {
		move.pages =
			mmap(NULL, PAGES * STRESS_HPAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (move.pages == MAP_FAILED)
			return stress__refuse(s, -errno, "no mapping: %s", strerror(errno));
		for (at = 0; at < PAGES; at++)
			move.pages[at * STRESS_HPAGE] = 1;
	}
	close(fd);
	return read_smaps(&move);
}

STRESS_CLASS(smaps_migration) = {.name = "smaps-migration", .check = check, .run = run};
