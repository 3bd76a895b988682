// SPDX-License-Identifier: GPL-2.0-only
/* thprace check: is each race class fixed in a kernel, and the evidence. */
#include "cli.h"
#include "check_lines.h"
#include "check_races.h"
#include "child.h"
#include "interrupt.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <json-c/json.h>
#include "check/check.h"
#include "check/check_defect.h"
#include "check/check_source.h"
#include "check/check_watch.h"
#include "check/walk_watch.h"
#include "base/json.h"
#include "base/names.h"
#include "base/number.h"
#include "classes/race_class.h"

#define CLASS_WIDTH 18
#define STATUS_WIDTH 15
#define WATCH_SECONDS 10.0
#define TICK_NS 20000000

enum check_option {
	OPT_KERNEL = 'k',
	OPT_BTF = 'b',
	OPT_CONFIG = 'c',
	OPT_FORMAT = 'f',
	OPT_WATCH = 'w',
	OPT_ATTACH = 'A',
	OPT_RACE = 'r',
	OPT_ALL_RACES = 'a',
	OPT_IMAGE_FD = 256,
};

static const struct argp_option options[] = {
	{"kernel", OPT_KERNEL, "FILE", 0, "a kernel image: bzImage, vmlinux, Image", 0},
	{"btf", OPT_BTF, "FILE", 0, "its BTF, if the image has none; alone: judge by BTF only", 0},
	{"config", OPT_CONFIG, "FILE", 0, "its configuration, gzip'ed or not", 0},
	{"format", OPT_FORMAT, "FORMAT", 0, "text (default) or json (an object per class)", 0},
	{"race", OPT_RACE, "FILE|NAME", 0,
	 "judge this race instead of the built-in classes, by its file's [check]; may be repeated",
	 0},
	{"all-races", OPT_ALL_RACES, NULL, 0,
	 "judge the built-in classes and all races from files, those of --race included", 0},
	{"watch", OPT_WATCH, "T", OPTION_ARG_OPTIONAL,
	 "watch the running kernel's walks as well, for T (default 10s), or while COMMAND runs: "
	 "needs root",
	 0},
	{"attach", OPT_ATTACH, "HOW", 0,
	 "with --watch: auto (default): fentry where the kernel allows it, kprobe elsewhere; "
	 "fentry; kprobe",
	 0},
	{"image-fd", OPT_IMAGE_FD, "N", OPTION_HIDDEN,
	 "the running kernel's image is open as descriptor N (for thpraced, which may not open it)",
	 0},
	{0},
};

struct check_arguments {
	struct check_files files;
	bool json;
	bool watch;
	enum probe_attach attach;
	double seconds; /* 0: not given */
	char **command; /* NULL: none */
	struct check_races races;
};

static void parse_watch(struct check_arguments *arguments, const char *arg,
			struct argp_state *state)
{
	arguments->watch = true;
	if (arg)
		arguments->seconds =
			(double)cli__parse_span(arg, TIMESPAN_SECOND, 1, CLI_LONGEST, state) / 1e9;
}

static int parse_descriptor(const char *arg, struct argp_state *state)
{
	uint64_t descriptor = 0;

	if (number__parse(arg, 0, INT_MAX, &descriptor))
		argp_error(state, "'%s' is not a file descriptor", arg);
	return (int)descriptor;
}

