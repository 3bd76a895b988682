// SPDX-License-Identifier: GPL-2.0-only
/* What standard output is: a terminal, with colours, of some width. */
#include "cli.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
