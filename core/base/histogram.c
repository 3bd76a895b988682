// SPDX-License-Identifier: GPL-2.0-only
#include "histogram.h"

#include "names.h"

/* Rows of the output: all buckets below 4 ns are one, then one per power of two. */
#define ROWS (THPRACE_BUCKETS / 4)

void histogram__add(struct histogram *histogram, uint64_t ns)
{
	histogram->count++;
	histogram->sum += ns;
	if (ns > histogram->max)
		histogram->max = ns;
	/* thprace_bucket() needs lengths below 2^63. */
	histogram->buckets[ns >> 62 ? THPRACE_BUCKETS - 1 : thprace_bucket(ns)]++;
}

/*
 * Sum of the buckets, from which percentiles are computed, because `count` in a damaged file may be
 * wrong. As double, which cannot wrap.
 */
static double total(const struct histogram *histogram)
{
	double sum = 0;
	unsigned int b;

	for (b = 0; b < THPRACE_BUCKETS; b++)
		sum += (double)histogram->buckets[b];
	return sum;
}

uint64_t histogram__percentile(const struct histogram *histogram, unsigned int permille)
{
	double before = 0, rank, all = total(histogram);
	uint64_t floor, width, ns;
	unsigned int b;

	if (all <= 0)
		return 0;
	if (permille >= 1000)
		return histogram->max;
	rank = all * permille / 1000;
	for (b = 0; b < THPRACE_BUCKETS - 1; b++) {
		if (histogram->buckets[b] && before + (double)histogram->buckets[b] >= rank)
			break;
		before += (double)histogram->buckets[b];
	}
	/* Longer than the last bucket's lower bound: only max is known. */
	if (b == THPRACE_BUCKETS - 1)
		return histogram->max;
	floor = thprace_bucket_floor(b);
	width = thprace_bucket_floor(b + 1) - floor;
	ns = floor;
	/* A bucket of a single length needs no interpolation. */
	if (width > 1)
		ns += (uint64_t)((double)width * (rank - before) / (double)histogram->buckets[b]);
	return histogram->max && ns > histogram->max ? histogram->max : ns;
}

uint64_t histogram__mean(const struct histogram *histogram)
{
	return histogram->count ? histogram->sum / histogram->count : 0;
}

static void print_row(FILE *out, int indent, unsigned int row, uint64_t count, uint64_t largest,
		      int width, int utf8)
{
	char from[NAMES_NUMBER_LEN], to[NAMES_NUMBER_LEN], nr[NAMES_NUMBER_LEN];
	int bar = (int)((double)count / (double)largest * width + 0.5);
	const char *a = names__duration(from, sizeof(from), thprace_bucket_floor(4 * row), utf8);
	const char *b = names__duration(to, sizeof(to), thprace_bucket_floor(4 * row + 4), utf8);

	if (count && !bar)
		bar = 1;
	fprintf(out, "%*s%*s%s .. %*s%s %12s", indent, "", 9 - (int)names__columns(a), "", a,
		9 - (int)names__columns(b), "", b, names__count(nr, sizeof(nr), count));
	if (bar > 0)
		fputs("  ", out);
	for (; bar > 0; bar--)
		fputs(utf8 ? "▇" : "#", out);
	fputc('\n', out);
}

void histogram__print(const struct histogram *histogram, FILE *out, int indent, int width, int utf8)
{
	uint64_t rows[ROWS] = {0}, largest = 0;
	unsigned int b, row, first = ROWS, last = 0;

	for (b = 0; b < THPRACE_BUCKETS; b++)
		rows[b / 4] += histogram->buckets[b];
	for (row = 0; row < ROWS; row++) {
		if (!rows[row])
			continue;
		if (first == ROWS)
			first = row;
		last = row;
		if (rows[row] > largest)
			largest = rows[row];
	}
	for (row = first; first < ROWS && row <= last; row++)
		print_row(out, indent, row, rows[row], largest, width, utf8);
}
