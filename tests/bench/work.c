// SPDX-License-Identifier: GPL-2.0-only
/*
 * The workloads of the benchmark: does one of them for so many operations and prints the ns that one
 * operation took. Statically linked, so that nothing but the kernel differs between two runs.
 *
 *   work unmap N    unmap 4 KiB pages; an operation is one page, only munmap counts
 *   work thp N      map, touch and unmap a huge page
 *   work zap N      map, touch and unmap a huge page of a file that is there: the most windows
 *   work fork N     fork, exec, exit
 *   work reclaim N  write out 4 KiB pages (swap needed); an operation is one page
 *   work truncate N truncate small pages of a file in memory; an operation is one page, only ftruncate counts
 *   work pace N     zap huge pages that are there, compute for N times 1000 rounds for each; ns of 64 of them
 *   work storm N    N ms of zapping huge pages on all CPUs, as fast as they can; prints windows
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"

#define PAGE 4096UL
#define HUGE (2UL << 20)
#define BATCH 4096UL /* pages at a time */
#define HUGE_BATCH 16UL

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "work: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* size bytes at a multiple of a huge page. */
static unsigned char *map(size_t size, int advice)
{
	unsigned char *at =
		mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (at == MAP_FAILED)
		die("mmap");
	before = (HUGE - (uintptr_t)at % HUGE) % HUGE;
	if (before)
		munmap(at, before);
	munmap(at + before + size, HUGE - before);
	if (madvise(at + before, size, advice))
		die("madvise");
	return at + before;
}

static void touch(unsigned char *at, size_t size, size_t step)
{
	size_t i;

	for (i = 0; i < size; i += step)
		((volatile unsigned char *)at)[i] = (unsigned char)i;
}

static uint64_t unmap(unsigned long n)
{
	uint64_t spent = 0, start;
	unsigned char *at;
	unsigned long i;

	for (i = 0; i < n; i += BATCH) {
		at = map(BATCH * PAGE, MADV_NOHUGEPAGE);
		touch(at, BATCH * PAGE, PAGE);
		start = now();
		munmap(at, BATCH * PAGE);
		spent += now() - start;
	}
	return spent;
}

static uint64_t thp(unsigned long n)
{
	uint64_t start = now();
	unsigned char *at;
	unsigned long i;

	for (i = 0; i < n; i += HUGE_BATCH) {
		at = map(HUGE_BATCH * HUGE, MADV_HUGEPAGE);
		touch(at, HUGE_BATCH * HUGE, HUGE);
		munmap(at, HUGE_BATCH * HUGE);
	}
	return now() - start;
}

/* A file in memory of HUGE_BATCH huge pages, all of them there. */
static int huge_file(void)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, HUGE_BATCH * HUGE))
		die("memfd");
	return fd;
}

