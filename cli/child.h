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
	bool stopped; /* to end: how it ended then is not its own doing */
	int go; /* it starts its command when it reads a byte here */
};

/*
 * Fork; the command waits for child__release(). verb: for its message when argv[0] cannot be run.
 * in, out, err: file descriptors for the command's, -1: as this process has them. 0 or negative errno.
 */
int child__start(struct child *child, const char *verb, char *const argv[], int in, int out,
		 int err);

/* Let it run its command. Call child__end() as well when recording never starts. */
void child__release(struct child *child, const char *verb);

/* Note whether it has ended. */
void child__check(struct child *child);

/*
 * End it: ask, and after five seconds insist, and wait for five more. What then still is there hangs in
 * the kernel, as after an oops: `ended` stays false.
 */
void child__end(struct child *child);

/*
 * Exit status of a verb whose command failed: the command's own, 128 + N when signal N ended it; 1 where
 * that status has another meaning here (enum cli_exit). 0: it ended well, or was asked to end.
 */
int child__failure(const struct child *child);

/* Say on stderr how it ended, if child__failure() is not 0. verb, name: who says it of which command. */
void child__print_end(const struct child *child, const char *verb, const char *name);

#endif
