// SPDX-License-Identifier: GPL-2.0-only
/*
 * thprace-stress: makes the two sides of each race class overlap, from user space.
 *
 * Exit status: 0 done; 1 failed, or cannot be stressed here; 2 wrong usage.
 */
#define _GNU_SOURCE 1
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/output.h"
#include "classes/race_class.h"
#include "stress.h"
#include "base/timespan.h"

#define EXIT_USAGE 2
#define DEFAULT_SECONDS 10

/* The list of STRESS_CLASS(); the linker defines its start and end. */
extern const struct stress_class *const __start_stress_classes[];
extern const struct stress_class *const __stop_stress_classes[];

enum {
	OPT_THREADS = 256,
	OPT_DIR,
	OPT_CPUS,
	OPT_SEED,
	OPT_FORMAT,
	OPT_NOISE,
	OPT_APART,
	OPT_CHURN,
	OPT_STEER_FD
};

struct arguments {
	const char *class;
	struct stress_options options;
};

static const struct argp_option option_table[] = {
	{"duration", 'd', "T", 0,
	 "How long to run: 60, 90s, 2min (10s); shared by the classes of `all'", 0},
	{"threads", OPT_THREADS, "N", 0, "One walker and N-1 openers (2)", 0},
	{"dir", OPT_DIR, "DIR", 0,
	 "The folder for files: a tmpfs with huge pages, or for a class that needs another file "
	 "system one with huge folios in its page cache, such as XFS (a private tmpfs or FUSE mount)",
	 0},
	{"cpus", OPT_CPUS, "LIST", 0, "As 0,2-3: the walker on the first, openers on the rest", 0},
	{"seed", OPT_SEED, "N", 0, "Seed of the offsets between both sides (1)", 0},
	{"noise", OPT_NOISE, "N", 0,
	 "Beside the class, N threads that map, split and unmap huge pages of their own (0)", 0},
	{"apart", OPT_APART, "T", 0,
	 "Keep both sides apart: the walker's call begins T after the openers' ended, 1ms to 1s; a "
	 "number without a unit counts as ms",
	 0},
	{"churn", OPT_CHURN, NULL, 0,
	 "For busy machines, of classes that can: open windows over and over until the walker's "
	 "call ends, and do not aim at it",
	 0},
	{"steer-fd", OPT_STEER_FD, "FD", 0,
	 "An observer tells here, as 64-bit numbers, by how many ns each walker came too late for "
	 "the window (negative: too early), and the offsets follow",
	 0},
	{"format", OPT_FORMAT, "FORMAT", 0, "text or json: one object per class and line", 0},
	{NULL, 'h', NULL, 0, "the same as --help", -1},
	{0},
};

static void add_cpu(struct stress_options *o, int cpu)
{
	if (o->cpu_count < STRESS_MAX_CPUS)
		o->cpus[o->cpu_count++] = cpu;
}

/* "0,2-3" → 0 2 3. */
static int parse_cpus(struct stress_options *o, const char *text)
{
	uint64_t from, to;

	do {
		if (number__take(&text, 10, &from))
			return -EINVAL;
		to = from;
		if (*text == '-') {
			text++;
			if (number__take(&text, 10, &to))
				return -EINVAL;
		}
		if (to < from || to >= CPU_SETSIZE)
			return -EINVAL;
		for (; from <= to; from++)
			add_cpu(o, (int)from);
	} while (*text++ == ',');
	return text[-1] ? -EINVAL : 0;
}

static void all_cpus(struct stress_options *o)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			add_cpu(o, cpu);
}

static uint64_t parse_span(const char *text, uint64_t plain, uint64_t least, uint64_t most,
			   const char *option, struct argp_state *state)
{
	char from[32], to[32];
	uint64_t ns = 0;

	if (timespan__parse(text, plain, &ns) || ns < least || ns > most)
		argp_error(state, "%s wants " TIMESPAN_WANTED "; between %s and %s, not '%s'",
			   option, timespan__print(from, sizeof(from), least),
			   timespan__print(to, sizeof(to), most), text);
	return ns;
}

