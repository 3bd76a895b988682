/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Standard output of a program: whatever it prints there, by whatever path it ends, a write that
 * failed is reported and makes the exit status 1. And standard error: whatever a message quotes, no control character
 * but the line feed gets there (names__clean_lines()), nor UTF-8 to a terminal that has another locale.
 */
#ifndef THPRACE_OUTPUT_H
#define THPRACE_OUTPUT_H

/*
 * At the start of main(), after setlocale(). stderr is another stream from now on: what is no message, as a
 * line of progress, goes to STDERR_FILENO. program: for the message, kept. A reader that goes away (head) is no failure:
 * SIGPIPE is ignored, which whoever runs another program takes back.
 */
void output__guard(const char *program);

/* Write out what is buffered. When that fails, errno of now is the one that the message will give. */
void output__flush(void);

#endif
