// SPDX-License-Identifier: GPL-2.0-only
#include "words.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"

#define SHOWN 32 /* bytes of the unexpected text in a message */

void words__begin(struct words *words, const char *text, unsigned int column,
		  struct expr_error *error)
{
	*words = (struct words){.text = text, .at = text, .column = column, .error = error};
}

bool words__failed(const struct words *words)
{
	return words->error->text[0] != '\0';
}

static void skip(struct words *words)
{
	while (isspace((unsigned char)*words->at))
		words->at++;
}

unsigned int words__column(struct words *words)
{
	skip(words);
	return words->column + (unsigned int)(words->at - words->text);
}

bool words__at_end(struct words *words)
{
	skip(words);
	return !*words->at;
}

static bool in_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static size_t length_of(const char *at)
{
	size_t length = 0;

	while (in_name(at[length]) && !(length == 0 && isdigit((unsigned char)*at)))
		length++;
	return length;
}

bool words__next(struct words *words, const char *wanted)
{
	size_t length = strlen(wanted);

	skip(words);
	return !words__failed(words) && !strncmp(words->at, wanted, length) &&
	       !(in_name(*wanted) && in_name(words->at[length]));
}

bool words__take(struct words *words, const char *wanted)
{
	if (!words__next(words, wanted))
		return false;
	words->at += strlen(wanted);
	return true;
}

void words__fail(struct words *words, const char *format, ...)
{
	va_list args;

	if (words__failed(words))
		return;
	words->error->column = words__column(words);
	va_start(args, format);
	vsnprintf(words->error->text, sizeof(words->error->text), format, args);
	va_end(args);
}

void words__expect(struct words *words, const char *what)
{
	size_t length;
	char shown[SHOWN];

	skip(words);
	length = length_of(words->at);
	if (!length)
		length = strcspn(words->at, " \t");
	names__clean(shown, sizeof(shown), words->at, length, 1);
	if (*words->at)
		words__fail(words, "%s expected instead of '%s'", what, shown);
	else
		words__fail(words, "%s expected instead of the end of the line", what);
}

void words__take_name(struct words *words, char name[EXPR_NAME_MAX], const char *what)
{
	size_t length;

	skip(words);
	length = length_of(words->at);
	if (!length) {
		words__expect(words, what);
	} else if (length >= EXPR_NAME_MAX) {
		words__fail(words, "the name is longer than %d bytes", EXPR_NAME_MAX - 1);
	} else if (!words__failed(words)) {
		memcpy(name, words->at, length);
		name[length] = '\0';
		words->at += length;
	}
}
