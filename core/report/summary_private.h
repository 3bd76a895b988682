/* SPDX-License-Identifier: GPL-2.0-only */
/* The JSON half of core/report/summary.c. Not for others. */
#ifndef THPRACE_SUMMARY_PRIVATE_H
#define THPRACE_SUMMARY_PRIVATE_H

#include "summary.h"

/* An empty summary: the defaults that are not 0. */
void summary_json__defaults(struct summary *summary);

/*
 * Read one block of JSON: size bytes at text. Returns 0; -EINVAL if it is not JSON of the right
 * shape (the summary is then unchanged); -E2BIG if thprace does not write such a block
 * (summary->beyond says why); or -ENOMEM.
 */
int summary_json__take(struct summary *summary, enum thprace_block_type type, const char *text,
		       size_t size);

/* After the last block: sort tasks and symbols. */
void summary_json__finish(struct summary *summary);

/* Free what this half allocated. */
void summary_json__release(struct summary *summary);

#endif
