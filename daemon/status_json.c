// SPDX-License-Identifier: GPL-2.0-only
#include "status_json.h"

#include <json-c/json.h>
#include <math.h>
#include <string.h>
#include <syslog.h>
#include <thprace/version.h>
#include "base/histogram.h"
#include "kernel_check.h"
#include "base/names.h"
#include "report/render_json.h"
#include "classes/race_class.h"

/* Takes ownership of value, also if there is no object (out of memory). */
static void add(struct json_object *object, const char *name, struct json_object *value)
{
	if (object)
		render_json__add(object, name, value);
	else
		json_object_put(value);
}

static void number(struct json_object *object, const char *name, uint64_t value)
{
	add(object, name, render_json__number(value));
}

static void real(struct json_object *object, const char *name, double value)
{
	/* JSON has no NaN. */
	add(object, name, isfinite(value) ? json_object_new_double(value) : NULL);
}

static void text(struct json_object *object, const char *name, const char *value)
{
	add(object, name, value && *value ? render_json__text(value, strlen(value)) : NULL);
}

static void truth(struct json_object *object, const char *name, bool value)
{
	add(object, name, json_object_new_boolean(value));
}

/* A constant string from a table; "?" if value is out of range. */
static void name_of(struct json_object *object, const char *name, const char *const *names,
		    size_t count, unsigned int value)
{
	add(object, name, json_object_new_string(value < count ? names[value] : "?"));
}

#define NAMES(table) table, sizeof(table) / sizeof(table[0])

/* What the kernel's code says about a class; null while that is not known. */
static void add_check(struct json_object *object, const struct check_state *check,
		      unsigned int class)
{
	const struct check_class *found = check ? &check->classes[class] : NULL;
	bool known = check && check->progress == CHECK_DONE;

	text(object, "check", known ? kernel_check__status_name(found->status) : NULL);
	text(object, "check_evidence", known ? found->evidence : NULL);
	text(object, "check_fix", known ? found->fix : NULL);
}

static struct json_object *check_object(const struct check_state *check)
{
	static const char *const progress[] = {"running", "done", "failed"};
	struct json_object *object = json_object_new_object();

	name_of(object, "state", NAMES(progress), check ? check->progress : CHECK_RUNNING);
	text(object, "reason", check ? check->reason : NULL);
	return object;
}

static struct json_object *class_object(const struct state *state, unsigned int class)
{
	const struct exposure_class *exposure = &state->exposure.classes[class];
	const struct thprace_counters *sum = &state->totals->counters.sum;
	const struct verdict_counts *counts = &state->totals->classes[class];
	struct json_object *object = json_object_new_object();
	const char *reason = state->plan ? probe__not_observable(state->plan, class)
					 : "nothing is attached";

	if (!object)
		return NULL;
	text(object, "class", names__class(class));
	truth(object, "observable", !reason);
	text(object, "reason", reason);
	truth(object, "shed", reason && !strncmp(reason, NAMES_SHED, sizeof(NAMES_SHED) - 1));
	add_check(object, state->check, class);
	number(object, "walkers", sum->walkers[class]);
	number(object, "failed", sum->failed[class]);
	number(object, "overlaps", counts->overlaps);
	number(object, "contained", counts->contained);
	number(object, "escapes", counts->escapes);
	number(object, "likely", counts->likely);
	number(object, "remained", counts->remained);
	number(object, "unattributed", counts->unattributed);
	number(object, "unproven", counts->unproven);
	real(object, "windows_per_s", exposure->windows_per_s);
	real(object, "walkers_per_s", exposure->walkers_per_s);
	real(object, "window_mean_ns", exposure->window_ns);
	real(object, "walker_mean_ns", exposure->walker_ns);
	add(object, "expected_per_day",
	    exposure->estimated && isfinite(exposure->expected_per_day)
		    ? json_object_new_double(exposure->expected_per_day)
		    : NULL);
	real(object, "overlaps_per_day", exposure->overlaps_per_day);
	return object;
}

static struct json_object *classes_array(const struct state *state)
{
	struct json_object *array = json_object_new_array();
	unsigned int class;

	for (class = THPRACE_CLASS_NONE + 1; array && class < race_class__end(); class ++)
		json_object_array_add(array, class_object(state, class));
	return array;
}

