/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes samples in Prometheus' text format, of a set of metrics. */
#ifndef THPRACE_DAEMON_METRICS_FORMAT_H
#define THPRACE_DAEMON_METRICS_FORMAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "metrics.h"

/* Name, value, name, value …: the labels of one sample. */
#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The output, and the family to which samples belong. */
struct metrics_format {
	FILE *out;
	const char *name;
	enum metrics_set set;
	bool left_out; /* this family is not in the set: nothing of it is written */
};

/* A family begins. */
void metrics_format__family(struct metrics_format *text, const char *name, const char *type,
			    const char *help);

/* A sample; labels: LABELS(), or NULL. */
void metrics_format__count(struct metrics_format *text, const char *const *labels, uint64_t value);
void metrics_format__real(struct metrics_format *text, const char *const *labels, double value);

/* Of a histogram: suffix "_bucket", … */
void metrics_format__part(struct metrics_format *text, const char *suffix,
			  const char *const *labels, uint64_t value);

/* A time in ns as seconds, exactly, so that rounding never makes a growing sum seem to fall. */
void metrics_format__ns(struct metrics_format *text, const char *suffix, const char *const *labels,
			uint64_t ns);

/* Families of one sample without labels. */
void metrics_format__counter(struct metrics_format *text, const char *name, uint64_t value,
			     const char *help);
void metrics_format__gauge(struct metrics_format *text, const char *name, uint64_t value,
			   const char *help);
void metrics_format__gauge_real(struct metrics_format *text, const char *name, double value,
				const char *help);
void metrics_format__seconds(struct metrics_format *text, const char *name, const char *type,
			     uint64_t ns, const char *help);

#endif
