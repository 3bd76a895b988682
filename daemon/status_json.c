// SPDX-License-Identifier: GPL-2.0-only
#include "status_json.h"

#include <json-c/json.h>
#include <math.h>
#include <string.h>
#include <syslog.h>
#include <thprace/version.h>
#include "base/histogram.h"
#include "kernel_check.h"
#include "base/json.h"
#include "base/names.h"
#include "classes/race_class.h"

/* A constant string from a table; "?" if value is out of range. */
static void name_of(struct json_object *object, const char *name, const char *const *names,
		    size_t count, unsigned int value)
{
	json__add_name(object, name, value < count ? names[value] : "?");
}

#define NAMES(table) table, sizeof(table) / sizeof(table[0])

/* What the kernel's code says about a class; null while that is not known. */
static void add_check(struct json_object *object, const struct check_state *check,
		      unsigned int class)
{
	const struct check_class *found = check ? &check->classes[class] : NULL;
	bool known = check && check->progress == CHECK_DONE;

	json__add_text(object, "check", known ? kernel_check__status_name(found->status) : NULL);
	json__add_text(object, "check_evidence", known ? found->evidence : NULL);
	json__add_text(object, "check_fix", known ? found->fix : NULL);
}

static struct json_object *check_object(const struct check_state *check)
{
	static const char *const progress[] = {"running", "done", "failed"};
	struct json_object *object = json_object_new_object();

	name_of(object, "state", NAMES(progress), check ? check->progress : CHECK_RUNNING);
	json__add_text(object, "reason", check ? check->reason : NULL);
	return object;
}

/* name: of the phase; NULL: it has none. */
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
	if (name)
		json__add_text(object, "phase", name);
	json__add_number(object, "count", histogram.count);
	json__add_number(object, "p50_ns", histogram__percentile(&histogram, 500));
	json__add_number(object, "p99_ns", histogram__percentile(&histogram, 990));
	json__add_number(object, "max_ns", histogram.max);
	json__add_number(object, "sum_ns", histogram.sum);
	return object;
}

/* The closest pass; null if there was none. one: of one class, which is told elsewhere. */
static struct json_object *closest_object(const struct thprace_closest *closest, bool one)
{
	unsigned int class = closest->walk_pid >> THPRACE_WALK_CLASS_SHIFT;
	struct json_object *object;

	if (!closest->distance)
		return NULL;
	object = json_object_new_object();
	json__add_number(object, "distance_ns", closest->distance);
	json__add_address(object, "folio", closest->folio);
	if (!one)
		json__add_text(object, "class", names__class(class));
	json__add_number(object, "window_pid", closest->window_pid);
	json__add_number(object, "walker_pid",
			 closest->walk_pid & ((1U << THPRACE_WALK_CLASS_SHIFT) - 1));
	return object;
}

/* Of a race from a file. */
static void add_measured(struct json_object *object, uint64_t windows,
			 const struct thprace_race_measured *measured)
{
	json__add_number(object, "windows", windows);
	json__add(object, "lengths", phase_object(&measured->window, NULL));
	json__add(object, "closest", closest_object(&measured->closest, true));
}

static struct json_object *class_object(const struct state *state, unsigned int class)
{
	const struct exposure_class *exposure = &state->exposure.classes[class];
	const struct thprace_counters *sum = &state->totals->counters.sum;
	const struct verdict_counts *counts = &state->totals->classes[class];
	struct json_object *object = json_object_new_object();
	const char *reason = state__not_observable(state, class);

