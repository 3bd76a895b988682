/* SPDX-License-Identifier: GPL-2.0-only */
/* Internals of core/page/page.c: the parts of the page. */
#ifndef THPRACE_PAGE_PRIVATE_H
#define THPRACE_PAGE_PRIVATE_H

#include <stdint.h>
#include <stddef.h>
#include "page.h"
#include "report/incident_groups.h"
#include "report/summary.h"

struct page {
	FILE *out;
	const struct summary *summary;
	const struct page_options *options;
	const struct summary_incident **list; /* those in the page, most interesting first */
	size_t nr;
	int err; /* the first error, negative */
};

/* Tables: classes, lengths of windows, tasks, probes, programs, loss. */
void page_tables__classes(const struct page *page);
void page_tables__windows(const struct page *page);
void page_tables__over_time(const struct page *page);
void page_tables__loss(const struct page *page);
void page_tables__tasks(const struct page *page);
void page_tables__probes(const struct page *page);
void page_tables__programs(const struct page *page);

/* The groups of incidents, one of each drawn. */
void page_groups__write(struct page *page);

/* What the script reads: the report's JSON, and what is not in it. */
void page_data__write(struct page *page);

#endif
