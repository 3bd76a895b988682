// SPDX-License-Identifier: GPL-2.0-only
/* thprace record: watch this kernel, for a time or while a command runs, and write a trace. */
#include "cli.h"
#include "child.h"
#include "interrupt.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/layout.h"
#include "base/names.h"
#include "progress.h"
#include "race/race_kernel.h"
#include "race_find.h"
#include "session/recording.h"
#include "classes/race_class.h"
#include "until.h"

#define POLL_MS 100

enum record_option {
	OPT_OUTPUT = 'o',
	OPT_DURATION = 'd',
	OPT_MODE = 'm',
	OPT_ALL = 'a',
	OPT_ATTACH = 'A',
	OPT_QUIET = 'q',
	OPT_RACE = 'r',
	OPT_BTF = 256,
	OPT_UNTIL,
	OPT_FORCE,
};

static const struct argp_option options[] = {
	{"output", OPT_OUTPUT, "FILE", 0, "write the trace to FILE (default " CLI_TRACE ")", 0},
	{"duration", OPT_DURATION, "T", 0,
	 "record for T: 60, 90s, 10min, 2h (default: until the command ends, or Ctrl-C)", 0},
	{"until", OPT_UNTIL, "WHAT[:CLASS]=N", 0,
	 "end as soon as this count is reached, such as overlaps=3 or overlaps:CLASS=3; if given "
	 "several times, when all are reached; with --duration, when that time is over at the "
	 "latest",
	 0},
	{"mode", OPT_MODE, "MODE", 0,
	 "light (default): no probe in the danger zone; precise: rmap removal too, for laboratories",
	 0},
	{"all", OPT_ALL, NULL, 0, "write every record, not only those around incidents", 0},
	{"attach", OPT_ATTACH, "HOW", 0,
	 "auto (default): fentry where the kernel allows it, kprobe elsewhere; fentry; kprobe", 0},
	{"race", OPT_RACE, "FILE|NAME", 0,
	 "record this race too, which a file describes (thprace.race(5)); may be repeated", 0},
	{"force", OPT_FORCE, NULL, 0,
	 "record a race also if one of its events takes half of a processor or more", 0},
	{"btf", OPT_BTF, "FILE", 0, CLI_BTF_HELP, 0},
	{"quiet", OPT_QUIET, NULL, 0, "no progress, no summary", 0},
	{0},
};

#define RECORD_RACES_MAX 16
#define HOT_AFTER 1.0 /* seconds: then the cost of races from files is looked at */
#define HOT_SHARE 0.01 /* of a processor: an event that takes more is told … */
#define TOO_HOT_SHARE 0.5 /* … and one that takes more is not recorded */

struct record {
	struct recording_options recording;
	double seconds; /* 0: no limit */
	const char *until_given[UNTIL_MAX];
	unsigned int untils;
	struct until until;
	char **command; /* NULL: none */
	bool quiet;
	bool force;
	bool too_hot; /* the recording was ended for it */
	const char *given[RECORD_RACES_MAX];
	const struct race *race[RECORD_RACES_MAX];
	size_t races;
	struct race_files files;
	struct child child;
};

