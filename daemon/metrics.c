// SPDX-License-Identifier: GPL-2.0-only
#include "metrics.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include <thprace/version.h>

#include "base/names.h"
#include "classes/race_class.h"
#include "metrics_format.h"

/* --- what was recorded ------------------------------------------------------------------------ */

static void write_daemon(struct metrics_format *text, const struct state *state)
{
	static const char *const attach[] = PROBE_ATTACH_NAMES;

	metrics_format__family(
		text, "thprace_build_info", "gauge",
		"Version of thpraced, kernel release, machine, mode in force, way of attaching.");
	metrics_format__count(text,
			      LABELS("version", THPRACE_VERSION, "kernel", state->kernel, "machine",
				     state->machine, "mode", names__mode(state->mode), "attach",
				     attach[state->plan->attach]),
			      1);
	metrics_format__gauge(text, "thprace_cpus", (uint64_t)state->cpus,
			      "Possible CPUs of this machine.");
	metrics_format__seconds(
		text, "thprace_start_time_seconds", "gauge",
		state->now_wall - (state->now - state->started),
		"When recording began, since the epoch, by the present wall clock.");
	metrics_format__seconds(text, "thprace_uptime_seconds", "gauge",
				state->now - state->started,
				"For how long the daemon has been recording.");
	metrics_format__seconds(text, "thprace_updated_timestamp_seconds", "gauge", state->now_wall,
				"When these metrics were taken, since the epoch.");
	metrics_format__counter(text, "thprace_reloads_total", state->reloads,
				"Configurations applied by reload.");
	metrics_format__counter(
		text, "thprace_reloads_failed_total", state->reloads_failed,
		"Reloads whose configuration was bad; the old one stayed in force.");
	metrics_format__counter(text, "thprace_clock_steps_total", state->clock_steps,
				"Steps of the wall clock that were seen.");
}

static void write_identity(struct metrics_format *text, const struct session_totals *totals)
{
	const struct thprace_counters *sum = &totals->counters.sum;
	unsigned int cause;

	metrics_format__counter(
		text, "thprace_records_seen_total", sum->seen,
		"Program runs that found something of interest: submitted, filtered and lost.");
	metrics_format__counter(text, "thprace_records_submitted_total", sum->submitted,
				"Program runs whose record was delivered.");
	metrics_format__counter(text, "thprace_records_filtered_total", sum->filtered,
				"Program runs whose record was not wanted.");
	metrics_format__family(
		text, "thprace_lost_total", "counter",
		"Records, windows and walkers lost, by cause. All but write are part of seen.");
	for (cause = 0; cause < THPRACE_LOSS_MAX; cause++)
		metrics_format__count(text, LABELS("cause", names__loss(cause)), sum->lost[cause]);
	metrics_format__gauge(
		text, "thprace_identity_holds", totals->counters.identity,
		"1 if seen = submitted + filtered + lost at the last reading, else 0.");
}

/* The class after this one that is shown; 0: none. The first one: the class after 0. */
static unsigned int next_class(const struct state *state, unsigned int class)
{
	while (++class < race_class__foreign_end())
		if (state__shows(state, class))
			return class;
	return 0;
}

/* Of thprace's own classes and those of races from files. */
#define EACH_CLASS(class, state) \
	for ((class) = next_class(state, 0); (class); (class) = next_class(state, class))

static void write_class_counts(struct metrics_format *text, const struct state *state,
			       const __u64 *counts)
{
	unsigned int class;

	EACH_CLASS(class, state)
		metrics_format__count(text, LABELS("class", names__class(class)), counts[class]);
}

