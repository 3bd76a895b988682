// SPDX-License-Identifier: GPL-2.0-only
/*
 * collapse: a tmpfs file of small pages is collapsed into huge ones over and over, while threads
 * drop and touch random pages of it, and one punches single pages out and writes them again, which
 * makes some collapses fail and splits what was collapsed.
 *
 * The collapsing is done by MADV_COLLAPSE (6.1), or else by khugepaged, driven without pauses.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define EXTENTS 6
#define FILE_SIZE (EXTENTS * STRESS_HPAGE)
#define PAGES_PER_EXTENT (STRESS_HPAGE / STRESS_PAGE)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

struct collapse {
	struct stress *s;
	struct shared_file file; /* one arena, of all extents */
	char *map;
	unsigned long collapsed_before; /* khugepaged's count */
	bool by_madvise;
	bool stop;
	unsigned int faulters;
	pthread_t thread[STRESS_MAX_OPENERS + 1];
	atomic_uint slot;
	atomic_ulong drops; /* of all faulters */
	atomic_ulong drops_in[EXTENTS];
};

static void *faulter(void *arg)
{
	struct collapse *c = arg;
	unsigned int slot = atomic_fetch_add(&c->slot, 1);
	unsigned int seed = (unsigned int)c->s->options->seed + slot;

	support__pin(c->s->options, slot);
	while (!*(volatile bool *)&c->stop) {
		size_t page = (size_t)rand_r(&seed) % (EXTENTS * PAGES_PER_EXTENT);
		char *at = c->map + page * STRESS_PAGE;

		atomic_fetch_add(&c->drops_in[page / PAGES_PER_EXTENT], 1);
		madvise(at, STRESS_PAGE, MADV_DONTNEED);
		support__touch(at);
		atomic_fetch_add(&c->drops, 1);
	}
	return NULL;
}

static void *puncher(void *arg)
{
	const struct timespec pause = {.tv_nsec = 3000000};
	struct collapse *c = arg;
	unsigned int seed = (unsigned int)c->s->options->seed;

	while (!*(volatile bool *)&c->stop) {
		for (size_t extent = 0; extent < EXTENTS; extent++) {
			size_t page = (size_t)rand_r(&seed) % PAGES_PER_EXTENT;
			off_t at = (off_t)(extent * STRESS_HPAGE + page * STRESS_PAGE);

			shared_file__punch(&c->file, at, STRESS_PAGE);
			if (pwrite(c->file.fd, "x", 1, at) != 1)
				return NULL;
		}
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void collapse_all(struct collapse *c)
{
	struct stress_result *r = &c->s->result;

	for (size_t extent = 0; extent < EXTENTS; extent++) {
		unsigned long before = atomic_load(&c->drops_in[extent]);
		int err = madvise(c->map + extent * STRESS_HPAGE, STRESS_HPAGE, MADV_COLLAPSE);

		r->walker_runs++;
		r->rounds++;
		r->mapped++;
		r->huge += !err;
		r->simultaneous += atomic_load(&c->drops_in[extent]) != before;
	}
}

static int drive_khugepaged(struct stress *s)
{
	int err = support__khugepaged();

	if (err)
		stress__refuse(s, err,
			       "no MADV_COLLAPSE (Linux 6.1), and khugepaged cannot be driven "
			       "(%s); run as root",
			       strerror(-err));
	return err;
}

static int set_up(struct collapse *c, struct stress *s)
{
	static char page[STRESS_PAGE] = {1};
	int err = support__thp_on(s);

	*c = (struct collapse){.s = s, .file = {.fd = -1, .mappings = EXTENTS}};
	if (!err)
		err = shared_file__open(&c->file, s, (off_t)FILE_SIZE);
	if (err)
		return err;
	for (size_t at = 0; at < FILE_SIZE; at += STRESS_PAGE)
		if (pwrite(c->file.fd, page, sizeof(page), (off_t)at) != (ssize_t)sizeof(page))
			return stress__refuse(s, -errno, "cannot write to tmpfs: %s",
					      strerror(errno));
	c->map = mmap(c->file.arena[0], FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		      c->file.fd, 0);
	if (c->map == MAP_FAILED)
		return stress__refuse(s, -errno, "cannot map tmpfs: %s", strerror(errno));
	/* twice: huge=advise asks the flag that the first sets (shmem_is_huge() of 6.1), and only
	 * who may have huge pages is put on khugepaged's list */
	madvise(c->map, FILE_SIZE, MADV_HUGEPAGE);
	madvise(c->map, FILE_SIZE, MADV_HUGEPAGE);
	c->by_madvise = !madvise(c->map, 0, MADV_COLLAPSE); /* of no length: is the word known? */
	return c->by_madvise ? 0 : drive_khugepaged(s);
}

static int check(struct stress *s)
{
	struct collapse c;
	int err = set_up(&c, s);

	shared_file__close(&c.file);
	return err;
}

/* Faulters are the openers; one more thread punches. */
static int start_threads(struct collapse *c)
{
	unsigned int threads = c->s->options->threads;
	int err;

	threads = threads > 3 ? threads - 2 : 2;
	if (threads > STRESS_MAX_OPENERS)
		threads = STRESS_MAX_OPENERS;
	atomic_store(&c->slot, 1);
	err = pthread_create(&c->thread[0], NULL, puncher, c);
	while (!err && c->faulters < threads) {
		err = pthread_create(&c->thread[1 + c->faulters], NULL, faulter, c);
		c->faulters += !err;
	}
	return err ? stress__refuse(c->s, -err, "cannot start a thread: %s", strerror(err)) : 0;
}

static void watch_khugepaged(struct collapse *c)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	struct stress_result *r = &c->s->result;

	while (!stress__over(c->s))
		nanosleep(&pause, NULL);
	r->walker_runs = support__collapsed() - c->collapsed_before;
	r->mapped = r->huge = r->walker_runs;
}

static int run(struct stress *s)
{
	struct collapse c;
	int err = set_up(&c, s);

	if (err)
		goto cleanup;
	s->result.overlap_known = c.by_madvise;
	c.collapsed_before = support__collapsed();
	err = start_threads(&c);
	support__pin(s->options, 0);
	while (!err && c.by_madvise && !stress__over(s))
		collapse_all(&c);
	if (!err && !c.by_madvise)
		watch_khugepaged(&c);
	*(volatile bool *)&c.stop = true;
	for (unsigned int i = 0; i <= c.faulters; i++)
		pthread_join(c.thread[i], NULL);
	s->result.opener_runs = atomic_load(&c.drops);
cleanup:
	shared_file__close(&c.file);
	return err;
}

const struct stress_class collapse_class = {
	.name = "collapse",
	.alias = "collapse-reuse",
	.check = check,
	.run = run,
};
