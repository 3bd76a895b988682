/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds the known name that is most similar to an unknown one. */
#ifndef THPRACE_NEAREST_H
#define THPRACE_NEAREST_H

#define NEAREST_LENGTH_MAX 63 /* longer names are no candidates */

struct nearest {
	const char *wanted;
	const char *name; /* the nearest so far; NULL: none is near enough */
	int distance; /* letters to add, to remove, to replace, neighbours to swap */
};

/* Begin to look for a name. */
struct nearest nearest__to(const char *wanted);

/* A known name; it must live as long as the result is used. */
void nearest__consider(struct nearest *nearest, const char *name);

/* "; did you mean 'NAME'?", or "" if none is near. Into buf; returns it. */
#define NEAREST_HINT_MAX (NEAREST_LENGTH_MAX + 32)
const char *nearest__hint(const struct nearest *nearest, char buf[NEAREST_HINT_MAX]);

#endif
