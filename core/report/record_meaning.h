/* SPDX-License-Identifier: GPL-2.0-only */
/* What the members of a record mean, by its type: for all outputs that show records. */
#ifndef THPRACE_RECORD_MEANING_H
#define THPRACE_RECORD_MEANING_H

#include <thprace/record.h>

enum record_shape {
	RECORD_UNUSED,
	RECORD_ADDRESS,
	RECORD_TIME,
	RECORD_COUNT,
	RECORD_PAGES, /* of a range: their number, and above 32 bits thprace_window.taking */
};

/* The names of members, which are stable. */
struct record_meaning {
	const char *arg;
	const char *arg2;
	const char *value; /* NULL: not used */
	enum record_shape arg_as;
	enum record_shape arg2_as;
	int interval; /* entry is the start of an interval that this record ends */
};

/* The last one is for types that are out of range. */
extern const struct record_meaning record_meanings[THPRACE_REC_MAX + 1];

struct record_flag {
	unsigned int flag; /* THPRACE_RF_*; 0: the list ends */
	const char *name;
};

/* Those of thprace_record.flags that have a name of their own: not THPRACE_RF_OWN*. */
extern const struct record_flag record_flags[];

#endif
