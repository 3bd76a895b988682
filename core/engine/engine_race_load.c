// SPDX-License-Identifier: GPL-2.0-only
/* Internals of the engine: the programs of races from files are made, loaded and attached. */
#include "engine_race.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include "base/names.h"
#include "engine_private.h"
#include "kernel/calls.h"
#include "kernel/kprobe.h"
#include "kernel/target.h"
#include "race/race_attach.h"
#include "race/race_program.h"

#define LOG_SIZE 65536
#define CODE_MAX 32768U /* of one piece of a function; the rest is not searched */

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

/* What is being made of a point. */
struct making {
	struct engine *engine;
	struct engine_race *of;
	struct race_point *point;
	const char *template;
	enum race_how how;
	bool at_return; /* of a call: the instruction after it */
	char *log;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 3, 4))) static int fail(const struct making *making, int err,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(making->why, making->why_size, format, args);
	va_end(args);
	return err;
}

/* Returns the number of instructions, or negative errno. */
static int write_part(const struct making *making, enum thprace_race_code part, int frame,
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

/* Fill in the rooms of a part, of which a template may have none. 0 or negative errno. */
static int fill_rooms(const struct making *making, struct race_copy *copy,
		      enum thprace_race_code part)
{
	struct bpf_insn *room;
	size_t from = 0;
	int frame, used;

	if (part == THPRACE_RACE_ESCAPE && !race_program__proves(making->point))
		return 0;
	while ((room = race_copy__room(copy, part, &from, &frame))) {
		used = write_part(making, part, frame, room);
		if (used < 0)
			return fail(making, used, "its expressions take too many instructions");
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

static int fill(const struct making *making, struct race_copy *copy)
{
	const struct race_point *point = making->point;
	const bool kept = point->keeps && point->moment == RACE_BEGINS;
	int err = 0, part;

	race_copy__number(copy, THPRACE_RACE_CLASS, making->of->class);
	race_copy__number(copy, THPRACE_RACE_SECTION, (uint32_t)point->section_index);
	race_copy__number(copy, THPRACE_RACE_SIDE, point->section->role);
	race_copy__number(copy, THPRACE_RACE_EVENT, (uint32_t)point->named);
	race_copy__number(copy, THPRACE_RACE_FLAGS,
			  (kept ? THPRACE_RACE_HAS_KEPT : 0) |
				  (judges(making->of->race) ? THPRACE_RACE_HAS_ESCAPE : 0) |
				  (point->section->inside.places ? THPRACE_RACE_HAS_INSIDE : 0));
	for (part = 0; part < THPRACE_RACE_CODES && !err; part++)
		err = fill_rooms(making, copy, (enum thprace_race_code)part);
	return err;
}

/* The verifier's last message comes before its statistics. */
static int refused(const struct making *making, int err)
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
static int submit(const struct making *making, const struct race_template *template,
		  const struct race_copy *copy, enum bpf_prog_type type,
		  struct bpf_prog_load_opts *options)
{
	int err, fd;

	options->sz = sizeof(*options);
	options->log_buf = making->log;
	options->log_size = LOG_SIZE;
	options->prog_btf_fd = template->func_info ? (uint32_t)making->engine->races->templates.btf
						   : 0;
	options->func_info = template->func_info;
	options->func_info_rec_size = template->func_info_size;
	options->func_info_cnt = template->func_info_count;
	making->log[0] = '\0';
	fd = bpf_prog_load(type, making->template, "GPL", copy->insn, copy->count, options);
	err = fd < 0 ? -errno : 0;
	if (err) { /* once more, for the verifier's words */
		options->log_level = 1;
		fd = bpf_prog_load(type, making->template, "GPL", copy->insn, copy->count, options);
	}
	return fd < 0 ? refused(making, err) : fd;
}

/* A copy of making's template, filled in for its point, or for none. The same. */
static int load(const struct making *making)
{
	const struct engine_races *races = making->engine->races;
	const struct race_template *template =
		race_templates__find(&races->templates, making->template);
	const bool trampoline = making->how == RACE_HOW_FENTRY || making->how == RACE_HOW_FEXIT;
	struct bpf_prog_load_opts options = {0};
	enum bpf_prog_type type = BPF_PROG_TYPE_KPROBE;
	struct race_copy copy;
	int err;

	if (!template)
		return fail(making, -ENOENT, "there is no program %s", making->template);
	err = race_copy__make(&copy, template);
	if (err)
		return fail(making, err, "out of memory");
	if (!making->point) {
		type = BPF_PROG_TYPE_RAW_TRACEPOINT;
		race_copy__number(&copy, THPRACE_RACE_CLASS, making->of->class);
		race_copy__number(&copy, THPRACE_RACE_SECTIONS,
				  (uint32_t)making->of->race->sections);
	} else {
		err = fill(making, &copy);
	}
	if (trampoline) {
		type = BPF_PROG_TYPE_TRACING;
		options.expected_attach_type = making->how == RACE_HOW_FENTRY ? BPF_TRACE_FENTRY
									      : BPF_TRACE_FEXIT;
		options.attach_btf_id =
			types__find(races->types, making->point->place->function, BTF_KIND_FUNC);
	}
	if (!err)
		err = submit(making, template, &copy, type, &options);
	free(copy.insn);
	return err;
}

/* --- attaching --- */

static int add_link(struct engine_race_program *program, int link)
{
	int err;

	if (link < 0)
		return link;
	if (program->links == ENGINE_SITES_MAX) {
		close(link);
		return -E2BIG;
	}
	program->link[program->links++] = link;
	if (program->trampoline)
		return 0;
	err = kprobe__run(link, program->program);
	if (err)
		close(program->link[--program->links]);
	return err;
}

/* The calls of one function in a piece of another. Returns their number or negative errno. */
static int attach_calls(const struct making *making, struct engine_race_program *program,
			const struct function_range *range, uint64_t callee)
{
	struct target *target = making->engine->target;
	const enum calls_machine machine = !strcmp(target__machine(target), "x86_64") ? CALLS_X86_64
										      : CALLS_ARM64;
	const size_t size = range->end - range->address;
	struct call calls[ENGINE_SITES_MAX];
	int count, err, i;
	uint8_t *code;

	if (range->end <= range->address || size > CODE_MAX)
		return fail(making, -E2BIG, "where %s ends is not known", range->symbol);
	code = malloc(size);
	if (!code)
		return fail(making, -ENOMEM, "out of memory");
	err = target__code(target, range->address, code, size);
	count = err ? 0
		    : calls__find(machine, code, size, range->address, callee, calls,
				  ENGINE_SITES_MAX);
	free(code);
	if (err)
		return fail(making, err, "the kernel's code cannot be read: %s", strerror(-err));
	if (count < 0)
		return fail(making, -ENOENT, "%s jumps to it", range->symbol);
	for (i = 0; i < count && !err; i++)
		err = add_link(program,
			       kprobe__open(range->symbol,
					    making->at_return ? calls[i].next : calls[i].at));
	return err ? fail(making, err, "the kernel refuses a kprobe in %s: %s", range->symbol,
			  strerror(-err))
		   : count;
}

static int attach_at_calls(const struct making *making, struct engine_race_program *program)
{
	const struct function_ranges *ranges = target__function_ranges(making->engine->target);
	const struct race_place *place = making->point->place;
	uint64_t callee = 0;
	int sum = 0, count;
	size_t i;

	for (i = 0; i < ranges->count && !callee; i++)
		if (!strcmp(ranges->range[i].symbol, place->function))
			callee = ranges->range[i].address;
	if (!callee)
		return fail(making, -EPERM, "addresses are hidden (kernel.kptr_restrict)");
	for (i = 0; i < ranges->count; i++) {
		if (!function_range__is_of(&ranges->range[i], place->in))
			continue;
		count = attach_calls(making, program, &ranges->range[i], callee);
		if (count < 0)
			return count;
		sum += count;
	}
	return sum ? 0 : fail(making, -ENOENT, "%s does not call %s", place->in, place->function);
}

static int attach(const struct making *making, struct engine_race_program *program)
{
	const char *function = making->point->place->function;
	int err;

	if (making->how == RACE_HOW_CALL)
		return attach_at_calls(making, program);
	if (program->trampoline)
		err = add_link(program, bpf_raw_tracepoint_open(NULL, program->program));
	else if (making->how == RACE_HOW_KPROBE)
		err = add_link(program, kprobe__open(function, 0));
	else
		err = add_link(program, kprobe__open_return(function));
	return err ? fail(making, err, "the kernel refuses %s at %s: %s",
			  race_kernel__how(making->how), function, strerror(-err))
		   : 0;
}

/* 0 or negative errno with a reason in making->why. */
static int make(const struct making *making)
{
	struct engine_race *of = making->of;
	struct engine_race_program *program = &of->program[of->programs];
	int err;

	program->point = making->point;
	program->links = 0;
	program->trampoline = making->how == RACE_HOW_FENTRY || making->how == RACE_HOW_FEXIT;
	program->program = load(making);
	if (program->program < 0)
		return program->program;
	err = attach(making, program);
	if (err)
		engine_race__drop(program);
	else
		of->programs++;
	return err;
}

/* Does `thprace provoke' let the task wait there? */
static bool is_held(const struct making *making)
{
	const struct race_provoke *provoke = &making->of->race->provoke;
	const struct race_point *point = making->point;

	if (!making->engine->options.widen || !provoke->given)
		return false;
	switch (provoke->what) {
	case RACE_HOLD_WINDOW:
	case RACE_HOLD_WALKER:
		return point->moment == RACE_BEGINS &&
		       (point->section->role == RACE_WINDOW) == (provoke->what == RACE_HOLD_WINDOW);
	case RACE_HOLD_EVENT:
		return point->moment == RACE_NAMED &&
		       !strcmp(point->section->event[point->named].name, provoke->name);
	default:
		return false;
	}
}

static const char *template_of(const struct making *making)
{
	const struct race_point *point = making->point;
	const bool held = is_held(making);

	switch (point->moment) {
	case RACE_BEGINS:
		if (point->section->instant)
			return held ? "race_instant_held" : "race_instant";
		return held ? "race_begin_held" : "race_begin";
	case RACE_ENDS:
		return "race_end";
	case RACE_DROPS:
		return "race_drop";
	case RACE_INSIDE:
		return "race_inside_enter";
	default:
		return held ? "race_event_held" : "race_event";
	}
}

/* The way of the other end of the same function. */
static enum race_how partner(enum race_how how, bool at_return)
{
	if (how == RACE_HOW_FENTRY || how == RACE_HOW_FEXIT)
		return at_return ? RACE_HOW_FEXIT : RACE_HOW_FENTRY;
	if (how == RACE_HOW_CALL)
		return how;
	return at_return ? RACE_HOW_KRETPROBE : RACE_HOW_KPROBE;
}

/* All programs of a point, as it is planned. */
static int make_point(struct making *making)
{
	struct race_point *point = making->point;
	const bool at_return = point->place->at == RACE_AT_RETURN ||
			       point->place->at == RACE_AT_RETURN_OF;
	int err;

	making->template = template_of(making);
	making->how = point->how;
	making->at_return = at_return;
	err = make(making);
	if (!err && point->keeps) {
		making->template = "race_keep";
		making->how = partner(point->how, false);
		making->at_return = false;
		err = make(making);
	}
	if (!err && point->moment == RACE_INSIDE) {
		making->template = "race_inside_leave";
		making->how = partner(point->how, true);
		making->at_return = true;
		err = make(making);
	}
	return err;
}

/* What a task has begun ends with it: see race_exit in bpf/race.bpf.c. */
static int make_exit(struct making *making)
{
	struct engine_race_program *program = &making->of->program[making->of->programs];
	int err;

	making->point = NULL;
	making->how = RACE_HOW_NONE;
	making->template = "race_exit";
	*program = (struct engine_race_program){.trampoline = true};
	program->program = load(making);
	if (program->program < 0)
		return program->program;
	making->of->programs++;
	err = add_link(program, bpf_raw_tracepoint_open("sched_process_exit", program->program));
	return err ? fail(making, err, "the kernel refuses a program at the tracepoint: %s",
			  strerror(-err))
		   : 0;
}

static void drop_from(struct engine_race *of, int first)
{
	while (of->programs > first)
		engine_race__drop(&of->program[--of->programs]);
}

/* A kernel that refuses a trampoline may take kprobes. */
static int load_point(struct making *making)
{
	struct race_point *point = making->point;
	const bool trampoline = point->how == RACE_HOW_FENTRY || point->how == RACE_HOW_FEXIT;
	const int first = making->of->programs;
	int err = make_point(making);

	if (!err)
		return 0;
	drop_from(making->of, first);
	if (!trampoline)
		return err;
	snprintf(point->reason, sizeof(point->reason), "%.150s", making->why);
	if (!race_attach__kprobe(point, making->engine->races->types))
		return err;
	err = make_point(making);
	if (err)
		drop_from(making->of, first);
	return err;
}

/*
 * At one function, trampolines and kprobes that were attached last run first. An interval must
 * begin before arguments for its end are kept, and after the function around it.
 */
static int pass_of(const struct race_point *point)
{
	if (point->moment == RACE_INSIDE)
		return 2;
	return point->moment == RACE_BEGINS;
}

static void give_up(struct engine_race *of)
{
	drop_from(of, 0);
	of->class = 0;
}

static void load_race(struct engine *engine, struct engine_race *of, char *log)
{
	char why[200] = "", place[RACE_PLACE_TEXT_MAX];
	struct making making = {
		.engine = engine, .of = of, .log = log, .why = why, .why_size = sizeof(why)};
	int i, pass;

	for (i = 0, pass = 0; pass < 3; i + 1 < of->on.points ? i++ : (i = 0, pass++)) {
		making.point = &of->on.point[i];
		if (pass_of(making.point) != pass || !load_point(&making))
			continue;
		snprintf(of->why, sizeof(of->why), "%s: %s",
			 race__place(making.point->place, place), why);
		give_up(of);
		return;
	}
	if (!make_exit(&making))
		return;
	snprintf(of->why, sizeof(of->why), "sched_process_exit: %s", why);
	give_up(of);
}

void engine_race__load(struct engine *engine)
{
	struct engine_races *races = engine->races;
	char *log = races ? malloc(LOG_SIZE) : NULL;
	size_t i;

	for (i = 0; races && i < races->count; i++) {
		if (!races->race[i].class)
			continue;
		if (log) {
			load_race(engine, &races->race[i], log);
			continue;
		}
		races->race[i].class = 0;
		snprintf(races->race[i].why, sizeof(races->race[i].why), "out of memory");
	}
	free(log);
}
