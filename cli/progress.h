/* SPDX-License-Identifier: GPL-2.0-only */
/* One line on standard error that shows what goes on: on a terminal only, and never wider than it. */
#ifndef THPRACE_PROGRESS_H
#define THPRACE_PROGRESS_H

/* Show a line in place of the one before, if standard error is a terminal. */
__attribute__((format(printf, 1, 2))) void progress__show(const char *format, ...);

/* Take the line away: before anything else is printed. */
void progress__clear(void);

#endif
