// SPDX-License-Identifier: GPL-2.0-only
#include "race_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

static struct race_text part_of(const struct race_text *text, const char *at, size_t length)
{
	struct race_text part = {
		.line = text->line,
		.column = text->column + (unsigned int)(at - text->text),
	};

	memcpy(part.text, at, length);
	return part;
}

/* F entry, F return, call of G in F, return of G in F */
static void take_place(struct words *words, struct race_place *place)
{
	bool call = false, after = false;
	struct words ahead = *words;

	if (words__take(&ahead, "call") && words__next(&ahead, "of"))
		call = true;
	ahead = *words;
	if (words__take(&ahead, "return") && words__next(&ahead, "of"))
		after = true;
	if (call || after) {
		words__take(words, call ? "call" : "return");
		words__take(words, "of");
		place->at = call ? RACE_AT_CALL : RACE_AT_RETURN_OF;
	}
	place->column = words__column(words);
	words__take_name(words, place->function, "the name of a function");
	if (call || after) {
		if (!words__take(words, "in"))
			words__expect(words, "'in' and a function");
		place->in_column = words__column(words);
		words__take_name(words, place->in, "the name of a function");
	} else if (words__take(words, "entry")) {
		place->at = RACE_AT_ENTRY;
	} else if (words__take(words, "return")) {
		place->at = RACE_AT_RETURN;
	} else {
		words__expect(words, "'entry' or 'return'");
	}
}

/* After "call of G in F |": another F, or a place? A place continues after the name. */
static bool at_function(const struct words *words)
{
	struct expr_error ignored = {0};
	struct words ahead = *words;
	char name[EXPR_NAME_MAX];

	ahead.error = &ignored;
	words__take_name(&ahead, name, "");
	return !words__failed(&ahead) && !words__next(&ahead, "entry") &&
	       !words__next(&ahead, "return") && !words__next(&ahead, "of");
}

/* The same call in one of several functions. */
static void take_in(struct words *words, struct race_place *place, const struct race_place *last)
{
	*place = *last;
	place->in_column = words__column(words);
	words__take_name(words, place->in, "the name of a function");
}

/* Places, read by the given function. */
static void take_places(struct words *words, struct race_event *event,
			void (*take)(struct words *words, struct race_place *place))
{
	struct race_place *place;
	bool again;

	do {
		again = false;
		do {
			if (event->places == RACE_PLACES_MAX) {
				words__fail(words, "more than %d places of one event",
					    RACE_PLACES_MAX);
				return;
			}
			place = &event->place[event->places++];
			if (again && place[-1].in[0] && at_function(words))
				take_in(words, place, &place[-1]);
			else
				take(words, place);
			place->group = event->groups;
			again = true;
		} while (words__take(words, "|"));
		event->groups++;
	} while (words__take(words, ","));
}

int race_parse__event(struct race_event *event, const struct race_text *text,
		      struct expr_error *error)
{
	struct race_text condition;
	struct words words;

	*error = (struct expr_error){0};
	event->text = *text;
	words__begin(&words, text->text, text->column, error);
	take_places(&words, event, take_place);
	if (words__take(&words, "when")) {
		words__column(&words); /* moves to the start of the next word */
		condition = part_of(text, words.at, strlen(words.at));
		return race_parse__formula(&event->when, &condition, error);
	}
	if (!words__at_end(&words))
		words__expect(&words, "'|', ',', 'when' or the end of the line");
	return words__failed(&words) ? -EINVAL : 0;
}

static void take_function(struct words *words, struct race_place *place)
{
	place->at = RACE_AT_ENTRY;
	place->column = words__column(words);
	words__take_name(words, place->function, "the name of a function");
}

int race_parse__functions(struct race_event *event, const struct race_text *text,
			  struct expr_error *error)
{
	struct words words;

	*error = (struct expr_error){0};
	event->text = *text;
	words__begin(&words, text->text, text->column, error);
	take_places(&words, event, take_function);
	if (!words__at_end(&words))
		words__expect(&words, "'|', ',' or the end of the line");
	return words__failed(&words) ? -EINVAL : 0;
}

static bool in_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* The word "else" from at on, or NULL. */
static const char *find_else(const char *text, const char *at)
{
	while ((at = strstr(at, "else"))) {
		if ((at == text || !in_word(at[-1])) && !in_word(at[4]))
			return at;
		at += 4;
	}
	return NULL;
}

int race_parse__formula(struct race_formula *formula, const struct race_text *text,
			struct expr_error *error)
{
	const char *at, *end;
	struct expr *expr;
	int err;

