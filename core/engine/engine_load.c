// SPDX-License-Identifier: GPL-2.0-only
/* Internals of the engine: loading the programs in the plan, attaching and detaching them. */
#include "engine_private.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel/fentry.h"
#include "kernel/kprobe.h"
#include "base/clock.h"
#include "base/names.h"
#include "classes/race_class.h"

#define ARRAY_SIZE(array) (int)(sizeof(array) / sizeof((array)[0]))
#define SLOTS_MIN 256

/*
 * libbpf's last message, and the program it was about: the only way to find out which program was
 * refused.
 */
static struct {
	char program[64];
	char message[256];
	char verifier[96]; /* the verifier's last message, if it refused the program; else "" */
} libbpf_messages;

/* The verifier's log ends with a line of numbers; the line before it says what is wrong. */
static void note_verifier(const char *format, va_list list)
{
	char *text, *end, *line;

	if (!strstr(format, "PROG LOAD LOG") || vasprintf(&text, format, list) < 0)
		return;
	end = strstr(text, "\nprocessed ");
	if (end) {
		*end = '\0';
		line = strrchr(text, '\n');
		names__clean(libbpf_messages.verifier, sizeof(libbpf_messages.verifier),
			     line ? line + 1 : text, strlen(line ? line + 1 : text), 0);
	}
	free(text);
}

__attribute__((format(printf, 2, 0))) static int libbpf_listen(enum libbpf_print_level level,
							       const char *format, va_list list)
{
	char line[512], program[64];
	va_list copy;

	if (level > LIBBPF_WARN)
		return 0;
	if (getenv("THPRACE_DEBUG")) {
		va_copy(copy, list);
		vfprintf(stderr, format, copy);
		va_end(copy);
	}
	va_copy(copy, list);
	note_verifier(format, copy);
	va_end(copy);
	vsnprintf(line, sizeof(line), format, list);
	if (sscanf(line, "libbpf: prog '%63[^']'", program) == 1)
		memcpy(libbpf_messages.program, program, sizeof(program));
	line[strcspn(line, "\n")] = '\0';
	snprintf(libbpf_messages.message, sizeof(libbpf_messages.message), "%.200s",
		 strncmp(line, "libbpf: ", 8) ? line : line + 8);
	return 0;
}

void engine__listen(void)
{
	libbpf_set_print(libbpf_listen);
}

/* Where a point's programs are attached. */
enum {
	END_ENTRY,
	END_KPROBE,
	END_EXIT,
	END_WIDEN_AFTER,
	END_WIDEN,
	END_MAX
};

/*
 * The order of attaching, chosen so that at a return `exit` runs before the others: a trampoline
 * runs the program attached last first (bpf_trampoline_link_prog adds at the head of its list);
 * kretprobes run in the order of attaching (register_kprobe's list and the return's stack both
 * reverse it). Seen on 5.10, 6.1, 6.12 and 7.2.
 */
static const int fentry_order[] = {END_WIDEN_AFTER, END_EXIT, END_WIDEN, END_ENTRY};
static const int kprobe_order[] = {END_EXIT, END_WIDEN_AFTER, END_WIDEN, END_KPROBE, END_ENTRY};

/* The program of a point at one end for its kind; NULL: none. */
static const char *program_name(const struct engine *engine, const struct probe *probe, int end,
				char *name, size_t size)
{
	const struct probe_point *point = probe->point;
	bool fentry = probe->kind == PROBE_FENTRY;

	const char *const base[END_MAX] = {
		[END_EXIT] = point->exit,
		[END_ENTRY] = point->entry,
		[END_WIDEN] = engine->options.widen ? point->widen : NULL,
		[END_WIDEN_AFTER] = engine->options.widen ? point->widen_after : NULL,
	};

	if (end == END_KPROBE)
		return !fentry ? point->kprobe_entry : NULL;
	if (!base[end])
		return NULL;
	if (end == END_ENTRY || end == END_WIDEN)
		snprintf(name, size, "%s_%s", base[end], fentry ? "fentry" : "kprobe");
	else
		snprintf(name, size, "%s_%s", base[end], fentry ? "fexit" : "kretprobe");
	return name;
}

static const char *kind_name(const struct probe *probe, bool at_return)
{
	if (probe->kind == PROBE_CALLS)
		return at_return ? "behind-call" : "call";
	if (probe->kind == PROBE_FENTRY)
		return at_return ? "fexit" : "fentry";
	return at_return ? "kretprobe" : "kprobe";
}

