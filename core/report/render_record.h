/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The output of dump as text, JSON or CSV: the incidents of a trace, one per line, and the header.
 */
#ifndef THPRACE_RENDER_RECORD_H
#define THPRACE_RENDER_RECORD_H

#include <stdint.h>
#include <stdio.h>
#include <thprace/incident.h>
#include <thprace/trace.h>

struct summary;

enum render_format {
	RENDER_TEXT = 0,
	RENDER_JSON = 1,
	RENDER_CSV = 2,
};

#define RENDER_FORMAT_NAMES           \
	{                             \
		"text", "json", "csv" \
	}

struct render_record {
	FILE *out;
	enum render_format format;
	uint64_t started; /* ns CLOCK_MONOTONIC: times in text are counted from here */
	int utf8; /* text: the reader's terminal does UTF-8 */
	const struct summary *names; /* of cgroups; NULL: they have none */
};

/* Write the header. 0 or -ENOMEM; see also ferror(). */
int render_record__header(const struct render_record *render,
			  const struct thprace_trace_header *header);

/* Write one incident, the number'th of its file (from 1). Same results. */
int render_record__incident(const struct render_record *render, uint64_t number,
			    const struct thprace_incident *incident);

#endif