static struct json_object *totals_object(const struct session_totals *totals)
{
	const struct thprace_counters *sum = &totals->counters.sum;
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	real(object, "seconds", totals->seconds);
	number(object, "windows", totals->windows);
	number(object, "walkers", totals->walkers);
	number(object, "overlaps", totals->overlaps);
	number(object, "contained", totals->contained);
	number(object, "escapes", totals->escapes);
	number(object, "likely", totals->likely);
	number(object, "remained", totals->remained);
	number(object, "unattributed", totals->unattributed);
	number(object, "unproven", totals->unproven);
	number(object, "pte_removals", sum->pte_removals);
	number(object, "mismatches", sum->mismatches);
	number(object, "touching", sum->touching);
	number(object, "collapses", sum->collapses);
	number(object, "collapses_failed", sum->collapses_failed);
	number(object, "reuses", sum->reuses);
	number(object, "reuses_foreign", sum->reuses_foreign);
	return object;
}

static struct json_object *loss_object(const struct session_totals *totals)
{
	const struct thprace_counters *sum = &totals->counters.sum;
	struct json_object *object = json_object_new_object();
	struct json_object *causes = json_object_new_object();
	unsigned int cause;

	for (cause = 0; causes && cause < THPRACE_LOSS_MAX; cause++)
		number(causes, names__loss(cause), sum->lost[cause]);
	number(object, "seen", sum->seen);
	number(object, "submitted", sum->submitted);
	number(object, "filtered", sum->filtered);
	number(object, "lost", totals->lost);
	number(object, "missed", totals->counters.missed);
	truth(object, "identity", totals->counters.identity);
	add(object, "causes", causes);
	return object;
}

static struct json_object *phase_object(const struct thprace_phase_lengths *lengths,
					const char *name)
{
	struct json_object *object = json_object_new_object();
	struct histogram histogram = {.sum = lengths->sum, .max = lengths->max};
	int i;

	for (i = 0; i < THPRACE_BUCKETS; i++) {
		histogram.buckets[i] = lengths->bucket[i];
		histogram.count += lengths->bucket[i];
	}
	if (!object)
		return NULL;
	text(object, "phase", name);
	number(object, "count", histogram.count);
	number(object, "p50_ns", histogram__percentile(&histogram, 500));
	number(object, "p99_ns", histogram__percentile(&histogram, 990));
	number(object, "max_ns", histogram.max);
	number(object, "sum_ns", histogram.sum);
	return object;
}

static struct json_object *phases_array(const struct thprace_counters *sum)
{
	static const char *const names[] = THPRACE_PHASE_NAMES;
	struct json_object *array = json_object_new_array();
	int i;

	for (i = 0; array && i < THPRACE_PHASE_MAX; i++)
		json_object_array_add(array, phase_object(&sum->phase[i], names[i]));
	return array;
}

/* The closest pass; null if there was none. */
static struct json_object *closest_object(const struct thprace_closest *closest)
{
	unsigned int class = closest->walk_pid >> THPRACE_WALK_CLASS_SHIFT;
	struct json_object *object;

	if (!closest->distance)
		return NULL;
	object = json_object_new_object();
	number(object, "distance_ns", closest->distance);
	add(object, "folio", render_json__address(closest->folio));
	text(object, "class", names__class(class));
	number(object, "window_pid", closest->window_pid);
	number(object, "walker_pid", closest->walk_pid & ((1U << THPRACE_WALK_CLASS_SHIFT) - 1));
	return object;
}

static struct json_object *probes_array(const struct probe_plan *plan)
{
	static const char *const states[] = PROBE_STATE_NAMES;
	struct json_object *array = json_object_new_array(), *object;
	const struct probe *probe;
	int i;

