// SPDX-License-Identifier: GPL-2.0-only
/* thprace provoke: provoke a race on this kernel, on a test machine, and report the result. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>
#include <thprace/shared.h>

#include "report/diagram.h"
#include "interrupt.h"
#include "base/json.h"
#include "base/names.h"
#include "base/number.h"
#include "progress.h"
#include "provoke.h"
#include "provoke_race.h"
#include "race_find.h"
#include "report/summary.h"
#include "trace/trace_reader.h"
#include "classes/race_class.h"

#define STRESSOR "thprace-stress"
#define DEFAULT_SECONDS 30.0
#define DEFAULT_WIDEN_US 300

enum provoke_option {
	OPT_DURATION = 'd',
	OPT_OUTPUT = 'o',
	OPT_FORMAT = 'f',
	OPT_ATTACH = 'A',
	OPT_QUIET = 'q',
	OPT_RACE = 'r',
	OPT_WIDEN = 256,
	OPT_TEST_MACHINE,
	OPT_STRESSOR,
	OPT_SEED,
	OPT_WHOLE,
	OPT_DIR,
	OPT_BTF,
	OPT_UNTIL,
	OPT_RUN,
};

static const struct argp_option options[] = {
	{"duration", OPT_DURATION, "T", 0,
	 "try each class for T at most: 60, 2min (default 30s, or as the race file says)", 0},
	{"until", OPT_UNTIL, "WHAT=N", 0,
	 "go on to the next class as soon as this count is reached, such as contained=100", 0},
	{"widen", OPT_WIDEN, "T", 0,
	 "hold each window of the stressor open for T, 0 to 1ms (default 300us, or as the race file says; 0: not "
	 "at all); a number without a unit counts as us",
	 0},
	{"this-is-a-test-machine", OPT_TEST_MACHINE, NULL, 0,
	 "required: a vulnerable kernel may crash and lose data", 0},
	{"race", OPT_RACE, "FILE|NAME", 0,
	 "provoke this race, which a file describes (thprace.race(5)), instead of a CLASS", 0},
	{"run", OPT_RUN, "COMMAND", 0,
	 "with --race: a shell command that brings it about, instead of the file's", 0},
	{"whole", OPT_WHOLE, NULL, 0, "go on for the whole time even after an escape", 0},
	{"output", OPT_OUTPUT, "PREFIX", 0, "keep the traces, as PREFIX-CLASS.thpr", 0},
	{"format", OPT_FORMAT, "FORMAT", 0, "text (default) or json (an object per class)", 0},
	{"attach", OPT_ATTACH, "HOW", 0, "auto (default), fentry or kprobe", 0},
	{"btf", OPT_BTF, "FILE", 0, CLI_BTF_HELP, 0},
	{"seed", OPT_SEED, "N", 0, "seed of the stressor (default 1)", 0},
	{"dir", OPT_DIR, "DIR", 0, "where the stressor puts its files; see thprace-stress --help",
	 0},
	{"stressor", OPT_STRESSOR, "FILE", 0,
	 "the stressor (default: " STRESSOR " in the folder of this program, or in PATH)", 0},
	{"quiet", OPT_QUIET, NULL, 0, "no progress", 0},
	{0},
};

struct provoke_command {
	struct provoke_options run;
	bool classes[THPRACE_CLASS_MAX];
	bool chosen;
	bool seconds_given;
	bool widen_given;
	const char *race; /* as given */
	struct race_files files;
	bool all;
	bool test_machine;
	bool json;
	const char *prefix;
	char stressor[PATH_MAX];
};

static void choose_class(struct provoke_command *command, const char *arg, struct argp_state *state)
{
	unsigned int class;

	if (command->chosen)
		argp_error(state, "one CLASS, or all: '%s' is too many", arg);
	command->chosen = true;
	if (!strcmp(arg, "all")) {
		command->all = true;
		for (class = 1; class < race_class__end(); class ++)
			command->classes[class] = true;
		return;
	}
	command->classes[cli__parse_class(arg, state)] = true;
}

