// SPDX-License-Identifier: GPL-2.0-only
/*
 * thprace races: the races that thprace knows, built in and from files, and what a kernel allows
 * for each.
 */
#include "cli.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/names.h"
#include "base/nearest.h"
#include "classes/race_class.h"
#include "races.h"

#define GIVEN_MAX 16

enum races_option {
	OPT_FORMAT = 'f',
	OPT_KERNEL = 'k',
	OPT_BTF = 'b',
	OPT_RACE = 'r',
	OPT_TEST = 't',
	OPT_LOAD = 'l',
};

static const struct argp_option options[] = {
	{"race", OPT_RACE, "FILE", 0,
	 "a race file in addition to those in the folders; may be repeated", 0},
	{"test", OPT_TEST, "FILE", 0, "check this race file, and nothing else", 0},
	{"kernel", OPT_KERNEL, "FILE", 0,
	 "check the races on a kernel image instead of the running kernel", 0},
	{"btf", OPT_BTF, "FILE", 0, "check them on the kernel whose BTF is in FILE", 0},
	{"load", OPT_LOAD, NULL, 0,
	 "load the program of each event for a moment (needs root): shows what this kernel's "
	 "verifier accepts, and the number of instructions",
	 0},
	{"format", OPT_FORMAT, "FORMAT", 0, "text (default) or json (an object per race)", 0},
	{0},
};

struct races_arguments {
	const char *race[GIVEN_MAX];
	int races;
	const char *test;
	const char *kernel;
	const char *btf;
	bool json;
	bool load;
	char **names;
	int count;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct races_arguments *arguments = state->input;

