// SPDX-License-Identifier: GPL-2.0-only
#include "render_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <thprace/trace.h>
#include "banner.h"
#include "base/layout.h"
#include "base/names.h"
#include "render_incidents.h"
#include "classes/race_class.h"
#include "summary.h"

#define LABEL 11
#define INDENT 2
#define BARS 40 /* the longest bar of a histogram … */
#define HISTOGRAM_REST 41 /* … and the text before it */
#define TASKS_SHOWN 10

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define RESET "\033[0m"

static size_t width_of(const struct render_options *options)
{
	return options->width ? (size_t)options->width : LAYOUT_WIDTH;
}

static void title(FILE *out, const struct render_options *options, const char *text)
{
	fprintf(out, "%s%s%s\n", options->colour ? BOLD : "", text, options->colour ? RESET : "");
}

static void heading(FILE *out, const struct render_options *options, const char *text)
{
	fputc('\n', out);
	title(out, options, text);
}

static const char *clean(char *buf, size_t size, const char *text, const char *missing,
			 const struct render_options *options)
{
	return names__clean(buf, size, text && *text ? text : missing, size, options->utf8);
}

static const char *count(char *buf, uint64_t value)
{
	return names__count(buf, NAMES_NUMBER_LEN, value);
}

static void print_when(FILE *out, const struct summary *summary,
		       const struct render_options *options)
{
	time_t wall = (time_t)(summary->header.started_wall / 1000000000);
	char when[64] = "at an unknown time", length[48] = "length not known";
	char b[NAMES_NUMBER_LEN];
	struct tm tm;

	if (summary->header.started_wall && gmtime_r(&wall, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	if (summary->seconds > 0 && summary->seconds < 1e12)
		snprintf(length, sizeof(length), "%.1f s", summary->seconds);
	layout__line(out, width_of(options), LABEL, "recorded",
		     "%s, %s; %s%s, %s around incidents, %s", when, length,
		     COUNTED(summary->records, "record"),
		     summary->header.flags & THPRACE_TF_ALL ? " (all: --all)" : "",
		     count(b, summary->context), COUNTED(summary->incidents, "incident"));
}

static void print_clock(FILE *out, const struct summary *summary,
			const struct render_options *options)
{
	char name[64], step[NAMES_NUMBER_LEN];

	if (!summary->clock_step)
		return;
	clean(name, sizeof(name), summary->clock_source, "unknown source", options);
	names__duration(step, sizeof(step), summary->clock_step, options->utf8);
	if (summary->clock_ticks)
		layout__line(
			out, width_of(options), LABEL, "clock",
			"%s, ticks every %s (measured): times have no finer digits, and within a tick no order",
			name, step);
	else
		layout__line(out, width_of(options), LABEL, "clock", "%s, finer than %s (measured)",
			     name, step);
}

/* An entry that saw nothing, whatever the cause. */
static void print_silent(FILE *out, const struct summary *summary,
			 const struct render_options *options)
{
	char point[32], why[256];
	size_t i;

	for (i = 0; i < summary->nr_silent; i++)
		layout__line(out, width_of(options), LABEL, "silent",
			     "%s: %s. What it serves was not observed",
			     clean(point, sizeof(point), summary->silent[i].point, "?", options),
			     clean(why, sizeof(why), summary->silent[i].reason, "?", options));
}

static void print_notes(FILE *out, const struct summary *summary,
			const struct render_options *options)
{
	char hints[SUMMARY_HINTS_MAX][SUMMARY_HINT_LEN], why[256];
	unsigned int i, nr_hints;

	for (i = 0; i < summary->nr_crash; i++)
		layout__line(out, width_of(options), LABEL, "crash", "%s",
			     clean(why, sizeof(why), summary->crash[i], "?", options));
	for (i = 0; i < summary->bad_blocks && i < SUMMARY_NOTES_MAX; i++)
		layout__line(out, width_of(options), LABEL, "damaged", "%s",
			     clean(why, sizeof(why), summary->notes[i], "?", options));
	if (summary->bad_blocks > SUMMARY_NOTES_MAX)
		layout__line(out, width_of(options), LABEL, "damaged", "%s",
			     COUNTED(summary->bad_blocks - SUMMARY_NOTES_MAX, "more block"));
	if (!summary->ended)
		layout__line(
			out, width_of(options), LABEL, "cut off",
			"the file has no end mark: the recording was interrupted, or the file is cut "
			"off. What follows was read before that.");
	if (!summary->has_meta)
		layout__line(out, width_of(options), LABEL, "note",
			     "no description (META) in the file: kernel and mode unknown");
	if (!summary->has_stats)
		layout__line(out, width_of(options), LABEL, "note",
			     "no counters (STATS) in the file: only incidents are counted");
	nr_hints = summary__hints(summary, hints);
	for (i = 0; i < nr_hints; i++)
		layout__line(out, width_of(options), LABEL, "hint", "%s", hints[i]);
}

/* The answer, what it is about, and what limits it. */
static void print_answer(FILE *out, const struct summary *summary,
			 const struct render_options *options)
{
	const char *colour = options->colour ? BOLD : "";
	struct banner banner;
	char kernel[SUMMARY_NAME_LEN], about[256];

	banner__of(&banner, summary);
	if (options->colour && banner.kind == BANNER_ESCAPE)
		colour = RED;
	fputs(colour, out);
	layout__wrap(out, width_of(options), banner.text, 0, INDENT);
	fputs(options->colour ? RESET : "", out);
	snprintf(about, sizeof(about), "kernel %s, %s mode",
		 clean(kernel, sizeof(kernel), summary->kernel, "unknown", options),
		 summary->mode < 0 ? "unknown" : names__mode((unsigned int)summary->mode));
	layout__wrap(out, width_of(options), about, 0, INDENT);
	print_silent(out, summary, options);
	print_notes(out, summary, options);
}

static void print_recording(FILE *out, const struct summary *summary,
			    const struct render_options *options)
{
	char a[256], b[64], command[512];

	heading(out, options, "recording");
	layout__line(out, width_of(options), LABEL, "kernel", "%s, %s, %s",
		     clean(a, sizeof(a), summary->kernel, "unknown", options),
		     clean(b, sizeof(b), summary->machine, "machine unknown", options),
		     COUNTED(summary->cpus, "CPU"));
	if (summary->mode == THPRACE_LIGHT)
		layout__line(
			out, width_of(options), LABEL, "mode", "%s",
			"light: nothing is attached between the clear and the decrement. The end of "
			"phase 1 is not seen; the counts of mappings decide.");
	else if (summary->mode == THPRACE_PRECISE)
		layout__line(
			out, width_of(options), LABEL, "mode", "%s",
			"precise: rmap removal is probed. Exact phase ends; the probe lengthens "
			"phase 1.");
	else
		layout__line(out, width_of(options), LABEL, "mode", "unknown");
	print_when(out, summary, options);
	print_clock(out, summary, options);
	if (summary->command[0])
		layout__line(out, width_of(options), LABEL, "command", "%s",
			     clean(command, sizeof(command), summary->command, "", options));
}

static const struct layout_column class_columns[] = {
	{"walkers", 10}, {"overlaps", 10},     {"contained", 10}, {"escapes", 9},
	{"remained", 9}, {"unattributed", 13}, {"unproven", 9},
};

static struct layout_table table_of(FILE *out, const struct render_options *options,
				    size_t name_width, const struct layout_column *columns,
				    size_t nr)
{
	return (struct layout_table){
		.out = out,
		.width = width_of(options),
		.indent = INDENT,
		.name_width = name_width,
		.columns = columns,
		.nr = nr,
	};
}

#define TABLE(name_width, columns) \
	table_of(out, options, name_width, columns, sizeof(columns) / sizeof((columns)[0]))

static void print_class(const struct layout_table *table, const struct summary *summary,
			unsigned int class, const struct render_options *options)
{
	static const char *const image[CHECK_STATUS_MAX] = {
		[CHECK_VULNERABLE] = "vulnerable: the kernel's image does not have the fix",
		[CHECK_CANNOT_HAPPEN] = "cannot happen, as the kernel's image shows",
	};
	const struct summary_class *counts = &summary->class[class];
	char n[7][NAMES_NUMBER_LEN], why[256], text[320];
	size_t escapes = options->colour && counts->escapes ? 3 : table->nr;

	if (counts->not_observable[0]) {
		clean(why, sizeof(why), counts->not_observable, "no reason given", options);
		snprintf(text, sizeof(text), "%s%s", names__blindness(why), why);
		layout__row_text(table, names__class(class), text);
		if (!counts->walkers && !counts->overlaps)
			return;
	}
	layout__row(table, counts->not_observable[0] ? "  before that" : names__class(class),
		    (const char *const[]){
			    summary->has_stats ? count(n[0], counts->walkers) : "-",
			    count(n[1], counts->overlaps),
			    count(n[2], counts->contained),
			    count(n[3], counts->escapes),
			    count(n[4], counts->remained),
			    count(n[5], counts->unattributed),
			    count(n[6], counts->unproven),
		    },
		    escapes, RED, RESET);
	if (counts->likely) {
		snprintf(text, sizeof(text), "%s of the escapes likely, not proved",
			 count(n[0], counts->likely));
		layout__row_text(table, "", text);
	}
	if (counts->checked && image[counts->check])
		layout__row_text(table, "", image[counts->check]);
	if (counts->remained)
		layout__row_text(table, "",
				 "remained: this kernel leaves pages mapped with nobody unmapping");
}

void render_text__classes(FILE *out, const struct summary *summary,
			  const struct render_options *options)
{
	const struct layout_table table = TABLE(17, class_columns);
	const struct summary_class *none = &summary->class[THPRACE_CLASS_NONE];
	unsigned int c;

	layout__head(&table, "class");
	for (c = THPRACE_CLASS_NONE + 1; c < race_class__foreign_end(); c++)
		print_class(&table, summary, c, options);
	if (none->walkers || none->overlaps || none->unattributed || none->unproven)
		print_class(&table, summary, THPRACE_CLASS_NONE, options);
}

/* A sentence below a heading. */
__attribute__((format(printf, 3, 4))) static void
sentence(FILE *out, const struct render_options *options, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(out, "%*s", INDENT, "");
	layout__wrap(out, width_of(options), text, INDENT, 2 * INDENT);
}

static void print_phase(FILE *out, const char *name, const struct histogram *phase,
			const struct render_options *options)
{
	char p50[NAMES_NUMBER_LEN], p99[NAMES_NUMBER_LEN], max[NAMES_NUMBER_LEN];
	int utf8 = options->utf8, bars = (int)width_of(options) - HISTOGRAM_REST;
	char nr[NAMES_NUMBER_LEN];

	if (!phase->count) {
		fprintf(out, "  %-42s none measured\n", name);
		return;
	}
	fprintf(out, width_of(options) < LAYOUT_WIDTH ? "  %s\n    " : "  %-42s ", name);
	fprintf(out, "%s   p50 %s   p99 %s", count(nr, phase->count),
		names__duration(p50, sizeof(p50), histogram__percentile(phase, 500), utf8),
		names__duration(p99, sizeof(p99), histogram__percentile(phase, 990), utf8));
	/* Not known for a part of a longer recording. */
	if (phase->max)
		fprintf(out, "   max %s", names__duration(max, sizeof(max), phase->max, utf8));
	fputc('\n', out);
	if (options->verbose)
		histogram__print(phase, out, 2 * INDENT, bars < BARS ? bars : BARS, utf8);
}

static void print_collapses(FILE *out, const struct summary *summary,
			    const struct render_options *options)
{
	char b[NAMES_NUMBER_LEN];

	if (!summary->collapses)
		return;
	sentence(out, options, "collapse_file ran %s, and failed %s",
		 COUNTED(summary->collapses, "time"), COUNTED(summary->collapses_failed, "time"));
	if (!summary->reuses)
		return;
	sentence(out, options,
		 "it was given the page of a failed one again %s, %s of them (%.1f %%) with "
		 "foreign references",
		 COUNTED(summary->reuses, "time"), count(b, summary->reuses_foreign),
		 100.0 * (double)summary->reuses_foreign / (double)summary->reuses);
}

static void print_windows(FILE *out, const struct summary *summary,
			  const struct render_options *options)
{
	char a[NAMES_NUMBER_LEN], b[NAMES_NUMBER_LEN], other[96] = "";
	int light = summary->mode == THPRACE_LIGHT;
	unsigned int class;

	title(out, options, "windows");
	if (!summary->has_stats) {
		fputs("  not counted\n", out);
		return;
	}
	if (summary->mismatches)
		snprintf(other, sizeof(other), ", %s named another folio than their rmap removal",
			 count(b, summary->mismatches));
	sentence(out, options, "%s at PMD level, %s at PTE level, %s touched one%s",
		 count(a, summary->windows), COUNTED(summary->pte_removals, "rmap removal"),
		 COUNTED(summary->touching, "walker"), other);
	if (!light || summary->phases[THPRACE_PHASE_1].count) {
		print_phase(out, "phase 1: lock held to rmap removed",
			    &summary->phases[THPRACE_PHASE_1], options);
		print_phase(out, "phase 2: rmap removed to return",
			    &summary->phases[THPRACE_PHASE_2], options);
	}
	print_phase(out, "whole: lock held to return", &summary->phases[THPRACE_PHASE_WHOLE],
		    options);
	print_collapses(out, summary, options);
	for (class = 1; class < race_class__foreign_end(); class ++)
		if (summary->class[class].measured)
			print_phase(out, names__class(class), &summary->class[class].lengths,
				    options);
}

static void print_tasks(FILE *out, const struct summary *summary,
			const struct render_options *options)
{
	static const struct layout_column columns[] = {
		{"pid", 10}, {"process", 10}, {"windows", 12}};
	const struct layout_table table = TABLE(16, columns);
	char windows[NAMES_NUMBER_LEN], comm[3 * THPRACE_COMM_LEN], pid[16], tgid[16];
	size_t i;

	if (!summary->nr_tasks)
		return;
	heading(out, options, "busiest tasks");
	layout__head(&table, "task");
	for (i = 0; i < summary->nr_tasks && i < TASKS_SHOWN; i++) {
		const struct summary_task *task = &summary->tasks[i];

		snprintf(pid, sizeof(pid), "%u", task->pid);
		snprintf(tgid, sizeof(tgid), "%u", task->tgid);
		layout__row(&table, clean(comm, sizeof(comm), task->comm, "?", options),
			    (const char *const[]){pid, tgid, count(windows, task->windows)},
			    table.nr, "", "");
	}
	if (i < summary->nr_tasks)
		fprintf(out, "  and %zu more\n", summary->nr_tasks - i);
}

void render_text__probe(FILE *out, size_t width, size_t indent, const struct render_probe *probe)
{
	const struct layout_table table = {
		.out = out, .width = width, .indent = indent, .name_width = 12};
	size_t start = indent + table.name_width + 1;
	char text[256];

	snprintf(text, sizeof(text), "%-32s %-17s %s", probe->function, probe->kind, probe->state);
	if (start + names__columns(text) <= width) {
		fprintf(out, "%*s%-12s %s\n", (int)indent, "", probe->point, text);
	} else {
		snprintf(text, sizeof(text), "%s, %s, %s", probe->function, probe->kind,
			 probe->state);
		layout__row_text(&table, probe->point, text);
	}
	if (!probe->reason[0])
		return;
	fprintf(out, "%*s", (int)start, "");
	layout__wrap(out, width, probe->reason, start, start);
}

/* Something is wrong with it: what it serves may be missing. */
static int probe_failed(const struct summary_probe *probe)
{
	return !strcmp(probe->state, "failed") || !strcmp(probe->state, "shed");
}

static void print_one_probe(FILE *out, const struct summary_probe *probe,
			    const struct render_options *options)
{
	char point[32], function[64], kind[32], state[32], reason[256];
	const struct render_probe fit = {
		.point = clean(point, sizeof(point), probe->point, "?", options),
		.function = clean(function, sizeof(function), probe->function, "-", options),
		.kind = clean(kind, sizeof(kind), probe->kind, "-", options),
		.state = clean(state, sizeof(state), probe->state, "?", options),
		.reason = clean(reason, sizeof(reason), probe->reason, "", options),
	};

	render_text__probe(out, width_of(options), INDENT, &fit);
}

static void print_probes(FILE *out, const struct summary *summary,
			 const struct render_options *options)
{
	size_t i, nr = 0;

	for (i = 0; i < summary->nr_probes; i++) {
		if (!options->verbose && !probe_failed(&summary->probes[i]))
			continue;
		if (!nr++)
			heading(out, options, "probes");
		print_one_probe(out, &summary->probes[i], options);
	}
}

static void print_programs(FILE *out, const struct summary *summary,
			   const struct render_options *options)
{
	static const struct layout_column columns[] = {
		{"runs", 14}, {"mean", 12}, {"missed", 10}, {"insns", 8}, {"verified", 10}};
	const struct layout_table table = TABLE(28, columns);
	char name[64], runs[NAMES_NUMBER_LEN], mean[NAMES_NUMBER_LEN], missed[NAMES_NUMBER_LEN];
	char insns[NAMES_NUMBER_LEN], verified[NAMES_NUMBER_LEN];
	size_t i, nr = 0;

	for (i = 0; i < summary->nr_programs; i++) {
		const struct summary_program *program = &summary->programs[i];
		const char *took = "-";

		if (!options->verbose && !program->missed)
			continue;
		if (!nr++) {
			heading(out, options,
				options->verbose ? "programs" : "programs that the kernel skipped");
			layout__head(&table, "program");
		}
		if (program->runs && program->run_ns)
			took = names__duration(mean, sizeof(mean), program->run_ns / program->runs,
					       options->utf8);
		layout__row(&table, clean(name, sizeof(name), program->name, "?", options),
			    (const char *const[]){
				    count(runs, program->runs),
				    took,
				    count(missed, program->missed),
				    count(insns, program->insns),
				    count(verified, program->verified),
			    },
			    table.nr, "", "");
	}
}

void render_text__loss(FILE *out, const struct summary *summary,
		       const struct render_options *options)
{
	char a[NAMES_NUMBER_LEN], b[NAMES_NUMBER_LEN], c[NAMES_NUMBER_LEN], d[NAMES_NUMBER_LEN];
	char causes[256] = "";
	size_t used = 0;
	unsigned int i;

	if (!summary->has_stats) {
		fputs("  not known\n", out);
		return;
	}
	sentence(out, options, "seen %s = submitted %s + filtered %s + lost %s%s",
		 count(a, summary->seen), count(b, summary->submitted), count(c, summary->filtered),
		 count(d, summary->lost_total),
		 summary__identity(summary) ? ""
					    : " DOES NOT HOLD: records went missing uncounted");
	if (!summary->lost_total)
		return;
	for (i = 0; i < THPRACE_LOSS_MAX && used < sizeof(causes); i++) {
		if (summary->lost[i])
			used += (size_t)snprintf(causes + used, sizeof(causes) - used, "%s %s %s",
						 used ? "," : "", names__loss(i),
						 count(a, summary->lost[i]));
	}
	sentence(out, options, "lost by cause:%s", used ? causes : " not known");
}

/* Ends with an empty line. */
static void print_incidents(FILE *out, const struct summary *summary,
			    const struct render_options *options)
{
	const struct summary_closest *closest[THPRACE_CLASS_MAX];
	const size_t nr = summary__closest(summary, closest);
	size_t i;

	if (nr) {
		heading(out, options, "closest pass");
		fprintf(out, "%snothing overlapped; %s came nearest\n\n",
			summary__overlaps(summary) ? "of other classes " : "",
			nr == 1 ? "this" : "these");
	}
	for (i = 0; i < nr; i++)
		render_incidents__closest(out, summary, closest[i], options);
	if (nr && !summary->incidents)
		return;
	(nr ? title : heading)(out, options, "incidents");
	if (!summary->incidents)
		fputs("  none\n", out);
	else
		render_incidents__groups(out, summary, options);
	if (!render_incidents__draw(out, summary, options))
		fputc('\n', out);
}

void render_text__report(FILE *out, const struct summary *summary,
			 const struct render_options *options)
{
	print_answer(out, summary, options);
	heading(out, options, "race classes");
	render_text__classes(out, summary, options);
	print_incidents(out, summary, options);
	print_windows(out, summary, options);
	print_tasks(out, summary, options);
	print_probes(out, summary, options);
	print_programs(out, summary, options);
	heading(out, options, "loss");
	render_text__loss(out, summary, options);
	print_recording(out, summary, options);
}
