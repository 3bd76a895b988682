// SPDX-License-Identifier: GPL-2.0-only
/*
 * vma-lock-reuse (races/vma-lock-reuse.race): one thread faults in a page, over and over; another one
 * maps a new area over the one of this page, which is freed, and starts processes, which take areas
 * that were just freed.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define TURNS 16 /* times that it is mapped, between two processes */

struct reuse {
	struct stress *stress;
	char *page;
	atomic_bool stop;
	uint64_t faults;
};

static int check(struct stress *s)
{
	(void)s;
	return 0;
}

static void *fault(void *context)
{
	struct reuse *reuse = context;

	support__pin(reuse->stress->options, 0);
	while (!atomic_load(&reuse->stop)) {
		*(volatile char *)reuse->page = 1;
		madvise(reuse->page, STRESS_PAGE, MADV_DONTNEED);
		reuse->faults++;
	}
	return NULL;
}

/* Over what is there: who faults meanwhile waits. */
static bool map(const struct reuse *reuse)
{
	return mmap(reuse->page, STRESS_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static int one_round(struct reuse *reuse)
{
	struct stress_result *result = &reuse->stress->result;
	pid_t child;
	int i;

	for (i = 0; i < TURNS; i++) {
		if (!map(reuse))
			return stress__refuse(reuse->stress, -errno, "no mapping: %s",
					      strerror(errno));
		result->walker_runs++;
	}
	child = fork();
	if (child < 0)
		return stress__refuse(reuse->stress, -errno, "no process: %s", strerror(errno));
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	result->rounds++;
	return 0;
}

static int run(struct stress *s)
{
	struct reuse reuse = {.stress = s, .page = support__reserve(STRESS_PAGE)};
	pthread_t thread;
	int err = 0;

	if (!reuse.page)
		return stress__refuse(s, -ENOMEM, "no address range");
	if (!map(&reuse))
		return stress__refuse(s, -errno, "no mapping: %s", strerror(errno));
	if (pthread_create(&thread, NULL, fault, &reuse))
		return stress__refuse(s, -EAGAIN, "no thread");
	support__pin(s->options, 1);
	while (!err && !stress__over(s))
		err = one_round(&reuse);
	atomic_store(&reuse.stop, true);
	pthread_join(thread, NULL);
	s->result.opener_runs = reuse.faults;
	return err;
}

STRESS_CLASS(vma_lock_reuse) = {.name = "vma-lock-reuse", .check = check, .run = run};
