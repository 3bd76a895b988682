// SPDX-License-Identifier: GPL-2.0-only
#include "races.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <json-c/json.h>

#include "base/json.h"
#include "base/layout.h"
#include "base/names.h"
#include "classes/race_class.h"
#include "cli.h"
#include "hold_part.h"

#define NAME_WIDTH 18
#define LABEL_WIDTH 10
#define EVENT_WIDTH 12
#define PLACE_WIDTH 44
#define BUILT_IN "built in"

static struct json_object *race_object(const char *name, const char *title, const char *origin,
				       const char *reason)
{
	struct json_object *object = json_object_new_object();

	json__add_name(object, "race", name);
	json__add_name(object, "title", title);
	json__add_name(object, "origin", origin);
	json__add_bool(object, "observable", !reason);
	json__add_name(object, "reason", reason ? reason : "");
	return object;
}

static void add_event(struct json_object *events, const char *side, const char *event,
		      const char *place, const char *attach, const char *reason)
{
	struct json_object *object = json_object_new_object();

	json__add_name(object, "side", side);
	json__add_name(object, "event", event);
	json__add_name(object, "place", place);
	json__add_name(object, "attach", attach);
	json__add_name(object, "reason", reason);
	json_object_array_add(events, object);
}

/* --- for people --- */

void races_print__head(void)
{
	printf("%-*s  %s\n", NAME_WIDTH, "race", "here");
}

static void print_words(const char *text, size_t column)
{
	char clean[1024];

	cli__fit(clean, sizeof(clean), text);
	layout__wrap(stdout, (size_t)cli__width(stdout), clean, column, column);
}

static void print_label(const char *label, const char *text)
{
	if (!text[0])
		return;
	printf("  %-*s", LABEL_WIDTH, label);
	print_words(text, 2 + LABEL_WIDTH);
}

static void print_head(const char *name, const char *title)
{
	const int width = printf("%-*s  ", NAME_WIDTH, name);

	print_words(title, (size_t)width);
}

/* One event, and how it is attached or why it is not. */
static void print_event(const char *side, const char *event, const char *place, const char *attach)
{
	char text[RACE_PLACE_TEXT_MAX + 3 * RACE_REASON_MAX];

	printf("  %-*s%-*s", LABEL_WIDTH, side, EVENT_WIDTH, event);
	if (strlen(place) < PLACE_WIDTH)
		snprintf(text, sizeof(text), "%-*s%s", PLACE_WIDTH, place, attach);
	else
		snprintf(text, sizeof(text), "%s  %s", place, attach);
	fputs(text, stdout);
	putchar('\n');
}

/* --- built-in races --- */

static const char *here_of(const char *reason, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s", reason ? names__blindness(reason) : "observable",
		 reason ? reason : "");
	return buf;
}

/* The points that observe the sides of a built-in race. */
static void each_point(const struct races_kernel *kernel, const struct race_class *class,
		       void (*print)(void *context, const char *side, const struct probe *probe),
		       void *context)
{
	static const int zaps[] = {THPRACE_POINT_ZAP, THPRACE_POINT_LOCK, THPRACE_POINT_RMAP,
				   THPRACE_POINT_RANGE};
	const struct race_points *way = class->points;
	size_t i;

	for (i = 0; class->by_zap && i < sizeof(zaps) / sizeof(zaps[0]); i++)
		print(context, "window", &kernel->plan.probe[zaps[i]]);
	if (way[1].point[0] > 0 && kernel->plan.probe[way->point[0]].state == PROBE_ABSENT)
		way++;
	for (i = 0; i < RACE_POINTS_MAX && way->point[i] != RACE_NO_POINT; i++)
		print(context, "walker", &kernel->plan.probe[way->point[i]]);
}

static const char *function_of(const struct probe *probe)
{
	return probe->function ? probe->function : probe->point->functions[0];
}

static bool is_there(const struct probe *probe)
{
	return probe->state == PROBE_PLANNED || probe->state == PROBE_ATTACHED;
}

static void print_point(void *context, const char *side, const struct probe *probe)
{
	(void)context;
	print_event(side, probe->point->name, function_of(probe),
		    is_there(probe) ? probe__kind_name(probe) : probe->reason);
}

