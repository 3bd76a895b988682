// SPDX-License-Identifier: GPL-2.0-only
#include "nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One letter in a short name, more in a long one. */
static int near_enough(size_t length)
{
	return 1 + (int)length / 5;
}

struct nearest nearest__to(const char *wanted)
{
	return (struct nearest){.wanted = wanted, .distance = near_enough(strlen(wanted)) + 1};
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* Uses the table of distances between all prefixes, of which three rows are kept. */
static int distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int rows[3][NEAREST_LENGTH_MAX + 1], *before = rows[0], *last = rows[1], *row = rows[2],
					     *free_row;
	size_t i, j;

	for (j = 0; j <= b_length; j++)
		last[j] = (int)j;
	for (i = 1; i <= a_length; i++) {
		row[0] = (int)i;
		for (j = 1; j <= b_length; j++) {
			row[j] = last[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = least(row[j], least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		free_row = before;
		before = last;
		last = row;
		row = free_row;
	}
	return last[b_length];
}

void nearest__consider(struct nearest *nearest, const char *name)
{
	size_t length = strlen(nearest->wanted), other = strnlen(name, NEAREST_LENGTH_MAX + 1);
	int found;

	if (!other || other > NEAREST_LENGTH_MAX || length > NEAREST_LENGTH_MAX ||
	    abs((int)length - (int)other) >= nearest->distance)
		return;
	found = distance(nearest->wanted, length, name, other);
	if (found >= nearest->distance)
		return;
	nearest->name = name;
	nearest->distance = found;
}

const char *nearest__hint(const struct nearest *nearest, char buf[NEAREST_HINT_MAX])
{
	buf[0] = '\0';
	if (nearest->name)
		snprintf(buf, NEAREST_HINT_MAX, "; did you mean '%s'?", nearest->name);
	return buf;
}
