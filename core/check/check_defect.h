/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A defect of a kernel's own that makes walkers of a class fail where nobody unmaps. It is no race, and the
 * class's word does not follow from it; but who sees walkers fail on such a kernel is to know of it.
 */
#ifndef THPRACE_CHECK_DEFECT_H
#define THPRACE_CHECK_DEFECT_H

#include "check.h"
#include "check_watch.h"

struct check_defect {
	const char *text; /* what the kernel does */
	struct check_commit cause; /* with the first release that has it */
	struct check_commit mend;
	const char *stable; /* releases of stable series that have the mend */
};

#define CHECK_DEFECT_FACTS_MAX 2

/* The defect that is known of a class, or NULL. */
const struct check_defect *check_defect__of(enum thprace_class class);

/*
 * What shows that a kernel has it, and what speaks against it: by its code (facts), and as watched; either
 * may be NULL. Returns how many facts there are; 0: nothing shows it. They stay where they were.
 */
size_t check_defect__shown(const struct check_facts *facts, const struct check_watch *watch,
			   enum thprace_class class,
			   const struct check_fact *shown[CHECK_DEFECT_FACTS_MAX]);

/* "since 6.16 (60fbb14396d5), mended in 7.0 (939080834fef) …". Into buf; returns it. */
const char *check_defect__since(const struct check_defect *defect, char *buf, size_t size);

#endif
