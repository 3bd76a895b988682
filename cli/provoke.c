// SPDX-License-Identifier: GPL-2.0-only
#include "provoke.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thprace/verdict.h>

#include "child.h"
#include "hold_part.h"
#include "interrupt.h"
#include "progress.h"
#include "provoke_check.h"
#include "provoke_race.h"
#include "correlate/near_miss.h"
#include "base/clock.h"
#include "base/names.h"
#include "session/recording.h"
#include "walks.h"
#include "classes/race_class.h"

#define VERB "thprace provoke"
#define POLL_MS 20
#define AFTER_ESCAPE_NS 1000000000ULL /* more escapes, and their stacks, come within this time */
#define GRACE_SECONDS 5.0 /* the stressor ends by itself when its time is over */

struct provoke {
	const struct provoke_options *options;
	struct provoke_result *result;
	struct recording *recording;
	struct near_misses *near_misses;
	struct child stressor;
	struct kernel_log *log; /* NULL: it cannot be read */
	int output; /* the stressor's output goes to this memory file */
	struct hold_part hold; /* of `hold = probe in' and `clock in' */
	int steer[2]; /* this pipe tells the stressor the distances of passes */
	uint64_t started; /* ns CLOCK_MONOTONIC */
	uint64_t escaped; /* when the first escape was settled; 0: none */
};

static void on_incident(void *ctx, const struct thprace_incident *incident)
{
	struct provoke *provoke = ctx;
	struct provoke_result *result = provoke->result;

	if (incident->walk.class != result->class ||
	    !thprace_proved(incident->verdict, incident->attribution))
		return;
	if (!provoke->escaped)
		provoke->escaped = clock__now();
	if (result->first_escape >= 0 && incident->walk.leave >= result->escape.walk.leave)
		return;
	result->escape = *incident;
	result->first_escape = ((double)incident->walk.leave - (double)provoke->started) / 1e9;
	if (result->first_escape < 0)
		result->first_escape = 0;
}

static void on_record(void *ctx, const struct thprace_record *record)
{
	struct provoke *provoke = ctx;

	if (provoke->near_misses)
		near_misses__record(provoke->near_misses, record);
}

/* Tell the stressor. If it does not read, it does not need it. */
static void on_pass(void *ctx, int64_t late_ns)
{
	struct provoke *provoke = ctx;

	provoke->result->passes++;
	provoke->result->met += !late_ns;
	if (write(provoke->steer[1], &late_ns, sizeof(late_ns)) < 0)
		return;
}

const char *provoke__name(const struct provoke_options *options, enum thprace_class class)
{
	return options->race ? options->race->name : names__class(class);
}

/* Its output goes to a memory file. */
static int start(struct provoke *provoke, const char *const *args)
{
	int none, err;

	provoke->output = memfd_create("thprace-stress", MFD_CLOEXEC);
	none = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (provoke->output < 0 || none < 0)
		return -errno;
	err = (provoke->options->race ? child__start_group : child__start)(
		&provoke->stressor, VERB, (char *const *)args, none, none, provoke->output);
	close(none);
	return err;
}

static int start_command(struct provoke *provoke)
{
	const char *args[] = {"sh", "-c", provoke_race__command(provoke->options), NULL};

	return start(provoke, args);
}

static int start_stressor(struct provoke *provoke)
{
	const struct provoke_options *options = provoke->options;
	char seconds[32], seed[32], steer[16];
	const char *args[16] = {
		options->stressor,
		names__class(provoke->result->class),
		"-d",
		seconds,
		"--seed",
		seed,
		"--steer-fd",
		steer,
	};
	int count = 8, err;

	if (options->dir) {
		args[count++] = "--dir";
		args[count++] = options->dir;
	}
	args[count] = NULL;
	snprintf(seconds, sizeof(seconds), "%.3f", options->seconds);
	snprintf(seed, sizeof(seed), "%" PRIu64, options->seed);
	if (pipe2(provoke->steer, O_NONBLOCK))
		return -errno;
	fcntl(provoke->steer[1], F_SETFD, FD_CLOEXEC);
	snprintf(steer, sizeof(steer), "%d", provoke->steer[0]);
	err = start(provoke, args);
	close(provoke->steer[0]);
	provoke->steer[0] = -1;
	return err;
}