	if (!object)
		return NULL;
	json__add_text(object, "class", names__class(class));
	json__add_bool(object, "observable", !reason);
	json__add_text(object, "reason", reason);
	json__add_bool(object, "shed",
		       reason && !strncmp(reason, NAMES_SHED, sizeof(NAMES_SHED) - 1));
	add_check(object, state->check, class);
	json__add_number(object, "walkers", sum->walkers[class]);
	json__add_number(object, "failed", sum->failed[class]);
	json__add_number(object, "overlaps", counts->overlaps);
	json__add_number(object, "contained", counts->contained);
	json__add_number(object, "escapes", counts->escapes);
	json__add_number(object, "likely", counts->likely);
	json__add_number(object, "remained", counts->remained);
	json__add_number(object, "unattributed", counts->unattributed);
	json__add_number(object, "unproven", counts->unproven);
	json__add_real(object, "windows_per_s", exposure->windows_per_s);
	json__add_real(object, "walkers_per_s", exposure->walkers_per_s);
	json__add_real(object, "window_mean_ns", exposure->window_ns);
	json__add_real(object, "walker_mean_ns", exposure->walker_ns);
	json__add(object, "expected_per_day",
		  exposure->estimated && isfinite(exposure->expected_per_day)
			  ? json_object_new_double(exposure->expected_per_day)
			  : NULL);
	json__add_real(object, "overlaps_per_day", exposure->overlaps_per_day);
	if (race_class__shape(class) == RACE_FILE)
		add_measured(object, sum->windows[class], &state->totals->counters.race[class]);
	return object;
}

static struct json_object *classes_array(const struct state *state)
{
	struct json_object *array = json_object_new_array();
	unsigned int class;

	for (class = THPRACE_CLASS_NONE + 1; array && class < race_class__foreign_end(); class ++)
		if (state__shows(state, class))
			json_object_array_add(array, class_object(state, class));
	return array;
}

static struct json_object *races_array(const struct state *state)
{
	struct json_object *array = json_object_new_array(), *object;
	const struct race_state *race;
	size_t i;

