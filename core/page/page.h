/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The report of a trace as a page for a browser: one file that asks nobody for anything. Everything
 * that a reader needs is in it as text; the script adds drawings that can be zoomed, and choice.
 */
#ifndef THPRACE_PAGE_H
#define THPRACE_PAGE_H

#include <stdio.h>

struct summary;

#define PAGE_INCIDENTS 2000 /* incidents by default: such a page stays below 5 MB */

struct page_options {
	unsigned int incidents; /* maximum number of incidents */
	int stacks; /* with their kernel stacks */
	const char *program; /* name and version of the program that writes it */
};

/* Write the page to out. Errors of out stay there: see ferror(). 0 or -ENOMEM. */
int page__write(FILE *out, const struct summary *summary, const struct page_options *options);

#endif