/* The stressor's last line, without its own name; "" if it printed nothing. */
static void last_line(const struct provoke *provoke, char *text, size_t size)
{
	char output[2048], *line;
	ssize_t got = pread(provoke->output, output, sizeof(output) - 1, 0);

	text[0] = '\0';
	if (got <= 0)
		return;
	while (got > 0 && output[got - 1] == '\n')
		got--;
	output[got] = '\0';
	line = strrchr(output, '\n');
	line = line ? line + 1 : output;
	if (strstr(line, " here: "))
		line = strstr(line, " here: ") + strlen(" here: ");
	snprintf(text, size, "%.400s", line);
}

static bool seen_enough(const struct provoke *provoke)
{
	struct session_totals totals;

	if (!provoke->options->until.nr)
		return false;
	recording__totals(provoke->recording, &totals);
	return until__met(&provoke->options->until, &totals, provoke->result->class);
}

/* The most important first: a narrow terminal cuts off the rest. */
static void show_progress(const struct provoke *provoke, uint64_t now)
{
	const enum thprace_class class = provoke->result->class;
	const struct verdict_counts *counts;
	struct session_totals totals;

	recording__totals(provoke->recording, &totals);
	if (provoke->options->race)
		totals.windows = totals.counters.sum.windows[class];
	counts = &totals.classes[class];
	progress__show("%s: %.0f of %.0f s  escapes %" PRIu64 "  contained %" PRIu64
		       "  walkers %" PRIu64 "  windows %" PRIu64,
		       provoke__name(provoke->options, class),
		       (double)(now - provoke->started) / 1e9, provoke->options->seconds,
		       counts->escapes, counts->contained,
		       (uint64_t)totals.counters.sum.walkers[class], totals.windows);
}

static void watch(struct provoke *provoke, int *err)
{
	const struct provoke_options *options = provoke->options;
	uint64_t now = clock__now();
	uint64_t end = now + (uint64_t)((options->seconds + GRACE_SECONDS) * 1e9);

	while (!*err && !interrupt__came() && now < end && !provoke->stressor.ended) {
		*err = recording__step(provoke->recording, POLL_MS);
		if (provoke->near_misses)
			near_misses__report(provoke->near_misses);
		child__check(&provoke->stressor);
		now = clock__now();
		if (options->progress && progress__due())
			show_progress(provoke, now);
		if (provoke->log)
			kernel_log__read(provoke->log);
		/* A BUG leaves locks behind that nobody releases: nothing more will happen. */
		if (!provoke->escaped && provoke->log && kernel_log__messages(provoke->log)->struck)
			provoke->escaped = now;
		if (provoke->escaped && !options->whole && now > provoke->escaped + AFTER_ESCAPE_NS)
			break;
		if ((!provoke->escaped || options->whole) && seen_enough(provoke))
			break;
	}
}

static void count(struct provoke *provoke)
{
	struct provoke_result *result = provoke->result;
	struct session_totals totals;
	const struct verdict_counts *class;

	recording__totals(provoke->recording, &totals);
	class = &totals.classes[result->class];
	result->windows = provoke->options->race ? totals.counters.sum.windows[result->class]
						 : totals.windows;
	result->walkers = totals.counters.sum.walkers[result->class];
	result->overlaps = class->overlaps;
	result->counts = (struct provoke_counts){
		.contained = class->contained,
		.escapes = class->escapes,
		.likely = class->likely,
		.remained = class->remained,
		.unattributed = class->unattributed,
		.unproven = class->unproven,
		.lost = totals.lost,
	};
	result->widened = engine__widened(recording__engine(provoke->recording));
	result->seconds = totals.seconds;
}

/* What the kernel did matters more than what was counted. */
static void judge_kernel(struct provoke_result *result)
{
	if (provoke__own_complaint(result)) {
		result->verdict = PROVOKE_OPEN;
		return;
	}
	if (result->verdict == PROVOKE_OPEN || (!result->kernel.struck && !result->hung))
		return;
	result->verdict = PROVOKE_NOT_SHOWN;
	if (result->kernel.struck)
		snprintf(result->reason, sizeof(result->reason),
			 "the kernel complained meanwhile, but not about this class%s%s",
			 result->kernel.reason[0] ? ": " : "", result->kernel.reason);
	else
		snprintf(result->reason, sizeof(result->reason),
			 "the stressor hangs in the kernel%s%s", result->hung_in[0] ? ", in " : "",
			 result->hung_in);
}

static void judge(struct provoke *provoke)
{
	struct provoke_result *result = provoke->result;
	const struct child *stressor = &provoke->stressor;
	char output[512];

	result->verdict = provoke_verdict__judge(&result->counts);
	if (result->verdict != PROVOKE_NOT_SHOWN)
		return;
	if (provoke->options->race)
		provoke_race__why(result, provoke->options->race);
	else
		provoke_verdict__why(result->reason, sizeof(result->reason), &result->counts);
	if (!stressor->ended || !WIFEXITED(stressor->status) || !WEXITSTATUS(stressor->status))
		return;
	last_line(provoke, output, sizeof(output));
	snprintf(result->reason, sizeof(result->reason), "%s",
		 output[0] ? output : "the stressor failed");
	if (!result->overlaps)
		result->verdict = PROVOKE_IMPOSSIBLE;
}