static void write_incidents(struct metrics_format *text, const struct state *state)
{
	const struct verdict_counts *classes = state->totals->classes;
	unsigned int class;

	metrics_format__family(text, "thprace_overlaps_total", "counter",
			       "Settled incidents in which a walker and a window met, by class.");
	EACH_CLASS(class, state)
		metrics_format__count(text, LABELS("class", names__class(class)),
				      classes[class].overlaps);
	metrics_format__family(text, "thprace_incidents_total", "counter",
			       "Settled incidents by class and verdict.");
	EACH_CLASS(class, state) {
		const char *name = names__class(class);

		metrics_format__count(text, LABELS("class", name, "verdict", "contained"),
				      classes[class].contained);
		metrics_format__count(text, LABELS("class", name, "verdict", "escape"),
				      classes[class].escapes - classes[class].likely);
		metrics_format__count(text, LABELS("class", name, "verdict", "likely"),
				      classes[class].likely);
		metrics_format__count(text, LABELS("class", name, "verdict", "remained"),
				      classes[class].remained);
		metrics_format__count(text, LABELS("class", name, "verdict", "unattributed"),
				      classes[class].unattributed);
		metrics_format__count(text, LABELS("class", name, "verdict", "unproven"),
				      classes[class].unproven);
	}
}

/* Do the probes or the kernel's code show that a class cannot happen here? */
static bool is_impossible(const struct state *state, unsigned int class)
{
	return probe__cannot_happen(state->plan, class) ||
	       (state->check && state->check->classes[class].status == CHECK_CANNOT_HAPPEN);
}

/* An unknown value has no sample. */
static void write_check(struct metrics_format *text, const struct state *state)
{
	enum check_status status;
	unsigned int class;

	metrics_format__family(
		text, "thprace_class_possible", "gauge",
		"0 if the class cannot happen on this kernel by the way it is built, else 1.");
	for (class = 1; class < race_class__end(); class ++)
		metrics_format__count(text, LABELS("class", names__class(class)),
				      !is_impossible(state, class));
	metrics_format__family(
		text, "thprace_class_fixed", "gauge",
		"By the kernel's code: 1 if the class is fixed or cannot happen, 0 if the kernel is "
		"vulnerable; nothing if that is not known.");
	for (class = 1; class < race_class__end(); class ++) {
		status = state->check ? state->check->classes[class].status : CHECK_UNKNOWN;
		if (status != CHECK_UNKNOWN)
			metrics_format__count(text, LABELS("class", names__class(class)),
					      status != CHECK_VULNERABLE);
	}
}

static void write_classes(struct metrics_format *text, const struct state *state)
{
	const struct thprace_counters *sum = &state->totals->counters.sum;
	unsigned int class;

	metrics_format__family(text, "thprace_walkers_total", "counter",
			       "Walkers that returned, by class.");
	write_class_counts(text, state, sum->walkers);
	metrics_format__family(
		text, "thprace_walkers_failed_total", "counter",
		"Walkers that failed by their proof (folio still mapped), by class.");
	write_class_counts(text, state, sum->failed);
	metrics_format__family(text, "thprace_walker_seconds_total", "counter",
			       "Sum of the lengths of walkers, by class.");
	EACH_CLASS(class, state)
		metrics_format__ns(text, "", LABELS("class", names__class(class)),
				   sum->walker_ns[class]);
	write_incidents(text, state);
	metrics_format__family(text, "thprace_race_windows_total", "counter",
			       "Windows that ended, of races from files.");
	EACH_CLASS(class, state)
		if (race_class__shape(class) == RACE_FILE)
			metrics_format__count(text, LABELS("class", names__class(class)),
					      sum->windows[class]);
	metrics_format__family(
		text, "thprace_class_observable", "gauge",
		"1 if the class can be observed with the probes that are attached, else 0.");
	EACH_CLASS(class, state)
		metrics_format__count(text, LABELS("class", names__class(class)),
				      !state__not_observable(state, class));
	write_check(text, state);
}

/*
 * Bounds of the exported buckets: log2 of ns. 2^n ns is the shortest length of a bucket of
 * include/thprace/buckets.h, so each of those belongs to exactly one of these.
 */
static const unsigned char bounds[] = {8,  9,  10, 11, 12, 13, 14, 15, 16,
				       17, 18, 19, 20, 22, 24, 26, 28, 30};

