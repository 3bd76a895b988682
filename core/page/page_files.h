/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that the build puts into the program: the page's style and script, and the library that
 * draws, with its licence (libjs-d3).
 */
#ifndef THPRACE_PAGE_FILES_H
#define THPRACE_PAGE_FILES_H

#include <stddef.h>

struct page_file {
	const char *text; /* not terminated */
	size_t size;
};

struct page_file page_files__style(void);
struct page_file page_files__script(void);
struct page_file page_files__library(void);
struct page_file page_files__licence(void); /* of the library */

#endif
