// SPDX-License-Identifier: GPL-2.0-only
/* Properties of standard output: is it a terminal, with colours, and how wide. */
#include "cli.h"

#include <langinfo.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/names.h"
#include "base/number.h"

static enum cli_colour colour_when;

void cli__set_colour(enum cli_colour when)
{
	colour_when = when;
}

/* stderr is not a real file: core/base/output.c. */
static int descriptor(FILE *out)
{
	return out == stderr ? STDERR_FILENO : fileno(out);
}

int cli__columns(FILE *out)
{
	const char *columns_env = getenv("COLUMNS");
	uint64_t columns = 0;
	struct winsize size;

	if (columns_env)
		number__parse(columns_env, 1, INT_MAX, &columns);
	if (!columns && !ioctl(descriptor(out), TIOCGWINSZ, &size))
		columns = size.ws_col;
	if (!columns)
		columns = CLI_COLUMNS;
	return columns < CLI_COLUMNS_LEAST ? CLI_COLUMNS_LEAST : (int)columns;
}

int cli__width(FILE *out)
{
	int columns = cli__columns(out);

	return columns > CLI_COLUMNS ? CLI_COLUMNS : columns;
}

int cli__fail(const char *verb, const char *path, const char *why)
{
	char place[PATH_MAX], text[1024];

	cli__fit(place, sizeof(place), path ? path : "");
	fprintf(stderr, "thprace %s: %s%s%s\n", verb, place, path ? ": " : "",
		cli__fit(text, sizeof(text), why));
	return CLI_FAILED;
}

int cli__fail_lines(const char *verb, const char *path, const char *why)
{
	const char *end;
	char line[1024];

	for (; *why; why = *end ? end + 1 : end) {
		end = why + strcspn(why, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)(end - why), why);
		cli__fail(verb, path, line);
	}
	return CLI_FAILED;
}

const char *cli__fit(char *buf, size_t size, const char *text)
{
	return names__clean(buf, size, text, strlen(text), cli__utf8());
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
	return isatty(descriptor(out)) && !(no && *no);
}
