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
	unsigned int verdict; /* only incidents with it; 0: all */
	bool frozen;
	size_t selected; /* among the incidents, from the latest on */
	uint64_t selected_number; /* of that incident; 0: there is none. Set by drawing */
	char trouble[256]; /* why the daemon does not answer; "": it does */
};

/* colour: with colours, if the terminal has them. */
void top_screen__begin(bool colour);
void top_screen__end(void);

/* Draw everything that is known. Also sets view->selected to one that is there. */
void top_screen__draw(const struct top *top, struct top_view *view);

/* Show a text of several lines from line `first` on, without the main screen. Returns their number. */
size_t top_screen__text(const char *title, const char *text, size_t first);

/* Lines of text that fit. */
size_t top_screen__text_lines(void);

#endif
