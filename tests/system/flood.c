// SPDX-License-Identifier: GPL-2.0-only
/*
 * flood SECONDS THREADS [collide]: maps the huge zero page and zaps it again, all the time, as any
 * user may. The observer pays for each zap (zap, lock), and none of it is a window. collide: only
 * with threads whose numbers have the same low bits, so that a table indexed by these bits has one
 * place for all of them. These threads rest eight times as long as they worked: together they use
 * one CPU, however slow it is.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HUGE ((size_t)2 << 20)
#define COUNT 64
#define SAME 0xfeL /* bits of a thread's number; the lowest is free */
#define REST 8L

static int collide, chosen;

static void rest(const struct timespec *since)
{
	struct timespec now, pause;
	long ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = REST * ((now.tv_sec - since->tv_sec) * 1000000000L + now.tv_nsec - since->tv_nsec);
	pause.tv_sec = ns / 1000000000L;
	pause.tv_nsec = ns % 1000000000L;
	nanosleep(&pause, NULL);
}

static void *zap(void *unused)
{
	struct timespec start;
	volatile char *huge;
	char *memory;
	int i;

	(void)unused;
	if (collide) {
		if ((syscall(SYS_gettid) & SAME) != SAME)
			return NULL;
		__atomic_fetch_add(&chosen, 1, __ATOMIC_SEQ_CST);
	}
	memory = mmap(NULL, (COUNT + 1) * HUGE, PROT_READ,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		exit(1);
	huge = (char *)(((uintptr_t)memory + HUGE - 1) & ~(HUGE - 1));
	madvise((void *)huge, COUNT * HUGE, MADV_HUGEPAGE);
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &start);
		for (i = 0; i < COUNT; i++)
			(void)huge[i * HUGE];
		if (madvise((void *)huge, COUNT * HUGE, MADV_DONTNEED))
			exit(1);
		if (collide)
			rest(&start);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int i, threads;

	if (argc != 3 && (argc != 4 || strcmp(argv[3], "collide")))
		return 2;
	threads = atoi(argv[2]);
	collide = argc == 4;
	for (i = 0; collide ? __atomic_load_n(&chosen, __ATOMIC_SEQ_CST) < threads : i < threads;
	     i++)
		if (pthread_create(&thread, NULL, zap, NULL) || (collide && pthread_detach(thread)))
			return 1;
	puts("ready");
	fflush(stdout);
	sleep((unsigned int)atoi(argv[1]));
	return 0;
}
