/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text for an HTML page. What a trace holds is hostile: only these functions write it, and none of
 * it can become markup or script.
 */
#ifndef THPRACE_HTML_H
#define THPRACE_HTML_H

#include <stddef.h>
#include <stdio.h>

/*
 * Write size bytes of text as the text of an element, or of an attribute in quotes. Control
 * characters except the line feed become '?'.
 */
void html__write(FILE *out, const char *text, size_t size);

/* The same for text from a trace: cleaned (see names__clean()), at most 1023 bytes. */
void html__text(FILE *out, const char *text);

/* The same, formatted, of up to 1023 bytes. */
__attribute__((format(printf, 2, 3))) void html__say(FILE *out, const char *format, ...);

/*
 * Write JSON into a script element that is no script: '<', '>', '&' and the line ends of JavaScript
 * are escaped in the way of JSON.
 */
void html__json(FILE *out, const char *json, size_t size);

#endif
