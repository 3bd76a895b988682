/* SPDX-License-Identifier: GPL-2.0-only */
/* Prints the sum of many traces. */
#ifndef THPRACE_RENDER_SUM_H
#define THPRACE_RENDER_SUM_H

#include <stdio.h>
#include "render_text.h"

struct json_object;
struct trace_sum;

/* Pairs of stacks of a class on a kernel that are listed, by default. */
#define RENDER_SUM_PAIRS 5

/*
 * For people. Of options, incidents is the number of pairs of stacks that are listed for each class
 * and kernel; verbose: all, with their stacks. Errors stay in out: see ferror().
 */
void render_sum__text(FILE *out, const struct trace_sum *sum, const struct render_options *options);

/* An object per line: a sum, then classes and pairs. 0 or -ENOMEM. */
int render_sum__json(FILE *out, const struct trace_sum *sum, const struct render_options *options);

/* A file that was skipped, when that happens. 0 or -ENOMEM. */
int render_sum__json_skipped(FILE *out, const char *path, const char *why);

#endif
