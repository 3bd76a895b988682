// SPDX-License-Identifier: GPL-2.0-only
/*
 * load [ROUNDS]: the CPU time that loading the programs of races from files takes on this machine's
 * own kernel: of the first one, with the templates for all, and of one more. They are loaded as
 * kprobes, and not attached (see rules.mk), which not every machine's kernel allows. Prints lines
 * NAME, median, quartiles (ms), and the number of rounds.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/number.h"
#include "engine/engine_private.h"
#include "kernel/target.h"
#include "median.h"

#define ROUNDS_MAX 1001
#define RACES 16
#define NAMES_MAX 256

/* Two events of each side, as most races have them; the key and the escape read memory. */
static const char text[] = "[race]\n"
			   "name = bench%d\n"
			   "title = for the benchmark\n"
			   "[window]\n"
			   "open = zap_huge_pmd entry\n"
			   "when = pmd->pmd & 1\n"
			   "key = head(pmd_page(*pmd)) else pmd_page(*pmd)\n"
			   "close = zap_huge_pmd return\n"
			   "[walker]\n"
			   "enter = truncate_cleanup_folio entry\n"
			   "leave = truncate_cleanup_folio return\n"
			   "key = folio\n"
			   "when = folio->flags >> PG_head & 1 else folio->flags.f >> PG_head & 1\n"
			   "escape = entire_mapcount(folio) > 0\n";

int __wrap_engine_race__attach(struct engine *engine, struct engine_race_program *program,
			       char *why, size_t why_size);
int __wrap_bpf_raw_tracepoint_open(const char *name, int program);

/* In place of core's: the programs are attached nowhere. */
int __wrap_engine_race__attach(struct engine *engine, struct engine_race_program *program,
			       char *why, size_t why_size)
{
	(void)engine;
	(void)program;
	(void)why;
	(void)why_size;
	return 0;
}

int __wrap_bpf_raw_tracepoint_open(const char *name, int program)
{
	(void)name;
	return dup(program);
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "load: %s: %s\n", what, why);
	exit(1);
}

static double cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void open_templates(struct engine *engine)
{
	struct bpf_program *program;

	if (race_templates__setup())
		die("templates", "libbpf refuses their section");
	engine->skel = thprace_bpf__open();
	if (!engine->skel)
		die("the programs", strerror(errno));
	bpf_object__for_each_program(program, engine->skel->obj)
		bpf_program__set_autoload(program, false);
	race_templates__choose(engine->skel->obj, true, false);
	race_templates__capture(&engine->races->templates);
	if (thprace_bpf__load(engine->skel))
		die("cannot load the programs (root)", strerror(errno));
	race_templates__capture(NULL);
}

/* Returns the CPU time in ms. */
static double measure(const struct race *const *races, size_t count)
{
	const char *names[NAMES_MAX];
	struct engine *engine = calloc(1, sizeof(*engine));
	char why[512] = "";
	size_t i, names_count = 0;
	double took;

	if (!engine)
		die("engine", "out of memory");
	engine->options.races = races;
	engine->options.race_count = count;
	engine->options.attach = PROBE_ATTACH_KPROBE;
	engine->stats_fd = -1;
	for (i = 0; i < count; i++)
		names_count = race_kernel__names(races[i], names, names_count, NAMES_MAX);
	if (target__new(&engine->target, &(struct target_options){0}, names, names_count, why,
			sizeof(why)))
		die("the kernel", why);
	took = cpu_ms();
	if (engine_race__plan(engine, why, sizeof(why)))
		die("the races", why);
	open_templates(engine);
	engine_race__load(engine);
	engine_race__attach_behind_calls(engine);
	took = cpu_ms() - took;
	for (i = 0; i < count; i++)
		if (engine__race_why(engine, i))
			die(engine__race(engine, i)->name, engine__race_why(engine, i));
	engine_race__detach(engine, false, 0, 1);
	engine_race__detach(engine, true, 0, 1);
	engine_race__free(engine);
	thprace_bpf__destroy(engine->skel);
	target__free(engine->target);
	free(engine);
	return took;
}

int main(int argc, char **argv)
{
	static double first[ROUNDS_MAX], more[ROUNDS_MAX];
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct race *races[RACES];
	char file[sizeof(text) + 16], why[512];
	uint64_t wanted = 21;
	int rounds, round, i;

	if (argc > 1 && number__parse(argv[1], 1, ROUNDS_MAX, &wanted)) {
		fprintf(stderr, "Usage: load [ROUNDS], 1 to %d\n", ROUNDS_MAX);
		return 2;
	}
	rounds = (int)wanted;
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	for (i = 0; i < RACES; i++) {
		snprintf(file, sizeof(file), text, i);
		if (race__read_text(&races[i], "bench", file, strlen(file), why, sizeof(why)))
			die("race file", why);
	}
	for (round = -1; round < rounds; round++) {
		double one = measure((const struct race *const *)races, 1);
		double all = measure((const struct race *const *)races, RACES);

		if (round < 0) /* the first round warms up */
			continue;
		first[round] = one;
		more[round] = (all - one) / (RACES - 1);
	}
	for (i = 0; i < RACES; i++)
		race__free(races[i]);
	median__print("loading the first race", first, rounds);
	median__print("loading one more race", more, rounds);
	return 0;
}