static void check_usage(const struct check_arguments *arguments, struct argp_state *state)
{
	if (arguments->command && !arguments->watch)
		argp_error(state,
			   "'%s' is too many: a file is given with --kernel, and a command runs "
			   "with --watch only",
			   arguments->command[0]);
	if (arguments->watch && (arguments->files.kernel || arguments->files.btf))
		argp_error(state,
			   "only the running kernel can be watched: --watch cannot be combined "
			   "with --kernel or --btf");
	if (arguments->watch && (arguments->races.count || arguments->races.all))
		argp_error(state,
			   "--watch watches the built-in classes: it does not go with --race or "
			   "--all-races");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct check_arguments *arguments = state->input;

	switch (key) {
	case OPT_KERNEL:
		arguments->files.kernel = arg;
		break;
	case OPT_BTF:
		arguments->files.btf = arg;
		break;
	case OPT_CONFIG:
		arguments->files.config = arg;
		break;
	case OPT_IMAGE_FD:
		arguments->files.image = parse_descriptor(arg, state);
		break;
	case OPT_FORMAT:
		arguments->json = cli__parse_json(arg, state);
		break;
	case OPT_WATCH:
		parse_watch(arguments, arg, state);
		break;
	case OPT_RACE:
		if (arguments->races.count == CHECK_RACES_MAX)
			argp_error(state, "more than %d races", CHECK_RACES_MAX);
		arguments->races.given[arguments->races.count++] = arg;
		break;
	case OPT_ALL_RACES:
		arguments->races.all = true;
		break;
	case OPT_ATTACH:
		arguments->attach = cli__parse_attach(arg, state);
		break;
	case ARGP_KEY_ARGS:
		arguments->command = state->argv + state->next;
		break;
	case ARGP_KEY_END:
		check_usage(arguments, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "\n--watch[=T] [-- COMMAND [ARG...]]",
	.doc = "Report, for each race class, whether a kernel contains the fix, with the evidence.\v"
	       "Without --kernel and --btf this is the running kernel. Nothing is attached, unless "
	       "--watch is given. Reading a file needs no root.\n"
	       "Exit status: 0 each class is fixed or cannot happen, 1 failed, 2 wrong usage, 3 a "
	       "class is vulnerable, 4 none is vulnerable and at least one is unknown. With "
	       "--watch, if COMMAND failed and no class is vulnerable: COMMAND's status, but 1 "
	       "instead of 1 to 4; 128 + N if signal N ended it; 127 if it could not be run.",
};

static void print_commit(const struct check_commit *commit)
{
	char text[256];

	snprintf(text, sizeof(text), "%.12s \"%s\" (%s)", commit->hash, commit->subject,
		 commit->version);
	check_lines__evidence("fix", text);
}

/* What was watched for a class, if it is not evidence and so not printed with it. */
static void print_seen(const struct check_watch *watch, int class)
{
	if (watch && watch->facts[class].text[0] && watch->facts[class].answer == CHECK_NOT_KNOWN)
		check_lines__evidence("watch", watch->facts[class].text);
}

/* Other calls of the functions, for instance by reclaim and migration. */
static void print_watch(const struct check_watch *watch)
{
	static const char *const functions[] = THPRACE_WATCH_FUNCTION_NAMES;
	const struct thprace_watch_count *other;
	char text[256];
	int function;

	snprintf(text, sizeof(text), "the running kernel for %.1f s, by %s", watch->seconds,
		 watch->how);
	check_lines__label("watched", text);
	for (function = 0; function < THPRACE_WATCH_FUNCTION_MAX; function++) {
		other = &watch->counts[THPRACE_WATCH_WHICH(function, THPRACE_WATCH_OTHER)];
		if (!watch->there[function])
			continue;
		snprintf(text, sizeof(text),
			 "other calls of %s: %" PRIu64 ", with TTU_SYNC %" PRIu64
			 "; walks in them: %" PRIu64 ", with PVMW_SYNC %" PRIu64,
			 functions[function], (uint64_t)other->calls,
			 (uint64_t)other->with_ttu_sync, (uint64_t)other->walks,
			 (uint64_t)other->with_pvmw_sync);
		check_lines__label("", text);
	}
}

/* It is not part of the class, but makes its walkers fail. */
static void print_defect(const struct check_facts *facts, const struct check_watch *watch,
			 int class)
{
	static const char *const kinds[] = CHECK_KIND_NAMES;
	const struct check_defect *defect = check_defect__of(class);
	const struct check_fact *shown[CHECK_DEFECT_FACTS_MAX];
	size_t i, count = check_defect__shown(facts, watch, class, shown);
	char since[256];

	if (!count)
		return;
	check_lines__evidence("defect", defect->text);
	for (i = 0; i < count; i++)
		check_lines__evidence(kinds[shown[i]->kind], shown[i]->text);
	check_lines__evidence("", check_defect__since(defect, since, sizeof(since)));
}

/* The result: one line per class. */
static void print_answers(const struct check_facts *facts, const struct check_watch *watch,
			  const struct check_result *results)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;
	const struct check_fact *shown[CHECK_DEFECT_FACTS_MAX];
	const struct check_commit *commit;
	char text[256];
	unsigned int class;

	printf("\n%-*s%-*s%s\n", CLASS_WIDTH, "class", STATUS_WIDTH, "here", "closed upstream by");
	for (class = 1; class < race_class__end(); class ++) {
		commit = check__commit(class);
		printf("%-*s%-*s", CLASS_WIDTH, names__class((unsigned int)class), STATUS_WIDTH,
		       statuses[results[class].status]);
		snprintf(text, sizeof(text), "%.12s, %s%s", commit->hash, commit->version,
			 check_defect__shown(facts, watch, class, shown)
				 ? "; a defect makes its walkers fail, see below"
				 : "");
		check_lines__wrap(text, CLASS_WIDTH + STATUS_WIDTH);
	}
}

static void print_evidence(const struct check_facts *facts, const struct check_watch *watch,
			   const struct check_result *result, int class)
{
	size_t i;

	for (i = 0; i < result->nr_evidence; i++)
		check_lines__fact(result->evidence[i]);
	print_seen(watch, class);
	print_commit(check__commit(class));
	print_defect(facts, watch, class);
}

static void print_text(const struct check_source *source, const struct check_facts *facts,
		       const struct check_watch *watch, const struct check_result *results)
{
	unsigned int class;

	check_lines__label("kernel", source->banner[0] ? source->banner : "not named");
	check_lines__label("read", source->from);
	if (watch)
		print_watch(watch);
	print_answers(facts, watch, results);
	for (class = 1; class < race_class__end(); class ++) {
		printf("\n%s\n", names__class(class));
		print_evidence(facts, watch, &results[class], class);
	}
}

static void add_counts(struct json_object *object, const struct thprace_watch_count *count)
{
	json__add_number(object, "calls", count->calls);
	json__add_number(object, "with_ttu_sync", count->with_ttu_sync);
	json__add_number(object, "walks", count->walks);
	json__add_number(object, "with_pvmw_sync", count->with_pvmw_sync);
	json__add_number(object, "shared", count->shared);
	json__add_number(object, "cut_short", count->cut_short);
}

/* NULL, which JSON calls null: nothing was watched for this class. */
static struct json_object *watched_to_json(const struct check_watch *watch, int class)
{
	static const char *const functions[] = THPRACE_WATCH_FUNCTION_NAMES;
	enum thprace_watch_function function;
	struct json_object *object, *others;
	enum thprace_watch_kind kind;

	if (!watch || !check_watch__of_class(watch, class, &function, &kind))
		return NULL;
	object = json_object_new_object();
	json__add_name(object, "function", functions[function]);
	json__add_name(object, "by", kind == THPRACE_WATCH_POISON ? "memory_failure" : "split");
	add_counts(object, &watch->counts[THPRACE_WATCH_WHICH(function, kind)]);
	json__add_name(object, "text", watch->facts[class].text);
	json__add_number(object, "lost", watch->lost);
	json__add_name(object, "attach", watch->how);
	json__add_real(object, "seconds", watch->seconds);
	others = json_object_new_object();
	add_counts(others, &watch->counts[THPRACE_WATCH_WHICH(function, THPRACE_WATCH_OTHER)]);
	json__add(object, "others", others);
	return object;
}

/* NULL: there is no evidence of one. */
static struct json_object *defect_to_json(const struct check_facts *facts,
					  const struct check_watch *watch, int class)
{
	const struct check_defect *defect = check_defect__of(class);
	const struct check_fact *shown[CHECK_DEFECT_FACTS_MAX];
	size_t i, count = check_defect__shown(facts, watch, class, shown);
	struct json_object *object, *evidence;

	if (!count)
		return NULL;
	object = json_object_new_object();
	evidence = json_object_new_array();
	json__add_name(object, "text", defect->text);
	for (i = 0; i < count; i++)
		json_object_array_add(evidence, check_lines__json(shown[i]));
	json__add(object, "evidence", evidence);
	json__add_name(object, "commit", defect->cause.hash);
	json__add_name(object, "since", defect->cause.version);
	json__add_name(object, "mended_by", defect->mend.hash);
	json__add_name(object, "mended_in", defect->mend.version);
	return object;
}

static struct json_object *to_json(const struct check_source *source,
				   const struct check_facts *facts, const struct check_watch *watch,
				   const struct check_result *result, int class)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;
	struct json_object *object = json_object_new_object();
	struct json_object *evidence = json_object_new_array(), *missing = json_object_new_array();
	const struct check_commit *commit = check__commit(class);
	size_t i;

	json__add_name(object, "class", names__class((unsigned int)class));
	json__add_name(object, "word", statuses[result->status]);
	for (i = 0; i < result->nr_evidence; i++)
		json_object_array_add(result->evidence[i]->answer == CHECK_NOT_KNOWN ? missing
										     : evidence,
				      check_lines__json(result->evidence[i]));
	json__add(object, "evidence", evidence);
	json__add(object, "missing", missing);
	json__add(object, "watched", watched_to_json(watch, class));
	json__add_name(object, "commit", commit->hash);
	json__add_name(object, "subject", commit->subject);
	json__add_name(object, "since", commit->version);
	json__add(object, "defect", defect_to_json(facts, watch, class));
	json__add_name(object, "kernel", source->banner);
	return object;
}