static void add_point(void *context, const char *side, const struct probe *probe)
{
	add_event(context, side, probe->point->name, function_of(probe), probe__kind_name(probe),
		  is_there(probe) ? "" : probe->reason);
}

void races_print__class(const struct races_kernel *kernel, int class, bool whole, bool json)
{
	const struct race_class *race = race_class__of((unsigned int)class);
	const char *reason = probe__not_observable(&kernel->plan, (enum thprace_class) class);
	struct json_object *object, *events;
	char text[512];

	if (json) {
		object = race_object(race->name, race->title, BUILT_IN, reason);
		json__add_texts(object, "fix", race->commit.hash, 0, 1);
		json__add_texts(object, "cve", "", 0, 0);
		events = json_object_new_array();
		each_point(kernel, race, add_point, events);
		json__add(object, "events", events);
		json__print(stdout, object);
		return;
	}
	here_of(reason, text, sizeof(text));
	if (!whole) {
		print_head(race->name, text);
		return;
	}
	print_head(race->name, race->title);
	print_label("origin", BUILT_IN);
	print_label("fix", race->commit.hash);
	print_label("here", text);
	each_point(kernel, race, print_point, NULL);
}

/* --- races from files --- */

static void join(const char *rows, size_t size, int count, char *buf, size_t buf_size)
{
	size_t used = 0;
	int i;

	buf[0] = '\0';
	for (i = 0; i < count && used < buf_size; i++)
		used += (size_t)snprintf(buf + used, buf_size - used, "%s%s", i ? ", " : "",
					 rows + (size_t)i * size);
}

static const char *attach_of(const struct race_point *point, char buf[RACE_REASON_MAX])
{
	if (point->how == RACE_HOW_NONE)
		return point->reason;
	if (point->moment == RACE_INSIDE && point->how == RACE_HOW_FENTRY)
		return "fentry, fexit";
	snprintf(buf, RACE_REASON_MAX, "%s%s", race_kernel__how(point->how),
		 point->moment == RACE_INSIDE ? ", kretprobe"
		 : !point->keeps	      ? ""
		 : point->place->in[0]	      ? ", with the arguments of the call"
					      : ", with the arguments of the entry");
	return buf;
}

/* Try a point's program, if requested. Returns whether it was refused. */
static bool try_point(const struct races_kernel *kernel, struct race_point *point,
		      struct race_loaded *loaded)
{
	*loaded = (struct race_loaded){0};
	if (!kernel->loader || point->how == RACE_HOW_NONE)
		return false;
	race_loader__try(kernel->loader, point, kernel->types, loaded);
	return !loaded->instructions;
}

/*
 * "fentry: 30 instructions", "kprobe: 32 instructions; no trampoline: …", "fentry: 40 instructions; reads
 * by a helper: …"
 */
static void say_loaded(const struct race_point *point, const struct race_loaded *loaded, bool tried,
		       char *text, size_t size)
{
	const char *separator = !loaded->why[0]			   ? ""
				: race_how__trampoline(point->how) ? "; reads by a helper: "
								   : "; no trampoline: ";
	char attach[RACE_REASON_MAX];
	const char *how = attach_of(point, attach);

	if (!tried || point->how == RACE_HOW_NONE)
		snprintf(text, size, "%s", how);
	else if (!loaded->instructions)
		snprintf(text, size, "%s refused: %s", how, loaded->why);
	else
		snprintf(text, size, "%s: %d instructions%s%s", how, loaded->instructions,
			 separator, loaded->why);
}

static int print_points(const struct races_kernel *kernel, const struct race_on_kernel *on)
{
	char place[RACE_PLACE_TEXT_MAX], text[3 * RACE_REASON_MAX];
	struct race_point *point;
	struct race_loaded loaded;
	int i, refused = 0;

	for (i = 0; i < on->points; i++) {
		point = &on->point[i];
		refused += try_point(kernel, point, &loaded);
		say_loaded(point, &loaded, kernel->loader != NULL, text, sizeof(text));
		print_event(race__role(point->section->role), race_kernel__moment(point),
			    race__place(point->place, place), text);
	}
	return refused;
}

static int add_points(const struct races_kernel *kernel, const struct race_on_kernel *on,
		      struct json_object *events)
{
	char place[RACE_PLACE_TEXT_MAX], attach[RACE_REASON_MAX];
	struct race_point *point;
	struct race_loaded loaded;
	int i, refused = 0;

