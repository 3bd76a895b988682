// SPDX-License-Identifier: GPL-2.0-only
/* Internals of the engine: the programs of races from files are made, loaded and attached. */
#include "engine_race.h"

#include <errno.h>
#include <pthread.h>
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
#include "kernel/target.h"
#include "race/race_attach.h"
#include "race/race_program.h"

#define LOG_SIZE 65536

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

/*
 * Fill in the rooms of a part, of which a template may have none. A room without code is left out, too.
 * 0 or negative errno.
 */
static int fill_rooms(const struct making *making, struct race_copy *copy,
		      enum thprace_race_code part)
{
	const bool empty = part == THPRACE_RACE_ESCAPE && !race_program__proves(making->point);
	struct bpf_insn *room;
	size_t from = 0;
	int frame, used;

	while ((room = race_copy__room(copy, part, &from, &frame))) {
		used = empty ? 0 : write_part(making, part, frame, room);
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

/* What holds for each of an engine's programs. */
static uint32_t common_flags(const struct engine *engine)
{
	return engine->stream_count ? THPRACE_RACE_HAS_RECORDS : 0;
}

static uint32_t flags_of(const struct making *making)
{
	const struct race_point *point = making->point;
	const struct race_section *section = point->section;
	const enum race_role other = section->role == RACE_WINDOW ? RACE_WALKER : RACE_WINDOW;

	return common_flags(making->engine) |
	       (section->role == RACE_WALKER ? THPRACE_RACE_IS_WALKER : 0) |
	       (section->values ? THPRACE_RACE_HAS_VALUES : 0) |
	       (point->keeps && point->moment == RACE_BEGINS ? THPRACE_RACE_HAS_KEPT : 0) |
	       (judges(making->of->race) ? THPRACE_RACE_HAS_ESCAPE : 0) |
	       (has_events(making->of->race) ? THPRACE_RACE_HAS_SINCE : 0) |
	       (section->inside.places ? THPRACE_RACE_HAS_INSIDE : 0) |
	       (section->learn.places ? THPRACE_RACE_HAS_LEARN : 0) |
	       (section->events ? THPRACE_RACE_HAS_EVENTS : 0) |
	       (learns(making->of->race, other) ? THPRACE_RACE_HAS_LEARNERS : 0);
}

static int fill(const struct making *making, struct race_copy *copy)
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
		return fail(making, err, "out of memory");
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
static int submit(const struct making *making, const struct race_copy *copy,
		  enum bpf_prog_type type, struct bpf_prog_load_opts *options)
{
	int err, fd;

	options->sz = sizeof(*options);
	options->log_buf = making->log;
	options->log_size = LOG_SIZE;
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
static int fill_exit(const struct making *making, struct race_copy *copy)
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

/*
 * A copy of making's template, filled in for its point, or for none. again: what loading it once more
 * takes, if that is needed. The same.
 */
static int load(const struct making *making, struct fentry_program *again)
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
		return fail(making, -ENOENT, "there is no program %s", making->template);
	err = race_copy__make(&copy, template);
	if (err)
		return fail(making, err, "out of memory");
	if (!making->point) {
		type = BPF_PROG_TYPE_RAW_TRACEPOINT;
		err = fill_exit(making, &copy);
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

/* "RACE/SECTION.EVENT", and ".keep" or ".leave" for those that are needed besides. */
static void name_program(const struct making *making, struct engine_race_program *program)
{
	const char *besides = strcmp(making->template, "race_keep") == 0	   ? ".keep"
			      : strcmp(making->template, "race_inside_leave") == 0 ? ".leave"
										   : "";

	snprintf(program->name, sizeof(program->name), "%s/%d.%.32s%s", making->of->race->name,
		 making->point->section_index + 1, race_kernel__moment(making->point), besides);
}

/* Is it attached last? See enum attach_pass in engine_load.c. */
static bool is_behind_call(const struct engine_race_program *program)
{
	return program->how == RACE_HOW_CALL && program->at_return;
}

/* 0 or negative errno with a reason in making->why. */
static int make(const struct making *making)
{
	struct engine_race *of = making->of;
	struct engine_race_program *program = &of->program[of->programs];
	int err;

	program->point = making->point;
	name_program(making, program);
	program->links = 0;
	program->how = making->how;
	program->at_return = making->at_return;
	program->trampoline = race_how__trampoline(making->how);
	program->before = (struct engine_runs){0};
	program->again = (struct fentry_program){0};
	program->program = load(making, &program->again);
	if (program->program < 0)
		return program->program;
	if (is_behind_call(program)) {
		err = 0;
	} else {
		pthread_mutex_lock(&making->engine->races->attaching);
		err = engine_race__attach(making->engine, program, making->why, making->why_size);
		pthread_mutex_unlock(&making->engine->races->attaching);
	}
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
	case RACE_HOLD_PROBE: /* there it is found out whether it has waited */
	case RACE_HOLD_CLOCK:
		return point->moment == RACE_ENDS && point->section_index == provoke->section;
	}
	return false;
}

/* All programs of a point, as it is planned. */
static int make_point(struct making *making)
{
	struct engine_race_use use[ENGINE_RACE_USES_MAX];
	int i, count = engine_race__uses(making->point, use), err = 0;
	char held[32];

	snprintf(held, sizeof(held), "%s_held", use[0].template);
	for (i = 0; i < count && !err; i++) {
		making->template = !i && is_held(making) ? held : use[i].template;
		making->how = use[i].how;
		making->at_return = use[i].at_return;
		err = make(making);
	}
	making->template = NULL;
	return err;
}

/* What a task has begun ends with it: see race_exit in bpf/race.bpf.c. */
static int make_exit(struct making *making)
{
	struct engine_race_program *program = &making->engine->races->exit;
	int link;

	making->template = "race_exit";
	*program = (struct engine_race_program){.name = "races/exit"};
	program->program = load(making, NULL);
	if (program->program < 0)
		return program->program;
	link = bpf_raw_tracepoint_open("sched_process_exit", program->program);
	if (link < 0)
		return fail(making, link, "the kernel refuses a program at the tracepoint: %s",
			    strerror(-link));
	program->link[program->links++] = link;
	return 0;
}

static void drop_from(struct engine_race *of, int first)
{
	while (of->programs > first)
		engine_race__drop(&of->program[--of->programs]);
}

/* All of a point, or nothing. */
static int try_point(struct making *making)
{
	const int first = making->of->programs;
	const int err = make_point(making);

	if (err)
		drop_from(making->of, first);
	return err;
}

/*
 * A kernel that refuses a trampoline may take one that reads by a helper: its verifier takes the first
 * member of a union for the one that is read. Or it takes kprobes.
 */
static int load_point(struct making *making)
{
	struct race_point *point = making->point;
	const bool trampoline = race_how__trampoline(point->how);
	int err = try_point(making);

	if (!err || !trampoline)
		return err;
	if (!point->by_helper) {
		point->by_helper = true;
		err = try_point(making);
		if (!err)
			return 0;
	}
	snprintf(point->reason, sizeof(point->reason), "%.150s", making->why);
	if (!race_attach__kprobe(point, making->engine->races->types))
		return err;
	return try_point(making);
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
		drop_from(of, 0);
		return;
	}
}

/* Without it no race can be observed. */
static void load_exit(struct engine *engine)
{
	struct engine_races *races = engine->races;
	char *log = malloc(LOG_SIZE), why[200] = "out of memory";
	struct making making = {.engine = engine, .log = log, .why = why, .why_size = sizeof(why)};
	int err = log ? make_exit(&making) : -ENOMEM;
	size_t i;

	free(log);
	if (!err)
		return;
	engine_race__drop(&races->exit);
	for (i = 0; i < races->count; i++) {
		if (races->race[i].why[0])
			continue;
		snprintf(races->race[i].why, sizeof(races->race[i].why), "sched_process_exit: %s",
			 why);
		drop_from(&races->race[i], 0);
	}
}

#define LOADERS 4

/* Several load races, one after the other each. */
struct loaders {
	struct engine *engine;
	size_t next; /* race that nobody has taken */
};

static void *load_races(void *arg)
{
	struct loaders *loaders = arg;
	struct engine_races *races = loaders->engine->races;
	char *log = malloc(LOG_SIZE);
	struct engine_race *of;
	size_t i;

	while ((i = __atomic_fetch_add(&loaders->next, 1, __ATOMIC_RELAXED)) < races->count) {
		of = &races->race[i];
		if (of->why[0])
			continue;
		if (log)
			load_race(loaders->engine, of, log);
		else
			snprintf(of->why, sizeof(of->why), "out of memory");
	}
	free(log);
	return NULL;
}

/* The verifier takes most of the time. Several programs can be verified at the same time. */
void engine_race__load(struct engine *engine)
{
	struct loaders loaders = {.engine = engine};
	struct engine_races *races = engine->races;
	pthread_t thread[LOADERS - 1];
	unsigned int i, threads = 0;

	if (!races)
		return;
	for (i = 0; i < races->count; i++)
		drop_from(&races->race[i], 0); /* of an earlier try */
	engine_race__drop(&races->exit);
	while (threads < LOADERS - 1 && threads + 1 < races->count &&
	       !pthread_create(&thread[threads], NULL, load_races, &loaders))
		threads++;
	load_races(&loaders);
	while (threads)
		pthread_join(thread[--threads], NULL);
	load_exit(engine);
}

static void attach_behind_calls(struct engine *engine, struct engine_race *of)
{
	struct engine_race_program *program;
	char why[200], place[RACE_PLACE_TEXT_MAX];
	int i;

	for (i = 0; i < of->programs; i++) {
		program = &of->program[i];
		if (!is_behind_call(program) ||
		    !engine_race__attach(engine, program, why, sizeof(why)))
			continue;
		snprintf(of->why, sizeof(of->why), "%s: %s",
			 race__place(program->point->place, place), why);
		drop_from(of, 0);
	}
}

void engine_race__attach_behind_calls(struct engine *engine)
{
	size_t i;

	for (i = 0; i < engine__races(engine); i++)
		attach_behind_calls(engine, &engine->races->race[i]);
	engine_race__forget(engine);
}
