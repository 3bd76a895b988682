// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "daemon_private.h"
#include "log.h"
#include "metrics.h"
#include "names.h"

#define SECOND 1000000000ULL
#define SAMPLE_EVERY_NS (60 * SECOND)

static void flush(struct daemon *daemon, uint64_t now)
{
	if (!daemon->urgent && now < daemon->flushed + SECOND)
		return;
	spool__flush(daemon->spool, daemon->urgent);
	daemon->urgent = false;
	daemon->flushed = now;
}

void daemon__export(struct daemon *daemon)
{
	const char *path = daemon->config.metrics.textfile;
	char *text;
	int err;

	if (!path[0] || !strcmp(path, "none"))
		return;
	text = metrics__text(daemon__state(daemon));
	err = text ? metrics__write(path, text) : -ENOMEM;
	free(text);
	if (err && err != daemon->metrics_error)
		log__say(LOG_WARNING, NULL, "cannot write the metrics to %s: %s", path,
			 strerror(-err));
	daemon->metrics_error = err;
}

static void message_about(struct log_message *message, const struct daemon *daemon,
			  enum thprace_point point)
{
	const struct engine *engine = watch__engine(daemon->watch);

	log__field(message, "THPRACE_PROBE", "%s", probe_points[point].name);
	log__field(message, "THPRACE_FUNCTION", "%s", engine__plan(engine)->probe[point].function);
	log__field(message, "THPRACE_SHARE", "%.6f", daemon->overhead.share);
	log__field(message, "THPRACE_BUDGET", "%.6f", daemon->config.overhead.budget);
}

/* Which classes a point's absence makes invisible, as ", so split-unmap is not seen now". */
static void blind_classes(const struct daemon *daemon, char *text, size_t size)
{
	const struct probe_plan *plan = engine__plan(watch__engine(daemon->watch));
	size_t used = 0;
	const char *why;
	int class, point;

	text[0] = '\0';
	for (class = 1; class < THPRACE_CLASS_MAX && used < size; class ++) {
		why = probe__not_observable(plan, class);
		for (point = 0; why && point < THPRACE_POINT_MAX; point++)
			if (plan->probe[point].state == PROBE_SHED &&
			    why == plan->probe[point].reason)
				break;
		if (why && point < THPRACE_POINT_MAX)
			used += snprintf(text + used, size - used, "%s%s",
					 used ? ", " : "; not observed now: ", names__class(class));
	}
}

static void shed(struct daemon *daemon, const struct overhead_action *action)
{
	struct engine *engine = watch__engine(daemon->watch);
	struct log_message message;
	char blind[256];

	if (engine__shed(
		    engine, action->point,
		    "shed: the observer's own cost was above the budget ([overhead] budget=)")) {
		overhead__failed(&daemon->overhead, action);
		return;
	}
	daemon->sheds++;
	blind_classes(daemon, blind, sizeof(blind));
	log__begin(&message, LOG_WARNING, LOG_ID_SHED,
		   "probe %s (%s) shed: BPF programs took %.3f%% of all CPUs' time, the budget is "
		   "%.3f%%; this probe took %.3f%%%s",
		   probe_points[action->point].name,
		   engine__plan(engine)->probe[action->point].function, action->share * 100,
		   daemon->config.overhead.budget * 100, action->point_share * 100, blind);
	message_about(&message, daemon, action->point);
	log__send(&message);
}

static void restore(struct daemon *daemon, const struct overhead_action *action)
{
	struct engine *engine = watch__engine(daemon->watch);
	struct log_message message;
	int err = engine__restore(engine, action->point);

	if (err) {
		overhead__failed(&daemon->overhead, action);
		log__say(LOG_WARNING, NULL, "cannot attach probe %s again: %s",
			 probe_points[action->point].name, strerror(-err));
		return;
	}
	daemon->restores++;
	log__begin(&message, LOG_NOTICE, LOG_ID_RESTORED,
		   "probe %s (%s) is back: BPF programs take %.3f%% of all CPUs' time",
		   probe_points[action->point].name,
		   engine__plan(engine)->probe[action->point].function, action->share * 100);
	message_about(&message, daemon, action->point);
	log__send(&message);
}

static void weigh(struct daemon *daemon, uint64_t now)
{
	struct engine *engine = watch__engine(daemon->watch);
	struct engine_program programs[ENGINE_PROGRAMS_MAX];
	const struct probe_plan *plan = engine__plan(engine);
	struct overhead_action action;
	bool may[THPRACE_POINT_MAX];
	size_t count;
	int point;

	if (!engine__measured(engine) ||
	    now < daemon->overhead.read + daemon->config.overhead.period * SECOND)
		return;
	for (point = 0; point < THPRACE_POINT_MAX; point++)
		may[point] = plan->probe[point].state == PROBE_ATTACHED && probe__optional(point);
	count = engine__programs(engine, programs, ENGINE_PROGRAMS_MAX);
	action = overhead__step(&daemon->overhead, programs, count, now,
				sysconf(_SC_NPROCESSORS_ONLN), may);
	switch (action.what) {
	case OVERHEAD_SHED:
		shed(daemon, &action);
		break;
	case OVERHEAD_RESTORE:
		restore(daemon, &action);
		break;
	case OVERHEAD_HELPLESS:
		log__say(
			LOG_WARNING, LOG_ID_OVER_BUDGET,
			"BPF programs take %.3f%% of all CPUs' time, above the budget of %.3f%%, and "
			"no probe is left that could be shed",
			action.share * 100, daemon->config.overhead.budget * 100);
		break;
	default:
		break;
	}
}

static void sample(struct daemon *daemon, uint64_t now)
{
	struct exposure_sample *last;

	last = daemon->nr_samples ? &daemon->samples[(daemon->nr_samples - 1) % SAMPLES] : NULL;
	if (last && now < last->when + SAMPLE_EVERY_NS)
		return;
	watch__totals(daemon->watch, &daemon->totals);
	exposure__sample(&daemon->samples[daemon->nr_samples % SAMPLES], &daemon->totals, now);
	daemon->nr_samples++;
}

/* What `systemctl status` shows. */
static void tell_status(struct daemon *daemon, uint64_t now)
{
	const struct session_totals *totals = &daemon->totals;
	char text[sizeof(daemon->status)];

	if (now < daemon->noted + 5 * SECOND)
		return;
	daemon->noted = now;
	watch__totals(daemon->watch, &daemon->totals);
	snprintf(text, sizeof(text),
		 "%s mode: %s, %s, %s, %s, %" PRIu64 " unattributed; %" PRIu64 " lost",
		 names__mode(engine__mode(watch__engine(daemon->watch))),
		 COUNTED(totals->windows, "window"), COUNTED(totals->walkers, "walker"),
		 COUNTED(totals->overlaps, "overlap"), COUNTED(totals->escapes, "escape"),
		 totals->unattributed, totals->lost);
	if (!strcmp(text, daemon->status))
		return;
	memcpy(daemon->status, text, sizeof(text));
	sd_notifyf(0, "STATUS=%s", text);
}

void daemon__tick(struct daemon *daemon)
{
	uint64_t now = daemon__clock(CLOCK_MONOTONIC);
	uint64_t deadline = alert__deadline(daemon->alert);

	flush(daemon, now);
	if (deadline && now >= deadline)
		alert__tick(daemon->alert, now);
	weigh(daemon, now);
	sample(daemon, now);
	tell_status(daemon, now);
	if (now >= daemon->exported + daemon->config.metrics.interval * SECOND) {
		daemon->exported = now;
		daemon__export(daemon);
	}
}
