// SPDX-License-Identifier: GPL-2.0-only
/* The keys of race files, and checks of the whole file. */
#include "race.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini_file.h"
#include "base/names.h"
#include "base/nearest.h"
#include "base/timespan.h"
#include "race_parse.h"
#include "race_whole.h"

#define MANUAL "thprace.race(5)"
#define MICROSECOND 1000
#define HOLD_MAX_US 1000
#define SECONDS_MAX 3600

struct reading {
	struct race *race;
	struct race_section *section; /* of [window] and [walker] */
	struct ini_errors *errors;
	bool names_race; /* there is a [race] */
	struct race_section spare; /* used if there are too many */
};

struct key {
	const char *sections; /* a letter each: r w k c p */
	const char *name;
	void (*read)(struct reading *reading, const struct race_text *text);
};

static void complain_of(struct reading *reading, const struct race_text *text,
			const struct expr_error *error)
{
	race_whole__complain(reading->errors, reading->race, text->line, error->column, "%s",
			     error->text);
}

/* --- [race] --- */

static void read_name(struct reading *reading, const struct race_text *text)
{
	size_t length = strlen(text->text), i;

	for (i = 0; i < length; i++)
		if (!islower((unsigned char)text->text[i]) &&
		    !(i && (isdigit((unsigned char)text->text[i]) || text->text[i] == '-')))
			break;
	if (!length || i < length || length >= RACE_NAME_SIZE)
		race_whole__complain(
			reading->errors, reading->race, text->line, text->column + (unsigned int)i,
			"a name is 1 to %d lower-case letters, digits and '-', a letter first",
			RACE_NAME_SIZE - 1);
	else
		memcpy(reading->race->name, text->text, length + 1);
}

static void read_title(struct reading *reading, const struct race_text *text)
{
	memcpy(reading->race->title, text->text, sizeof(text->text));
}

/* A, B … into rows of size bytes. */
static void read_list(struct reading *reading, const struct race_text *text, char *rows,
		      size_t size, int *count, int max)
{
	const char *at = text->text, *end;
	size_t length;

	for (;; at = end + 1) {
		at += strspn(at, " \t");
		end = at + strcspn(at, ",");
		length = (size_t)(end - at);
		while (length && isspace((unsigned char)at[length - 1]))
			length--;
		if (!length || length >= size || *count == max) {
			race_whole__complain(reading->errors, reading->race, text->line,
					     text->column + (unsigned int)(at - text->text),
					     !length || *count < max ? "1 to %zu bytes expected"
								     : "too many of them",
					     size - 1);
			return;
		}
		memcpy(rows + (size_t)*count * size, at, length);
		++*count;
		if (!*end)
			return;
	}
}

static void read_fix(struct reading *reading, const struct race_text *text)
{
	struct race *race = reading->race;

	read_list(reading, text, race->fix[0], sizeof(race->fix[0]), &race->fixes,
		  RACE_COMMITS_MAX);
}

static void read_cve(struct reading *reading, const struct race_text *text)
{
	struct race *race = reading->race;

	read_list(reading, text, race->cve[0], sizeof(race->cve[0]), &race->cves, RACE_COMMITS_MAX);
}

/* A line of the kernel's log, with or without quotes. */
static void read_danger(struct reading *reading, const struct race_text *text)
{
	size_t length = strlen(text->text);
	const char *at = text->text;

	if (reading->race->dangers == RACE_DANGERS_MAX) {
		race_whole__complain(reading->errors, reading->race, text->line, 0,
				     "danger is given more than %d times", RACE_DANGERS_MAX);
		return;
	}
	if (length > 1 && at[0] == '"' && at[length - 1] == '"') {
		at++;
		length -= 2;
	}
	memcpy(reading->race->danger[reading->race->dangers++], at, length);
}

/* --- [window], [walker] --- */

static void read_event_into(struct reading *reading, const struct race_text *text,
			    struct race_event *event)
{
	struct expr_error error;

	if (event->places || event->text.line)
		race_whole__complain(reading->errors, reading->race, text->line, 0,
				     "given twice: join the values with ','");
	else if (race_parse__event(event, text, &error))
		complain_of(reading, text, &error);
}

static void read_begin(struct reading *reading, const struct race_text *text)
{
	read_event_into(reading, text, &reading->section->begin);
}