static void parse_numbers(int key, char *text, struct stress_options *o, struct argp_state *state)
{
	uint64_t number = 0;

	if (key == 'd') {
		o->seconds = (double)parse_span(text, TIMESPAN_SECOND, 1,
						10000000 * TIMESPAN_SECOND, "-d", state) /
			     1e9;
	} else if (key == OPT_THREADS) {
		if (number__parse(text, 2, STRESS_MAX_OPENERS + 1, &number))
			argp_error(state, "--threads wants 2 to %d, not '%s'",
				   STRESS_MAX_OPENERS + 1, text);
		o->threads = (unsigned int)number;
	} else if (key == OPT_NOISE) {
		if (number__parse(text, 0, STRESS_MAX_NOISE, &number))
			argp_error(state, "--noise wants 0 to %d, not '%s'", STRESS_MAX_NOISE,
				   text);
		o->noise = (unsigned int)number;
	} else if (key == OPT_APART) {
		o->apart_ns =
			(long)parse_span(text, 1000000, 1000000, TIMESPAN_SECOND, "--apart", state);
	} else if (key == OPT_STEER_FD) {
		if (number__parse(text, 0, INT_MAX, &number) ||
		    fcntl((int)number, F_SETFL, O_NONBLOCK))
			argp_error(state, "--steer-fd wants an open file descriptor, not '%s'",
				   text);
		o->steer_fd = (int)number;
	} else if (number__parse_any(text, &o->seed)) {
		argp_error(state, "--seed wants a number, not '%s'", text);
	}
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	case 'd':
	case OPT_THREADS:
	case OPT_SEED:
	case OPT_NOISE:
	case OPT_APART:
	case OPT_STEER_FD:
		parse_numbers(key, text, &a->options, state);
		return 0;
	case OPT_DIR:
		a->options.dir = text;
		return 0;
	case OPT_CPUS:
		if (parse_cpus(&a->options, text))
			argp_error(state, "--cpus wants a list as 0,2-3, not '%s'", text);
		return 0;
	case OPT_CHURN:
		a->options.churn = true;
		return 0;
	case OPT_FORMAT:
		if (strcmp(text, "json") && strcmp(text, "text"))
			argp_error(state, "--format wants text or json, not '%s'", text);
		a->options.json = !strcmp(text, "json");
		return 0;
	case ARGP_KEY_ARG:
		if (a->class)
			argp_error(state, "one CLASS, not '%s' too", text);
		a->class = text;
		return 0;
	case ARGP_KEY_END:
		if (!a->class)
			argp_error(state, "which CLASS?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	.options = option_table,
	.parser = parse,
	.args_doc = "CLASS",
	.doc = "Run both sides of a race class against each other, from user space.\v"
	       "CLASS is a race class: `list' prints for each whether it can run here, and why not. "
	       "`all' runs those that can run here, one after the other. "
	       "Races from files: swapin-nocache, deferred-swapout and shmem-truncate-swap, whose "
	       "loads need zram; smaps-migration, hugetlb-punch and deferred-migrate, which need two "
	       "nodes; offline-hwpoison, which ends kernels that are open to it; pmd-unshare, "
	       "retract-anon-vma, split-evict and vma-lock-reuse. "
	       "split-shared is no race: a huge page shared by a fork is split 20 times, and nobody "
	       "unmaps it.\n\n"
	       "Exit status: 0 done; 1 failed or cannot be stressed here; 2 wrong usage.",
};

/* A string in JSON, with quotes. */
static void print_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < ' ')
			printf("\\u%04x", (unsigned int)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void print_json(const struct stress_class *class, const struct stress_result *r)
{
	printf("{\"class\":\"%s\",\"seconds\":%.3f,\"opener_runs\":%llu,\"walker_runs\":%llu,"
	       "\"rounds\":%llu,\"mappings\":%llu,\"huge_mapped_percent\":",
	       class->name, r->seconds, (unsigned long long)r->opener_runs,
	       (unsigned long long)r->walker_runs, (unsigned long long)r->rounds,
	       (unsigned long long)r->mapped);
	if (r->mapped)
		printf("%.1f", 100.0 * (double)r->huge / (double)r->mapped);
	else
		printf("null");
	printf(",\"noise\":%llu", (unsigned long long)r->noise);
	if (r->lost_known)
		printf(",\"lost\":%llu", (unsigned long long)r->lost);
	if (r->overlap_known)
		printf(",\"simultaneous\":%llu}\n", (unsigned long long)r->simultaneous);
	else
		printf(",\"simultaneous\":null}\n");
}

static void print_rate(const char *who, uint64_t runs, double seconds)
{
	double rate = seconds > 0 ? (double)runs / seconds : 0;

	printf("%s %llu runs (%.*f%s/s), ", who, (unsigned long long)runs, rate < 100 ? 1 : 0,
	       rate < 10000 ? rate : rate / 1000, rate < 10000 ? "" : "k");
}

static void print_text(const struct stress_class *class, const struct stress_result *r)
{
	printf("%s: ", class->name);
	print_rate("opener", r->opener_runs, r->seconds);
	print_rate("walker", r->walker_runs, r->seconds);
	if (r->mapped)
		printf("huge %.0f%%, ", 100.0 * (double)r->huge / (double)r->mapped);
	printf("rounds %llu, ", (unsigned long long)r->rounds);
	if (r->noise)
		printf("noise %llu, ", (unsigned long long)r->noise);
	if (r->lost_known)
		printf("writes lost %llu, ", (unsigned long long)r->lost);
	if (r->overlap_known)
		printf("both at once %llu\n", (unsigned long long)r->simultaneous);
	else
		printf("both at once unknown\n");
}

static int can_stress(const struct stress_class *class, struct stress *s)
{
	if (class->run != split_shared_load.run && s->options->cpu_count < 2)
		return stress__refuse(s, -EOPNOTSUPP,
				      "one CPU only; needs two CPUs that run at the same time");
	return class->check(s);
}

static int refused(const struct stress_class *class, const struct stress *s)
{
	fprintf(stderr, "thprace-stress: cannot stress %s here: %s\n", class->name, s->reason);
	return EXIT_FAILURE;
}

/* Runs a class that passed its check. */
static int run_class(const struct stress_class *class, const struct stress_options *o,
		     double seconds)
{
	struct stress s = {.options = o};
	int64_t start = stress__now();
	int err;

	s.deadline = start + (int64_t)(seconds * 1e9);
	err = noise__start(&s, o->noise);
	if (!err)
		err = class->run(&s);
	s.result.noise = noise__stop();
	s.result.seconds = (double)(stress__now() - start) / 1e9;
	if (!err && s.result.mapped && !s.result.huge)
		err = stress__refuse(&s, -ENOMEM,
				     "not one of %llu mappings was huge: no free 2 MiB page?",
				     (unsigned long long)s.result.mapped);
	if (o->json)
		print_json(class, &s.result);
	else
		print_text(class, &s.result);
	fflush(stdout);
	if (err)
		fprintf(stderr, "thprace-stress: %s failed: %s\n", class->name,
			s.reason[0] ? s.reason : strerror(-err));
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* By name or alias; NULL: unknown. */
static const struct stress_class *find_class(const char *name)
{
	const struct stress_class *const *classes = __start_stress_classes;
	size_t bytes = (uintptr_t)__stop_stress_classes - (uintptr_t)__start_stress_classes;

	for (size_t i = 0; i < bytes / sizeof(*classes); i++)
		if (!strcmp(name, classes[i]->name) ||
		    (classes[i]->alias && !strcmp(name, classes[i]->alias)))
			return classes[i];
	return NULL;
}

/* The load for a race class; if there is none, its check says so. */
static int check_none(struct stress *s)
{
	snprintf(s->reason, sizeof(s->reason), "nothing brings this class about yet");
	return -EOPNOTSUPP;
}

static struct stress_class stressor_of(unsigned int class)
{
	const struct race_class *race = race_class__of(class);
	const struct stress_class *found = find_class(race->name);

	return found ? *found
		     : (struct stress_class){
			       .name = race->name, .check = check_none, .run = check_none};
}

static int list(const struct stress_options *o)
{
	for (unsigned int i = 1; i < race_class__end(); i++) {
		struct stress_class class = stressor_of(i);
		struct stress s = {.options = o};
		bool can = !can_stress(&class, &s);

		if (!o->json) {
			printf("%-16s  %s%s\n", class.name, can ? "yes" : "no: ", s.reason);
			continue;
		}
		printf("{\"class\":\"%s\",\"possible\":%s,\"reason\":", class.name,
		       can ? "true" : "false");
		print_json_string(s.reason);
		printf("}\n");
	}
	return EXIT_SUCCESS;
}

static int run_all(const struct stress_options *o)
{
	struct stress_class can[THPRACE_CLASS_MAX];
	int status = EXIT_SUCCESS;
	size_t count = 0;

	for (unsigned int i = 1; i < race_class__end(); i++) {
		struct stress_class class = stressor_of(i);
		struct stress s = {.options = o};

		if (can_stress(&class, &s))
			refused(&class, &s);
		else
			can[count++] = class;
	}
	for (size_t i = 0; i < count && !stress__interrupted(); i++)
		if (run_class(&can[i], o, o->seconds / (double)count))
			status = EXIT_FAILURE;
	return count ? status : EXIT_FAILURE;
}

static int run_one(const char *name, const struct stress_options *o)
{
	const struct stress_class *found = find_class(name);
	unsigned int id = race_class__find(name);
	struct stress s = {.options = o};
	struct stress_class class;

	if (!strcmp(name, split_shared_load.name))
		found = &split_shared_load;
	if (!found && !id) {
		fprintf(stderr, "thprace-stress: no class '%s'; thprace-stress list names them\n",
			name);
		return EXIT_USAGE;
	}
	class = found ? *found : stressor_of(id);
	if (can_stress(&class, &s))
		return refused(&class, &s);
	return run_class(&class, o, o->seconds);
}

int main(int argc, char **argv)
{
	struct arguments a = {.options = {.seconds = DEFAULT_SECONDS, .seed = 1, .steer_fd = -1}};
	int status;

	argp_err_exit_status = EXIT_USAGE;
	output__guard("thprace-stress");
	if (argp_parse(&parser, argc, argv, 0, NULL, &a))
		return EXIT_USAGE;
	if (!a.options.cpu_count)
		all_cpus(&a.options);
	stress__catch_signals();
	if (!strcmp(a.class, "list"))
		status = list(&a.options);
	else if (!strcmp(a.class, "all"))
		status = run_all(&a.options);
	else
		status = run_one(a.class, &a.options);
	support__restore();
	return status;
}
