/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of trace_sum.h. */
#ifndef THPRACE_TRACE_SUM_PRIVATE_H
#define THPRACE_TRACE_SUM_PRIVATE_H

#include <thprace/race.h>

/* How bad: 0 an escape that is proved, 1 a likely one, then unattributed, remained, unproven, contained. */
int trace_sum__rank(enum thprace_verdict verdict, enum thprace_attribution attribution);

#endif
