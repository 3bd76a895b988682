/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call in a child that may use 64 MiB more memory and some seconds of CPU time: for reading
 * hostile files. Sanitizers need memory of their own, so with them only time is limited.
 */
#ifndef THPRACE_BOUNDED_H
#define THPRACE_BOUNDED_H

#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOUNDED_MEMORY (64UL << 20)
#define BOUNDED_SECONDS 10 /* limit for a hang: it normally takes milliseconds */

static inline void bounded__limit(void)
{
	struct rlimit seconds = {BOUNDED_SECONDS, BOUNDED_SECONDS};

	setrlimit(RLIMIT_CPU, &seconds);
#ifndef __SANITIZE_ADDRESS__
	FILE *statm = fopen("/proc/self/statm", "re");
	struct rlimit memory;
	unsigned long pages;

	if (!statm || fscanf(statm, "%lu", &pages) != 1)
		_exit(99);
	fclose(statm);
	memory.rlim_cur = pages * (unsigned long)sysconf(_SC_PAGESIZE) + BOUNDED_MEMORY;
	memory.rlim_max = memory.rlim_cur;
	setrlimit(RLIMIT_AS, &memory);
#endif
}

/* Returns the result of fn(ctx), 0 to 98; or -1: it was killed. */
static inline int bounded(int (*fn)(void *ctx), void *ctx)
{
	pid_t child = fork();
	int status;

	if (!child) {
		bounded__limit();
		_exit(fn(ctx));
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
