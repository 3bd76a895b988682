// SPDX-License-Identifier: GPL-2.0-only
/*
 * flood SECONDS THREADS: maps the huge zero page and zaps it again, all the time, as any user may. The
 * observer pays for each zap (zap, lock), and none of it is a window.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE ((size_t)2 << 20)
#define COUNT 64

static void *zap(void *unused)
{
	char *memory = mmap(NULL, (COUNT + 1) * HUGE, PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	volatile char *huge;
	int i;

	(void)unused;
	if (memory == MAP_FAILED)
		exit(1);
	huge = (char *)(((uintptr_t)memory + HUGE - 1) & ~(HUGE - 1));
	madvise((void *)huge, COUNT * HUGE, MADV_HUGEPAGE);
	for (;;) {
		for (i = 0; i < COUNT; i++)
			(void)huge[i * HUGE];
		if (madvise((void *)huge, COUNT * HUGE, MADV_DONTNEED))
			exit(1);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int i;

	if (argc != 3)
		return 2;
	for (i = 0; i < atoi(argv[2]); i++)
		if (pthread_create(&thread, NULL, zap, NULL))
			return 1;
	sleep((unsigned int)atoi(argv[1]));
	return 0;
}