/* Of these, a fleet has every other one: less than half of the samples. */
static bool is_bound(const struct metrics_format *text, unsigned char bound)
{
	return text->set == METRICS_ALL || bound % 2 == 0;
}

/* label: what tells them from others, and its value. */
static void write_lengths(struct metrics_format *text, const char *label, const char *value,
			  const struct thprace_phase_lengths *lengths)
{
	uint64_t count = 0;
	uint32_t bucket = 0;
	char le[32];
	size_t i;

	for (i = 0; i < sizeof(bounds); i++) {
		uint64_t bound = 1ULL << bounds[i];

		for (; bucket < THPRACE_BUCKETS && thprace_bucket_floor(bucket) < bound; bucket++)
			count += lengths->bucket[bucket];
		if (!is_bound(text, bounds[i]))
			continue;
		snprintf(le, sizeof(le), "%.10g", (double)bound / 1e9);
		metrics_format__part(text, "_bucket", LABELS(label, value, "le", le), count);
	}
	for (; bucket < THPRACE_BUCKETS; bucket++)
		count += lengths->bucket[bucket];
	metrics_format__part(text, "_bucket", LABELS(label, value, "le", "+Inf"), count);
	metrics_format__ns(text, "_sum", LABELS(label, value), lengths->sum);
	metrics_format__part(text, "_count", LABELS(label, value), count);
}

/* Precise mode measures the phases separately; counts from before a change of mode stay. */
static bool measures(const struct state *state, int phase)
{
	const struct thprace_phase_lengths *lengths = &state->totals->counters.sum.phase[phase];
	int bucket;

	if (phase == THPRACE_PHASE_WHOLE || state->mode == THPRACE_PRECISE)
		return true;
	for (bucket = 0; bucket < THPRACE_BUCKETS; bucket++)
		if (lengths->bucket[bucket])
			return true;
	return false;
}

/* Nothing for races that have none. */
static void write_pass(struct metrics_format *text, const struct thprace_closest *closest)
{
	if (closest->distance)
		metrics_format__ns(text, "",
				   LABELS("class", names__class(closest->walk_pid >>
								THPRACE_WALK_CLASS_SHIFT)),
				   closest->distance);
}

static void write_races(struct metrics_format *text, const struct state *state)
{
	const struct engine_counters *counters = &state->totals->counters;
	unsigned int class;

	metrics_format__family(text, "thprace_race_window_seconds", "histogram",
			       "Lengths of windows of races from files.");
	EACH_CLASS(class, state)
		if (race_class__shape(class) == RACE_FILE)
			write_lengths(text, "class", names__class(class),
				      &counters->race[class].window);
	metrics_format__family(
		text, "thprace_closest_pass_seconds", "gauge",
		"Shortest time between a window and a walker that did not meet, since the start: for "
		"each race from a file, and for that one of the other classes that came nearest.");
	write_pass(text, &counters->sum.closest);
	EACH_CLASS(class, state)
		write_pass(text, &counters->race[class].closest);
}

static void write_windows(struct metrics_format *text, const struct state *state)
{
	const struct session_totals *totals = state->totals;
	static const char *const phases[] = THPRACE_PHASE_NAMES;
	const struct thprace_counters *sum = &totals->counters.sum;
	int phase;

	metrics_format__counter(text, "thprace_windows_total", totals->windows,
				"Windows at PMD level that closed.");
	metrics_format__family(
		text, "thprace_window_seconds", "histogram",
		"Lengths of windows at PMD level: the whole; in precise mode also each phase.");
	for (phase = 0; phase < THPRACE_PHASE_MAX; phase++)
		if (measures(state, phase))
			write_lengths(text, "phase", phases[phase], &sum->phase[phase]);
	write_races(text, state);
	metrics_format__counter(text, "thprace_pte_removals_total", sum->pte_removals,
				"Removals of the rmap of small pages of huge ones (precise mode).");
	metrics_format__counter(
		text, "thprace_touching_total", sum->touching,
		"Walkers and windows that shared less than the tolerance: no incidents.");
	metrics_format__counter(
		text, "thprace_mismatches_total", sum->mismatches,
		"Windows whose entry named another folio than the rmap removal did.");
	metrics_format__counter(text, "thprace_collapses_total", sum->collapses,
				"Calls of collapse_file.");
	metrics_format__counter(text, "thprace_collapses_failed_total", sum->collapses_failed,
				"Calls of collapse_file that failed.");
	metrics_format__counter(text, "thprace_reuses_total", sum->reuses,
				"Collapses that were given the page of a failed one before.");
	metrics_format__counter(text, "thprace_reuses_foreign_total", sum->reuses_foreign,
				"Reuses of a page to which others had references.");
}

