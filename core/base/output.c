// SPDX-License-Identifier: GPL-2.0-only
#include "output.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"

#define MESSAGE_MAX 16384 /* bytes that are cleaned at a time */

static const char *name;
static int message_utf8;
static int output_error; /* errno of the first failed write to stdout */

/* Is standard output a pipe or socket that nobody reads any more? */
static int reader_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP));
}

void output__flush(void)
{
	int error = errno;

	/* stdio remembers that a write failed, but not why: only errno may still say it. */
	if (ferror(stdout) && !output_error)
		output_error = error ? error : EIO;
	if (fflush(stdout) && !output_error)
		output_error = errno;
}

/*
 * Messages name files and quote their content, whoever prints them: this program, argp, getopt or a
 * library. So all messages go through here.
 */
static bool write_all(const char *text, size_t length)
{
	ssize_t written;

	while (length) {
		written = write(STDERR_FILENO, text, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		text += written;
		length -= (size_t)written;
	}
	return true;
}

static ssize_t write_message(void *cookie, const char *text, size_t size)
{
	char clean[MESSAGE_MAX + 1];
	size_t done, part;

	(void)cookie;
	for (done = 0; done < size; done += part) {
		part = size - done < MESSAGE_MAX ? size - done : MESSAGE_MAX;
		names__clean_lines(clean, sizeof(clean), text + done, part, message_utf8);
		if (!write_all(clean, strlen(clean)))
			return 0;
	}
	return (ssize_t)size;
}

static void guard_messages(void)
{
	static char buffer[MESSAGE_MAX];
	const cookie_io_functions_t functions = {.write = write_message};
	FILE *messages = fopencookie(NULL, "w", functions);

	if (!messages)
		return;
	setvbuf(messages, buffer, _IOLBF, sizeof(buffer));
	message_utf8 = !isatty(STDERR_FILENO) || !strcmp(nl_langinfo(CODESET), "UTF-8");
	stderr = messages;
}

static void check(void)
{
	output__flush();
	if (!output_error || output_error == EPIPE || reader_gone())
		return;
	fprintf(stderr, "%s: cannot write to standard output: %s\n", name, strerror(output_error));
	fflush(stderr);
	_exit(EXIT_FAILURE);
}

void output__guard(const char *program)
{
	name = program;
	guard_messages();
	signal(SIGPIPE, SIG_IGN);
	atexit(check);
}
