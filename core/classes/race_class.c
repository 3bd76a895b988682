// SPDX-License-Identifier: GPL-2.0-only
#include "race_class.h"

#include <stdio.h>
#include <string.h>

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_LEN 64 /* of a foreign class: the name of a point or function */

/* The Makefile generates that list from the files of this folder. */
#define RACE_CLASS(name) extern const struct race_class race_class_##name;
#include "race_classes.h"
#undef RACE_CLASS

static const struct race_class *const classes[] = {
#define RACE_CLASS(name) &race_class_##name,
#include "race_classes.h"
};
#define END (1 + SIZE(classes))

_Static_assert(END < THPRACE_CLASS_MAX, "ids are below it, and one is left for a foreign class");

static struct foreign {
	struct race_class class;
	char name[RACE_NAME_MAX + 1];
	char point[TEXT_LEN];
	char point2[TEXT_LEN];
	char function[TEXT_LEN];
	char event[RACE_EVENTS][RACE_EVENT_TEXT];
	char place_text[THPRACE_RACE_SECTIONS_MAX][RACE_PLACES][RACE_EVENT_TEXT];
	char saved[THPRACE_RACE_SECTIONS_MAX][RACE_SAVED_TEXT];
} foreign[THPRACE_CLASS_MAX - END];

static const struct race_class *by_id[THPRACE_CLASS_MAX];
static unsigned int foreign_end = END;

static bool keeps_number(const struct race_class *class)
{
	return class->number && class->number < END;
}

/*
 * Classes with a fixed number have it as their id, the others follow. Before main: no thread sees
 * it incomplete.
 */
__attribute__((constructor)) static void number_classes(void)
{
	unsigned int id = 1;
	size_t i;

	for (i = 0; i < SIZE(classes); i++)
		if (keeps_number(classes[i]))
			by_id[classes[i]->number] = classes[i];
	for (i = 0; i < SIZE(classes); i++) {
		if (keeps_number(classes[i]))
			continue;
		while (by_id[id])
			id++;
		by_id[id] = classes[i];
	}
}

const struct race_class *race_class__of(unsigned int class)
{
	return class < foreign_end ? by_id[class] : NULL;
}

unsigned int race_class__end(void)
{
	return END;
}

uint32_t race_class__all(void)
{
	return (1U << END) - 2;
}

unsigned int race_class__foreign_end(void)
{
	return foreign_end;
}

unsigned int race_class__find(const char *name)
{
	unsigned int class;

	for (class = 1; class < foreign_end; class ++)
		if (!strcmp(by_id[class]->name, name))
			return class;
	return 0;
}

bool race_class__is_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return length && length <= RACE_NAME_MAX && !name[length];
}

static const char *copy(char to[TEXT_LEN], const char *text)
{
	if (!text)
		return NULL;
	snprintf(to, TEXT_LEN, "%s", text);
	return to;
}

static const char *copy_event(char to[RACE_EVENT_TEXT], const char *text)
{
	if (!text)
		return NULL;
	snprintf(to, RACE_EVENT_TEXT, "%s", text);
	return to;
}

static void set_events(struct foreign *place, const struct race_class *class)
{
	int i;

	for (i = 0; i < RACE_EVENTS; i++)
		place->class.event[i] = copy_event(place->event[i], class->event[i]);
}

static void set_place(struct foreign *of, unsigned int section,
		      const char *const place[RACE_PLACES])
{
	int i;

	for (i = 0; i < RACE_PLACES; i++)
		of->class.place[section][i] = copy_event(of->place_text[section][i], place[i]);
}

static void set_saved(struct foreign *place, unsigned int section, const char *names)
{
	place->class.saved[section] = NULL;
	if (!names)
		return;
	snprintf(place->saved[section], sizeof(place->saved[section]), "%s", names);
	place->class.saved[section] = place->saved[section];
}