static uint64_t parse_seed(const char *arg, struct argp_state *state)
{
	uint64_t seed = 0;

	if (number__parse(arg, 1, UINT64_MAX, &seed))
		argp_error(state, "'%s' is not a seed: a whole number, at least 1", arg);
	return seed;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct provoke_command *command = state->input;

	switch (key) {
	case OPT_DURATION:
		command->seconds_given = true;
		command->run.seconds = (double)cli__parse_span(arg, TIMESPAN_SECOND,
							       TIMESPAN_SECOND / 10, CLI_LONGEST,
							       state) /
				       1e9;
		break;
	case OPT_UNTIL:
		until__parse(&command->run.until, arg, state);
		if (command->run.until.wanted[command->run.until.nr - 1].class)
			argp_error(state,
				   "'%s': it counts for each class, so give no class: "
				   "WHAT=N",
				   arg);
		break;
	case OPT_WIDEN:
		command->widen_given = true;
		command->run.widen_ns = (uint32_t)cli__parse_span(arg, 1000, 0, 1000000, state);
		break;
	case OPT_SEED:
		command->run.seed = parse_seed(arg, state);
		break;
	case OPT_TEST_MACHINE:
		command->test_machine = true;
		break;
	case OPT_WHOLE:
		command->run.whole = true;
		break;
	case OPT_OUTPUT:
		command->prefix = arg;
		break;
	case OPT_FORMAT:
		command->json = cli__parse_json(arg, state);
		break;
	case OPT_ATTACH:
		command->run.attach = cli__parse_attach(arg, state);
		break;
	case OPT_BTF:
		command->run.btf = arg;
		break;
	case OPT_DIR:
		command->run.dir = arg;
		break;
	case OPT_STRESSOR:
		command->run.stressor = arg;
		break;
	case OPT_QUIET:
		command->run.progress = false;
		break;
	case OPT_RACE:
		if (command->race)
			argp_error(state, "one --race: '%s' is too many", arg);
		command->race = arg;
		break;
	case OPT_RUN:
		command->run.run = arg;
		break;
	case ARGP_KEY_ARG:
		choose_class(command, arg, state);
		break;
	case ARGP_KEY_NO_ARGS:
		if (!command->race)
			argp_error(state,
				   "CLASS is missing: the name of a race class, or all; or --race");
		break;
	case ARGP_KEY_SUCCESS:
		if (command->race && command->chosen)
			argp_error(state, "either CLASS or --race");
		if (command->run.run && !command->race)
			argp_error(state, "--run goes with --race");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "CLASS|all\n--race FILE|NAME",
	.doc = "Provoke a race on this kernel: run the stressor, hold its windows open, watch in "
	       "precise mode, and report for each class whether the kernel closed it. Only for "
	       "machines that may crash. Needs root.\vExit status: 0 done, each class is closed "
	       "or cannot happen; 1 failed; 2 wrong usage; 3 open: an escape was proved; 4 none "
	       "is open, and for at least one class nothing was shown.",
};

static int fail(const char *why)
{
	fprintf(stderr, "thprace provoke: %s\n", why);
	return CLI_FAILED;
}

/* The stressor in the folder of this program, or the one that PATH finds. */
static void find_stressor(struct provoke_command *command)
{
	ssize_t length;
	char *slash;

	if (command->run.stressor)
		return;
	command->run.stressor = STRESSOR;
	length = readlink("/proc/self/exe", command->stressor, sizeof(command->stressor) - 1);
	if (length <= 0)
		return;
	command->stressor[length] = '\0';
	slash = strrchr(command->stressor, '/');
	if (!slash || slash + 1 - command->stressor + sizeof(STRESSOR) > sizeof(command->stressor))
		return;
	memcpy(slash + 1, STRESSOR, sizeof(STRESSOR));
	if (!access(command->stressor, X_OK))
		command->run.stressor = command->stressor;
}

static const char *verdict_name(const struct provoke_result *result)
{
	static const char *const names[] = PROVOKE_NAMES;

	return names[result->verdict];
}

/* Symbols of the stacks and the names of functions are in the trace. */
static void draw_escape(const struct provoke_result *result, const char *path)
{
	const struct diagram_options draw = {
		.utf8 = cli__utf8(),
		.colour = cli__colour(stdout),
		.width = cli__width(stdout),
		.stacks = 1,
	};
	struct trace_reader *reader = NULL;
	struct summary *summary = NULL;
	char why[256];

	if (!trace_reader__open(&reader, path, why, sizeof(why)))
		summary__read(&summary, reader, why, sizeof(why)); /* without it: addresses */
	puts("\nthe first escape:\n");
	diagram__incident(stdout, summary, 1, &result->escape, &draw);
	summary__free(summary);
	trace_reader__close(reader);
}

/* A kernel that breaks is a result, and the most important one. */
static void print_kernel(const struct provoke_command *command, const struct provoke_result *result)
{
	const struct kernel_messages *kernel = &result->kernel;
	const char *class = provoke__name(&command->run, result->class);
	unsigned int i;

	if (kernel->struck)
		printf("%s: the kernel complained while it was provoked%s:\n", class,
		       provoke__own_complaint(result) ? ", and this class may be the reason" : "");
	for (i = 0; i < kernel->lines; i++)
		printf("    %s\n", kernel->line[i]);
	if (result->hung)
		printf("%s: the stressor (process %d) hangs in the kernel%s%s and cannot be "
		       "ended; reboot this machine\n",
		       class, result->hung, result->hung_in[0] ? ", in " : "", result->hung_in);
}

static void print_text(const struct provoke_result *result, const struct provoke_command *command,
		       const char *path)
{
	const struct provoke_counts *counts = &result->counts;
	char shown[PATH_MAX];

	print_kernel(command, result);
	printf("%s: ", provoke__name(&command->run, result->class));
	switch (result->verdict) {
	case PROVOKE_CLOSED:
		printf("closed (%s, none escaped%s)\n",
		       COUNTED(counts->contained, "contained overlap"),
		       result->check == CHECK_FIXED ? "; the code has the fix"
		       : result->check == CHECK_UNKNOWN
			       ? "; whether the code has the fix is not known"
			       : "");
		break;
	case PROVOKE_OPEN:
		if (result->first_escape < 0) {
			printf("open (by the kernel's own complaint; no escape was proved, %" PRIu64
			       " contained)\n",
			       counts->contained);
			break;
		}
		printf("open (%s, the first after %.1f s; %" PRIu64 " contained)\n",
		       COUNTED(counts->escapes - counts->likely, "proved escape"),
		       result->first_escape, counts->contained);
		break;
	default:
		printf("%s: %s\n", verdict_name(result), result->reason);
		break;
	}
	if (result->verdict != PROVOKE_IMPOSSIBLE)
		printf("  %.1f s, %s (%" PRIu64 " widened by %" PRIu32 " us), %s, %s, %" PRIu64
		       " remained, %" PRIu64 " unattributed, %" PRIu64 " lost\n",
		       result->seconds, COUNTED(result->windows, "window"), result->widened,
		       command->run.widen_ns / 1000, COUNTED(result->walkers, "walker"),
		       COUNTED(result->overlaps, "overlap"), counts->remained, counts->unattributed,
		       counts->lost);
	if (result->verdict == PROVOKE_OPEN && result->first_escape >= 0)
		draw_escape(result, path);
	if (command->prefix && result->verdict != PROVOKE_IMPOSSIBLE)
		printf("  trace: %s\n", cli__fit(shown, sizeof(shown), path));
	fflush(stdout);
}

static struct json_object *kernel_json(const struct provoke_result *result)
{
	const struct kernel_messages *kernel = &result->kernel;
	struct json_object *o = json_object_new_object(), *lines = json_object_new_array();
	unsigned int i;

	for (i = 0; i < kernel->lines; i++)
		json_object_array_add(lines, json_object_new_string(kernel->line[i]));
	json__add_bool(o, "own", provoke__own_complaint(result));
	json__add(o, "lines", lines);
	json__add(o, "hung", result->hung ? json_object_new_int(result->hung) : NULL);
	json__add(o, "hung_in",
		  result->hung_in[0] ? json_object_new_string(result->hung_in) : NULL);
	return o;
}

static void print_json(const struct provoke_result *result, const struct provoke_command *command,
		       const char *path)
{
	static const char *const checks[] = CHECK_STATUS_NAMES;
	struct json_object *o = json_object_new_object();
	const struct provoke_counts *counts = &result->counts;
	char proof[DIAGRAM_TEXT_LEN];

	json__add_name(o, "type", "provoke");
	json__add_name(o, "class", provoke__name(&command->run, result->class));
	json__add_name(o, "outcome", verdict_name(result));
	json__add(o, "reason", result->reason[0] ? json_object_new_string(result->reason) : NULL);
	json__add(o, "check", result->asked ? json_object_new_string(checks[result->check]) : NULL);
	json__add(o, "defect",
		  result->defect ? json_object_new_string(result->defect->cause.hash) : NULL);
	json__add_real(o, "seconds", result->seconds);
	json__add_number(o, "windows", result->windows);
	json__add_number(o, "widened", result->widened);
	json__add_number(o, "widen_ns", command->run.widen_ns);
	json__add_number(o, "walkers", result->walkers);
	json__add_number(o, "overlaps", result->overlaps);
	json__add_number(o, "contained", counts->contained);
	json__add_number(o, "escapes", counts->escapes);
	json__add_number(o, "likely", counts->likely);
	json__add_number(o, "remained", counts->remained);
	json__add_number(o, "unattributed", counts->unattributed);
	json__add_number(o, "unproven", counts->unproven);
	json__add_number(o, "lost", counts->lost);
	json__add_number(o, "passes_measured", result->passes);
	json__add_number(o, "passes_met", result->met);
	if (result->kernel.struck || result->hung)
		json__add(o, "kernel", kernel_json(result));
	if (result->verdict == PROVOKE_OPEN && result->first_escape >= 0) {
		json__add_real(o, "first_escape_seconds", result->first_escape);
		diagram__proof(proof, sizeof(proof), &result->escape);
		json__add_name(o, "proof", proof);
	}
	if (command->prefix && result->verdict != PROVOKE_IMPOSSIBLE)
		json__add_name(o, "trace", path);
	json__print(stdout, o);
	fflush(stdout);
}

/* A name for the trace: the user's, or a temporary one. */
static int trace_path(const struct provoke_command *command, enum thprace_class class, char *path,
		      size_t size)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	if (command->prefix) {
		if ((size_t)snprintf(path, size, "%s-%s.thpr", command->prefix,
				     provoke__name(&command->run, class)) >= size)
			return -ENAMETOOLONG;
		return 0;
	}
	if ((size_t)snprintf(path, size, "%s/thprace-provoke-XXXXXX", dir ? dir : "/tmp") >= size)
		return -ENAMETOOLONG;
	fd = mkstemp(path);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int provoke_class(const struct provoke_command *command, enum thprace_class class,
			 bool *open, bool *silent)
{
	struct provoke_result result;
	char path[PATH_MAX], why[640] = "";
	int err;

	err = trace_path(command, class, path, sizeof(path));
	if (err) {
		fprintf(stderr, "thprace provoke: no place for a trace: %s; set TMPDIR or use -o\n",
			strerror(-err));
		return err;
	}
	if (command->run.progress)
		progress__step("attaching to the kernel");
	err = provoke__run(&result, class, &command->run, path, why, sizeof(why));
	progress__clear();
	if (err && !command->json)
		print_kernel(command, &result);
	if (err)
		fprintf(stderr, "thprace provoke: %s: %s\n", provoke__name(&command->run, class),
			why);
	else if (command->json)
		print_json(&result, command, path);
	else
		print_text(&result, command, path);
	fflush(stdout);
	provoke__end(&result);
	if (!command->prefix)
		unlink(path);
	*open |= (!err && result.verdict == PROVOKE_OPEN) || provoke__own_complaint(&result);
	*silent |= !err && (result.verdict == PROVOKE_NOT_SHOWN ||
			    (result.verdict == PROVOKE_IMPOSSIBLE && !result.lacks_side));
	return err;
}

/* The race that was given, before the kernel is touched; its file's times are defaults. */
static int read_race(struct provoke_command *command)
{
	const struct race *race;
	const char *why;

	if (!command->race)
		return CLI_DONE;
	if (race_files__read(&command->files, ""))
		return fail("out of memory");
	race = race_find("provoke", &command->files, command->race);
	if (!race)
		return CLI_FAILED;
	command->run.race = race;
	why = provoke_race__cannot(&command->run);
	if (why) {
		fprintf(stderr, "thprace provoke: %s: %s\n", race->name, why);
		return CLI_FAILED;
	}
	if (race->provoke.seconds && !command->seconds_given)
		command->run.seconds = race->provoke.seconds;
	if (race->provoke.time_us && !command->widen_given)
		command->run.widen_ns = race->provoke.time_us * 1000;
	return CLI_DONE;
}

int cmd_provoke(int argc, char **argv)
{
	struct provoke_command command = {
		.run = {.seconds = DEFAULT_SECONDS,
			.widen_ns = DEFAULT_WIDEN_US * 1000,
			.seed = 1,
			.progress = true},
	};
	bool open = false, silent = false;
	int err = 0, status;
	unsigned int class;

	cli__parse(&argp, argc, argv, 0, &command);
	if (!command.test_machine) {
		fprintf(stderr, "thprace provoke: this tries to crash the kernel: on a vulnerable "
				"one, data in memory may be lost. Give --this-is-a-test-machine "
				"if this is one\n");
		return CLI_USAGE;
	}
	if (geteuid())
		return fail("needs root: it loads BPF programs and changes THP settings");
	status = read_race(&command);
	if (status) {
		race_files__release(&command.files);
		return status;
	}
	find_stressor(&command);
	interrupt__catch();
	if (command.race)
		err = provoke_class(&command, THPRACE_CLASS_NONE, &open, &silent);
	for (class = 1; class < race_class__end() && !err; class ++) {
		if (!command.classes[class])
			continue;
		if (interrupt__came())
			silent = true;
		else
			err = provoke_class(&command, class, &open, &silent);
	}
	race_files__release(&command.files);
	if (open)
		return CLI_FOUND;
	if (err)
		return CLI_FAILED;
	return silent ? CLI_NO_STATEMENT : CLI_DONE;
}
