// SPDX-License-Identifier: GPL-2.0-only
/*
 * Noise beside a class: threads that map an anonymous huge page, have its huge entry split into 512
 * small ones by mprotect() of one page, and unmap it. Each round is one rmap removal per small
 * page, of a folio that has no walker: work that an observer must get through.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "stress.h"

static struct {
	pthread_t thread[STRESS_MAX_NOISE];
	unsigned int started;
	atomic_bool stop;
	atomic_ulong rounds;
} noise;

static bool make_noise(char *at)
{
	if (mmap(at, STRESS_HPAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		return false;
	madvise(at, STRESS_HPAGE, MADV_HUGEPAGE);
	*(volatile char *)at = 1;
	mprotect(at, STRESS_PAGE, PROT_READ);
	*(volatile char *)(at + STRESS_PAGE) = 1;
	return !munmap(at, STRESS_HPAGE);
}

static void *noise_thread(void *area)
{
	while (!atomic_load(&noise.stop) && make_noise(area))
		atomic_fetch_add(&noise.rounds, 1);
	return NULL;
}

int noise__start(struct stress *s, unsigned int threads)
{
	int err = threads ? support__thp_on(s) : 0;

	while (!err && noise.started < threads) {
		char *area = support__reserve(STRESS_HPAGE);

		if (!area)
			return stress__refuse(s, -ENOMEM, "no address space for noise");
		err = -pthread_create(&noise.thread[noise.started], NULL, noise_thread, area);
		if (err)
			return stress__refuse(s, err, "cannot start a thread: %s", strerror(-err));
		noise.started++;
	}
	return err;
}

unsigned long noise__stop(void)
{
	atomic_store(&noise.stop, true);
	while (noise.started)
		pthread_join(noise.thread[--noise.started], NULL);
	return atomic_load(&noise.rounds);
}
