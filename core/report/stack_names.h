/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel stack of a trace shows: the frames of the kernel itself, and what the task did. */
#ifndef THPRACE_STACK_NAMES_H
#define THPRACE_STACK_NAMES_H

#include <stddef.h>
#include <thprace/incident.h>

struct summary;

/* The stack without the frames of the observer's own programs and their trampolines. */
struct thprace_stack stack_names__kernel(const struct summary *summary,
					 const struct thprace_stack *stack);

/*
 * What the task did, in one word or two: the system call ("munmap"), "page fault", "fatal signal",
 * a worker's function, or the outermost function that the stack has. Printable ASCII without
 * blanks at its ends, into buf; returns it. "?": the stack is empty, or none of it has a name.
 */
const char *stack_names__task(char *buf, size_t size, const struct summary *summary,
			      const struct thprace_stack *stack);

#endif