/* Where in the kernel a thread of this process waits uninterruptibly. "": nowhere, or not known. */
static void find_hung(int pid, char *where, size_t size)
{
	char path[64 + NAME_MAX], line[256], state;
	struct dirent *entry;
	FILE *file;
	DIR *dir;

	where[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && !where[0] && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, entry->d_name);
		file = fopen(path, "re");
		state = '\0';
		if (file && fgets(line, sizeof(line), file) && strrchr(line, ')'))
			sscanf(strrchr(line, ')'), ") %c", &state);
		if (file)
			fclose(file);
		if (state != 'D')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stack", pid, entry->d_name);
		file = fopen(path, "re");
		/* "[<0>] __lock_page+0x1c2/0x2a0" */
		if (file && fgets(line, sizeof(line), file) && strstr(line, "] "))
			snprintf(where, size, "%.*s", (int)strcspn(strstr(line, "] ") + 2, "+\n"),
				 strstr(line, "] ") + 2);
		if (file)
			fclose(file);
	}
	if (dir)
		closedir(dir);
}

/* A BUG leaves tasks behind that nothing can end: then the stressor stays, which is a result. */
static void end_stressor(struct provoke *provoke)
{
	struct child *stressor = &provoke->stressor;
	struct provoke_result *result = provoke->result;

	child__end(stressor);
	if (!stressor->pid || stressor->ended)
		return;
	result->hung = (int)stressor->pid;
	find_hung(result->hung, result->hung_in, sizeof(result->hung_in));
	stressor->pid = 0;
}

/* The last lines: a BUG's lines may come while the stressor dies of it. */
static void read_kernel_log(struct provoke *provoke)
{
	if (!provoke->log)
		return;
	kernel_log__finish(provoke->log);
	provoke->result->kernel = *kernel_log__messages(provoke->log);
	if (provoke->options->race)
		provoke->result->danger =
			provoke_race__is_danger(provoke->options->race, &provoke->result->kernel);
}

/* False: it cannot be provoked here, and the result says why. */
static bool plan(struct provoke *provoke)
{
	struct provoke_result *result = provoke->result;
	struct engine *engine = recording__engine(provoke->recording);
	const char *reason = NULL;

	if (result->reason[0])
		; /* the place of the hold was not found */
	else if (provoke->options->race) {
		result->class = engine__race_class(engine, 0);
		reason = engine__race_why(engine, 0);
	} else {
		reason = probe__not_observable(engine__plan(engine), result->class);
	}
	if (reason)
		snprintf(result->reason, sizeof(result->reason), "%s", reason);
	else if (!provoke->options->race && recording__mode(provoke->recording) != THPRACE_PRECISE)
		snprintf(result->reason, sizeof(result->reason),
			 "no function that removes a mapping's rmap can be probed: %s",
			 probe__imprecise(engine__plan(engine)));
	if (!result->reason[0])
		return true;
	result->verdict = PROVOKE_IMPOSSIBLE;
	result->lacks_side = !provoke->options->race &&
			     probe__cannot_happen(engine__plan(engine), result->class);
	return false;
}

static bool holds_in_part(const struct provoke_options *options)
{
	return options->race && options->widen_ns && options->race->provoke.parts;
}

/* Before any probe is in this code. If there is no such place, the result says why. */
static void find_hold(struct provoke *provoke)
{
	char why[256];

	if (hold_part__of_kernel(provoke->options->btf, provoke->options->race, &provoke->hold, why,
				 sizeof(why)))
		snprintf(provoke->result->reason, sizeof(provoke->result->reason), "hold: %s", why);
}

/* Tasks of the command begin to wait. */
static int start_widening(struct provoke *provoke, char *why, size_t why_size)
{
	const struct provoke_options *options = provoke->options;
	struct engine *engine = recording__engine(provoke->recording);
	const enum thprace_widen where =
		options->race ? THPRACE_WIDEN_RACE : race_class__of(provoke->result->class)->widen;
	const uint32_t pid = (uint32_t)provoke->stressor.pid;

	if (!options->widen_ns)
		return 0;
	engine__widen(engine, where, pid, options->widen_ns);
	if (!holds_in_part(options))
		return 0;
	if (options->race->provoke.what == RACE_HOLD_PROBE)
		return engine__start_probe(engine, provoke->hold.entry, provoke->hold.entries, why,
					   why_size);
	return engine__start_clock(engine, pid, provoke->hold.span, provoke->hold.spans, why,
				   why_size);
}

