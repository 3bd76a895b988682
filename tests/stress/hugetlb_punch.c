// SPDX-License-Identifier: GPL-2.0-only
/*
 * hugetlb-punch (races/hugetlb-punch.race): one task punches a hole into a file of one huge page, one
 * moves that page between two nodes, and one faults it in again. The puncher's reference lets most
 * migrations fail, which then map the page again.
 *
 * Needs root, huge pages, and two nodes: numa=fake=2 makes two of one.
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

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4U
#endif

#define NODES 2
#define PAGES "16" /* of each node: the one of the file, the one it moves to, and those in flight */
#define MOVE_ALL 4 /* MPOL_MF_MOVE_ALL: also what other tasks map */
#define SETTING "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages"
#define PAUSE 200 /* turns between two touches */

struct punch {
	struct stress *stress;
	volatile char *page;
	int fd;
	atomic_bool stop;
	uint64_t moves;
};

static const char *setting(int node, char path[128])
{
	snprintf(path, 128, SETTING, node);
	return path;
}

static int check(struct stress *s)
{
	char path[128], text[32];
	int node;

	for (node = 0; node < NODES; node++)
		if (support__read(setting(node, path), text, sizeof(text)))
			return stress__refuse(s, -EOPNOTSUPP,
					      "no %s: needs huge pages and two nodes (numa=fake=2)",
					      path);
	if (geteuid())
		return stress__refuse(s, -EPERM, "needs root: it reserves huge pages");
	return 0;
}

static void *move(void *context)
{
	struct punch *punch = context;
	void *page = (void *)punch->page;
	int node = 1, status = 0;

	support__pin(punch->stress->options, 1);
	while (!atomic_load(&punch->stop)) {
		syscall(SYS_move_pages, 0, 1UL, &page, &node, &status, MOVE_ALL);
		punch->moves++;
		node = !node;
	}
	return NULL;
}

static void *touch(void *context)
{
	struct punch *punch = context;
	volatile int i;

	while (!atomic_load(&punch->stop)) {
		*punch->page = 1;
		for (i = 0; i < PAUSE; i++)
			;
	}
	return NULL;
}

static int punch_holes(struct punch *punch)
{
	struct stress_result *result = &punch->stress->result;
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	support__pin(punch->stress->options, 0);
	while (!stress__over(punch->stress)) {
		if (fallocate(punch->fd, mode, 0, STRESS_HPAGE))
			return stress__refuse(punch->stress, -errno, "cannot punch a hole: %s",
					      strerror(errno));
		result->walker_runs++;
		result->rounds++;
	}
	return 0;
}

static int fight(struct punch *punch)
{
	pthread_t mover, toucher;
	int err;

	punch->fd = (int)syscall(SYS_memfd_create, "thprace-stress", MFD_HUGETLB);
	if (punch->fd < 0 || ftruncate(punch->fd, STRESS_HPAGE))
		return stress__refuse(punch->stress, -errno, "no file of huge pages: %s",
				      strerror(errno));
	punch->page = mmap(NULL, STRESS_HPAGE, PROT_READ | PROT_WRITE, MAP_SHARED, punch->fd, 0);
	if (punch->page == MAP_FAILED)
		return stress__refuse(punch->stress, -ENOMEM, "no huge page");
	if (pthread_create(&mover, NULL, move, punch))
		return stress__refuse(punch->stress, -EAGAIN, "no thread");
	err = pthread_create(&toucher, NULL, touch, punch)
		      ? stress__refuse(punch->stress, -EAGAIN, "no thread")
		      : 0;
	if (!err) {
		err = punch_holes(punch);
		atomic_store(&punch->stop, true);
		pthread_join(toucher, NULL);
	}
	atomic_store(&punch->stop, true);
	pthread_join(mover, NULL);
	punch->stress->result.opener_runs = punch->moves;
	return err;
}

static int run(struct stress *s)
{
	struct punch punch = {.stress = s, .fd = -1};
	char path[128];
	int node, err = 0;

	for (node = 0; node < NODES && !err; node++) {
		err = support__set(setting(node, path), PAGES);
		if (err)
			err = stress__refuse(s, err, "cannot reserve huge pages: %s: %s", path,
					     strerror(-err));
	}
	if (!err)
		err = fight(&punch);
	if (punch.fd >= 0)
		close(punch.fd);
	return err;
}

STRESS_CLASS(hugetlb_punch) = {.name = "hugetlb-punch", .check = check, .run = run};
