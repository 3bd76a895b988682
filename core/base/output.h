/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Standard output of a program: however it prints and however it ends, a failed write is reported
 * and makes the exit status 1. And standard error: whatever a message quotes, no control character
 * except the line feed gets there (names__clean_lines()), and no UTF-8 if the terminal has another
 * locale.
 */
#ifndef THPRACE_OUTPUT_H
#define THPRACE_OUTPUT_H

/*
 * Call at the start of main(), after setlocale(). From then on stderr is another stream; output
 * that is not a message, such as a progress line, goes to STDERR_FILENO. program: for the message;
 * the pointer is kept. It is no failure if a reader exits (head): SIGPIPE is ignored, and must be
 * reset before another program is run.
 */
void output__guard(const char *program);

/* Write out what is buffered. If that fails, the present errno is the one for the message. */
void output__flush(void);

#endif
