/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts about a kernel, each with its evidence. */
#ifndef THPRACE_CHECK_FACTS_H
#define THPRACE_CHECK_FACTS_H

#include "classes/race_class.h"

struct check_source;

enum check_kind {
	CHECK_BY_BTF,
	CHECK_BY_SYMBOL,
	CHECK_BY_CONFIG,
	CHECK_BY_CODE,
	CHECK_BY_WATCH, /* seen on the running kernel: core/check/check_watch.c */
	CHECK_KIND_MAX
};

#define CHECK_KIND_NAMES                                   \
	{                                                  \
		"BTF", "symbol", "config", "code", "watch" \
	}

#define CHECK_TEXT_MAX 240

struct check_fact {
	enum check_answer answer;
	enum check_kind kind; /* where the evidence is; for an unknown fact: where it would be */
	char text[CHECK_TEXT_MAX]; /* for an unknown fact: what is missing, and why */
};

struct check_facts {
	struct check_fact fact[FACT_MAX];
};

/* Find out all of them. */
void check_facts__gather(struct check_facts *facts, const struct check_source *source);

#endif
