// SPDX-License-Identifier: GPL-2.0-only
#include "html.h"

#include <stdarg.h>
#include <string.h>
#include "base/names.h"

#define TEXT_LEN 1024

static const char *escaped(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return (unsigned char)c < ' ' && c != '\n' ? "?" : NULL;
	}
}

void html__write(FILE *out, const char *text, size_t size)
{
	size_t i, done = 0;

	for (i = 0; i < size; i++) {
		const char *instead = escaped(text[i]);

		if (!instead)
			continue;
		fwrite(text + done, 1, i - done, out);
		fputs(instead, out);
		done = i + 1;
	}
	fwrite(text + done, 1, size - done, out);
}

void html__text(FILE *out, const char *text)
{
	char clean[TEXT_LEN];

	names__clean(clean, sizeof(clean), text, sizeof(clean), 1);
	html__write(out, clean, strlen(clean));
}

void html__say(FILE *out, const char *format, ...)
{
	char text[TEXT_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	html__text(out, text);
}

/* The bytes at text that end a line in JavaScript, but not in JSON: U+2028 and U+2029. */
static int is_line_end(const char *text, size_t left)
{
	return left >= 3 && !memcmp(text, "\xe2\x80", 2) && (text[2] & ~1) == (char)0xa8;
}

void html__json(FILE *out, const char *json, size_t size)
{
	size_t i, done = 0, width;

	for (i = 0; i < size; i += width) {
		width = is_line_end(json + i, size - i) ? 3 : 1;
		if (width == 1 && json[i] != '<' && json[i] != '>' && json[i] != '&')
			continue;
		fwrite(json + done, 1, i - done, out);
		fprintf(out, "\\u%04x",
			width == 1 ? json[i] : 0x2000 | (unsigned char)(json[i + 2] & 0x3f));
		done = i + width;
	}
	fwrite(json + done, 1, size - done, out);
}
