// SPDX-License-Identifier: GPL-2.0-only
/* Internals of the engine: where the programs of races from files are attached. */
#include "engine_race.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "engine_private.h"
#include "kernel/calls.h"
#include "kernel/kprobe.h"
#include "kernel/target.h"

#define CODE_MAX 32768U /* of one piece of a function; the rest is not searched */

/* --- the programs of a point --- */

static const char *template_of(const struct race_point *point)
{
	switch (point->moment) {
	case RACE_BEGINS:
		return point->section->instant ? "race_instant" : "race_begin";
	case RACE_ENDS:
		return "race_end";
	case RACE_DROPS:
		return "race_drop";
	case RACE_LEARNS:
		return "race_learn";
	case RACE_INSIDE:
		return "race_inside_enter";
	default:
		return "race_event";
	}
}

/* The way of the other end of the same function. */
static enum race_how partner(enum race_how how, bool at_return)
{
	if (race_how__trampoline(how))
		return at_return ? RACE_HOW_FEXIT : RACE_HOW_FENTRY;
	if (how == RACE_HOW_CALL)
		return how;
	return at_return ? RACE_HOW_KRETPROBE : RACE_HOW_KPROBE;
}

int engine_race__uses(const struct race_point *point,
		      struct engine_race_use use[ENGINE_RACE_USES_MAX])
{
	const bool at_return = point->place->at == RACE_AT_RETURN ||
			       point->place->at == RACE_AT_RETURN_OF;
	int count = 0;

	use[count++] = (struct engine_race_use){template_of(point), point->how, at_return};
	if (point->keeps)
		use[count++] =
			(struct engine_race_use){"race_keep", partner(point->how, false), false};
	if (point->moment == RACE_INSIDE)
		use[count++] = (struct engine_race_use){"race_inside_leave",
							partner(point->how, true), true};
	return count;
}

/* --- places of kprobes --- */

struct search {
	struct target *target;
	const struct race_place *place;
	bool at_return;
	engine_race_place_fn fn;
	void *ctx;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 3, 4))) static int fail(const struct search *search, int err,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(search->why, search->why_size, format, args);
	va_end(args);
	return err;
}

/* The calls of one function in a piece of another. Returns their number or negative errno. */
static int search_piece(const struct search *search, const struct function_range *range,
			uint64_t callee)
{
	const enum calls_machine machine =
		!strcmp(target__machine(search->target), "x86_64") ? CALLS_X86_64 : CALLS_ARM64;
	const size_t size = range->end - range->address;
	struct call calls[ENGINE_SITES_MAX];
	int count, err, i;
	uint8_t *code;

	if (range->end <= range->address || size > CODE_MAX)
		return fail(search, -E2BIG, "where %s ends is not known", range->symbol);
	code = malloc(size);
	if (!code)
		return fail(search, -ENOMEM, "out of memory");
	err = target__code(search->target, range->address, code, size);
	count = err ? 0
		    : calls__find(machine, code, size, range->address, callee, calls,
				  ENGINE_SITES_MAX);
	free(code);
	if (err)
		return fail(search, err, "the kernel's code cannot be read: %s", strerror(-err));
	if (count < 0)
		return fail(search, -ENOENT, "%s jumps to it", range->symbol);
	for (i = 0; i < count && !err; i++)
		err = search->fn(search->ctx, range->symbol,
				 search->at_return ? calls[i].next : calls[i].at, false);
	return err ? fail(search, err, "the kernel refuses a kprobe in %s: %s", range->symbol,
			  strerror(-err))
		   : count;
}

