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
#include "base/clock.h"
#include "base/names.h"
#include "classes/race_class.h"

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
	text = metrics__text(daemon__state(daemon),
			     daemon->config.metrics.all ? METRICS_ALL : METRICS_FLEET);
	err = text ? metrics__write(path, text) : -ENOMEM;
	free(text);
	if (err && err != daemon->metrics_error)
		log__print(LOG_WARNING, NULL, "cannot write the metrics to %s: %s", path,
			   strerror(-err));
	daemon->metrics_error = err;
}

/*
 * "probe migrate (try_to_migrate)": the points that are shed, or attached again, with this leader.
 */
static void name_probes(const struct probe_plan *plan, enum thprace_point leader,
			enum probe_state state, struct log_message *message, char *text,
			size_t size)
{
	size_t used = 0;
	int point;

	text[0] = '\0';
	for (point = 0; point < THPRACE_POINT_MAX && used < size; point++) {
		if (plan->probe[point].state != state || probe__leader(point) != leader)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s %s (%s)",
					 used ? " and" : "probe", probe_points[point].name,
					 plan->probe[point].function);
		log__field(message, "THPRACE_PROBE", "%s", probe_points[point].name);
		log__field(message, "THPRACE_FUNCTION", "%s", plan->probe[point].function);
	}
}

/* The same for a race from a file: "race swapin-nocache". */
static void name_race(unsigned int class, struct log_message *message, char *text, size_t size)
{
	snprintf(text, size, "race %s", names__class(class));
	log__field(message, "THPRACE_CLASS", "%s", names__class(class));
}

/* A message that begins with the names of probes, or of a race, and has them in fields. */
static void log_unit(struct daemon *daemon, const struct overhead_action *action,
		     enum probe_state state, int priority, const char *id, const char *what)
{
	const struct probe_plan *plan = engine__plan(observer__engine(daemon->observer));
	struct log_message message = {}, named = {};
	char name[192];
	size_t i;

	if (action->unit < ENGINE_RACE_UNIT)
		name_probes(plan, action->unit, state, &named, name, sizeof(name));
	else
		name_race(action->unit - ENGINE_RACE_UNIT, &named, name, sizeof(name));
	log__begin(&message, priority, id, "%s %s", name, what);
	for (i = 0; i < named.nr_fields; i++)
		log__field(&message, named.fields[i].name, "%s", named.fields[i].value);
	log__field(&message, "THPRACE_SHARE", "%.6f", action->share);
	log__field(&message, "THPRACE_BUDGET", "%.6f", daemon->config.overhead.budget);
	log__send(&message);
}

/* The classes that cannot be observed while these are shed: "; not observed now: CLASS", or "". */
static void blind_classes(const struct daemon *daemon, char *text, size_t size)
{
	const struct engine *engine = observer__engine(daemon->observer);
	size_t used = 0;
	const char *why;
	unsigned int class;

	text[0] = '\0';
	for (class = 1; class < race_class__foreign_end() && used < size; class ++) {
		why = engine__not_observable(engine, class);
		if (why && !strncmp(why, NAMES_SHED, sizeof(NAMES_SHED) - 1))
			used += (size_t)snprintf(
				text + used, size - used, "%s%s",
				used ? ", " : "; not observed now: ", names__class(class));
	}
}

static int shed_unit(struct engine *engine, unsigned int unit)
{
	static const char why[] =
		"the observer's own cost was above the budget ([overhead] budget=)";

	if (unit < ENGINE_RACE_UNIT)
		return engine__shed(engine, unit, why);
	return engine__shed_race(engine, unit - ENGINE_RACE_UNIT, why);
}

static void shed(struct daemon *daemon, const struct overhead_action *action)
{
	char blind[256], what[512];

	if (shed_unit(observer__engine(daemon->observer), action->unit)) {
		overhead__failed(&daemon->overhead, action);
		return;
	}
	daemon->sheds++;
	blind_classes(daemon, blind, sizeof(blind));
	snprintf(what, sizeof(what),
		 "shed: BPF programs took %.3f%% of all CPUs' time, the budget is %.3f%%; %.3f%% "
		 "were for this%s",
		 action->share * 100, daemon->config.overhead.budget * 100,
		 action->of_unit[action->unit] * 100, blind);
	log_unit(daemon, action, PROBE_SHED, LOG_WARNING, LOG_ID_SHED, what);
}

static void restore(struct daemon *daemon, const struct overhead_action *action)
{
	struct engine *engine = observer__engine(daemon->observer);
	const unsigned int unit = action->unit;
	char what[128];
	int err = unit < ENGINE_RACE_UNIT ? engine__restore(engine, unit)
					  : engine__restore_race(engine, unit - ENGINE_RACE_UNIT);

	if (err) {
		overhead__failed(&daemon->overhead, action);
		log__print(LOG_WARNING, NULL, "cannot attach %s %s again: %s",
			   unit < ENGINE_RACE_UNIT ? "probe" : "race", engine__unit_name(unit),
			   strerror(-err));
		return;
	}
	daemon->restores++;
	snprintf(what, sizeof(what), "back: BPF programs take %.3f%% of all CPUs' time",
		 action->share * 100);
	log_unit(daemon, action, PROBE_ATTACHED, LOG_NOTICE, LOG_ID_RESTORED, what);
}

