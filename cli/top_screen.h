/* SPDX-License-Identifier: GPL-2.0-only */
/* The screens of `thprace top`, drawn with ncurses. */
#ifndef THPRACE_TOP_SCREEN_H
#define THPRACE_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include "top.h"

/* What the user chose. */
struct top_view {
	enum top_order order;
	unsigned int verdict; /* only pairs and incidents with it; 0: all */
	bool frozen;
	size_t selected; /* among the incidents, from the latest on */
	uint64_t selected_number; /* of that incident; 0: there is none. Set by drawing */
	char trouble[512]; /* why there are no new numbers; "": there are */
	uint64_t trouble_since; /* ns CLOCK_MONOTONIC */
};

/* Is this a terminal that is known and can move its cursor? */
bool top_screen__possible(void);

/* colour: with colours, if the terminal has them. False: this terminal cannot be used. */
bool top_screen__begin(bool colour);
void top_screen__end(void);

/*
 * Draw everything that is known. Also sets view->selected to one that is there: the same incident as
 * before, or the latest.
 */
void top_screen__draw(const struct top *top, struct top_view *view);

/* Show a text of several lines from line `first` on, without the main screen. Returns their number. */
size_t top_screen__text(const char *title, const char *text, size_t first);

/* Lines of text that fit, and columns. */
size_t top_screen__text_lines(void);
int top_screen__columns(void);

#endif
