/* SPDX-License-Identifier: GPL-2.0-only */
/* One line of progress on standard error: only on a terminal, and never wider than it. */
#ifndef THPRACE_PROGRESS_H
#define THPRACE_PROGRESS_H

/* Show a line instead of the previous one, if standard error is a terminal. */
__attribute__((format(printf, 1, 2))) void progress__show(const char *format, ...);

/* Remove the line, before anything else is printed. */
void progress__clear(void);

#endif