static void read_at(struct reading *reading, const struct race_text *text)
{
	reading->section->instant = true;
	read_event_into(reading, text, &reading->section->begin);
}

static void read_end(struct reading *reading, const struct race_text *text)
{
	read_event_into(reading, text, &reading->section->end);
}

static void read_drop(struct reading *reading, const struct race_text *text)
{
	read_event_into(reading, text, &reading->section->drop);
}

static void read_learn(struct reading *reading, const struct race_text *text)
{
	read_event_into(reading, text, &reading->section->learn);
}

static void read_inside(struct reading *reading, const struct race_text *text)
{
	struct expr_error error;

	if (reading->section->inside.text.line)
		race_whole__complain(reading->errors, reading->race, text->line, 0,
				     "given twice: join the values with ','");
	else if (race_parse__functions(&reading->section->inside, text, &error))
		complain_of(reading, text, &error);
}

static void read_formula_into(struct reading *reading, const struct race_text *text,
			      struct race_formula *formula)
{
	struct expr_error error;

	if (formula->text.line)
		race_whole__complain(reading->errors, reading->race, text->line, 0,
				     "given twice: join the values with 'else'");
	else if (race_parse__formula(formula, text, &error))
		complain_of(reading, text, &error);
}

static void read_key(struct reading *reading, const struct race_text *text)
{
	read_formula_into(reading, text, &reading->section->key);
}

static void read_from(struct reading *reading, const struct race_text *text)
{
	read_formula_into(reading, text, &reading->section->from);
}

static void read_to(struct reading *reading, const struct race_text *text)
{
	read_formula_into(reading, text, &reading->section->to);
}

static void read_condition(struct reading *reading, const struct race_text *text,
			   struct race_formula *formulas, int *count)
{
	if (*count == RACE_CONDITIONS_MAX)
		race_whole__complain(reading->errors, reading->race, text->line, 0,
				     "more than %d conditions: join them with '&&'",
				     RACE_CONDITIONS_MAX);
	else
		read_formula_into(reading, text, &formulas[(*count)++]);
}

static void read_when(struct reading *reading, const struct race_text *text)
{
	read_condition(reading, text, reading->section->when, &reading->section->conditions);
}

static void read_escape(struct reading *reading, const struct race_text *text)
{
	read_condition(reading, text, reading->section->escape, &reading->section->escapes);
}

static bool is_taken(const struct race_section *section, const char *name)
{
	static const char *const words[] = {"key",     "others", "others_since", "result",
					    "current", "else",	 "when",	 "vmemmap"};
	size_t i;
	int at;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], name))
			return true;
	for (at = 0; at < section->values; at++)
		if (!strcmp(section->saved[at].name, name))
			return true;
	for (at = 0; at < section->events; at++)
		if (!strcmp(section->event[at].name, name))
			return true;
	return false;
}

/* "NAME: …": the text after it, in rest. */
static bool take_label(struct reading *reading, const struct race_text *text,
		       char name[EXPR_NAME_MAX], struct race_text *rest)
{
	struct expr_error error;

	if (race_parse__label(name, rest, text, &error)) {
		complain_of(reading, text, &error);
		return false;
	}
	if (!is_taken(reading->section, name))
		return true;
	race_whole__complain(reading->errors, reading->race, text->line, text->column,
			     "the name '%s' is taken", name);
	return false;
}

static void read_event(struct reading *reading, const struct race_text *text)
{
	struct race_section *section = reading->section;
	struct race_named_event *event = &section->event[section->events];
	char name[EXPR_NAME_MAX];
	struct race_text rest;

	if (section->events == RACE_EVENTS_MAX) {
		race_whole__complain(reading->errors, reading->race, text->line, 0,
				     "more than %d events of one section", RACE_EVENTS_MAX);
		return;
	}
	if (!take_label(reading, text, name, &rest))
		return;
	memcpy(event->name, name, sizeof(name));
	section->events++;
	read_event_into(reading, &rest, &event->event);
}

static void read_save(struct reading *reading, const struct race_text *text)
{
	struct race_section *section = reading->section;
	struct race_saved *saved = &section->saved[section->values];
	char name[EXPR_NAME_MAX];
	struct race_text rest;

	if (section->values == RACE_SAVED_MAX) {
		race_whole__complain(reading->errors, reading->race, text->line, 0,
				     "more than %d saved values of one section", RACE_SAVED_MAX);
		return;
	}
	if (!take_label(reading, text, name, &rest))
		return;
	memcpy(saved->name, name, sizeof(name));
	section->values++;
	read_formula_into(reading, &rest, &saved->value);
}

