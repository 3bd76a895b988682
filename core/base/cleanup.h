/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Variables that release what they own at the end of their scope, for functions with several exits.
 * With one owner and one exit, a cleanup: label does the same.
 */
#ifndef THPRACE_CLEANUP_H
#define THPRACE_CLEANUP_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

/* function gets the address of the variable, which must be set where it is declared. */
#define CLEANUP(function) __attribute__((cleanup(function)))

static inline void cleanup__fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup__dir(DIR *const *dir)
{
	if (*dir)
		closedir(*dir);
}

/* pointer: to a pointer of any type */
static inline void cleanup__free(const void *pointer)
{
	free(*(void *const *)pointer);
}

/* The descriptor, or the pointer, which the variable then does not own any more. */
static inline int cleanup__take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define CLEANUP_TAKE(pointer)                        \
	({                                           \
		__typeof__(pointer) taken = pointer; \
		(pointer) = NULL;                    \
		taken;                               \
	})

#endif