/* A program is to be attached: once, or at each of the calls. */
static void add_links(struct engine *engine, struct bpf_program *program, enum thprace_point point,
		      int end)
{
	const struct probe *probe = &engine->plan.probe[point];
	const bool calls = probe->kind == PROBE_CALLS;
	const bool at_return = end >= END_EXIT && end != END_WIDEN;
	int i;

	for (i = 0; i < (calls ? probe->site_count : 1); i++)
		engine->links[engine->link_count++] = (struct engine_link){
			.program = program,
			.point = point,
			.kind = kind_name(probe, at_return),
			.at_return = at_return,
			.site = calls ? &probe->sites[i] : NULL,
		};
}

/* Set a program's function for libbpf: by its id, unless the ids are those of a file. */
static int choose_function(const struct engine *engine, struct bpf_program *program,
			   const char *name)
{
	struct target_function function;

	if (!target__btf_file(engine->target) && target__function(engine->target, name, &function))
		return fentry__choose(program, function.id);
	return bpf_program__set_attach_target(program, 0, name);
}

/* Tell libbpf which programs to load and, for fentry, their functions. */
static int choose_programs(struct engine *engine)
{
	struct bpf_program *program;
	struct probe *probe;
	char buffer[64];
	const char *name;
	int point, end, err, i;
	bool fentry;
	int ends;

	for (program = bpf_object__next_program(engine->skel->obj, NULL); program;
	     program = bpf_object__next_program(engine->skel->obj, program))
		bpf_program__set_autoload(program, false);
	bpf_program__set_autoload(engine->skel->progs.window_setup, true);
#if defined(__aarch64__)
	bpf_program__set_autoload(engine->skel->progs.fence, true);
#endif
	race_templates__choose(engine->skel->obj, engine->races, engine->options.widen);
	engine__choose_hold(engine);
	bpf_map__set_autocreate(engine->skel->maps.race_slots, engine->races);
	bpf_map__set_autocreate(engine->skel->maps.race_table, engine->races);
	bpf_map__set_autocreate(engine->skel->maps.race_passes, engine->races);
	bpf_map__set_autocreate(engine->skel->maps.race_cpus, engine->races);
	engine__choose_pte_probe(engine);
	engine__choose_beacon(engine);
	engine->link_count = 0;
	for (point = 0; point < THPRACE_POINT_MAX; point++) {
		probe = &engine->plan.probe[point];
		engine->skel->rodata->args[point] = probe->args;
		if (probe->state != PROBE_PLANNED)
			continue;
		fentry = probe->kind == PROBE_FENTRY;
		ends = fentry ? ARRAY_SIZE(fentry_order) : ARRAY_SIZE(kprobe_order);
		for (i = 0; i < ends; i++) {
			end = fentry ? fentry_order[i] : kprobe_order[i];
			name = program_name(engine, probe, end, buffer, sizeof(buffer));
			if (!name)
				continue;
			program = bpf_object__find_program_by_name(engine->skel->obj, name);
			if (!program)
				return -ENOENT;
			bpf_program__set_autoload(program, true);
			err = fentry ? choose_function(engine, program, probe->function) : 0;
			if (err)
				return err;
			add_links(engine, program, point, end);
		}
	}
	return 0;
}

static unsigned int power_of_two(unsigned int at_least, unsigned int most)
{
	unsigned int n = 1;

	while (n < at_least && n < most)
		n <<= 1;
	return n;
}

static uint8_t log2_of(uint64_t power)
{
	uint8_t n = 0;

	while (power >>= 1)
		n++;
	return n;
}

/* Order of the pages that a PMD maps; without CONFIG_TRANSPARENT_HUGEPAGE there are none. */
static uint8_t huge_order(uint8_t page_shift)
{
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "re");
	unsigned long long size = 0;

	if (file) {
		if (fscanf(file, "%llu", &size) != 1)
			size = 0;
		fclose(file);
	}
	return size >> page_shift > 1 ? log2_of(size >> page_shift) : 9;
}

static int size_maps(struct engine *engine)
{
	struct thprace_bpf *skel = engine->skel;
	uint64_t seed;
	int err, i;

	for (i = 0; i < THPRACE_SYMBOL_MAX; i++)
		skel->rodata->symbols[i] = target__address(engine->target, i);
	race_class__walkers(skel->rodata->classes);
	skel->rodata->precise = probe__mode(&engine->plan) == THPRACE_PRECISE;
	skel->rodata->page_shift = log2_of(sysconf(_SC_PAGESIZE));
	skel->rodata->huge_order = huge_order(skel->rodata->page_shift);
	skel->rodata->slot_mask =
		power_of_two(engine->cpus * 16 > SLOTS_MIN ? engine->cpus * 16 : SLOTS_MIN,
			     THPRACE_SLOTS_MAX) -
		1;
	if (getentropy(&seed, sizeof(seed)))
		return -errno;
	skel->rodata->slot_seed = seed | 1;
	engine->stream_count = 0;
	if (engine->options.all)
		engine->stream_count = power_of_two(engine->cpus, THPRACE_STREAMS_MAX);
	skel->rodata->stream_count = engine->stream_count;
	err = bpf_map__set_max_entries(skel->maps.cpus, engine->cpus);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.race_cpus, engine->cpus);
	if (!err && engine->stream_count)
		err = bpf_map__set_max_entries(skel->maps.streams, engine->stream_count);
	return err;
}

