/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/kallsyms. Its addresses are shown to whoever has CAP_SYSLOG when the file is opened
 * (kallsyms_show_value()): a daemon that gives that capability away opens it before, once.
 */
#ifndef THPRACE_KALLSYMS_H
#define THPRACE_KALLSYMS_H

#include <stdbool.h>
#include <stdio.h>

/* Open the file now and read that descriptor from now on. Returns 0 or negative errno. */
int kallsyms__keep(void);

/*
 * The file from its beginning, to be ended with fclose(); or NULL with errno. One at a time: the next one spoils those
 * before it.
 */
FILE *kallsyms__open(void);

/* Is this one, which is still open, the latest? */
bool kallsyms__is_latest(const FILE *file);

#endif