/* --- what it costs ---------------------------------------------------------------------------- */

#define PROGRAM_LABELS(program)                                                         \
	LABELS("program", (program)->name, "point", engine__unit_name((program)->unit), \
	       "function", (program)->function, "kind", (program)->kind)

static void write_programs(struct metrics_format *text, const struct state *state)
{
	const struct engine_program *programs = state->programs;
	size_t i;

	metrics_format__family(
		text, "thprace_program_runs_total", "counter",
		"Runs of a BPF program, as far as the kernel's BPF statistics were on.");
	for (i = 0; i < state->nr_programs; i++)
		metrics_format__count(text, PROGRAM_LABELS(&programs[i]), programs[i].runs);
	metrics_format__family(
		text, "thprace_program_run_seconds_total", "counter",
		"Time in a BPF program, as far as the kernel's BPF statistics were on.");
	for (i = 0; i < state->nr_programs; i++)
		metrics_format__ns(text, "", PROGRAM_LABELS(&programs[i]), programs[i].run_ns);
	metrics_format__family(text, "thprace_program_missed_total", "counter",
			       "Runs of a BPF program that the kernel skipped.");
	for (i = 0; i < state->nr_programs; i++)
		metrics_format__count(text, PROGRAM_LABELS(&programs[i]), programs[i].missed);
}

static void write_probes(struct metrics_format *text, const struct state *state)
{
	static const char *const kinds[] = {"none", "fentry", "kprobe", "calls"};
	const struct overhead_state *overhead = &state->overhead;
	const struct probe *probe;
	uint64_t shed = 0;
	int i;

	metrics_format__family(
		text, "thprace_probe_attached", "gauge",
		"1 if the point is probed, else 0, with the function that is probed.");
	for (i = 0; i < THPRACE_POINT_MAX; i++) {
		probe = &state->plan->probe[i];
		metrics_format__count(text,
				      LABELS("point", probe_points[i].name, "function",
					     probe->function ? probe->function
							     : probe_points[i].functions[0],
					     "kind", kinds[probe->kind]),
				      probe->state == PROBE_ATTACHED);
		shed += probe->state == PROBE_SHED;
	}
	metrics_format__gauge(text, "thprace_probes_shed", shed,
			      "Probes that are detached at present because of their cost.");
	metrics_format__counter(
		text, "thprace_probes_shed_total", overhead->sheds,
		"Probes detached because the BPF programs took more than the budget.");
	metrics_format__counter(text, "thprace_probes_restored_total", overhead->restores,
				"Shed probes that were attached again.");
}