int engine__attach_one(const struct engine *engine, struct engine_link *link)
{
	const struct probe *probe = &engine->plan.probe[link->point];

	if (link->site)
		return kprobe__attach(&link->link, link->program, link->site->symbol,
				      link->at_return ? link->site->next : link->site->at,
				      engine->options.kprobe_fds, engine->options.kprobe_fd_count);
	if (probe->kind == PROBE_FENTRY)
		link->link = bpf_program__attach(link->program);
	else
		link->link =
			bpf_program__attach_kprobe(link->program, link->at_return, probe->function);
	return link->link ? 0 : -errno;
}

/*
 * 20 ms after the registration of a kprobe that can be optimized to a jump, the kernel optimizes
 * it, and meanwhile waits for a grace period of tasks, 100 ms and more, which delays everybody who
 * registers a kprobe or changes code (kprobe_optimizer(), kernel/kprobes.c). A kprobe at a call
 * cannot be optimized, so those after calls come last, after all that races from files need.
 */
enum attach_pass {
	PASS_MARKS, /* the programs that leave marks, which need some time */
	PASS_FUNCTIONS,
	PASS_CALLS,
	PASS_BEHIND_CALLS,
	PASS_MAX
};

static int pass_of(const struct engine_link *link)
{
	if (link->site)
		return link->at_return ? PASS_BEHIND_CALLS : PASS_CALLS;
	return link->point == THPRACE_POINT_ZAP || link->point == THPRACE_POINT_RANGE
		       ? PASS_MARKS
		       : PASS_FUNCTIONS;
}

static int attach_links(struct engine *engine, int pass, enum thprace_point *point)
{
	struct engine_link *link;
	size_t i;
	int err;

	for (i = 0; i < engine->link_count; i++) {
		link = &engine->links[i];
		if (pass != pass_of(link))
			continue;
		err = engine__attach_one(engine, link);
		if (err) {
			*point = link->point;
			return err;
		}
	}
	return 0;
}

static void start_marking(struct engine *engine)
{
	__atomic_store_n(&engine->skel->bss->marking, 1, __ATOMIC_SEQ_CST);
	engine->marked_at = clock__now();
}

static void detach_all(struct engine *engine, bool fentry)
{
	struct engine_link *link;
	size_t i;

	if (fentry)
		engine__stop_hold(engine);
	for (i = 0; i < engine->link_count; i++) {
		link = &engine->links[i];
		if ((engine->plan.probe[link->point].kind == PROBE_FENTRY) != fentry)
			continue;
		bpf_link__destroy(link->link);
		link->link = NULL;
	}
}

#define DETACHERS 5

struct detacher {
	struct engine *engine;
	pthread_t thread;
	unsigned int number;
	bool runs;
};

/* The first removes trampolines, the second the engine's kprobes, the others those of races from files. */
static void *detach(void *arg)
{
	const struct detacher *detacher = arg;
	const unsigned int number = detacher->number;

	if (number < 2)
		detach_all(detacher->engine, !number);
	if (!number)
		engine_race__detach(detacher->engine, true, 0, 1);
	else if (number > 1)
		engine_race__detach(detacher->engine, false, number - 2, DETACHERS - 2);
	return NULL;
}

/*
 * The kernel removes one at a time and waits for grace periods meanwhile: of RCU for each kprobe, two in
 * a row, of tasks for each function's last trampoline (6.1; docs/performance.md). The two kinds can wait
 * at the same time, and so can several kprobes for their second grace period.
 */
void engine__unload(struct engine *engine)
{
	struct detacher detacher[DETACHERS];
	unsigned int i;

	for (i = 0; i < DETACHERS; i++) {
		detacher[i] = (struct detacher){.engine = engine, .number = i};
		detacher[i].runs = i && (i == 1 || engine->races) &&
				   !pthread_create(&detacher[i].thread, NULL, detach, &detacher[i]);
	}
	for (i = 0; i < DETACHERS; i++)
		if (!detacher[i].runs)
			detach(&detacher[i]);
	for (i = 0; i < DETACHERS; i++)
		if (detacher[i].runs)
			pthread_join(detacher[i].thread, NULL);
	engine->link_count = 0;
	thprace_bpf__destroy(engine->skel);
	engine->skel = NULL;
}

/* The point whose program libbpf's message is about; THPRACE_POINT_MAX: unknown. */
static enum thprace_point refused_point(const struct engine *engine)
{
	size_t i;