	for (i = 0; array && i < state->nr_races; i++) {
		race = &state->races[i];
		object = json_object_new_object();
		json__add_text(object, "race", race->name);
		json__add_text(object, "title", race->title);
		json__add_text(object, "file", race->file);
		json__add_bool(object, "observable", !race->reason);
		json__add_text(object, "reason", race->reason);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *totals_object(const struct session_totals *totals)
{
	const struct thprace_counters *sum = &totals->counters.sum;
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	json__add_real(object, "seconds", totals->seconds);
	json__add_number(object, "windows", totals->windows);
	json__add_number(object, "walkers", totals->walkers);
	json__add_number(object, "overlaps", totals->overlaps);
	json__add_number(object, "contained", totals->contained);
	json__add_number(object, "escapes", totals->escapes);
	json__add_number(object, "likely", totals->likely);
	json__add_number(object, "remained", totals->remained);
	json__add_number(object, "unattributed", totals->unattributed);
	json__add_number(object, "unproven", totals->unproven);
	json__add_number(object, "pte_removals", sum->pte_removals);
	json__add_number(object, "mismatches", sum->mismatches);
	json__add_number(object, "touching", sum->touching);
	json__add_number(object, "collapses", sum->collapses);
	json__add_number(object, "collapses_failed", sum->collapses_failed);
	json__add_number(object, "reuses", sum->reuses);
	json__add_number(object, "reuses_foreign", sum->reuses_foreign);
	return object;
}

static struct json_object *loss_object(const struct session_totals *totals)
{
	const struct thprace_counters *sum = &totals->counters.sum;
	struct json_object *object = json_object_new_object();
	struct json_object *causes = json_object_new_object();
	unsigned int cause;

	for (cause = 0; causes && cause < THPRACE_LOSS_MAX; cause++)
		json__add_number(causes, names__loss(cause), sum->lost[cause]);
	json__add_number(object, "seen", sum->seen);
	json__add_number(object, "submitted", sum->submitted);
	json__add_number(object, "filtered", sum->filtered);
	json__add_number(object, "lost", totals->lost);
	json__add_number(object, "missed", totals->counters.missed);
	json__add_bool(object, "identity", totals->counters.identity);
	json__add(object, "causes", causes);
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
		json__add_text(object, "point", probe->point->name);
		json__add_text(object, "function",
			       probe->function ? probe->function : probe->point->functions[0]);
		json__add_text(object, "kind", probe__kind_name(probe));
		name_of(object, "state", NAMES(states), probe->state);
		json__add_text(object, "reason", probe->silent ? probe->silence : probe->reason);
		json__add_number(object, "silent", probe->silent);
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
		json__add_text(object, "name", program->name);
		json__add_text(object, "point", engine__unit_name(program->unit));
		json__add_text(object, "function", program->function);
		json__add_text(object, "kind", program->kind);
		json__add_number(object, "runs", program->runs);
		json__add_number(object, "run_ns", program->run_ns);
		json__add_number(object, "missed", program->missed);
		json__add_number(object, "insns", program->insns);
		json__add_number(object, "verified", program->verified);
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
		json__add_number(object, "uid", zapper->uid);
		json__add_number(object, "tgid", zapper->tgid);
		json__add_text(object, "comm", zapper->comm);
		json__add_text(object, "unit", zapper->unit);
		json__add_text(object, "cgroup", zapper->cgroup);
		json__add_number(object, "calls", zapper->calls);
		json__add_number(object, "zaps", zapper->zaps);
		json__add_real(object, "part", zapper->part);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *overhead_object(const struct state *state)
{
	const struct overhead_state *overhead = &state->overhead;
	struct json_object *object = json_object_new_object();

	json__add_bool(object, "measured", overhead->measured);
	json__add_text(object, "reason", overhead->reason);
	json__add_real(object, "share", overhead->share);
	json__add_real(object, "budget", overhead->budget);
	json__add_bool(object, "over", overhead->over);
	json__add(object, "zappers", zappers_array(overhead));
	json__add_number(object, "run_ns", overhead->run_ns);
	json__add_number(object, "sheds", overhead->sheds);
	json__add_number(object, "restores", overhead->restores);
	json__add_number(object, "loop_longest_ns", overhead->loop_longest_ns);
	json__add_number(object, "loop_over", overhead->loop_over);
	json__add_number(object, "cpu_ns", state->own_cpu_ns);
	json__add_number(object, "rss_bytes", state->own_rss);
	json__add_number(object, "bpf_bytes", state->bpf_memory);
	return object;
}

static struct json_object *spool_object(const struct spool_state *spool)
{
	static const char *const healths[] = {"ok", "degraded"};
	struct json_object *object = json_object_new_object();

	json__add_text(object, "directory", spool->directory);
	name_of(object, "health", NAMES(healths), spool->health);
	json__add_text(object, "reason", spool->reason);
	json__add_number(object, "bytes", spool->bytes);
	json__add_number(object, "max_bytes", spool->max_bytes);
	json__add_number(object, "files", spool->files);
	json__add(object, "oldest_wall_ns",
		  spool->oldest_wall ? json__number(spool->oldest_wall) : NULL);
	json__add_number(object, "next", spool->next_id);
	json__add_number(object, "stored", spool->stored);
	json__add_number(object, "skipped", spool->skipped);
	json__add_number(object, "memory", spool->memory);
	json__add_number(object, "dropped", spool->dropped);
	json__add_number(object, "removed_files", spool->removed_files);
	return object;
}

static struct json_object *alerts_object(const struct alert_state *alert)
{
	struct json_object *object = json_object_new_object();

	json__add_text(object, "target", alert->target);
	json__add_number(object, "sent", alert->sent);
	json__add_number(object, "folded", alert->folded);
	json__add_number(object, "failed", alert->failed);
	json__add_number(object, "kernel_complaints", alert->kernel_complaints);
	json__add_number(object, "kernel_confirmed", alert->kernel_confirmed);
	return object;
}

static struct json_object *control_object(const struct control_state *control)
{
	struct json_object *object = json_object_new_object();

	json__add_number(object, "requests", control->requests);
	json__add_number(object, "refused", control->refused);
	json__add_number(object, "clients", control->clients);
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

	json__add_text(object, "mode", names__mode(config->observe.mode));
	name_of(object, "attach", NAMES(attaches), config->observe.attach);
	json__add_text(object, "btf", config->observe.btf);
	json__add_text(object, "races", config->observe.races);
	return object;
}

static struct json_object *config_spool(const struct config *config)
{
	struct json_object *object = json_object_new_object();

	json__add_text(object, "directory", config->spool.directory);
	json__add_number(object, "max_size", config->spool.max_size);
	json__add_number(object, "file_size", config->spool.file_size);
	json__add_number(object, "max_age", config->spool.max_age);
	json__add_number(object, "file_age", config->spool.file_age);
	json__add_number(object, "contained_per_hour", config->spool.contained_per_hour);
	return object;
}

static struct json_object *config_alerts(const struct config *config)
{
	static const char *const targets[] = LOG_TARGET_NAMES;
	struct json_object *object = json_object_new_object();

	name_of(object, "target", NAMES(targets), config->alerts.target);
	add_facility(object, config->alerts.facility);
	json__add_number(object, "fold", config->alerts.fold);
	json__add_number(object, "per_minute", config->alerts.per_minute);
	json__add_bool(object, "kernel_log", config->alerts.kernel_log);
	return object;
}

static struct json_object *config_metrics(const struct config *config)
{
	struct json_object *object = json_object_new_object();

	json__add_text(object, "textfile", config->metrics.textfile);
	json__add_number(object, "interval", config->metrics.interval);
	return object;
}

static struct json_object *config_control(const struct config *config)
{
	struct json_object *object = json_object_new_object();

	json__add_text(object, "socket", config->control.socket);
	json__add_text(object, "group", config->control.group);
	json__add_number(object, "clients", config->control.clients);
	json__add_number(object, "timeout", config->control.timeout);
	return object;
}

static struct json_object *config_overhead(const struct config *config)
{
	struct json_object *object = json_object_new_object();

	json__add_real(object, "budget", config->overhead.budget);
	json__add_number(object, "period", config->overhead.period);
	json__add_number(object, "patience", config->overhead.patience);
	json__add_number(object, "recovery", config->overhead.recovery);
	return object;
}

static struct json_object *config_object(const struct config *config)
{
	struct json_object *object = json_object_new_object();

	json__add(object, "observe", config_observe(config));
	json__add(object, "spool", config_spool(config));
	json__add(object, "alerts", config_alerts(config));
	json__add(object, "metrics", config_metrics(config));
	json__add(object, "control", config_control(config));
	json__add(object, "overhead", config_overhead(config));
	return object;
}

static void add_self(struct json_object *object, const struct state *state)
{
	json__add_text(object, "version", THPRACE_VERSION);
	json__add_text(object, "kernel", state->kernel);
	json__add_text(object, "machine", state->machine);
	json__add_number(object, "cpus", state->cpus > 0 ? (uint64_t)state->cpus : 0);
	json__add_number(object, "pid", state->pid > 0 ? (uint64_t)state->pid : 0);
	json__add_number(object, "now_ns", state->now);
	json__add_number(object, "now_wall_ns", state->now_wall);
	json__add_number(object, "started_ns", state->started);
	json__add_text(object, "mode", names__mode(state->mode));
	json__add_number(object, "reloads", state->reloads);
	json__add_number(object, "reloads_failed", state->reloads_failed);
	json__add_number(object, "clock_steps", state->clock_steps);
}

struct json_object *status_json__new(const struct state *state)
{
	struct json_object *object = json__new("status"), *exposure;

	if (!object)
		return NULL;
	add_self(object, state);
	json__add(object, "check", check_object(state->check));
	json__add(object, "classes", classes_array(state));
	json__add(object, "races", races_array(state));
	exposure = json_object_new_object();
	json__add_real(exposure, "seconds", state->exposure.seconds);
	json__add_real(exposure, "folios", state->exposure.folios);
	json__add(object, "exposure", exposure);
	json__add(object, "totals", totals_object(state->totals));
	json__add(object, "loss", loss_object(state->totals));
	json__add(object, "phases", phases_array(&state->totals->counters.sum));
	json__add(object, "closest", closest_object(&state->totals->counters.sum.closest, false));
	json__add(object, "probes", probes_array(state->plan));
	json__add(object, "programs", programs_array(state));
	json__add(object, "overhead", overhead_object(state));
	json__add(object, "spool", spool_object(&state->spool));
	json__add(object, "alerts", alerts_object(&state->alert));
	json__add(object, "control", control_object(&state->control));
	json__add(object, "config", config_object(state->config));
	return object;
}
