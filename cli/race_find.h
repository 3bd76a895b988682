/* SPDX-License-Identifier: GPL-2.0-only */
/* Races that are given on the command line: --race FILE|NAME. */
#ifndef THPRACE_CLI_RACE_FIND_H
#define THPRACE_CLI_RACE_FIND_H

#include "race/race_files.h"

/*
 * A file, if what is given has a '/' or a '.', else the race of this name in the folders, which
 * files has read. NULL after a message with the reason, as from `verb'.
 */
const struct race *race_find(const char *verb, struct race_files *files, const char *given);

/*
 * If it is a file, its race is a class from now on, which options can name. Nothing happens if it is wrong,
 * which race_find() tells.
 */
void race_find__name(const char *given);

#endif