	for (i = 0; i < on->points; i++) {
		point = &on->point[i];
		refused += try_point(kernel, point, &loaded);
		add_event(events, race__role(point->section->role), race_kernel__moment(point),
			  race__place(point->place, place),
			  point->how == RACE_HOW_NONE ? "-" : attach_of(point, attach),
			  point->how == RACE_HOW_NONE ? point->reason : loaded.why);
		if (kernel->loader)
			json__add(json__at(events, json__length(events) - 1), "instructions",
				  json_object_new_int(loaded.instructions));
	}
	return refused;
}

/* How a task waits in a part of a function. False: it is not there, and text says why. */
static bool find_hold(const struct races_kernel *kernel, const struct race *race, char *text,
		      size_t size)
{
	struct code_spans found;
	int bytes = 0, err, i;

	if (!kernel->elsewhere)
		err = hold_part__of_target(kernel->target, &race->provoke, &found, NULL, text,
					   size);
	else if (kernel->source.code)
		err = hold_part__of_code(kernel->source.code, &race->provoke, &found, text, size);
	else
		err = -ENOTSUP;
	if (err == -ENOTSUP)
		snprintf(text, size, "code is read from an image only (--kernel)");
	if (err)
		return false;
	for (i = 0; i < found.spans; i++)
		bytes += (int)(found.span[i].to - found.span[i].from);
	if (race->provoke.what == RACE_HOLD_PROBE)
		snprintf(text, size, "kprobe at %s", COUNTED(found.entries, "instruction"));
	else
		snprintf(text, size, "clock in %s of code", COUNTED(bytes, "byte"));
	return true;
}

static void print_hold(const struct races_kernel *kernel, const struct race *race)
{
	char how[256], text[300];

	if (!race->provoke.parts)
		return;
	snprintf(text, sizeof(text), "%s%s",
		 find_hold(kernel, race, how, sizeof(how)) ? "" : "not here: ", how);
	print_event("provoke", "hold", race->provoke.hold.text, text);
}

static void add_hold(const struct races_kernel *kernel, const struct race *race,
		     struct json_object *object)
{
	struct json_object *hold = json_object_new_object();
	char text[256] = "";
	const bool found = find_hold(kernel, race, text, sizeof(text));

	json__add_name(hold, "place", race->provoke.hold.text);
	json__add_name(hold, "attach", found ? text : "-");
	json__add_name(hold, "reason", found ? "" : text);
	json__add(object, "hold", hold);
}

static int file_json(const struct races_kernel *kernel, const struct race_file *file,
		     const struct race_on_kernel *on, const char *reason)
{
	const struct race *race = file->race;
	struct json_object *object =
		race_object(race ? race->name : "", race ? race->title : "", file->path, reason);
	struct json_object *events = json_object_new_array();
	int refused = 0;

	json__add_texts(object, "fix", race ? race->fix[0] : "", sizeof(race->fix[0]),
			race ? race->fixes : 0);
	json__add_texts(object, "cve", race ? race->cve[0] : "", sizeof(race->cve[0]),
			race ? race->cves : 0);
	if (race)
		refused = add_points(kernel, on, events);
	json__add(object, "events", events);
	if (race && race->provoke.parts)
		add_hold(kernel, race, object);
	json__print(stdout, object);
	return refused;
}

int races_print__file(const struct races_kernel *kernel, const struct race_file *file,
		      const struct race_on_kernel *on, bool whole, bool json)
{
	const char *reason = file->race ? race_kernel__not_observable(on) : file->why;
	const struct race *race = file->race;
	char text[1024], list[256];
	int refused;

	if (json)
		return file_json(kernel, file, on, reason);
	if (!race) {
		print_head("-", reason);
		return 0;
	}
	here_of(reason, text, sizeof(text));
	if (!whole) {
		print_head(race->name, text);
		return 0;
	}
	print_head(race->name, race->title);
	print_label("origin", file->path);
	join(race->fix[0], sizeof(race->fix[0]), race->fixes, list, sizeof(list));
	print_label("fix", list);
	join(race->cve[0], sizeof(race->cve[0]), race->cves, list, sizeof(list));
	print_label("cve", list);
	print_label("here", text);
	refused = print_points(kernel, on);
	print_hold(kernel, race);
	return refused;
}