unsigned int race_class__add_foreign(const struct race_class *class)
{
	unsigned int id = race_class__find(class->name), i;
	struct foreign *place;

	if (id)
		return id;
	if (foreign_end == THPRACE_CLASS_MAX || !race_class__is_name(class->name))
		return 0;
	place = &foreign[foreign_end - END];
	memset(place, 0, sizeof(*place));
	snprintf(place->name, sizeof(place->name), "%s", class->name);
	place->class.name = place->name;
	place->class.shape = class->shape;
	place->class.deletes = class->deletes;
	place->class.point = copy(place->point, class->point);
	place->class.point2 = copy(place->point2, class->point2);
	place->class.function = copy(place->function, class->function);
	set_events(place, class);
	for (i = 0; i < THPRACE_RACE_SECTIONS_MAX; i++) {
		set_place(place, i, class->place[i]);
		set_saved(place, i, class->saved[i]);
	}
	by_id[foreign_end] = &place->class;
	return foreign_end++;
}

unsigned int race_class__add_file(const char *name, const char *const event[RACE_EVENTS])
{
	struct race_class class = {.name = name, .shape = RACE_FILE};
	const unsigned int id = race_class__find(name);

	if (id && (id < END || by_id[id]->shape != RACE_FILE))
		return 0;
	memcpy(class.event, event, sizeof(class.event));
	if (id) /* another file, or an earlier state of it */
		set_events(&foreign[id - END], &class);
	return race_class__add_foreign(&class);
}

void race_class__save(unsigned int class, unsigned int section, const char *names)
{
	if (class >= END && class < foreign_end && section < THPRACE_RACE_SECTIONS_MAX)
		set_saved(&foreign[class - END], section, names);
}

void race_class__locate(unsigned int class, unsigned int section,
			const char *const place[RACE_PLACES])
{
	if (class >= END && class < foreign_end && section < THPRACE_RACE_SECTIONS_MAX)
		set_place(&foreign[class - END], section, place);
}

static const char *saved_of(unsigned int class, unsigned int section)
{
	const struct race_class *of = race_class__of(class);

	return of && section < THPRACE_RACE_SECTIONS_MAX && of->saved[section]
		       ? of->saved[section] + strspn(of->saved[section], " ")
		       : "";
}

static const char *after_one(const char *names)
{
	names += strcspn(names, " ");
	return names + strspn(names, " ");
}

unsigned int race_class__values(unsigned int class, unsigned int section)
{
	const char *names = saved_of(class, section);
	unsigned int count = 0;

	for (; *names; names = after_one(names))
		count++;
	return count < THPRACE_INTERVAL_SAVED ? count : THPRACE_INTERVAL_SAVED;
}

const char *race_class__value(unsigned int class, unsigned int section, unsigned int which,
			      char buf[RACE_SAVED_TEXT])
{
	const char *names = saved_of(class, section);

	while (*names && which--)
		names = after_one(names);
	if (!*names)
		return NULL;
	snprintf(buf, RACE_SAVED_TEXT, "%.*s", (int)strcspn(names, " "), names);
	return buf;
}

void race_class__forget_foreign(void)
{
	foreign_end = END;
}

void race_class__walkers(uint8_t table[THPRACE_POINT_MAX][THPRACE_ORIGIN_SLOTS])
{
	unsigned int class, i;

	for (class = 1; class < END; class ++)
		for (i = 0; i < RACE_WALKERS_MAX && by_id[class]->walkers[i].point; i++)
			table[by_id[class]->walkers[i].point][by_id[class]->walkers[i].origin] =
				(uint8_t) class;
}

enum race_shape race_class__shape(unsigned int class)
{
	const struct race_class *of = race_class__of(class);

	return of ? of->shape : RACE_WALK;
}

enum thprace_class race_class__with(enum race_shape shape)
{
	unsigned int class = 1;

	while (class < END && by_id[class]->shape != shape)
		class ++;
	return class < END ? (enum thprace_class) class : THPRACE_CLASS_NONE;
}

bool race_class__deletes(unsigned int class)
{
	const struct race_class *of = race_class__of(class);

	return of && of->deletes;
}
