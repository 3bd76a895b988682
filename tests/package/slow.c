// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into a program: its open() of the file SLOW_OPEN, and its read() of the file SLOW_READ
 * after the first one, wait until there is a file SLOW_UNTIL. With SLOW_ENDS, the process then dies.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS 10000000

static void wait_for_it(void)
{
	const char *until = getenv("SLOW_UNTIL");
	struct timespec tick = {.tv_nsec = TICK_NS};

	while (until && access(until, F_OK))
		nanosleep(&tick, NULL);
	if (getenv("SLOW_ENDS"))
		raise(SIGSEGV);
}

static int is(const char *path, const char *variable)
{
	const char *slow = getenv(variable);

	return path && slow && !strcmp(path, slow);
}

__attribute__((visibility("default"))) int open(const char *path, int flags, ...)
{
	int (*next)(const char *, int, ...) =
		(int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	va_list args;
	int mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	if (is(path, "SLOW_OPEN"))
		wait_for_it();
	return next(path, flags, mode);
}

__attribute__((visibility("default"))) ssize_t read(int fd, void *to, size_t size)
{
	ssize_t (*next)(int, void *, size_t) =
		(ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
	char link[64], path[4096];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = getenv("SLOW_READ") ? readlink(link, path, sizeof(path) - 1) : -1;
	path[length > 0 ? length : 0] = '\0';
	if (is(path, "SLOW_READ") && lseek(fd, 0, SEEK_CUR) > 0)
		wait_for_it();
	return next(fd, to, size);
}