	for (i = 0; i < engine->link_count; i++)
		if (!strcmp(bpf_program__name(engine->links[i].program), libbpf_messages.program))
			return engine->links[i].point;
	return THPRACE_POINT_MAX;
}

/* What needs the programs loaded, and may not wait for those after calls. 0 or negative errno. */
static int before_behind_calls(struct engine *engine)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	int err;

	/* The programs find out where struct pages are, which the races' instructions need. */
	err = bpf_prog_test_run_opts(bpf_program__fd(engine->skel->progs.window_setup), &options);
	if (err)
		return err;
	engine__probe_ptes(engine);
	engine_race__load(engine);
	return 0;
}

/*
 * One try: load and attach the plan's programs. On failure *point is the point whose program was
 * refused (THPRACE_POINT_MAX: no single program was the reason) and everything is undone.
 */
static int try_plan(struct engine *engine, enum thprace_point *point)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	int err, pass;

	*point = THPRACE_POINT_MAX;
	memset(&libbpf_messages, 0, sizeof(libbpf_messages));
	options.btf_custom_path = target__btf_file(engine->target);
	err = fentry__setup();
	if (!err)
		err = race_templates__setup();
	if (err)
		return err;
	engine->skel = thprace_bpf__open_opts(&options);
	if (!engine->skel)
		return -errno;
	err = choose_programs(engine);
	if (!err)
		err = size_maps(engine);
	race_templates__capture(engine->races ? &engine->races->templates : NULL);
	fentry__note(&engine->fentry);
	if (!err)
		err = thprace_bpf__load(engine->skel);
	race_templates__capture(NULL);
	fentry__note(NULL);
	fentry__forget();
	if (err) {
		*point = refused_point(engine);
		goto cleanup;
	}
	for (pass = 0; pass < PASS_MAX; pass++) {
		err = pass == PASS_BEHIND_CALLS ? before_behind_calls(engine) : 0;
		if (!err)
			err = attach_links(engine, pass, point);
		if (err)
			goto cleanup;
		if (pass == PASS_MARKS)
			start_marking(engine);
	}
	engine_race__attach_behind_calls(engine);
	return 0;

cleanup:
	engine__unload(engine);
	return err;
}

static void explain_load(int err, char *why, size_t why_size)
{
	if (err == -EPERM || err == -EACCES)
		snprintf(why, why_size,
			 "the kernel refuses to load BPF programs: %s. Run as root (CAP_BPF and "
			 "CAP_PERFMON), and see whether kernel lockdown "
			 "(/sys/kernel/security/lockdown) or a container forbids it",
			 strerror(-err));
	else
		snprintf(why, why_size, "cannot load the BPF programs: %s%s%s", strerror(-err),
			 libbpf_messages.message[0] ? "; libbpf: " : "", libbpf_messages.message);
}

int engine__load(struct engine *engine, char *why, size_t why_size)
{
	enum thprace_point point;
	int err, tries, i;
	bool calls;

	for (tries = 0; tries < 2 * THPRACE_POINT_MAX; tries++) {
		if (!probe__usable(&engine->plan, why, why_size))
			return -EOPNOTSUPP;
		err = try_plan(engine, &point);
		if (!err)
			break;
		if (point == THPRACE_POINT_MAX) {
			explain_load(err, why, why_size);
			return err;
		}
		calls = engine->plan.probe[point].kind == PROBE_CALLS;
		probe__refused(&engine->plan, engine->target, point, -err,
			       libbpf_messages.verifier);
		/* If one kprobe cannot be opened, none can. */
		for (i = 0; calls && !libbpf_messages.verifier[0] &&
			    (err == -EPERM || err == -EACCES) && i < THPRACE_POINT_MAX;
		     i++)
			if (engine->plan.probe[i].kind == PROBE_CALLS)
				probe__refused(&engine->plan, engine->target, i, -err, "");
		/* A kernel that refuses one trampoline for this reason refuses them all. */
		for (i = 0; !calls && (err == -EPERM || err == -EOPNOTSUPP || err == -524) &&
			    i < THPRACE_POINT_MAX;
		     i++)
			if (i != (int)point && engine->plan.probe[i].kind == PROBE_FENTRY &&
			    engine->plan.probe[i].state == PROBE_PLANNED)
				probe__refused(&engine->plan, engine->target, i, -err, "");
	}
	if (!engine->skel) {
		explain_load(err, why, why_size);
		return err;
	}
	for (i = 0; i < THPRACE_POINT_MAX; i++) {
		if (engine->plan.probe[i].state == PROBE_PLANNED)
			engine->plan.probe[i].state = PROBE_ATTACHED;
		else if (engine->plan.probe[i].state == PROBE_FAILED || i == THPRACE_POINT_RANGE)
			engine->skel->bss->blind |= 1U << i;
	}
	return 0;
}
