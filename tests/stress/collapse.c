// SPDX-License-Identifier: GPL-2.0-only
/*
 * collapse-reuse: a tmpfs file of small pages is collapsed into huge ones over and over, while
 * threads touch and read random pages of it.
 *
 * By khugepaged, without pauses. A collapse puts its huge page into the page cache from the start
 * of the extent on; a task that finds it there meanwhile waits for its lock. Every extent lacks its
 * last page, and the file system is full, so each collapse fails at its very end (shmem_charge() in
 * collapse_file()), and khugepaged continues with the next extent, with the same huge page if the
 * kernel carries it over. The finders are batch tasks, which preempt nobody when they are woken,
 * and there is one more task per CPU that is always ready to run: so they are late.
 *
 * A kernel without the fix must survive this, so the finders read, and nothing is ever collapsed,
 * punched or written: a write or punch where the page is not any more leaves other pages locked
 * forever. Nor may the page become anonymous memory: it is only used for tasks that request it with
 * madvise() meanwhile.
 *
 * By MADV_COLLAPSE if it exists (6.1): no kernel that has it carries a page over, so this only runs
 * collapse_file() beside threads that drop and touch pages.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"

#include "stress.h"

#define EXTENTS 6
#define FILE_SIZE (EXTENTS * STRESS_HPAGE)
#define PAGES_PER_EXTENT (STRESS_HPAGE / STRESS_PAGE)
#define THP_ENABLED "/sys/kernel/mm/transparent_hugepage/enabled"
#define CAPACITY (FILE_SIZE - EXTENTS * STRESS_PAGE)
#define NICEST 19
#define FINDERS 6

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

struct collapse {
	struct stress *s;
	struct shared_file file; /* one arena, of all extents */
	char *map;
	unsigned long scans_before; /* khugepaged's count */
	bool by_madvise;
	bool stop;
	unsigned int threads;
	pthread_t thread[1 + STRESS_MAX_OPENERS + STRESS_MAX_CPUS];
	id_t khugepaged; /* its pid, 0: not known */
	int nice; /* its previous value */
	atomic_uint slot;
	atomic_ulong drops; /* of all faulters */
	atomic_ulong drops_in[EXTENTS];
};

/* Only for this thread. If it is not allowed, it does without. */
static void be_late(void)
{
	const struct sched_param none = {0};

	setpriority(PRIO_PROCESS, 0, NICEST);
	pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
}

static bool find_page(struct collapse *c, size_t page)
{
	char *at = c->map + page * STRESS_PAGE, byte;

	if (!c->by_madvise)
		return pread(c->file.fd, &byte, 1, (off_t)(page * STRESS_PAGE)) == 1;
	madvise(at, STRESS_PAGE, MADV_DONTNEED);
	support__touch(at);
	return true;
}

static void *finder(void *arg)
{
	struct collapse *c = arg;
	unsigned int slot = atomic_fetch_add(&c->slot, 1);
	unsigned int seed = (unsigned int)c->s->options->seed + slot;

	if (c->by_madvise)
		support__pin(c->s->options, slot);
	else
		be_late();
	while (!*(volatile bool *)&c->stop) {
		size_t page = (size_t)rand_r(&seed) % (EXTENTS * PAGES_PER_EXTENT);

		atomic_fetch_add(&c->drops_in[page / PAGES_PER_EXTENT], 1);
		if (!find_page(c, page))
			return NULL;
		atomic_fetch_add(&c->drops, 1);
	}
	return NULL;
}

/* Always ready to run. */
static void *spinner(void *arg)
{
	struct collapse *c = arg;

	setpriority(PRIO_PROCESS, 0, NICEST);
	while (!*(volatile bool *)&c->stop)
		;
	return NULL;
}

/* Splits what MADV_COLLAPSE has collapsed, and makes it fail. */
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

/* The pid of the kernel's thread, or 0. */
static id_t find_khugepaged(void)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	char path[300], text[32];
	uint64_t found = 0, pid;

	while (proc && !found && (entry = readdir(proc))) {
		if (number__parse(entry->d_name, 1, INT_MAX, &pid))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (!support__read(path, text, sizeof(text)) && !strcmp(text, "khugepaged"))
			found = pid;
	}
	if (proc)
		closedir(proc);
	return (id_t)found;
}

static void hurry_khugepaged(struct collapse *c)
{
	c->khugepaged = find_khugepaged();
	if (!c->khugepaged)
		return;
	c->nice = getpriority(PRIO_PROCESS, c->khugepaged);
	setpriority(PRIO_PROCESS, c->khugepaged, 0); /* fails in a container: does without */
}

