// SPDX-License-Identifier: GPL-2.0-only
#include "progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

static bool shown;

void progress__show(const char *format, ...)
{
	int columns = cli__columns(stderr);
	char line[256];
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* Not into the last column: some terminals then go to the next line. */
	dprintf(STDERR_FILENO, "\r%.*s\033[K", columns - 1, line);
	shown = true;
}

void progress__clear(void)
{
	if (shown)
		dprintf(STDERR_FILENO, "\r\033[K");
	shown = false;
}