static void write_cost(struct metrics_format *text, const struct state *state)
{
	const struct overhead_state *overhead = &state->overhead;

	metrics_format__gauge(
		text, "thprace_overhead_measured", overhead->measured,
		"1 if the time in BPF programs is measured, else 0: then no probe is ever shed.");
	if (overhead->measured)
		metrics_format__gauge_real(
			text, "thprace_overhead_ratio", overhead->share,
			"Part of all CPUs' time spent in BPF programs over the last period.");
	metrics_format__gauge_real(
		text, "thprace_overhead_budget_ratio", overhead->budget,
		"Part of all CPUs' time that the BPF programs may take; 0: no limit.");
	metrics_format__gauge(text, "thprace_overhead_over_budget", overhead->over,
			      "1 if the budget is exceeded and shedding would not help, else 0.");
	metrics_format__seconds(text, "thprace_bpf_run_seconds_total", "counter", overhead->run_ns,
				"Time in all BPF programs, detached ones included.");
	metrics_format__gauge(text, "thprace_bpf_memory_bytes", state->bpf_memory,
			      "Memory of BPF maps and ring buffers.");
	metrics_format__seconds(text, "thprace_process_cpu_seconds_total", "counter",
				state->own_cpu_ns, "User and system time of the daemon's process.");
	metrics_format__gauge(text, "thprace_process_resident_memory_bytes", state->own_rss,
			      "Resident memory of the daemon's process.");
}

/* --- exposure --------------------------------------------------------------------------------- */

enum exposure_metric {
	EXPOSURE_EXPECTED,
	EXPOSURE_COUNTED,
	EXPOSURE_WINDOWS,
	EXPOSURE_WALKERS,
	EXPOSURE_WINDOW_LENGTH,
	EXPOSURE_WALKER_LENGTH,
	EXPOSURE_METRICS
};

static const char *const exposure_metrics[EXPOSURE_METRICS][2] = {
	{"thprace_exposure_expected_overlaps_per_day",
	 "Overlaps per day if windows and walkers came by chance, for classes where it is known."},
	{"thprace_exposure_counted_overlaps_per_day",
	 "Overlaps that were counted, per day, for classes that can be observed."},
	{"thprace_exposure_windows_per_second",
	 "Windows that the class' walkers can meet, where they are counted."},
	{"thprace_exposure_walkers_per_second", "Walkers of the class."},
	{"thprace_exposure_mean_window_seconds",
	 "Mean length of the windows that the class' walkers can meet, where it is measured."},
	{"thprace_exposure_mean_walker_seconds", "Mean length of the class' walkers."},
};

/* An unknown value has no sample: 0 would be a statement. */
static bool exposure_value(const struct exposure_class *exposure, enum thprace_class class,
			   enum exposure_metric metric, double *value)
{
	switch (metric) {
	case EXPOSURE_EXPECTED:
		*value = exposure->expected_per_day;
		return exposure->estimated;
	case EXPOSURE_COUNTED:
		*value = exposure->overlaps_per_day;
		return true;
	case EXPOSURE_WINDOWS:
		*value = exposure->windows_per_s;
		return race_class__shape(class) == RACE_FILE ||
		       race_class__of(class)->windows != RACE_WINDOWS_UNCOUNTED;
	case EXPOSURE_WALKERS:
		*value = exposure->walkers_per_s;
		return true;
	case EXPOSURE_WINDOW_LENGTH:
		*value = exposure->window_ns / 1e9;
		return exposure->window_ns > 0;
	default:
		*value = exposure->walker_ns / 1e9;
		return exposure->walker_ns > 0;
	}
}

static void write_exposure(struct metrics_format *text, const struct exposure *exposure)
{
	unsigned int class;
	double value;
	int i;

	metrics_format__gauge_real(
		text, "thprace_exposure_period_seconds", exposure->seconds,
		"Time over which the rates of exposure are taken; 0: not known yet.");
	metrics_format__gauge_real(text, "thprace_exposure_folios", exposure->folios,
				   "Huge pages in use, over which expected overlaps are spread.");
	for (i = 0; i < EXPOSURE_METRICS; i++) {
		metrics_format__family(text, exposure_metrics[i][0], "gauge",
				       exposure_metrics[i][1]);
		for (class = 1; exposure->seconds > 0 && class < race_class__foreign_end();
		     class ++) {
			if (exposure->classes[class].observable &&
			    exposure_value(&exposure->classes[class], class, i, &value))
				metrics_format__real(text, LABELS("class", names__class(class)),
						     value);
		}
	}
}