/* Points that are shed together are measured together. */
static size_t read_costs(struct engine *engine, struct engine_program *programs,
			 bool may[ENGINE_UNITS])
{
	const struct probe_plan *plan = engine__plan(engine);
	size_t i, count = engine__programs(engine, programs, ENGINE_PROGRAMS_MAX);
	int point;

	for (i = 0; i < count; i++)
		if (programs[i].unit < ENGINE_RACE_UNIT)
			programs[i].unit = probe__leader(programs[i].unit);
	memset(may, 0, ENGINE_UNITS * sizeof(*may));
	for (point = 0; point < THPRACE_POINT_MAX; point++)
		if (plan->probe[point].state == PROBE_ATTACHED &&
		    probe__optional(engine__mode(engine), point))
			may[probe__leader(point)] = true;
	for (i = 0; i < engine__races(engine); i++)
		if (!engine__race_why(engine, i))
			may[ENGINE_RACE_UNIT + engine__race_class(engine, i)] = true;
	return count;
}

static void weigh(struct daemon *daemon, uint64_t now)
{
	struct engine *engine = observer__engine(daemon->observer);
	struct engine_program programs[ENGINE_PROGRAMS_MAX];
	struct overhead_action action;
	bool may[ENGINE_UNITS];
	size_t count;

	if (!engine__measured(engine) ||
	    now < daemon->overhead.read + daemon->config.overhead.period * SECOND)
		return;
	count = read_costs(engine, programs, may);
	action = overhead__step(&daemon->overhead, programs, count, now,
				sysconf(_SC_NPROCESSORS_ONLN), may);
	if (action.what == OVERHEAD_SHED)
		shed(daemon, &action);
	else if (action.what == OVERHEAD_RESTORE)
		restore(daemon, &action);
	else if (action.what == OVERHEAD_HELPLESS)
		over_budget__begin(&daemon->over_budget, engine, &action, now);
}

static void sample(struct daemon *daemon, uint64_t now)
{
	struct exposure_sample *last;

	last = daemon->nr_samples ? &daemon->samples[(daemon->nr_samples - 1) % SAMPLES] : NULL;
	if (last && now < last->when + SAMPLE_EVERY_NS)
		return;
	observer__totals(daemon->observer, &daemon->totals);
	exposure__sample(&daemon->samples[daemon->nr_samples % SAMPLES], &daemon->totals, now);
	daemon->nr_samples++;
}

/* The line in `systemctl status`. */
static void notify_status(struct daemon *daemon, uint64_t now)
{
	const struct session_totals *totals = &daemon->totals;
	char text[sizeof(daemon->status)];

	if (now < daemon->noted + 5 * SECOND)
		return;
	daemon->noted = now;
	observer__totals(daemon->observer, &daemon->totals);
	snprintf(text, sizeof(text),
		 "%s mode: %s, %s, %s, %s, %" PRIu64 " unattributed; %" PRIu64 " lost",
		 names__mode(engine__mode(observer__engine(daemon->observer))),
		 COUNTED(totals->windows, "window"), COUNTED(totals->walkers, "walker"),
		 COUNTED(totals->overlaps, "overlap"), COUNTED(totals->escapes, "escape"),
		 totals->unattributed, totals->lost);
	if (!strcmp(text, daemon->status))
		return;
	memcpy(daemon->status, text, sizeof(text));
	sd_notifyf(0, "STATUS=%s", text);
}

static void log_withheld_reloads(struct daemon *daemon, uint64_t now)
{
	uint64_t withheld = log_limit__due(&daemon->reload_limit, now);

	if (withheld)
		log__print(LOG_NOTICE, NULL,
			   "%" PRIu64 " more messages about reloads, above the limit of %" PRIu64
			   " a minute",
			   withheld, daemon->config.alerts.per_minute);
}

void daemon__tick(struct daemon *daemon)
{
	uint64_t now = clock__now();
	uint64_t deadline = alert__deadline(daemon->alert);

	flush(daemon, now);
	if (deadline && now >= deadline)
		alert__tick(daemon->alert, now);
	log_withheld_reloads(daemon, now);
	weigh(daemon, now);
	over_budget__tick(&daemon->over_budget, observer__engine(daemon->observer), daemon->cgroups,
			  daemon->config.overhead.budget, now);
	sample(daemon, now);
	notify_status(daemon, now);
	if (now >= daemon->exported + daemon->config.metrics.interval * SECOND) {
		daemon->exported = now;
		daemon__export(daemon);
	}
}