/* --- [check], [provoke] --- */

static void read_rule(struct reading *reading, const struct race_text *text, int *root)
{
	struct expr_error error;

	if (race_rule__parse(reading->race->rule, root, text->text, text->line, text->column,
			     &error))
		complain_of(reading, text, &error);
}

static void read_fixed(struct reading *reading, const struct race_text *text)
{
	read_rule(reading, text, &reading->race->rule->fixed);
}

static void read_vulnerable(struct reading *reading, const struct race_text *text)
{
	read_rule(reading, text, &reading->race->rule->vulnerable);
}

static void read_cannot(struct reading *reading, const struct race_text *text)
{
	read_rule(reading, text, &reading->race->rule->cannot);
}

static void read_hold(struct reading *reading, const struct race_text *text)
{
	struct expr_error error;

	if (race_parse__hold(&reading->race->provoke, text, &error))
		complain_of(reading, text, &error);
	reading->race->provoke.hold = *text;
}

static void read_time(struct reading *reading, const struct race_text *text)
{
	uint64_t ns = 0;

	if (timespan__parse(text->text, 1, &ns) || ns < MICROSECOND ||
	    ns > (uint64_t)HOLD_MAX_US * MICROSECOND)
		race_whole__complain(reading->errors, reading->race, text->line, text->column,
				     "from 1us to 1ms expected");
	else
		reading->race->provoke.time_us = (unsigned int)(ns / MICROSECOND);
}

static void read_run(struct reading *reading, const struct race_text *text)
{
	reading->race->provoke.run = *text;
}

static void read_seconds(struct reading *reading, const struct race_text *text)
{
	uint64_t ns = 0;

	if (timespan__parse(text->text, TIMESPAN_SECOND, &ns) || ns < TIMESPAN_SECOND ||
	    ns > SECONDS_MAX * TIMESPAN_SECOND)
		race_whole__complain(reading->errors, reading->race, text->line, text->column,
				     "from 1s to 1h expected");
	else
		reading->race->provoke.seconds = (unsigned int)(ns / TIMESPAN_SECOND);
}

/* --- the file --- */

static const struct key keys[] = {
	{"r", "name", read_name},	{"r", "title", read_title},
	{"r", "fix", read_fix},		{"r", "cve", read_cve},
	{"r", "danger", read_danger},	{"w", "open", read_begin},
	{"w", "close", read_end},	{"k", "enter", read_begin},
	{"k", "leave", read_end},	{"k", "at", read_at},
	{"wk", "drop", read_drop},	{"wk", "learn", read_learn},
	{"wk", "inside", read_inside},	{"wk", "event", read_event},
	{"wk", "key", read_key},	{"wk", "from", read_from},
	{"wk", "to", read_to},		{"wk", "when", read_when},
	{"wk", "save", read_save},	{"wk", "escape", read_escape},
	{"c", "fixed", read_fixed},	{"c", "vulnerable", read_vulnerable},
	{"c", "cannot", read_cannot},	{"p", "hold", read_hold},
	{"p", "time", read_time},	{"p", "run", read_run},
	{"p", "seconds", read_seconds},
};

#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))

static const struct {
	const char *name;
	char letter;
} sections[] = {
	{"race", 'r'}, {"window", 'w'}, {"walker", 'k'}, {"check", 'c'}, {"provoke", 'p'},
};

#define NR_SECTIONS (sizeof(sections) / sizeof(sections[0]))

static char letter_of(const char *name)
{
	size_t i;

	for (i = 0; i < NR_SECTIONS; i++)
		if (!strcmp(sections[i].name, name))
			return sections[i].letter;
	return '\0';
}

static void begin_side(struct reading *reading, const struct ini_file *file, enum race_role role)
{
	struct race *race = reading->race;

	if (race->sections == RACE_SECTIONS_MAX) {
		race_whole__complain(reading->errors, reading->race, ini_file__line(file), 0,
				     "more than %d windows and walkers", RACE_SECTIONS_MAX);
		race_parse__release(&reading->spare);
		reading->spare = (struct race_section){.role = role};
		reading->section = &reading->spare;
		return;
	}
	reading->section = &race->section[race->sections++];
	reading->section->role = role;
	reading->section->line = ini_file__line(file);
}