/* --- output of it ----------------------------------------------------------------------------- */

static void write_spool(struct metrics_format *text, const struct spool_state *spool)
{
	metrics_format__gauge(
		text, "thprace_spool_degraded", spool->health != SPOOL_OK,
		"1 if the disk accepts no writes and incidents are kept in memory, else 0.");
	metrics_format__gauge(text, "thprace_spool_bytes", spool->bytes,
			      "Size of the spool's files.");
	metrics_format__gauge(text, "thprace_spool_max_bytes", spool->max_bytes,
			      "Size above which the spool removes its oldest files.");
	metrics_format__gauge(text, "thprace_spool_files", spool->files, "Files in the spool.");
	if (spool->oldest_wall)
		metrics_format__seconds(
			text, "thprace_spool_oldest_timestamp_seconds", "gauge", spool->oldest_wall,
			"When the oldest file of the spool was begun, since the epoch.");
	metrics_format__gauge(text, "thprace_spool_next_id", spool->next_id,
			      "Number of the next incident.");
	metrics_format__counter(text, "thprace_spool_stored_total", spool->stored,
				"Incidents stored.");
	metrics_format__counter(
		text, "thprace_spool_skipped_total", spool->skipped,
		"Contained incidents above the hourly limit: counted and not stored.");
	metrics_format__gauge(text, "thprace_spool_memory_incidents", spool->memory,
			      "Incidents that wait in memory for the disk.");
	metrics_format__counter(text, "thprace_spool_dropped_total", spool->dropped,
				"Incidents that were neither stored nor kept in memory.");
	metrics_format__counter(text, "thprace_spool_removed_files_total", spool->removed_files,
				"Files of the spool that were removed for their age or for room.");
}

static void write_alerts(struct metrics_format *text, const struct state *state)
{
	const struct alert_state *alert = &state->alert;

	metrics_format__counter(text, "thprace_alerts_sent_total", alert->sent,
				"Messages sent to the log.");
	metrics_format__counter(text, "thprace_alerts_folded_total", alert->folded,
				"Incidents that got no message of their own.");
	metrics_format__counter(text, "thprace_alerts_failed_total", alert->failed,
				"Messages that the log did not accept.");
	metrics_format__counter(text, "thprace_kernel_complaints_total", alert->kernel_complaints,
				"Complaints in the kernel's log that may belong to a race class.");
	metrics_format__counter(text, "thprace_kernel_complaints_confirmed_total",
				alert->kernel_confirmed,
				"Of these: complaints that name the page or task of an incident.");
	metrics_format__counter(text, "thprace_control_requests_total", state->control.requests,
				"Requests on the control socket.");
	metrics_format__counter(text, "thprace_control_refused_total", state->control.refused,
				"Requests and clients that the control socket refused.");
	metrics_format__gauge(text, "thprace_control_clients", state->control.clients,
			      "Clients connected to the control socket.");
}

static void write_all(struct metrics_format *text, const struct state *state)
{
	write_daemon(text, state);
	write_identity(text, state->totals);
	write_classes(text, state);
	write_windows(text, state);
	write_exposure(text, &state->exposure);
	write_programs(text, state);
	write_probes(text, state);
	write_cost(text, state);
	write_spool(text, &state->spool);
	write_alerts(text, state);
}

char *metrics__text(const struct state *state, enum metrics_set set)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
	struct metrics_format text = {.set = set};
	char *buffer = NULL;
	locale_t before;
	size_t size;
	int failed;

	if (!c)
		return NULL;
	text.out = open_memstream(&buffer, &size);
	if (!text.out) {
		freelocale(c);
		return NULL;
	}
	/* The format has no decimal comma. */
	before = uselocale(c);
	write_all(&text, state);
	uselocale(before);
	freelocale(c);
	failed = ferror(text.out);
	if (fclose(text.out) || failed) {
		free(buffer);
		return NULL;
	}
	return buffer;
}
