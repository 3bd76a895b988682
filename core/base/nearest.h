/* SPDX-License-Identifier: GPL-2.0-only */
/* Which of the names that there are is meant by one that there is not. */
#ifndef THPRACE_NEAREST_H
#define THPRACE_NEAREST_H

#define NEAREST_LENGTH_MAX 63 /* longer names are no candidates */

struct nearest {
	const char *wanted;
	const char *name; /* the nearest so far; NULL: none is near */
	int distance; /* letters to add, to leave out, to replace, neighbours to swap */
};

/* Begin to look for a name. */
struct nearest nearest__to(const char *wanted);

/* A name that there is; it must live as long as the result is used. */
void nearest__consider(struct nearest *nearest, const char *name);

/* "; did you mean 'NAME'?", or "" when none is near. Into buf; returns it. */
#define NEAREST_HINT_MAX (NEAREST_LENGTH_MAX + 32)
const char *nearest__hint(const struct nearest *nearest, char buf[NEAREST_HINT_MAX]);

#endif