	for (i = 0; array && plan && i < THPRACE_POINT_MAX; i++) {
		probe = &plan->probe[i];
		if (!probe->point)
			continue;
		object = json_object_new_object();
		text(object, "point", probe->point->name);
		text(object, "function",
		     probe->function ? probe->function : probe->point->functions[0]);
		text(object, "kind", probe__kind_name(probe));
		name_of(object, "state", NAMES(states), probe->state);
		text(object, "reason", probe->silent ? probe->silence : probe->reason);
		number(object, "silent", probe->silent);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *programs_array(const struct state *state)
{
	struct json_object *array = json_object_new_array(), *object;
	const struct engine_program *program;
	size_t i;

	for (i = 0; array && i < state->nr_programs; i++) {
		program = &state->programs[i];
		object = json_object_new_object();
		text(object, "name", program->name);
		if (program->point < THPRACE_POINT_MAX)
			text(object, "point", probe_points[program->point].name);
		text(object, "function", program->function);
		text(object, "kind", program->kind);
		number(object, "runs", program->runs);
		number(object, "run_ns", program->run_ns);
		number(object, "missed", program->missed);
		number(object, "insns", program->insns);
		number(object, "verified", program->verified);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *zappers_array(const struct overhead_state *overhead)
{
	struct json_object *array = json_object_new_array(), *object;
	const struct zapper_state *zapper;
	size_t i;

	for (i = 0; array && i < overhead->nr_zappers; i++) {
		zapper = &overhead->zappers[i];
		object = json_object_new_object();
		number(object, "uid", zapper->uid);
		number(object, "tgid", zapper->tgid);
		text(object, "comm", zapper->comm);
		text(object, "unit", zapper->unit);
		text(object, "cgroup", zapper->cgroup);
		number(object, "calls", zapper->calls);
		number(object, "zaps", zapper->zaps);
		real(object, "part", zapper->part);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *overhead_object(const struct state *state)
{
	const struct overhead_state *overhead = &state->overhead;
	struct json_object *object = json_object_new_object();

	truth(object, "measured", overhead->measured);
	text(object, "reason", overhead->reason);
	real(object, "share", overhead->share);
	real(object, "budget", overhead->budget);
	truth(object, "over", overhead->over);
	add(object, "zappers", zappers_array(overhead));
	number(object, "run_ns", overhead->run_ns);
	number(object, "sheds", overhead->sheds);
	number(object, "restores", overhead->restores);
	number(object, "loop_longest_ns", overhead->loop_longest_ns);
	number(object, "loop_over", overhead->loop_over);
	number(object, "cpu_ns", state->own_cpu_ns);
	number(object, "rss_bytes", state->own_rss);
	number(object, "bpf_bytes", state->bpf_memory);
	return object;
}

static struct json_object *spool_object(const struct spool_state *spool)
{
	static const char *const healths[] = {"ok", "degraded"};
	struct json_object *object = json_object_new_object();

	text(object, "directory", spool->directory);
	name_of(object, "health", NAMES(healths), spool->health);
	text(object, "reason", spool->reason);
	number(object, "bytes", spool->bytes);
	number(object, "max_bytes", spool->max_bytes);
	number(object, "files", spool->files);
	add(object, "oldest_wall_ns",
	    spool->oldest_wall ? render_json__number(spool->oldest_wall) : NULL);
	number(object, "next", spool->next_id);
	number(object, "stored", spool->stored);
	number(object, "skipped", spool->skipped);
	number(object, "memory", spool->memory);
	number(object, "dropped", spool->dropped);
	number(object, "removed_files", spool->removed_files);
	return object;
}

static struct json_object *alerts_object(const struct alert_state *alert)
{
	struct json_object *object = json_object_new_object();

	text(object, "target", alert->target);
	number(object, "sent", alert->sent);
	number(object, "folded", alert->folded);
	number(object, "failed", alert->failed);
	number(object, "kernel_complaints", alert->kernel_complaints);
	number(object, "kernel_confirmed", alert->kernel_confirmed);
	return object;
}

static struct json_object *control_object(const struct control_state *control)
{
	struct json_object *object = json_object_new_object();

	number(object, "requests", control->requests);
	number(object, "refused", control->refused);
	number(object, "clients", control->clients);
	return object;
}

/* Names as in syslog.conf(5), by facility >> 3. */
static void add_facility(struct json_object *object, int facility)
{
	static const char *const names[] = {
		"kern",	  "user",   "mail",	"daemon", "auth",   "syslog", "lpr",	"news",
		"uucp",	  "cron",   "authpriv", "ftp",	  "?",	    "?",      "?",	"?",
		"local0", "local1", "local2",	"local3", "local4", "local5", "local6", "local7",
	};

	name_of(object, "facility", NAMES(names), (unsigned int)facility >> 3);
}

static struct json_object *config_observe(const struct config *config)
{
	static const char *const attaches[] = PROBE_ATTACH_NAMES;
	struct json_object *object = json_object_new_object();

	text(object, "mode", names__mode(config->observe.mode));
	name_of(object, "attach", NAMES(attaches), config->observe.attach);
	text(object, "btf", config->observe.btf);
	return object;
}

static struct json_object *config_spool(const struct config *config)
{
	struct json_object *object = json_object_new_object();

	text(object, "directory", config->spool.directory);
	number(object, "max_size", config->spool.max_size);
	number(object, "file_size", config->spool.file_size);
	number(object, "max_age", config->spool.max_age);
	number(object, "file_age", config->spool.file_age);
	number(object, "contained_per_hour", config->spool.contained_per_hour);
	return object;
}

static struct json_object *config_alerts(const struct config *config)
{
	static const char *const targets[] = LOG_TARGET_NAMES;
	struct json_object *object = json_object_new_object();

	name_of(object, "target", NAMES(targets), config->alerts.target);
	add_facility(object, config->alerts.facility);
	number(object, "fold", config->alerts.fold);
	number(object, "per_minute", config->alerts.per_minute);
	truth(object, "kernel_log", config->alerts.kernel_log);
	return object;
}

static struct json_object *config_metrics(const struct config *config)
{
	struct json_object *object = json_object_new_object();

	text(object, "textfile", config->metrics.textfile);
	number(object, "interval", config->metrics.interval);
	return object;
}

static struct json_object *config_control(const struct config *config)
{
	struct json_object *object = json_object_new_object();

	text(object, "socket", config->control.socket);
	text(object, "group", config->control.group);
	number(object, "clients", config->control.clients);
	number(object, "timeout", config->control.timeout);
	return object;
}

static struct json_object *config_overhead(const struct config *config)
{
	struct json_object *object = json_object_new_object();

	real(object, "budget", config->overhead.budget);
	number(object, "period", config->overhead.period);
	number(object, "patience", config->overhead.patience);
	number(object, "recovery", config->overhead.recovery);
	return object;
}

static struct json_object *config_object(const struct config *config)
{
	struct json_object *object = json_object_new_object();

	add(object, "observe", config_observe(config));
	add(object, "spool", config_spool(config));
	add(object, "alerts", config_alerts(config));
	add(object, "metrics", config_metrics(config));
	add(object, "control", config_control(config));
	add(object, "overhead", config_overhead(config));
	return object;
}

static void add_self(struct json_object *object, const struct state *state)
{
	text(object, "version", THPRACE_VERSION);
	text(object, "kernel", state->kernel);
	text(object, "machine", state->machine);
	number(object, "cpus", state->cpus > 0 ? (uint64_t)state->cpus : 0);
	number(object, "pid", state->pid > 0 ? (uint64_t)state->pid : 0);
	number(object, "now_ns", state->now);
	number(object, "now_wall_ns", state->now_wall);
	number(object, "started_ns", state->started);
	text(object, "mode", names__mode(state->mode));
	number(object, "reloads", state->reloads);
	number(object, "reloads_failed", state->reloads_failed);
	number(object, "clock_steps", state->clock_steps);
}

struct json_object *status_json__new(const struct state *state)
{
	struct json_object *object = render_json__new("status"), *exposure;

	if (!object)
		return NULL;
	add_self(object, state);
	add(object, "check", check_object(state->check));
	add(object, "classes", classes_array(state));
	exposure = json_object_new_object();
	real(exposure, "seconds", state->exposure.seconds);
	real(exposure, "folios", state->exposure.folios);
	add(object, "exposure", exposure);
	add(object, "totals", totals_object(state->totals));
	add(object, "loss", loss_object(state->totals));
	add(object, "phases", phases_array(&state->totals->counters.sum));
	add(object, "closest", closest_object(&state->totals->counters.sum.closest));
	add(object, "probes", probes_array(state->plan));
	add(object, "programs", programs_array(state));
	add(object, "overhead", overhead_object(state));
	add(object, "spool", spool_object(&state->spool));
	add(object, "alerts", alerts_object(&state->alert));
	add(object, "control", control_object(&state->control));
	add(object, "config", config_object(state->config));
	return object;
}