	*error = (struct expr_error){0};
	formula->text = *text;
	for (at = formula->text.text; at; at = end ? end + strlen("else") : NULL) {
		end = find_else(formula->text.text, at);
		if (formula->ways == RACE_FORMULA_WAYS_MAX) {
			*error = (struct expr_error){
				.text = "more than 4 expressions for kernels that differ",
				.column = text->column + (unsigned int)(at - formula->text.text)};
			return -EINVAL;
		}
		expr = malloc(sizeof(*expr));
		if (!expr) {
			*error = (struct expr_error){.text = "out of memory"};
			return -ENOMEM;
		}
		formula->way[formula->ways++] = expr;
		err = expr__parse(expr, at, end ? (size_t)(end - at) : strlen(at),
				  text->column + (unsigned int)(at - formula->text.text), error);
		if (err)
			return err;
	}
	return 0;
}

int race_parse__label(char name[EXPR_NAME_MAX], struct race_text *rest,
		      const struct race_text *text, struct expr_error *error)
{
	struct words words;

	*error = (struct expr_error){0};
	words__begin(&words, text->text, text->column, error);
	words__take_name(&words, name, "a name and ':'");
	if (!words__take(&words, ":"))
		words__expect(&words, "':'");
	words__column(&words);
	if (words__failed(&words))
		return -EINVAL;
	*rest = part_of(text, words.at, strlen(words.at));
	return 0;
}

/* F [| F …] */
static void take_names(struct words *words, struct race_names *names, const char *what)
{
	do {
		if (names->count == RACE_NAMES_MAX) {
			words__fail(words, "more than %d functions", RACE_NAMES_MAX);
			return;
		}
		words__take_name(words, names->name[names->count], what);
		if (!words__failed(words))
			names->count++;
	} while (words__take(words, "|"));
}

/* call of G */
static void take_call(struct words *words, struct race_names *names, const char *what)
{
	if (!words__take(words, "call") || !words__take(words, "of"))
		words__expect(words, what);
	take_names(words, names, "the name of a function");
}

/* in F [after call of G] [before call of H | before BUG] */
static void take_part(struct words *words, struct race_stretch *part)
{
	if (!words__take(words, "in"))
		words__expect(words, "'in' and a function");
	take_names(words, &part->in, "the name of a function");
	if (words__take(words, "after"))
		take_call(words, &part->after, "'call of' and a function");
	if (!words__take(words, "before"))
		return;
	if (words__take(words, "BUG"))
		part->bug = true;
	else
		take_call(words, &part->before, "'BUG', or 'call of' and a function,");
}

/* For kernels that differ, each with the same word. */
static void take_parts(struct words *words, struct race_provoke *provoke, const char *word)
{
	do {
		if (provoke->parts == RACE_PARTS_MAX) {
			words__fail(words, "more than %d parts for kernels that differ",
				    RACE_PARTS_MAX);
			return;
		}
		if (!words__take(words, word))
			words__expect(words, provoke->what == RACE_HOLD_CLOCK ? "'clock in'"
									      : "'probe in'");
		take_part(words, &provoke->part[provoke->parts++]);
	} while (words__take(words, "else"));
}

int race_parse__hold(struct race_provoke *provoke, const struct race_text *text,
		     struct expr_error *error)
{
	struct words words;

	*error = (struct expr_error){0};
	words__begin(&words, text->text, text->column, error);
	if (words__take(&words, "window")) {
		provoke->what = RACE_HOLD_WINDOW;
	} else if (words__take(&words, "walker")) {
		provoke->what = RACE_HOLD_WALKER;
	} else if (words__next(&words, "clock")) {
		provoke->what = RACE_HOLD_CLOCK;
		take_parts(&words, provoke, "clock");
	} else if (words__next(&words, "probe")) {
		provoke->what = RACE_HOLD_PROBE;
		take_parts(&words, provoke, "probe");
	} else {
		provoke->what = RACE_HOLD_EVENT;
		words__take_name(&words, provoke->name, RACE_HOLDS);
	}
	if (!words__at_end(&words))
		words__expect(&words,
			      provoke->parts
				      ? "'|', 'after', 'before', 'else' or the end of the line"
				      : "the end of the line");
	return words__failed(&words) ? -EINVAL : 0;
}

static void release_formula(struct race_formula *formula)
{
	int i;

	for (i = 0; i < formula->ways; i++)
		free(formula->way[i]);
	*formula = (struct race_formula){0};
}

void race_parse__release(struct race_section *section)
{
	int i;

	release_formula(&section->begin.when);
	release_formula(&section->end.when);
	release_formula(&section->drop.when);
	release_formula(&section->learn.when);
	for (i = 0; i < section->events; i++)
		release_formula(&section->event[i].event.when);
	release_formula(&section->key);
	release_formula(&section->from);
	release_formula(&section->to);
	for (i = 0; i < section->conditions; i++)
		release_formula(&section->when[i]);
	for (i = 0; i < section->values; i++)
		release_formula(&section->saved[i].value);
	for (i = 0; i < section->escapes; i++)
		release_formula(&section->escape[i]);
}