/* Last, because it may name races of files. */
static void parse_until(struct record *record, struct argp_state *state)
{
	unsigned int i;

	for (i = 0; i < record->races && record->untils; i++)
		race_find__name(record->given[i]);
	for (i = 0; i < record->untils; i++)
		until__parse(&record->until, record->until_given[i], state);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct record *record = state->input;

	switch (key) {
	case OPT_OUTPUT:
		record->recording.path = arg;
		break;
	case OPT_DURATION:
		record->seconds =
			(double)cli__parse_span(arg, TIMESPAN_SECOND, 1, CLI_LONGEST, state) / 1e9;
		break;
	case OPT_UNTIL:
		if (record->untils == UNTIL_MAX)
			argp_error(state, "at most %d conditions to wait for", UNTIL_MAX);
		record->until_given[record->untils++] = arg;
		break;
	case OPT_MODE:
		record->recording.mode = cli__parse_mode(arg, state);
		break;
	case OPT_ALL:
		record->recording.all = true;
		break;
	case OPT_ATTACH:
		record->recording.attach = cli__parse_attach(arg, state);
		break;
	case OPT_RACE:
		if (record->races == RECORD_RACES_MAX)
			argp_error(state, "more than %d races", RECORD_RACES_MAX);
		record->given[record->races++] = arg;
		break;
	case OPT_FORCE:
		record->force = true;
		break;
	case OPT_BTF:
		record->recording.btf = arg;
		break;
	case OPT_QUIET:
		record->quiet = true;
		break;
	case ARGP_KEY_ARGS:
		record->command = state->argv + state->next;
		record->recording.command = (const char *const *)record->command;
		break;
	case ARGP_KEY_END:
		parse_until(record, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[-- COMMAND [ARG...]]",
	.doc = "Watch this kernel and write a trace: until the time is over, the command ends, or "
	       "Ctrl-C. Needs root.\vExit status: 0 done, 1 failed, 2 wrong usage, 3 done and an "
	       "escape was found, 4 done and what --until waits for was not seen. Otherwise, if "
	       "COMMAND failed: COMMAND's status, but 1 instead of 1 to 4; 128 + N if signal N "
	       "ended it; 127 if it could not be run.",
};

static int fail(const char *why)
{
	fprintf(stderr, "thprace record: %s\n", why);
	return CLI_FAILED;
}

/* The most important first: a narrow terminal cuts off the rest. */
static void show_progress(struct recording *recording)
{
	struct session_totals totals;

	recording__totals(recording, &totals);
	progress__show("%.1f s  escapes %" PRIu64 "  lost %" PRIu64 "  overlaps %" PRIu64
		       "  contained %" PRIu64 "  walkers %" PRIu64 "  windows %" PRIu64,
		       totals.seconds, totals.escapes, totals.lost, totals.overlaps,
		       totals.contained, totals.walkers, totals.windows);
}

/* While a command runs, it has the terminal: no line is mixed with its output. */
static bool wants_progress(const struct record *record)
{
	return !record->quiet && !record->command;
}

static bool seen_enough(const struct record *record, struct recording *recording)
{
	struct session_totals totals;

	if (!record->until.nr)
		return false;
	recording__totals(recording, &totals);
	return until__met(&record->until, &totals, THPRACE_CLASS_NONE);
}

/* What each event of the races has cost so far. */
struct spent {
	uint64_t runs[RECORD_RACES_MAX][RACE_POINTS_MAX_ALL];
	uint64_t ns[RECORD_RACES_MAX][RACE_POINTS_MAX_ALL];
};

static void read_spent(const struct record *record, const struct engine *engine,
		       struct spent *spent)
{
	struct engine_race_event event;
	size_t i, at;

	for (i = 0; i < record->races; i++)
		for (at = 0; engine__race_event(engine, i, at, &event); at++) {
			spent->runs[i][at] = event.runs;
			spent->ns[i][at] = event.run_ns;
		}
}

/* Events of races that slow the system down. Returns whether one does so too much. */
static bool warn_of_hot(const struct record *record, const struct engine *engine,
			const struct spent *before, double seconds)
{
	struct engine_race_event event;
	char number[NAMES_NUMBER_LEN];
	double share, hottest = 0;
	size_t i, at;

	for (i = 0; i < record->races; i++)
		for (at = 0; engine__race_event(engine, i, at, &event); at++) {
			share = (double)(event.run_ns - before->ns[i][at]) / 1e9 / seconds;
			hottest = share > hottest ? share : hottest;
			if (share < HOT_SHARE)
				continue;
			progress__clear();
			fprintf(stderr,
				"thprace record: %s: %s %s, %s: %s calls in %.1f s take %.1f %% of "
				"a processor\n",
				record->race[i]->name, event.side, event.moment, event.place,
				names__count(number, sizeof(number),
					     event.runs - before->runs[i][at]),
				seconds, 100 * share);
		}
	return hottest >= TOO_HOT_SHARE;
}

static int run(struct record *record, struct recording *recording)
{
	static struct spent spent;
	double start = clock__now() / 1e9, now;
	bool warned = false, measured = !record->races;
	int err = 0;

	read_spent(record, recording__engine(recording), &spent);
	while (!err && !interrupt__came()) {
		err = recording__step(recording, POLL_MS);
		now = clock__now() / 1e9;
		if (!measured && now >= start + HOT_AFTER) {
			record->too_hot = warn_of_hot(record, recording__engine(recording), &spent,
						      now - start) &&
					  !record->force;
			measured = true;
		}
		child__check(&record->child);
		if (record->too_hot || record->child.ended || seen_enough(record, recording) ||
		    (record->seconds > 0 && now - start >= record->seconds))
			break;
		if (wants_progress(record) && progress__due())
			show_progress(recording);
		if (recording__write_error(recording) && !warned) {
			progress__clear();
			fprintf(stderr,
				"thprace record: cannot write %s: %s; recording goes on, what does "
				"not fit is counted as lost\n",
				record->recording.path,
				strerror(-recording__write_error(recording)));
			warned = true;
			if (wants_progress(record))
				show_progress(recording);
		}
	}
	progress__clear();
	return err;
}

static const char *count(char *buf, uint64_t value)
{
	return names__count(buf, NAMES_NUMBER_LEN, value);
}

static void summarise(const struct record *record, struct recording *recording)
{
	static const struct layout_column columns[] = {
		{"walkers", 10}, {"overlaps", 10},     {"contained", 10}, {"escapes", 10},
		{"remained", 9}, {"unattributed", 13}, {"unproven", 9},
	};
	const struct probe_plan *plan = engine__plan(recording__engine(recording));
	/* The trace itself may go to standard output. */
	FILE *out = strcmp(record->recording.path, "-") ? stdout : stderr;
	const struct layout_table table = {
		.out = out,
		.width = (size_t)cli__width(out),
		.name_width = 18,
		.columns = columns,
		.nr = sizeof(columns) / sizeof(columns[0]),
	};
	struct session_totals totals;
	char text[512], path[PATH_MAX];
	unsigned int class;

	recording__totals(recording, &totals);
	layout__head(&table, "class");
	for (class = 1; class < race_class__foreign_end(); class ++) {
		const struct verdict_counts *counts = &totals.classes[class];
		char n[7][NAMES_NUMBER_LEN];

		if (class < race_class__end() && probe__not_observable(plan, class))
			continue;
		layout__row(&table, names__class(class),
			    (const char *const[]){
				    count(n[0], totals.counters.sum.walkers[class]),
				    count(n[1], counts->overlaps),
				    count(n[2], counts->contained),
				    count(n[3], counts->escapes),
				    count(n[4], counts->remained),
				    count(n[5], counts->unattributed),
				    count(n[6], counts->unproven),
			    },
			    table.nr, "", "");
	}
	snprintf(text, sizeof(text), "%.1f s in %s mode: %s, %s, %s, %s; %s lost", totals.seconds,
		 names__mode(recording__mode(recording)), COUNTED(totals.windows, "window"),
		 COUNTED(totals.walkers, "walker"), COUNTED(totals.overlaps, "overlap"),
		 COUNTED(totals.escapes, "escape"), COUNTED(totals.lost, "record"));
	layout__wrap(out, table.width, text, 0, 2);
	if (out == stdout)
		fprintf(out, "See: thprace report %s\n",
			cli__fit(path, sizeof(path), record->recording.path));
}

/* A race that was asked for is recorded, or nothing is. */
static int races_recorded(const struct record *record, struct recording *recording, char *why,
			  size_t size)
{
	const struct engine *engine = recording__engine(recording);
	size_t i;

	for (i = 0; i < record->races; i++) {
		if (!engine__race_why(engine, i))
			continue;
		snprintf(why, size, "%s cannot be observed here: %s", record->race[i]->name,
			 engine__race_why(engine, i));
		return -ENOTSUP;
	}
	return 0;
}

/* Before anything waits: can it be observed here at all? */
static int can_be_seen(const struct record *record, struct recording *recording, char *why,
		       size_t size)
{
	const struct engine *engine = recording__engine(recording);
	enum thprace_class class = until__hopeless(&record->until, engine);

	if (!class)
		return 0;
	snprintf(why, size, "--until waits for %s, which is not observable here: %s",
		 names__class(class), engine__not_observable(engine, class));
	return -ENOTSUP;
}

/* Exit status of a finished recording. */
static int result(const struct record *record, const struct session_totals *totals)
{
	char lacks[512];
	int failure;

	if (totals->escapes)
		return CLI_FOUND;
	failure = child__failure(&record->child);
	if (failure)
		return failure;
	if (!*until__lacks(lacks, sizeof(lacks), &record->until, totals, THPRACE_CLASS_NONE))
		return CLI_DONE;
	fprintf(stderr, "thprace record: what --until waits for was not seen: %s\n", lacks);
	return CLI_NO_STATEMENT;
}

/* Its place can be attached to, and is never reached: the call that matters was inlined. */
static void warn_of_silence(const struct record *record, struct recording *recording)
{
	const struct engine *engine = recording__engine(recording);
	struct engine_race_event event;
	size_t i, number;

	if (!engine__measured(engine))
		return;
	for (i = 0; i < record->races; i++)
		for (number = 0; engine__race_event(engine, i, number, &event); number++)
			if (!event.runs)
				fprintf(stderr,
					"thprace record: %s: %s %s, %s: attached, never ran\n",
					record->race[i]->name, event.side, event.moment,
					event.place);
}

/* The races that were given, before the kernel is touched. */
static int read_races(struct record *record)
{
	size_t i;

	if (!record->races)
		return CLI_DONE;
	if (race_files__read(&record->files, ""))
		return fail("out of memory");
	for (i = 0; i < record->races; i++) {
		record->race[i] = race_find("record", &record->files, record->given[i]);
		if (!record->race[i])
			return CLI_FAILED;
	}
	record->recording.races = record->race;
	record->recording.race_count = record->races;
	return CLI_DONE;
}

static int record_all(struct record *record)
{
	struct recording *recording = NULL;
	struct session_totals totals;
	char why[512] = "";
	int err = 0;

	/* Before anything is loaded, so that the child inherits none of it. */
	if (record->command)
		err = child__start(&record->child, "thprace record", record->command, -1, -1, -1);
	if (err)
		return fail(strerror(-err));
	if (!record->quiet)
		progress__step("attaching to the kernel");
	err = recording__open(&recording, &record->recording, why, sizeof(why));
	if (!err)
		err = races_recorded(record, recording, why, sizeof(why));
	if (!err)
		err = can_be_seen(record, recording, why, sizeof(why));
	if (!err)
		err = recording__start(recording, why, sizeof(why));
	progress__clear();
	if (err)
		goto cleanup;
	if (wants_progress(record))
		show_progress(recording);
	child__release(&record->child, "thprace record");
	err = run(record, recording);
	child__end(&record->child);
	if (err)
		snprintf(why, sizeof(why), "reading the rings failed: %s", strerror(-err));
	if (recording__finish(recording, err ? (char[1]){} : why, err ? 1 : sizeof(why)) && !err)
		err = -EIO;
	recording__totals(recording, &totals);
	if (!record->quiet)
		summarise(record, recording);
	warn_of_silence(record, recording);
	if (interrupt__came()) /* Ctrl-C sent the signal to the command, too */
		record->child.stopped = true;
	child__print_end(&record->child, "thprace record",
			 record->command ? record->command[0] : "");

cleanup:
	child__end(&record->child);
	recording__close(recording);
	if (err)
		return fail(why);
	if (record->too_hot)
		return fail("that is too much of a processor, so the recording was ended; name a "
			    "function that is called less often, or give --force");
	return result(record, &totals);
}

int cmd_record(int argc, char **argv)
{
	static struct record record = {.recording = {.path = CLI_TRACE}};
	int status;

	cli__parse(&argp, argc, argv, ARGP_IN_ORDER, &record);
	if (geteuid())
		return fail("needs root: it loads BPF programs and reads kernel addresses");
	status = read_races(&record);
	if (status)
		return status;
	interrupt__catch();
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is reported as a failed write */
	status = record_all(&record);
	race_files__release(&record.files);
	return status;
}
