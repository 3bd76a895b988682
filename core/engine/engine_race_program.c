// SPDX-License-Identifier: GPL-2.0-only
/* Internals of the engine: a program of a race from a file is filled in and loaded. */
#include "engine_race_program.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/names.h"
#include "engine_private.h"
#include "kernel/target.h"
#include "race/race_program.h"

_Static_assert(THPRACE_RACE_FRAME_WORDS * 8 == RACE_FRAME_SIZE, "the frame in bpf/race.bpf.c");
_Static_assert(THPRACE_RACE_FRAME_CONTEXT * 8 == CALC_FRAME_CONTEXT, "the same");
_Static_assert(THPRACE_RACE_FRAME_INTERVAL * 8 == CALC_FRAME_INTERVAL, "the same");
_Static_assert(THPRACE_RACE_FRAME_KEY * 8 == RACE_FRAME_KEY, "the same");
_Static_assert(THPRACE_RACE_FRAME_FROM * 8 == RACE_FRAME_FROM, "the same");
_Static_assert(THPRACE_RACE_FRAME_TO * 8 == RACE_FRAME_TO, "the same");
_Static_assert(THPRACE_RACE_FRAME_ESCAPE * 8 == RACE_FRAME_ESCAPE, "the same");
_Static_assert(THPRACE_RACE_FRAME_SAVED * 8 == RACE_FRAME_SAVED, "the same");
_Static_assert((int)THPRACE_RACE_BEFORE == (int)RACE_PART_BEFORE, "the parts");
_Static_assert((int)THPRACE_RACE_ESCAPE == (int)RACE_PART_ESCAPE, "the parts");
_Static_assert(THPRACE_RACE_SECTIONS_MAX == RACE_SECTIONS_MAX, "the sections");
_Static_assert((int)THPRACE_RACE_WINDOW == (int)RACE_WINDOW, "the sides");
_Static_assert((int)THPRACE_RACE_WALKER == (int)RACE_WALKER, "the sides");

int race_making__fail(const struct race_making *making, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(making->why, making->why_size, format, args);
	va_end(args);
	return err;
}

/* Returns the number of instructions, or negative errno. */
static int write_part(const struct race_making *making, enum thprace_race_code part, int frame,
		      struct bpf_insn *room)
{
	const struct types *types = making->engine->races->types;
	const size_t space = THPRACE_RACE_ROOM - 2;
	struct calc_places places;

	if (part == THPRACE_RACE_KEEP)
		return race_program__keep(making->point, types, frame, room, space);
	race_program__places(&places, making->point, types, engine__page_map(making->engine));
	places.frame = frame;
	places.frame_offset = 0;
	return race_program__part(making->point, (enum race_part)part, &places, room, space);
}

/*
 * Fill in the rooms of a part, of which a template may have none. A room without code is left out, too.
 * 0 or negative errno.
 */
static int fill_rooms(const struct race_making *making, struct race_copy *copy,
		      enum thprace_race_code part)
{
	const bool empty = part == THPRACE_RACE_ESCAPE && !race_program__proves(making->point);
	struct bpf_insn *room;
	size_t from = 0;
	int frame, used;

	while ((room = race_copy__room(copy, part, &from, &frame))) {
		used = empty ? 0 : write_part(making, part, frame, room);
		if (used < 0)
			return race_making__fail(making, used,
						 "its expressions take too many instructions");
		race_copy__end(room, (size_t)used);
	}
	return 0;
}

static bool judges(const struct race *race)
{
	int i;

	for (i = 0; i < race->sections; i++)
		if (race->section[i].escapes)
			return true;
	return false;
}

static bool has_events(const struct race *race)
{
	int i;

	for (i = 0; i < race->sections; i++)
		if (race->section[i].events)
			return true;
	return false;
}

/* Does one of that side learn its key? */
static bool learns(const struct race *race, enum race_role role)
{
	int i;

	for (i = 0; i < race->sections; i++)
		if (race->section[i].role == role && race->section[i].learn.places)
			return true;
	return false;
}

/* Is it an instant, at whose place the kernel's code has not run yet? */
static bool leads(const struct race_point *point)
{
	return point->section->instant && point->moment == RACE_BEGINS &&
	       (point->place->at == RACE_AT_ENTRY || point->place->at == RACE_AT_CALL);
}

/* What holds for each of an engine's programs. */
static uint32_t common_flags(const struct engine *engine)
{
	return engine->stream_count ? THPRACE_RACE_HAS_RECORDS : 0;
}

static uint32_t flags_of(const struct race_making *making)
{
	const struct race_point *point = making->point;
	const struct race_section *section = point->section;
	const enum race_role other = section->role == RACE_WINDOW ? RACE_WALKER : RACE_WINDOW;

	return common_flags(making->engine) |
	       (section->role == RACE_WALKER ? THPRACE_RACE_IS_WALKER : 0) |
	       (leads(point) ? THPRACE_RACE_LEADS : 0) |
	       (section->values ? THPRACE_RACE_HAS_VALUES : 0) |
	       (point->keeps && point->moment == RACE_BEGINS ? THPRACE_RACE_HAS_KEPT : 0) |
	       (judges(making->of->race) ? THPRACE_RACE_HAS_ESCAPE : 0) |
	       (has_events(making->of->race) ? THPRACE_RACE_HAS_SINCE : 0) |
	       (section->inside.places ? THPRACE_RACE_HAS_INSIDE : 0) |
	       (section->learn.places ? THPRACE_RACE_HAS_LEARN : 0) |
	       (section->events ? THPRACE_RACE_HAS_EVENTS : 0) |
	       (learns(making->of->race, other) ? THPRACE_RACE_HAS_LEARNERS : 0);
}

