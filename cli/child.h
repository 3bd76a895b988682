/* SPDX-License-Identifier: GPL-2.0-only */
/* A command that runs while a verb records: forked early, released when recording has started. */
#ifndef THPRACE_CHILD_H
#define THPRACE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#define CHILD_NOT_RUN 127 /* exit status of a command that could not be run */

struct child {
	pid_t pid; /* 0: none */
	int status; /* as of waitpid(), once ended */
	bool ended;
	bool stopped; /* it was told to end: how it ended is then not its own result */
	bool group; /* it leads a process group */
	int go; /* it starts its command when it reads a byte here */
};

/*
 * Fork; the command waits for child__release(). verb: for the message if argv[0] cannot be run. in,
 * out, err: file descriptors for the command, -1: the same as in this process. 0 or negative errno.
 */
int child__start(struct child *child, const char *verb, char *const argv[], int in, int out,
		 int err);

/* The same, as a process group of its own, which child__end() ends as a whole. */
int child__start_group(struct child *child, const char *verb, char *const argv[], int in, int out,
		       int err);

/* Let it run its command. Call child__end() also if recording never starts. */
void child__release(struct child *child, const char *verb);

/* Note whether it has ended. */
void child__check(struct child *child);

/*
 * End it: by SIGTERM, after five seconds by SIGKILL, and wait for five more. A process that is
 * still there hangs in the kernel, as after an oops: then `ended` stays false.
 */
void child__end(struct child *child);

/*
 * Exit status of a verb whose command failed: the command's own, 128 + N if signal N ended it; 1
 * instead of a status that has another meaning here (enum cli_exit). 0: it ended successfully, or
 * was told to end.
 */
int child__failure(const struct child *child);

/* Print on stderr how it ended, if child__failure() is not 0. verb, name: of the message. */
void child__print_end(const struct child *child, const char *verb, const char *name);

#endif
