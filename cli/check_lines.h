/* SPDX-License-Identifier: GPL-2.0-only */
/* The lines of `thprace check`, for classes and for races from files. */
#ifndef THPRACE_CLI_CHECK_LINES_H
#define THPRACE_CLI_CHECK_LINES_H

#include <stddef.h>

struct check_fact;
struct json_object;

/* Text after `column` columns that are already on the line. */
void check_lines__wrap(const char *text, size_t column);

/* About the kernel. */
void check_lines__label(const char *label, const char *text);

/* Of the evidence of a class. */
void check_lines__evidence(const char *kind, const char *text);

/* The same for a fact, which may be missing. */
void check_lines__fact(const struct check_fact *fact);

struct json_object *check_lines__json(const struct check_fact *fact);

#endif
