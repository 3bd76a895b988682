/* SPDX-License-Identifier: GPL-2.0-only */
/* The values of race files, from text. Only for core/race/race*.c. */
#ifndef THPRACE_RACE_PARSE_H
#define THPRACE_RACE_PARSE_H

#include "race.h"

/*
 * Each returns 0; or -EINVAL (-ENOMEM) and the error. The column of the error is that in the line.
 */

/* PLACE [| PLACE …] [, …] [when FORMULA] */
int race_parse__event(struct race_event *event, const struct race_text *text,
		      struct expr_error *error);

/* FUNCTION [| FUNCTION …] [, …]: their entries. */
int race_parse__functions(struct race_event *event, const struct race_text *text,
			  struct expr_error *error);

/* EXPRESSION [else EXPRESSION …] */
int race_parse__formula(struct race_formula *formula, const struct race_text *text,
			struct expr_error *error);

/* NAME: REST */
int race_parse__label(char name[EXPR_NAME_MAX], struct race_text *rest,
		      const struct race_text *text, struct expr_error *error);

#define RACE_HOLDS "'window', 'walker', an event's name, 'probe in FUNCTION' or 'clock in FUNCTION'"

/* One of these. */
int race_parse__hold(struct race_provoke *provoke, const struct race_text *text,
		     struct expr_error *error);

/* Free a section's memory. */
void race_parse__release(struct race_section *section);

#endif
