/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's log during a try: did the kernel complain, in which lines, and about which class? */
#ifndef THPRACE_KERNEL_LOG_H
#define THPRACE_KERNEL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_LOG_LINES 24
#define KERNEL_LOG_TEXT 160

/* What the kernel printed, from the first line on that a healthy kernel never prints. */
struct kernel_messages {
	bool struck; /* it printed any such line */
	uint32_t classes; /* 1U << enum thprace_class: its complaints may belong to these */
	char reason[128]; /* classes 0: why to none, if known; else "" */
	char line[KERNEL_LOG_LINES][KERNEL_LOG_TEXT]; /* cleaned */
	unsigned int lines;
};

struct kernel_log;

/*
 * From now on. path: NULL for /dev/kmsg; another one for tests. Returns 0 and *log, to be closed
 * with kernel_log__close(); or negative errno.
 */
int kernel_log__open(struct kernel_log **log, const char *path);

/* Read what is available, without blocking. Only what the kernel itself wrote counts. */
void kernel_log__read(struct kernel_log *log);

/* No more will come: this ends complaints under way. */
void kernel_log__finish(struct kernel_log *log);

/* Valid as long as the log. */
const struct kernel_messages *kernel_log__messages(const struct kernel_log *log);

void kernel_log__close(struct kernel_log *log);

#endif