/* Map it, touch each huge page, unmap it: a window each, and no page is allocated or cleared. */
static void zap_file(int fd)
{
	unsigned char *at = map(HUGE_BATCH * HUGE, MADV_HUGEPAGE);

	at = mmap(at, HUGE_BATCH * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (at == MAP_FAILED || madvise(at, HUGE_BATCH * HUGE, MADV_HUGEPAGE))
		die("mmap");
	touch(at, HUGE_BATCH * HUGE, HUGE);
	munmap(at, HUGE_BATCH * HUGE);
}

static uint64_t zap(unsigned long n)
{
	int fd = huge_file();
	uint64_t start;
	unsigned long i;

	zap_file(fd);
	start = now();
	for (i = 0; i < n; i += HUGE_BATCH)
		zap_file(fd);
	start = now() - start;
	close(fd);
	return start;
}

static uint64_t fork_exec(unsigned long n)
{
	static char name[] = "work", word[] = "exit";
	char *const argv[] = {name, word, NULL};
	uint64_t start = now();
	unsigned long i;
	int status;
	pid_t pid;

	for (i = 0; i < n; i++) {
		pid = fork();
		if (pid < 0)
			die("fork");
		if (!pid) {
			execv("/proc/self/exe", argv);
			_exit(1);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			die("exec");
	}
	return now() - start;
}

static uint64_t reclaim(unsigned long n)
{
	unsigned char *at = map(BATCH * PAGE, MADV_NOHUGEPAGE);
	uint64_t spent = 0, start;
	unsigned long i;

	for (i = 0; i < n; i += BATCH) {
		touch(at, BATCH * PAGE, PAGE);
		start = now();
		if (madvise(at, BATCH * PAGE, MADV_PAGEOUT))
			die("MADV_PAGEOUT");
		spent += now() - start;
	}
	munmap(at, BATCH * PAGE);
	return spent;
}

static uint64_t truncate_file(unsigned long n)
{
	static const char page[PAGE];
	uint64_t spent = 0, start;
	unsigned long i, at;
	int fd = memfd_create("bench", MFD_CLOEXEC);

	if (fd < 0)
		die("memfd");
	for (i = 0; i < n; i += BATCH) {
		for (at = 0; at < BATCH; at++)
			if (write(fd, page, sizeof(page)) != sizeof(page))
				die("write");
		start = now();
		if (ftruncate(fd, 0))
			die("ftruncate");
		spent += now() - start;
		lseek(fd, 0, SEEK_SET);
	}
	close(fd);
	return spent;
}

/*
 * N sets the share of windows in the machine's work; with existing huge pages, so that the range is
 * wide.
 */
static uint64_t pace(unsigned long n)
{
	unsigned long batches = n < 100 ? 64 : 4, batch, i;
	volatile unsigned long sum = 0;
	int fd = huge_file();
	uint64_t start;

	zap_file(fd);
	start = now();
	for (batch = 0; batch < batches; batch++) {
		zap_file(fd);
		for (i = 0; i < n * 1000 * HUGE_BATCH; i++)
			sum += i;
	}
	start = now() - start;
	close(fd);
	return start * 64 / (batches * HUGE_BATCH) * n;
}

/*
 * Each CPU zaps windows as fast as it can; from time to time a huge page is truncated while it is
 * mapped.
 */
static unsigned long storm_on(int cpu, uint64_t until)
{
	unsigned long windows = 0, round = 0;
	int fd = huge_file();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	while (now() < until) {
		zap_file(fd);
		windows += HUGE_BATCH;
		if (++round % 256 == 0)
			fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HUGE);
	}
	return windows;
}

static unsigned long storm(unsigned long ms)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN), cpu, pipes[2];
	uint64_t until = now() + ms * 1000000ULL;
	unsigned long windows, sum = 0;

	if (pipe(pipes))
		die("pipe");
	for (cpu = 0; cpu < cpus; cpu++) {
		if (fork())
			continue;
		windows = storm_on(cpu, until);
		if (write(pipes[1], &windows, sizeof(windows)) != sizeof(windows))
			_exit(1);
		_exit(0);
	}
	for (cpu = 0; cpu < cpus; cpu++) {
		if (read(pipes[0], &windows, sizeof(windows)) != sizeof(windows))
			die("storm");
		sum += windows;
	}
	while (wait(NULL) > 0)
		;
	return sum;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		uint64_t (*run)(unsigned long n);
		unsigned long unit; /* n is rounded up to a multiple of this */
	} works[] = {
		{"unmap", unmap, BATCH},     {"thp", thp, HUGE_BATCH},
		{"zap", zap, HUGE_BATCH},    {"fork", fork_exec, 1},
		{"reclaim", reclaim, BATCH}, {"truncate", truncate_file, BATCH},
		{"pace", pace, 1},
	};
	uint64_t n;
	size_t i;

	if (argc == 2 && !strcmp(argv[1], "exit"))
		return 0;
	if (argc != 3 || number__parse(argv[2], 1, UINT64_MAX, &n)) {
		fputs("Usage: work unmap|thp|zap|fork|reclaim|truncate|pace|storm N\n", stderr);
		return 2;
	}
	if (!strcmp(argv[1], "storm")) {
		printf("%lu\n", storm(n));
		return 0;
	}
	for (i = 0; i < sizeof(works) / sizeof(*works); i++) {
		if (strcmp(argv[1], works[i].name))
			continue;
		n = (n + works[i].unit - 1) / works[i].unit * works[i].unit;
		printf("%.2f\n", (double)works[i].run(n) / (double)n);
		return 0;
	}
	fprintf(stderr, "work: no workload '%s'\n", argv[1]);
	return 2;
}
