/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Standard output of a program: whatever it prints there, by whatever path it ends, a write that
 * failed is told and makes the exit status 1.
 */
#ifndef THPRACE_OUTPUT_H
#define THPRACE_OUTPUT_H

/*
 * At the start of main(). program: for the message, kept. A reader that goes away (head) is no failure:
 * SIGPIPE is ignored, which whoever runs another program takes back.
 */
void output__guard(const char *program);

/* Write out what is buffered. When that fails, errno of now is the one that the message will give. */
void output__flush(void);

#endif
