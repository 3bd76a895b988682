// SPDX-License-Identifier: GPL-2.0-only
/*
 * swapin-nocache (races/swapin-nocache.race): one task writes a counter into a page, pages it out, and
 * reads it back; another reads the page meanwhile. Both fault on the same swap entry, which zram reads
 * past the swap cache. All but one of the device's pages are in use, so that the page gets the same
 * entry again: a reader that is late then maps the page with an older counter.
 *
 * Needs the module zram, root, and a system without other swap. A lost write is counted.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "stress.h"

#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif

#define PAGES 64 /* so few that CPUs keep no entries of their own (mm/swap_slots.c) */
#define FILL_MAX 256
#define PATIENCE 20000 /* looks of the reader, until it reads anyway */

struct swap_in {
	struct stress *stress;
	volatile uint64_t *cell;
	char *fill;
	atomic_uint turn; /* the writer has paged the cell out */
	atomic_bool stop;
	uint64_t reads;
};

/* Pages that stay swapped out, until one entry is left. */
static void fill_swap(struct swap_in *in)
{
	size_t i;
	char *page;

	for (i = 0; i < FILL_MAX && zram__meminfo("SwapFree:") > 1; i++) {
		page = in->fill + i * STRESS_PAGE;
		memset(page, (int)i + 1, STRESS_PAGE);
		page[99] = 7; /* zram keeps no pages of one value */
		madvise(page, STRESS_PAGE, MADV_PAGEOUT);
	}
}

static void *read_cell(void *context)
{
	struct swap_in *in = context;
	char *other =
		mmap(NULL, STRESS_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int last = 0, i;
	uint64_t sum = 0;

	support__pin(in->stress->options, 1);
	while (!atomic_load(&in->stop)) {
		for (i = 0; i < PATIENCE && atomic_load(&in->turn) == last; i++)
			;
		last = atomic_load(&in->turn);
		sum += *in->cell;
		in->reads++;
		/* Drains this CPU's batch of pages, so that the cell can be paged out again. */
		madvise(other, STRESS_PAGE, MADV_COLD);
	}
	munmap(other, STRESS_PAGE);
	return (void *)(uintptr_t)(sum & 1);
}

static void write_cell(struct swap_in *in)
{
	struct stress_result *result = &in->stress->result;
	uint64_t written = 0;
	volatile unsigned int pause;

	support__pin(in->stress->options, 0);
	while (!stress__over(in->stress)) {
		*in->cell = ++written;
		madvise((void *)in->cell, STRESS_PAGE, MADV_PAGEOUT);
		if (result->rounds % 2 == 0) {
			atomic_fetch_add(&in->turn, 1);
			for (pause = 0; pause < result->rounds * 97 % 3000; pause++)
				;
		}
		if (*in->cell != written)
			result->lost++;
		result->rounds++;
	}
}

static int swap(struct swap_in *in)
{
	const int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	pthread_t reader;

	in->fill = mmap(NULL, FILL_MAX * STRESS_PAGE, protection, flags, -1, 0);
	in->cell = mmap(NULL, STRESS_PAGE, protection, flags, -1, 0);
	if (in->fill == MAP_FAILED || in->cell == MAP_FAILED)
		return stress__refuse(in->stress, -ENOMEM, "no memory");
	madvise(in->fill, FILL_MAX * STRESS_PAGE, MADV_NOHUGEPAGE);
	fill_swap(in);
	if (pthread_create(&reader, NULL, read_cell, in))
		return stress__refuse(in->stress, -EAGAIN, "no thread");
	write_cell(in);
	atomic_store(&in->stop, true);
	pthread_join(reader, NULL);
	in->stress->result.opener_runs = in->stress->result.rounds;
	in->stress->result.walker_runs = in->reads;
	return 0;
}

static int run(struct stress *s)
{
	struct swap_in in = {.stress = s};
	int err;

	s->result.lost_known = true;
	err = zram__swap_on(s, PAGES);
	if (!err)
		err = swap(&in);
	zram__swap_off();
	return err;
}

STRESS_CLASS(swapin_nocache) = {.name = "swapin-nocache", .check = zram__check, .run = run};