static void print_json(const struct check_source *source, const struct check_facts *facts,
		       const struct check_watch *watch, const struct check_result *results)
{
	struct json_object *object;
	unsigned int class;

	for (class = 1; class < race_class__end(); class ++) {
		object = to_json(source, facts, watch, &results[class], class);
		json__print(stdout, object);
	}
}

/* Until the time is over, the command ends, or Ctrl-C. */
static void wait_watching(const struct check_arguments *arguments, struct child *child)
{
	struct timespec tick = {.tv_nsec = TICK_NS};
	double seconds = arguments->seconds, start = clock__now() / 1e9;
	if (!arguments->command && seconds <= 0)
		seconds = WATCH_SECONDS;
	/* While a command runs, it has the terminal. */
	if (!arguments->command)
		progress__show("watching the running kernel for %.1f s", seconds);
	while (!interrupt__came() && (seconds <= 0 || clock__now() / 1e9 - start < seconds)) {
		nanosleep(&tick, NULL);
		child__check(child);
		if (child->ended)
			break;
	}
	progress__clear();
}

/* The command's output goes to stderr: stdout is for the results. failure: of the command. */
static int watch_kernel(const struct check_arguments *arguments, struct check_watch *seen,
			int *failure, char *why, size_t why_size)
{
	struct walk_watch *watch = NULL;
	struct child child = {0};
	int err = 0;

	/* Before anything is loaded, so that the child inherits none of it. */
	if (arguments->command)
		err = child__start(&child, "thprace check", arguments->command, -1, STDERR_FILENO,
				   -1);
	if (err) {
		snprintf(why, why_size, "cannot start %s: %s", arguments->command[0],
			 strerror(-err));
		return err;
	}
	progress__step("attaching to the kernel");
	err = walk_watch__open(&watch, arguments->attach, why, why_size);
	progress__clear();
	if (!err) {
		walk_watch__start(watch);
		child__release(&child, "thprace check");
		wait_watching(arguments, &child);
		walk_watch__stop(watch, seen);
	}
	if (interrupt__came()) /* Ctrl-C sent the signal to the command, too */
		child.stopped = true;
	child__end(&child);
	if (!err && arguments->command) {
		child__print_end(&child, "thprace check", arguments->command[0]);
		*failure = child__failure(&child);
	}
	walk_watch__close(watch);
	return err;
}