static int fill(const struct race_making *making, struct race_copy *copy)
{
	const struct race_point *point = making->point;
	int err, part;

	race_copy__number(copy, THPRACE_RACE_CLASS, making->of->class);
	race_copy__number(copy, THPRACE_RACE_SECTION, (uint32_t)point->section_index);
	race_copy__number(copy, THPRACE_RACE_SIDE, point->section->role);
	race_copy__number(copy, THPRACE_RACE_EVENT, (uint32_t)point->named);
	race_copy__number(copy, THPRACE_RACE_VALUES, (uint32_t)point->section->values);
	err = race_copy__decide(copy, flags_of(making));
	if (err)
		return race_making__fail(making, err, "out of memory");
	for (part = 0; part < THPRACE_RACE_CODES && !err; part++)
		err = fill_rooms(making, copy, (enum thprace_race_code)part);
	return err;
}

/* The verifier's last message comes before its statistics. */
static int refused(const struct race_making *making, int err)
{
	char *end = strstr(making->log, "\nprocessed "), *line;

	if (end)
		*end = '\0';
	line = strrchr(making->log, '\n');
	line = line ? line + 1 : making->log;
	names__clean(making->why, making->why_size, *line ? line : strerror(-err), making->why_size,
		     0);
	return err;
}

/* Returns a descriptor or negative errno. */
static int submit(const struct race_making *making, const struct race_copy *copy,
		  enum bpf_prog_type type, struct bpf_prog_load_opts *options)
{
	int err, fd;

	options->sz = sizeof(*options);
	options->log_buf = making->log;
	options->log_size = RACE_LOG_SIZE;
	options->prog_btf_fd = copy->func_info ? (uint32_t)making->engine->races->templates.btf : 0;
	options->func_info = copy->func_info;
	options->func_info_rec_size = copy->func_info_size;
	options->func_info_cnt = copy->func_info_count;
	making->log[0] = '\0';
	fd = bpf_prog_load(type, making->template, "GPL", copy->insn, copy->count, options);
	err = fd < 0 ? -errno : 0;
	if (err) { /* once more, for the verifier's words */
		options->log_level = 1;
		fd = bpf_prog_load(type, making->template, "GPL", copy->insn, copy->count, options);
	}
	return fd < 0 ? refused(making, err) : fd;
}

/* For race_exit: where a task may have something under way, by all races that are loaded. */
static int fill_exit(const struct race_making *making, struct race_copy *copy)
{
	const struct engine_races *races = making->engine->races;
	volatile struct thprace_race_exit *exit = making->engine->skel->bss->race_exits;
	uint32_t flags = common_flags(making->engine), count = 0, place;
	const struct engine_race *of;
	size_t i;
	int n;

	for (i = 0; i < races->count; i++) {
		of = &races->race[i];
		if (!of->programs)
			continue;
		if (learns(of->race, RACE_WINDOW) || learns(of->race, RACE_WALKER))
			flags |= THPRACE_RACE_HAS_LEARNERS | THPRACE_RACE_HAS_LEARN;
		if (has_events(of->race))
			flags |= THPRACE_RACE_HAS_SINCE;
		for (n = 0; n < of->race->sections; n++) {
			place = THPRACE_RACE_PLACE(of->class, n);
			exit[count].place = place;
			exit[count++].flags = judges(of->race) ? THPRACE_RACE_HAS_ESCAPE : 0;
			if (of->race->section[n].inside.places)
				exit[count++].place = place | THPRACE_RACE_INSIDE;
		}
	}
	race_copy__number(copy, THPRACE_RACE_EXITS, count);
	return race_copy__decide(copy, flags);
}

static void set_trampoline(const struct race_making *making, enum bpf_prog_type *type,
			   struct bpf_prog_load_opts *options)
{
	*type = BPF_PROG_TYPE_TRACING;
	options->expected_attach_type = making->how == RACE_HOW_FENTRY ? BPF_TRACE_FENTRY
								       : BPF_TRACE_FEXIT;
	options->attach_btf_id = types__find(making->engine->races->types,
					     making->point->place->function, BTF_KIND_FUNC);
}

int race_making__load(const struct race_making *making, struct fentry_program *again)
{
	const struct engine_races *races = making->engine->races;
	const struct race_template *template =
		race_templates__find(&races->templates, making->template);
	const bool trampoline = race_how__trampoline(making->how);
	struct bpf_prog_load_opts options = {0};
	enum bpf_prog_type type = BPF_PROG_TYPE_KPROBE;
	struct race_copy copy;
	int err;

	if (!template)
		return race_making__fail(making, -ENOENT, "there is no program %s",
					 making->template);
	err = race_copy__make(&copy, template);
	if (err)
		return race_making__fail(making, err, "out of memory");
	err = making->point ? fill(making, &copy) : fill_exit(making, &copy);
	if (!making->point)
		type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	else if (trampoline)
		set_trampoline(making, &type, &options);
	if (!err)
		err = race_copy__close_up(&copy);
	if (!err)
		err = submit(making, &copy, type, &options);
	if (err >= 0 && trampoline && fentry__once(target__release(making->engine->target))) {
		*again = (struct fentry_program){
			.insn = copy.insn,
			.count = copy.count,
			.function = options.attach_btf_id,
			.attach_type = options.expected_attach_type,
			.btf = options.prog_btf_fd,
			.func_info = options.func_info,
			.func_info_size = options.func_info_rec_size,
			.func_info_count = options.func_info_cnt,
		};
		return err;
	}
	race_copy__free(&copy);
	return err;
}
