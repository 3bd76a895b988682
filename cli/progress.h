/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One line of progress on standard error, for what takes longer than a second. Only on a terminal,
 * never wider than it, and not on one that cannot erase a line (TERM is unset or "dumb"). A thread
 * writes it, so that it is also there while one call takes long. It has no colour.
 */
#ifndef THPRACE_PROGRESS_H
#define THPRACE_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/work.h"

/*
 * The line from now on: the step of the work, how much of it is done, for how long. The work must
 * stay until progress__clear().
 */
void progress__work(struct work *work);

/* The same for work that counts nothing. step: in words; a string that stays. */
void progress__step(const char *step);
#define PROGRESS_IMAGE "reading the kernel's image"

/* The line from now on: this text. It becomes visible a second after the first one. */
__attribute__((format(printf, 1, 2))) void progress__show(const char *format, ...);

/* Would a new text be shown now? Texts that take work to make need be made only then. */
bool progress__due(void);

/* Remove the line, before anything else is printed. */
void progress__clear(void);

/* The same for the line of a child process that died. */
void progress__clear_child(void);

/*
 * Can there be a line while text is written to out? Not if out may end on the same terminal, itself
 * or through a pipe.
 */
bool progress__beside(FILE *out);

#endif
