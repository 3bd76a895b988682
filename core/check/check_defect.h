/* SPDX-License-Identifier: GPL-2.0-only */
/* The evidence that a kernel has a defect (struct check_defect). */
#ifndef THPRACE_CHECK_DEFECT_H
#define THPRACE_CHECK_DEFECT_H

#include "check.h"
#include "check_watch.h"

#define CHECK_DEFECT_FACTS_MAX 2

/* The known defect of a class, or NULL. */
const struct check_defect *check_defect__of(enum thprace_class class);

/*
 * The evidence that a kernel has it, and against it: from its code (facts), and as watched; either
 * may be NULL. Returns the number of facts; 0: nothing shows it. The facts stay where they are.
 */
size_t check_defect__shown(const struct check_facts *facts, const struct check_watch *watch,
			   enum thprace_class class,
			   const struct check_fact *shown[CHECK_DEFECT_FACTS_MAX]);

/* "since 6.16 (60fbb14396d5), mended in 7.0 (939080834fef) …". Into buf; returns it. */
const char *check_defect__since(const struct check_defect *defect, char *buf, size_t size);

#endif
