/* SPDX-License-Identifier: GPL-2.0-only */
/* The lines of `thprace check`, of classes and of races from files alike. */
#ifndef THPRACE_CLI_CHECK_LINES_H
#define THPRACE_CLI_CHECK_LINES_H

#include <stddef.h>

struct check_fact;
struct json_object;

/* Text after what stands in `column` columns of the line already. */
void check_lines__wrap(const char *text, size_t column);

/* About the kernel. */
void check_lines__label(const char *label, const char *text);

/* Of the evidence of a class. */
void check_lines__evidence(const char *kind, const char *text);

/* The same of a fact, which may be missing. */
void check_lines__fact(const struct check_fact *fact);

void check_lines__add(struct json_object *object, const char *key, const char *value);
struct json_object *check_lines__json(const struct check_fact *fact);

#endif
