// SPDX-License-Identifier: GPL-2.0-only
/* A file of its own, because term.h makes macros of words such as columns. */
#include "top_screen.h"

#include <curses.h>
#include <term.h>
#include <unistd.h>

bool top_screen__possible(void)
{
	const char *move;
	int err;

	if (setupterm(NULL, STDOUT_FILENO, &err) != OK)
		return false;
	move = tigetstr("cup");
	return move && move != (const char *)-1;
}