static int drive_khugepaged(struct stress *s)
{
	int err = support__set(THP_ENABLED, "madvise");

	if (!err)
		err = support__khugepaged();
	if (err)
		stress__refuse(s, err,
			       "no MADV_COLLAPSE (Linux 6.1), and khugepaged cannot be driven "
			       "(%s); run as root",
			       strerror(-err));
	return err;
}

static int open_file(struct collapse *c, struct stress *s)
{
	if (c->by_madvise || s->options->dir)
		return shared_file__open(&c->file, s, (off_t)FILE_SIZE);
	c->file.fd = support__private_tmpfs_file(s, (off_t)FILE_SIZE, CAPACITY);
	return c->file.fd < 0 ? c->file.fd : shared_file__reserve(&c->file, s);
}

static int fill_file(struct collapse *c, struct stress *s)
{
	static char page[STRESS_PAGE] = {1};

	for (size_t i = 0; i < EXTENTS * PAGES_PER_EXTENT; i++) {
		bool last = i % PAGES_PER_EXTENT == PAGES_PER_EXTENT - 1;

		if (!c->by_madvise && last)
			continue;
		if (pwrite(c->file.fd, page, sizeof(page), (off_t)(i * STRESS_PAGE)) !=
		    (ssize_t)sizeof(page))
			return stress__refuse(s, -errno, "cannot write to tmpfs: %s",
					      strerror(errno));
	}
	return 0;
}

static int set_up(struct collapse *c, struct stress *s)
{
	int err = support__thp_on(s);

	*c = (struct collapse){.s = s, .file = {.fd = -1, .mappings = EXTENTS}};
	c->by_madvise = !madvise(NULL, 0, MADV_COLLAPSE); /* with length 0: is it known? */
	if (!err)
		err = open_file(c, s);
	if (!err)
		err = fill_file(c, s);
	if (err)
		return err;
	c->map = mmap(c->file.arena[0], FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		      c->file.fd, 0);
	if (c->map == MAP_FAILED)
		return stress__refuse(s, -errno, "cannot map tmpfs: %s", strerror(errno));
	/*
	 * twice: huge=advise checks the flag that the first call sets (shmem_is_huge() of 6.1), and
	 * only those that may have huge pages are put on khugepaged's list
	 */
	madvise(c->map, FILE_SIZE, MADV_HUGEPAGE);
	madvise(c->map, FILE_SIZE, MADV_HUGEPAGE);
	return c->by_madvise ? 0 : drive_khugepaged(s);
}

static int check(struct stress *s)
{
	struct collapse c;
	int err = set_up(&c, s);

	shared_file__close(&c.file);
	return err;
}

static int start_thread(struct collapse *c, void *(*what)(void *))
{
	int err = pthread_create(&c->thread[c->threads], NULL, what, c);

	if (err)
		return stress__refuse(c->s, -err, "cannot start a thread: %s", strerror(err));
	c->threads++;
	return 0;
}

/* Finders are the openers; the other threads help. */
static int start_threads(struct collapse *c)
{
	unsigned int finders = c->s->options->threads;
	int err = c->by_madvise ? start_thread(c, puncher) : 0;

	finders = finders > 3 ? finders - 2 : c->by_madvise ? 2 : FINDERS;
	if (finders > STRESS_MAX_OPENERS)
		finders = STRESS_MAX_OPENERS;
	atomic_store(&c->slot, 1);
	for (unsigned int i = 0; i < finders && !err; i++)
		err = start_thread(c, finder);
	for (unsigned int i = 0; i < c->s->options->cpu_count && !c->by_madvise && !err; i++)
		err = start_thread(c, spinner);
	return err;
}

static void watch_khugepaged(struct collapse *c)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	struct stress_result *r = &c->s->result;

	hurry_khugepaged(c);
	while (!stress__over(c->s))
		nanosleep(&pause, NULL);
	if (c->khugepaged)
		setpriority(PRIO_PROCESS, c->khugepaged, c->nice);
	r->walker_runs = support__khugepaged_count("full_scans") - c->scans_before;
}

static int run(struct stress *s)
{
	struct collapse c;
	int err = set_up(&c, s);

	if (err)
		goto cleanup;
	s->result.overlap_known = c.by_madvise;
	c.scans_before = support__khugepaged_count("full_scans");
	err = start_threads(&c);
	if (c.by_madvise)
		support__pin(s->options, 0);
	while (!err && c.by_madvise && !stress__over(s))
		collapse_all(&c);
	if (!err && !c.by_madvise)
		watch_khugepaged(&c);
	*(volatile bool *)&c.stop = true;
	for (unsigned int i = 0; i < c.threads; i++)
		pthread_join(c.thread[i], NULL);
	s->result.opener_runs = atomic_load(&c.drops);
cleanup:
	shared_file__close(&c.file);
	return err;
}

STRESS_CLASS(collapse) = {
	.name = "collapse-reuse",
	.alias = "collapse",
	.check = check,
	.run = run,
};
