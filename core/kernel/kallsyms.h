/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/kallsyms. The kernel shows its addresses to processes that have CAP_SYSLOG when they open
 * the file (kallsyms_show_value()). A daemon that drops this capability opens the file once, before
 * that.
 */
#ifndef THPRACE_KALLSYMS_H
#define THPRACE_KALLSYMS_H

#include <stdbool.h>
#include <stdio.h>

/* Open the file now and use that descriptor from now on. Returns 0 or negative errno. */
int kallsyms__keep(void);

/*
 * The file from its start, to be closed with fclose(); or NULL with errno. Only one at a time: a
 * new one makes earlier ones unusable.
 */
FILE *kallsyms__open(void);

/* Is this one, which is still open, the latest? */
bool kallsyms__is_latest(const FILE *file);

#endif