static int search_calls(const struct search *search)
{
	const struct function_ranges *ranges = target__function_ranges(search->target);
	const struct race_place *place = search->place;
	uint64_t callee = 0;
	int sum = 0, count;
	size_t i;

	for (i = 0; i < ranges->count && !callee; i++)
		if (!strcmp(ranges->range[i].symbol, place->function))
			callee = ranges->range[i].address;
	if (!callee)
		return fail(search, -EPERM, "addresses are hidden (kernel.kptr_restrict)");
	for (i = 0; i < ranges->count; i++) {
		if (!function_range__is_of(&ranges->range[i], place->in))
			continue;
		count = search_piece(search, &ranges->range[i], callee);
		if (count < 0)
			return count;
		sum += count;
	}
	return sum ? 0 : fail(search, -ENOENT, "%s does not call %s", place->in, place->function);
}

int engine_race__places(struct target *target, const struct race_place *place, enum race_how how,
			bool at_return, engine_race_place_fn fn, void *ctx, char *why,
			size_t why_size)
{
	const struct search search = {target, place, at_return, fn, ctx, why, why_size};
	int err;

	if (how == RACE_HOW_CALL)
		return search_calls(&search);
	err = fn(ctx, place->function, 0, how == RACE_HOW_KRETPROBE);
	return err ? fail(&search, err, "the kernel refuses a %s at %s: %s", race_kernel__how(how),
			  place->function, strerror(-err))
		   : 0;
}

static int take_place(void *ctx, const char *symbol, uint32_t offset, bool at_return)
{
	(void)ctx;
	(void)symbol;
	(void)offset;
	(void)at_return;
	return 0;
}

int engine_race__calls(void *target, const char *function, const char *callee)
{
	struct race_place place = {0};
	char why[160];
	int err;

	snprintf(place.in, sizeof(place.in), "%s", function);
	snprintf(place.function, sizeof(place.function), "%s", callee);
	err = engine_race__places(target, &place, RACE_HOW_CALL, false, take_place, NULL, why,
				  sizeof(why));
	return !err ? 1 : err == -ENOENT ? 0 : -1;
}

/* --- attaching --- */

static int add_link(struct engine_race_program *program, int link)
{
	if (link < 0)
		return link;
	if (program->links == ENGINE_SITES_MAX) {
		close(link);
		return -E2BIG;
	}
	program->link[program->links++] = link;
	return 0;
}

struct attaching {
	const struct engine *engine;
	struct engine_race_program *program;
};

static int attach_kprobe(void *ctx, const char *symbol, uint32_t offset, bool at_return)
{
	const struct attaching *attaching = ctx;
	const struct engine_options *options = &attaching->engine->options;
	const struct kprobe_place place = {
		.symbol = symbol, .offset = offset, .at_return = at_return};

	return add_link(attaching->program,
			kprobe__attach_program(attaching->program->program, &place,
					       options->kprobe_fds, options->kprobe_fd_count));
}

static int load_again(struct engine_race_program *program)
{
	int fd = program->again.insn ? fentry__load(&program->again) : -ENOENT;

	if (fd < 0)
		return fd;
	engine__keep_runs(program->program, &program->before);
	close(program->program);
	program->program = fd;
	return 0;
}

static int attach_trampoline(struct engine_race_program *program)
{
	int err = add_link(program, bpf_raw_tracepoint_open(NULL, program->program));

	if (err == -ENOENT) { /* it was attached once: struct fentry_program */
		err = load_again(program);
		if (!err)
			err = add_link(program, bpf_raw_tracepoint_open(NULL, program->program));
	}
	return err;
}

int engine_race__attach(struct engine *engine, struct engine_race_program *program, char *why,
			size_t why_size)
{
	struct attaching attaching = {engine, program};
	const struct race_place *place = program->point->place;
	int err;

	if (!program->trampoline)
		return engine_race__places(engine->target, place, program->how, program->at_return,
					   attach_kprobe, &attaching, why, why_size);
	err = attach_trampoline(program);
	if (err)
		snprintf(why, why_size, "the kernel refuses %s at %s: %s",
			 race_kernel__how(program->how), place->function, strerror(-err));
	return err;
}

void engine_race__detach_one(struct engine_race_program *program)
{
	while (program->links)
		close(program->link[--program->links]);
}
