/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's log while something is tried: did it complain, in which lines, and of which class? */
#ifndef THPRACE_KERNEL_LOG_H
#define THPRACE_KERNEL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_LOG_LINES 24
#define KERNEL_LOG_TEXT 160

/* What the kernel said, from the first line on that no kernel in order prints. */
struct kernel_messages {
	bool struck; /* it said anything of that kind */
	uint32_t classes; /* 1U << enum thprace_class: its complaints may belong to these */
	char reason[128]; /* classes 0: why to none, where that is known; else "" */
	char line[KERNEL_LOG_LINES][KERNEL_LOG_TEXT]; /* cleaned */
	unsigned int lines;
};

struct kernel_log;

/*
 * From now on. path: NULL for /dev/kmsg; another one for tests. Returns 0 and *log, to be freed with
 * kernel_log__close(); or negative errno.
 */
int kernel_log__open(struct kernel_log **log, const char *path);

/* Read what there is, without blocking. Only what the kernel itself wrote counts. */
void kernel_log__read(struct kernel_log *log);

/* No more will come: what is under way ends. */
void kernel_log__finish(struct kernel_log *log);

/* Valid as long as the log. */
const struct kernel_messages *kernel_log__messages(const struct kernel_log *log);

void kernel_log__close(struct kernel_log *log);

#endif