	switch (key) {
	case OPT_RACE:
		if (arguments->races == GIVEN_MAX)
			argp_error(state, "more than %d files", GIVEN_MAX);
		arguments->race[arguments->races++] = arg;
		break;
	case OPT_TEST:
		arguments->test = arg;
		break;
	case OPT_KERNEL:
		arguments->kernel = arg;
		break;
	case OPT_BTF:
		arguments->btf = arg;
		break;
	case OPT_LOAD:
		arguments->load = true;
		break;
	case OPT_FORMAT:
		arguments->json = cli__parse_json(arg, state);
		break;
	case ARGP_KEY_ARGS:
		arguments->names = state->argv + state->next;
		arguments->count = state->argc - state->next;
		break;
	case ARGP_KEY_END:
		if (arguments->test && (arguments->races || arguments->count))
			argp_error(state, "--test checks one file: nothing else can be named");
		if (arguments->load && (arguments->kernel || arguments->btf))
			argp_error(state,
				   "only the running kernel loads programs: --load cannot be "
				   "combined with --kernel or --btf");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[NAME...]",
	.doc = "List the races that thprace knows, built in and from files, and whether they can be "
	       "observed on this kernel. With NAME: the details of these.\v"
	       "Files are read from /usr/share/thprace/races and /etc/thprace/races.d; "
	       "thprace.race(5) describes their format.\n"
	       "Exit status: 0 done, 1 failed, or a file is wrong; 2 wrong usage; 4 done, and a "
	       "race that was named cannot be observed here.",
};

/* How a race's file fails to fit the kernel: all errors, one per line. */
static void print_problems(const struct race_on_kernel *on)
{
	const struct race_problem *problem;
	char place[64], text[512];
	int i;

	for (i = 0; i < on->problems; i++) {
		problem = &on->problem[i];
		snprintf(place, sizeof(place), problem->column ? ":%u:%u" : ":%u", problem->line,
			 problem->column);
		snprintf(text, sizeof(text), "%.200s%s: %s", on->race->path, place, problem->text);
		cli__fail("races", NULL, text);
	}
}

/* One file, with all details. Returns its exit status. */
static int print_file(const struct races_kernel *kernel, const struct race_file *file,
		      const struct races_arguments *arguments, bool whole)
{
	struct race_on_kernel on = {0};
	int status = CLI_DONE;

	if (!file->race) {
		if (!arguments->json || arguments->test)
			cli__fail_lines("races", NULL, file->why);
		if (arguments->json && !arguments->test)
			races_print__file(kernel, file, &on, whole, true);
		return CLI_FAILED;
	}
	if (race_kernel__check(&on, file->race, &kernel->race))
		return cli__fail("races", NULL, "out of memory");
	if (races_print__file(kernel, file, &on, whole, arguments->json))
		status = CLI_NO_STATEMENT;
	if (whole && on.problems) {
		print_problems(&on);
		status = race_kernel__wrong(&on) ? CLI_FAILED : CLI_NO_STATEMENT;
	}
	race_kernel__release(&on);
	return status;
}

static int print_class(const struct races_kernel *kernel, int class,
		       const struct races_arguments *arguments)
{
	races_print__class(kernel, class, true, arguments->json);
	return probe__not_observable(&kernel->plan, (enum thprace_class) class) ? CLI_NO_STATEMENT
										: CLI_DONE;
}

static int no_such_race(const struct race_files *files, const char *name)
{
	struct nearest nearest = nearest__to(name);
	char why[256], hint[NEAREST_HINT_MAX];
	unsigned int class;
	size_t i;

	for (class = 1; class < race_class__end(); class ++)
		nearest__consider(&nearest, names__class(class));
	for (i = 0; i < files->count; i++)
		if (files->file[i].race)
			nearest__consider(&nearest, files->file[i].race->name);
	snprintf(why, sizeof(why), "no race '%.64s'%s", name, nearest__hint(&nearest, hint));
	return cli__fail("races", NULL, why);
}

static int worse(int a, int b)
{
	if (a == CLI_FAILED || b == CLI_FAILED)
		return CLI_FAILED;
	return a > b ? a : b;
}

static int print_named(const struct races_kernel *kernel, const struct race_files *files,
		       const struct races_arguments *arguments)
{
	const struct race_file *file;
	int i, class, status = CLI_DONE;

	for (i = 0; i < arguments->count; i++) {
		class = names__find_class(arguments->names[i]);
		file = race_files__find(files, arguments->names[i]);
		if (i && !arguments->json)
			putchar('\n');
		if (class > 0)
			status = worse(status, print_class(kernel, class, arguments));
		else if (file)
			status = worse(status, print_file(kernel, file, arguments, true));
		else
			status = worse(status, no_such_race(files, arguments->names[i]));
	}
	return status;
}

static int print_all(const struct races_kernel *kernel, const struct race_files *files,
		     const struct races_arguments *arguments)
{
	int class, status = CLI_DONE;
	size_t i;

	if (!arguments->json)
		races_print__head();
	for (class = 1; class < (int)race_class__end(); class ++)
		races_print__class(kernel, class, false, arguments->json);
	for (i = 0; i < files->count; i++)
		status = worse(status, print_file(kernel, &files->file[i], arguments, false));
	return status;
}

static int races(const struct races_arguments *arguments, const struct race_files *files)
{
	struct races_kernel kernel;
	char why[512] = "";
	int status, err;

	err = races_kernel__open(&kernel, arguments->kernel, arguments->btf, files, why,
				 sizeof(why));
	if (err) {
		status = cli__fail("races", NULL, why);
		/* The form of the file is correct all the same. */
		if (arguments->test && files->file[0].race && !arguments->kernel && !arguments->btf)
			status = CLI_NO_STATEMENT;
	} else if (arguments->load && race_loader__open(&kernel.loader)) {
		status = cli__fail("races", NULL, "--load needs root: it loads BPF programs");
	} else if (arguments->test) {
		status = print_file(&kernel, &files->file[0], arguments, true);
	} else if (arguments->count) {
		status = print_named(&kernel, files, arguments);
	} else {
		status = print_all(&kernel, files, arguments);
	}
	races_kernel__close(&kernel);
	return status;
}

/* The files in the folders, and those that are given; or only the one to be tested. */
static int read_files(const struct races_arguments *arguments, struct race_files *files)
{
	int i, err = 0;

	if (!arguments->test)
		err = race_files__read(files, "");
	if (!err && arguments->test && !race_files__add(files, arguments->test))
		err = -ENOMEM;
	for (i = 0; i < arguments->races && !err; i++)
		if (!race_files__add(files, arguments->race[i]))
			err = -ENOMEM;
	if (err)
		return cli__fail("races", NULL, "out of memory, or too many files");
	if (files->why[0])
		cli__fail("races", NULL, files->why);
	return CLI_DONE;
}

int cmd_races(int argc, char **argv)
{
	struct races_arguments arguments = {0};
	struct race_files files = {.count = 0};
	int status;

	cli__parse(&argp, argc, argv, 0, &arguments);
	status = read_files(&arguments, &files);
	if (!status && arguments.test && !files.file[0].race) {
		cli__fail_lines("races", NULL, files.file[0].why);
		status = CLI_FAILED;
	} else if (!status) {
		status = races(&arguments, &files);
	}
	race_files__release(&files);
	return status;
}
