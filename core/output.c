// SPDX-License-Identifier: GPL-2.0-only
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *name;
static int output_error; /* errno of the first write to stdout that failed */

/* Is standard output a pipe or socket that nobody reads any more? */
static int reader_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP));
}

void output__flush(void)
{
	int error = errno;

	/* stdio keeps that a write failed, but not why: that is still in errno, if anywhere. */
	if (ferror(stdout) && !output_error)
		output_error = error ? error : EIO;
	if (fflush(stdout) && !output_error)
		output_error = errno;
}

static void check(void)
{
	output__flush();
	if (!output_error || output_error == EPIPE || reader_gone())
		return;
	fprintf(stderr, "%s: cannot write to standard output: %s\n", name, strerror(output_error));
	_exit(EXIT_FAILURE);
}

void output__guard(const char *program)
{
	name = program;
	signal(SIGPIPE, SIG_IGN);
	atexit(check);
}