/*
 * What was found matters more than what was not, and a failed command may be the reason for the
 * latter.
 */
static int status_of(const struct check_result *results, int failure)
{
	bool unknown = false;
	unsigned int class;

	for (class = 1; class < race_class__end(); class ++) {
		if (results[class].status == CHECK_VULNERABLE)
			return CLI_FOUND;
		unknown |= results[class].status == CHECK_UNKNOWN;
	}
	if (failure)
		return failure;
	return unknown ? CLI_NO_STATEMENT : CLI_DONE;
}

static int check(const struct check_arguments *arguments)
{
	struct check_result results[THPRACE_CLASS_MAX] = {0};
	CLEANUP(check_source__release) struct check_source source = {0};
	struct check_watch seen, *watch = NULL;
	struct check_facts facts;
	int failure = 0, err;
	unsigned int class;
	char why[512] = "";

	progress__step(PROGRESS_IMAGE);
	err = check_source__open(&source, &arguments->files, why, sizeof(why));
	progress__clear();
	if (err)
		return cli__fail("check", NULL, why);
	if (arguments->watch) {
		if (watch_kernel(arguments, &seen, &failure, why, sizeof(why))) {
			fprintf(stderr, "thprace check: cannot watch: %s\n", why);
			return CLI_FAILED;
		}
		watch = &seen;
	}
	if (arguments->races.count || arguments->races.all)
		return check_races__run(&source, &arguments->races);
	check_facts__gather(&facts, &source);
	for (class = 1; class < race_class__end(); class ++) {
		check__judge(&facts, class, &results[class]);
		if (watch) {
			check_watch__judge(watch, class, &results[class]);
			check_watch__ends(watch, class);
		}
	}
	if (arguments->json) {
		print_json(&source, &facts, watch, results);
	} else {
		cli__fit(source.banner, sizeof(source.banner), source.banner);
		cli__fit(source.from, sizeof(source.from), source.from);
		print_text(&source, &facts, watch, results);
	}
	return status_of(results, failure);
}

int cmd_check(int argc, char **argv)
{
	struct check_arguments arguments = {0};

	cli__parse(&argp, argc, argv, ARGP_IN_ORDER, &arguments);
	arguments.races.json = arguments.json;
	arguments.races.image = arguments.files.kernel;
	if (arguments.watch && geteuid()) {
		fprintf(stderr, "thprace check: --watch needs root: it loads BPF programs\n");
		return CLI_FAILED;
	}
	if (arguments.watch)
		interrupt__catch();
	return check(&arguments);
}
