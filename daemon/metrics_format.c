// SPDX-License-Identifier: GPL-2.0-only
#include "metrics_format.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

/*
 * What a fleet does without, because it is about one machine's work, follows from others, or is in
 * `thprace status': docs/metrics.md says so of each.
 */
static const char *const only_in_all[] = {
	"thprace_cpus",
	"thprace_start_time_seconds",
	"thprace_clock_steps_total",
	"thprace_reloads_total",
	"thprace_walkers_failed_total",
	"thprace_walker_seconds_total",
	"thprace_race_window_seconds",
	"thprace_exposure_period_seconds",
	"thprace_exposure_counted_overlaps_per_day",
	"thprace_exposure_windows_per_second",
	"thprace_exposure_walkers_per_second",
	"thprace_exposure_mean_window_seconds",
	"thprace_exposure_mean_walker_seconds",
	"thprace_program_runs_total",
	"thprace_program_run_seconds_total",
	"thprace_program_missed_total",
	"thprace_probe_attached",
	"thprace_probes_restored_total",
	"thprace_spool_files",
	"thprace_spool_oldest_timestamp_seconds",
	"thprace_spool_next_id",
	"thprace_spool_removed_files_total",
	"thprace_kernel_complaints_confirmed_total",
	"thprace_control_requests_total",
	"thprace_control_refused_total",
	"thprace_control_clients",
};

static bool is_only_in_all(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(only_in_all) / sizeof(only_in_all[0]); i++)
		if (!strcmp(only_in_all[i], name))
			return true;
	return false;
}

void metrics_format__family(struct metrics_format *text, const char *name, const char *type,
			    const char *help)
{
	text->name = name;
	text->left_out = text->set == METRICS_FLEET && is_only_in_all(name);
	if (!text->left_out)
		fprintf(text->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Escaped as the format requires within quotes. */
static void write_escaped(FILE *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '"' || *value == '\\')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value, out);
	}
}

/* A sample. suffix: "" except for histograms; labels: NULL-terminated, or NULL. */
static void write_sample(struct metrics_format *text, const char *suffix, const char *const *labels,
			 const char *value)
{
	const char *separator = "{";

	if (text->left_out)
		return;
	fprintf(text->out, "%s%s", text->name, suffix);
	for (; labels && labels[0]; labels += 2) {
		fprintf(text->out, "%s%s=\"", separator, labels[0]);
		write_escaped(text->out, labels[1] ? labels[1] : "");
		fputc('"', text->out);
		separator = ",";
	}
	fprintf(text->out, "%s%s\n", *separator == ',' ? "} " : " ", value);
}

void metrics_format__part(struct metrics_format *text, const char *suffix,
			  const char *const *labels, uint64_t value)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%" PRIu64, value);
	write_sample(text, suffix, labels, buf);
}

void metrics_format__count(struct metrics_format *text, const char *const *labels, uint64_t value)
{
	metrics_format__part(text, "", labels, value);
}

void metrics_format__real(struct metrics_format *text, const char *const *labels, double value)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%.9g", value);
	write_sample(text, "", labels, buf);
}

void metrics_format__ns(struct metrics_format *text, const char *suffix, const char *const *labels,
			uint64_t ns)
{
	char buf[48];

	snprintf(buf, sizeof(buf), "%" PRIu64 ".%09" PRIu64, ns / NS_PER_S, ns % NS_PER_S);
	write_sample(text, suffix, labels, buf);
}

void metrics_format__counter(struct metrics_format *text, const char *name, uint64_t value,
			     const char *help)
{
	metrics_format__family(text, name, "counter", help);
	metrics_format__count(text, NULL, value);
}

void metrics_format__gauge(struct metrics_format *text, const char *name, uint64_t value,
			   const char *help)
{
	metrics_format__family(text, name, "gauge", help);
	metrics_format__count(text, NULL, value);
}

void metrics_format__gauge_real(struct metrics_format *text, const char *name, double value,
				const char *help)
{
	metrics_format__family(text, name, "gauge", help);
	metrics_format__real(text, NULL, value);
}

void metrics_format__seconds(struct metrics_format *text, const char *name, const char *type,
			     uint64_t ns, const char *help)
{
	metrics_format__family(text, name, type, help);
	metrics_format__ns(text, "", NULL, ns);
}
