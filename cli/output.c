// SPDX-License-Identifier: GPL-2.0-only
/* What all verbs need of standard output. */
#include "cli.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int output_error; /* errno of the first write to stdout that failed */

static enum cli_colour colour_when;

void cli__set_colour(enum cli_colour when)
{
	colour_when = when;
}

int cli__utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

int cli__colour(FILE *out)
{
	const char *no = getenv("NO_COLOR");

	if (colour_when != CLI_COLOUR_AUTO)
		return colour_when == CLI_COLOUR_ALWAYS;
	return isatty(fileno(out)) && !(no && *no);
}

void cli__begin_output(void)
{
	signal(SIGPIPE, SIG_IGN);
}

/* Is standard output a pipe or socket that nobody reads any more? */
static int reader_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP));
}

void cli__flush_output(void)
{
	int error = errno;

	/* stdio keeps that a write failed, but not why: that is still in errno, if anywhere. */
	if (ferror(stdout) && !output_error)
		output_error = error ? error : EIO;
	if (fflush(stdout) && !output_error)
		output_error = errno;
}

int cli__finish_output(int status)
{
	cli__flush_output();
	if (!output_error || output_error == EPIPE || reader_gone())
		return status;
	fprintf(stderr, "thprace: cannot write to standard output: %s\n", strerror(output_error));
	return CLI_FAILED;
}
