/* SPDX-License-Identifier: GPL-2.0-only */
/* A line of words and signs, read from left to right. The first error counts. */
#ifndef THPRACE_WORDS_H
#define THPRACE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "expr.h"

struct words {
	const char *text, *at;
	unsigned int column; /* of text in its line */
	struct expr_error *error; /* its text is "" until there is an error */
};

void words__begin(struct words *words, const char *text, unsigned int column,
		  struct expr_error *error);
bool words__failed(const struct words *words);

/* The column of what comes next. */
unsigned int words__column(struct words *words);
bool words__at_end(struct words *words);

/* Take this word or sign, if it comes next. */
bool words__take(struct words *words, const char *wanted);

/* Does this word or sign come next? */
bool words__next(struct words *words, const char *wanted);

/* Read a C name into name; otherwise the error says that what, "a name", was expected. */
void words__take_name(struct words *words, char name[EXPR_NAME_MAX], const char *what);

/* Something else was expected here. */
void words__expect(struct words *words, const char *what);

__attribute__((format(printf, 2, 3))) void words__fail(struct words *words, const char *format,
						       ...);

#endif