static bool begin_section(void *context, const struct ini_file *file, const char *name)
{
	struct reading *reading = context;
	char letter = letter_of(name);

	if (letter == 'w' || letter == 'k')
		begin_side(reading, file, letter == 'w' ? RACE_WINDOW : RACE_WALKER);
	if (letter == 'r')
		reading->names_race = true;
	if (letter == 'p')
		reading->race->provoke.given = true;
	if (letter == 'c' && !reading->race->rule) {
		reading->race->rule = calloc(1, sizeof(*reading->race->rule));
		if (!reading->race->rule) {
			ini_errors__add(reading->errors, -ENOMEM, reading->race->path,
					"out of memory");
			return false;
		}
		reading->race->rule->fixed = reading->race->rule->vulnerable =
			reading->race->rule->cannot = EXPR_NONE;
	}
	return letter != '\0';
}

static bool begin_key(void *context, const struct ini_file *file, const char *section,
		      const char *name, const char *value)
{
	struct nearest nearest = nearest__to(name);
	struct race_text text = {.line = ini_file__line(file), .column = ini_file__column(file)};
	char letter = letter_of(section), hint[NEAREST_HINT_MAX];
	struct reading *reading = context;
	size_t i;

	snprintf(text.text, sizeof(text.text), "%s", value);
	for (i = 0; i < NR_KEYS; i++) {
		if (!strchr(keys[i].sections, letter))
			continue;
		nearest__consider(&nearest, keys[i].name);
		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (!*value)
			race_whole__complain(reading->errors, reading->race, text.line, 0,
					     "%s= has no value", name);
		else
			keys[i].read(reading, &text);
		return true;
	}
	if (!nearest.name)
		return false;
	names__clean(text.text, sizeof(text.text), name, strlen(name), 1);
	race_whole__complain(reading->errors, reading->race, text.line, 0,
			     "unknown key '%s' in [%s]%s", text.text, section,
			     nearest__hint(&nearest, hint));
	return true;
}

static int finish(struct reading *reading, struct race **race)
{
	int err;

	race_parse__release(&reading->spare);
	if (!reading->errors->err)
		race_whole__check(reading->race, reading->names_race, reading->errors);
	err = ini_errors__end(reading->errors);
	if (err)
		race__free(reading->race);
	else
		*race = reading->race;
	return err;
}

static int begin(struct reading *reading, const char *path, struct ini_errors *errors, char *why,
		 size_t why_size)
{
	ini_errors__begin(errors, why, why_size);
	*reading = (struct reading){.errors = errors, .race = calloc(1, sizeof(struct race))};
	if (!reading->race) {
		ini_errors__add(errors, -ENOMEM, path, "out of memory");
		return ini_errors__end(errors);
	}
	snprintf(reading->race->path, sizeof(reading->race->path), "%s", path);
	return 0;
}

static struct ini_reader reader_of(struct reading *reading)
{
	return (struct ini_reader){
		.manual = MANUAL,
		.kind = "no race",
		.limit = RACE_FILE_MAX,
		.section = begin_section,
		.key = begin_key,
		.context = reading,
	};
}

int race__read(struct race **race, const char *path, char *why, size_t why_size)
{
	struct ini_errors errors;
	struct ini_reader reader;
	struct reading reading;
	int err = begin(&reading, path, &errors, why, why_size);

	if (err)
		return err;
	reader = reader_of(&reading);
	ini_file__read(path, &reader, &errors);
	return finish(&reading, race);
}

int race__read_text(struct race **race, const char *path, const char *text, size_t size, char *why,
		    size_t why_size)
{
	struct ini_errors errors;
	struct ini_reader reader;
	struct reading reading;
	int err = begin(&reading, path, &errors, why, why_size);

	if (err)
		return err;
	reader = reader_of(&reading);
	if (size > RACE_FILE_MAX)
		ini_errors__add(&errors, -EFBIG, path, "is larger than %lu KiB: this is not a race",
				RACE_FILE_MAX >> 10);
	else
		ini_file__read_text(path, text, size, &reader, &errors);
	return finish(&reading, race);
}