static int record(struct provoke *provoke, const char *path, char *why, size_t why_size)
{
	const struct provoke_options *options = provoke->options;
	struct recording_options recording = {
		.path = path,
		.mode = options->race ? THPRACE_LIGHT : THPRACE_PRECISE,
		.attach = options->attach,
		.btf = options->btf,
		.widen = options->widen_ns > 0,
		.races = &options->race,
		.race_count = options->race != NULL,
		.incident = on_incident,
		.record = on_record,
		.ctx = provoke,
	};
	struct engine *engine;
	int err;

	if (holds_in_part(options))
		find_hold(provoke);
	err = recording__open(&provoke->recording, &recording, why, why_size);
	if (err)
		return err;
	engine = recording__engine(provoke->recording);
	if (!plan(provoke))
		return 0;
	err = recording__start(provoke->recording, why, why_size);
	if (!err)
		err = start_widening(provoke, why, why_size);
	if (err)
		return err;
	provoke->started = clock__now();
	if (kernel_log__open(&provoke->log, NULL)) /* then the kernel's complaints are not seen */
		provoke->log = NULL;
	child__release(&provoke->stressor, VERB);
	watch(provoke, &err);
	engine__widen(engine, THPRACE_WIDEN_NOT, 0, 0);
	end_stressor(provoke);
	read_kernel_log(provoke);
	if (err)
		snprintf(why, why_size, "reading the rings failed: %s", strerror(-err));
	else
		err = recording__finish(provoke->recording, why, why_size);
	if (!err && provoke->stressor.ended && WIFEXITED(provoke->stressor.status) &&
	    WEXITSTATUS(provoke->stressor.status) == CHILD_NOT_RUN) {
		last_line(provoke, why, why_size);
		return -ENOENT;
	}
	count(provoke);
	judge(provoke);
	judge_kernel(provoke->result);
	return err;
}

/* Walkers failed, and no zap explains it: does the kernel fail by itself? */
static void explain(struct provoke *provoke)
{
	const struct provoke_options *options = provoke->options;
	struct provoke_result *result = provoke->result;
	size_t length = strlen(result->reason);
	char text[800];

	if (options->race || result->verdict != PROVOKE_NOT_SHOWN ||
	    (!result->counts.unattributed && !result->counts.remained))
		return;
	if (options->progress)
		progress__step("looking for the reason");
	result->defect = walks__explain(text, sizeof(text), result->class, VERB, options->stressor,
					options->attach);
	if (text[0])
		snprintf(result->reason + length, sizeof(result->reason) - length, ". %s", text);
}

int provoke__run(struct provoke_result *result, enum thprace_class class,
		 const struct provoke_options *options, const char *path, char *why,
		 size_t why_size)
{
	struct provoke provoke = {
		.options = options,
		.result = result,
		.output = -1,
		.steer = {-1, -1},
	};
	int err, i;

	*result = (struct provoke_result){.class = class, .first_escape = -1};
	if (options->race && provoke_race__cannot_happen(result, options))
		return 0;
	if (!options->race)
		provoke.near_misses = near_misses__new(class, on_pass, &provoke);
	/* Before anything is loaded, so that the stressor inherits none of it. */
	if (options->race)
		err = start_command(&provoke);
	else
		err = provoke.near_misses ? start_stressor(&provoke) : -ENOMEM;
	if (err)
		snprintf(why, why_size, "cannot start the %s %s: %s",
			 options->race ? "command" : "stressor",
			 options->race ? "sh" : options->stressor, strerror(-err));
	else
		err = record(&provoke, path, why, why_size);
	if (provoke.stressor.go > 0) /* never released */
		close(provoke.stressor.go);
	end_stressor(&provoke);
	kernel_log__close(provoke.log);
	result->recording = provoke.recording;
	if (!result->kernel.struck && !result->hung) {
		provoke__end(result);
		if (!err) {
			explain(&provoke);
			provoke_check__confirm(result, options);
		}
	}
	near_misses__free(provoke.near_misses);
	for (i = 0; i < 2; i++)
		if (provoke.steer[i] >= 0)
			close(provoke.steer[i]);
	if (provoke.output >= 0)
		close(provoke.output);
	return err;
}

void provoke__end(struct provoke_result *result)
{
	recording__close(result->recording);
	result->recording = NULL;
}
