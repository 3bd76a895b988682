// SPDX-License-Identifier: GPL-2.0-only
#include "render_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <thprace/trace.h>
#include "diagram.h"
#include "names.h"
#include "summary.h"

#define WIDTH 100
#define LABEL 11
#define REASON_COLUMN 20 /* behind the name of a class */
#define TASKS_SHOWN 10

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define RESET "\033[0m"

static void heading(FILE *out, const struct render_options *options, const char *title)
{
	fprintf(out, "\n%s%s%s\n", options->colour ? BOLD : "", title,
		options->colour ? RESET : "");
}

/* "label      text", the text broken at WIDTH and indented by LABEL. */
__attribute__((format(printf, 3, 4))) static void line(FILE *out, const char *label,
						       const char *format, ...)
{
	char text[1024], *word, *rest = NULL;
	size_t at = LABEL, columns;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(out, "%-*s", LABEL, label);
	for (word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		columns = names__columns(word);
		if (at > LABEL && at + 1 + columns > WIDTH) {
			fprintf(out, "\n%*s", LABEL, "");
			at = LABEL;
		}
		at += columns + (at > LABEL);
		fprintf(out, "%s%s", at > LABEL + columns ? " " : "", word);
	}
	fputc('\n', out);
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

static void print_when(FILE *out, const struct summary *summary)
{
	time_t wall = (time_t)(summary->header.started_wall / 1000000000);
	char when[64] = "at an unknown time", a[NAMES_NUMBER_LEN], b[NAMES_NUMBER_LEN];
	char c[NAMES_NUMBER_LEN], length[48] = "length not known";
	struct tm tm;

	if (summary->header.started_wall && gmtime_r(&wall, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	if (summary->seconds > 0 && summary->seconds < 1e12)
		snprintf(length, sizeof(length), "%.1f s", summary->seconds);
	line(out, "recorded", "%s, %s; %s records%s, %s around incidents, %s incidents", when,
	     length, count(a, summary->records),
	     summary->header.flags & THPRACE_TF_ALL ? " (all: --all)" : "",
	     count(b, summary->context), count(c, summary->incidents));
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
		line(out, "clock",
		     "%s, ticks every %s (measured): times have no finer digits, and within a tick no order",
		     name, step);
	else
		line(out, "clock", "%s, finer than %s (measured)", name, step);
}

/* An entry that saw nothing, whatever the cause. */
static void print_silent(FILE *out, const struct summary *summary,
			 const struct render_options *options)
{
	char point[32], why[256];
	size_t i;

	for (i = 0; i < summary->nr_silent; i++)
		line(out, "silent", "%s: %s. What it serves was not observed",
		     clean(point, sizeof(point), summary->silent[i].point, "?", options),
		     clean(why, sizeof(why), summary->silent[i].reason, "?", options));
}

static void print_notes(FILE *out, const struct summary *summary,
			const struct render_options *options)
{
	char why[256];
	unsigned int i;

	for (i = 0; i < summary->bad_blocks && i < SUMMARY_NOTES_MAX; i++)
		line(out, "damaged", "%s",
		     clean(why, sizeof(why), summary->notes[i], "?", options));
	if (summary->bad_blocks > SUMMARY_NOTES_MAX)
		line(out, "damaged", "%u more blocks", summary->bad_blocks - SUMMARY_NOTES_MAX);
	if (!summary->ended)
		line(out, "cut off",
		     "the file has no end mark: the recording was interrupted, or the file is not "
		     "whole. What follows is what was read before.");
	if (!summary->has_meta)
		line(out, "note", "no description (META) in the file: kernel and mode unknown");
	if (!summary->has_stats)
		line(out, "note", "no counters (STATS) in the file: only incidents are counted");
}

static void print_header(FILE *out, const struct summary *summary,
			 const struct render_options *options)
{
	char a[256], b[64], command[512];

	line(out, "kernel", "%s, %s, %u CPUs",
	     clean(a, sizeof(a), summary->kernel, "unknown", options),
	     clean(b, sizeof(b), summary->machine, "machine unknown", options), summary->cpus);
	if (summary->mode == THPRACE_LIGHT)
		line(out, "mode", "%s",
		     "light: nothing is attached between the clear and the decrement. The end of "
		     "phase 1 is not seen, the proof decides; PTE-level escapes stay "
		     "unattributed.");
	else if (summary->mode == THPRACE_PRECISE)
		line(out, "mode", "%s",
		     "precise: rmap removal is probed. Exact phase ends, PTE-level attribution; "
		     "the probe lengthens phase 1.");
	else
		line(out, "mode", "unknown");
	print_when(out, summary);
	print_clock(out, summary, options);
	if (summary->command[0])
		line(out, "command", "%s",
		     clean(command, sizeof(command), summary->command, "", options));
	print_silent(out, summary, options);
	print_notes(out, summary, options);
}

/* Words from column `indent` on, in as many lines of that as they need. Ends the last line. */
static void print_words(FILE *out, const char *text, size_t indent)
{
	size_t column = indent, length;
	const char *end;

	for (; *text; text = end + strspn(end, " ")) {
		end = text + strcspn(text, " ");
		length = (size_t)(end - text);
		if (column > indent && column + 1 + length > WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", (int)length, text);
		column += length;
	}
	fputc('\n', out);
}

static void print_class(FILE *out, const struct summary *summary, unsigned int class,
			const struct render_options *options)
{
	const struct summary_class *counts = &summary->class[class];
	char n[6][NAMES_NUMBER_LEN], why[256], text[320];
	int red = options->colour && counts->escapes;

	if (counts->not_observable[0] && !counts->walkers && !counts->overlaps) {
		clean(why, sizeof(why), counts->not_observable, "no reason given", options);
		fprintf(out, "  %-17s ", names__class(class));
		snprintf(text, sizeof(text), "%s%s", names__blindness(why), why);
		print_words(out, text, REASON_COLUMN);
		return;
	}
	fprintf(out, "  %-17s %12s %12s %12s %s%12s%s %13s %12s\n", names__class(class),
		count(n[0], counts->walkers), count(n[1], counts->overlaps),
		count(n[2], counts->contained), red ? RED : "", count(n[3], counts->escapes),
		red ? RESET : "", count(n[4], counts->unattributed), count(n[5], counts->unproven));
}

void render_text__classes(FILE *out, const struct summary *summary,
			  const struct render_options *options)
{
	const struct summary_class *none = &summary->class[THPRACE_CLASS_NONE];
	unsigned int c;

	fprintf(out, "  %-17s %12s %12s %12s %12s %13s %12s\n", "class", "walkers", "overlaps",
		"contained", "escapes", "unattributed", "unproven");
	for (c = THPRACE_CLASS_NONE + 1; c < THPRACE_CLASS_MAX; c++)
		print_class(out, summary, c, options);
	if (none->walkers || none->overlaps || none->unattributed || none->unproven)
		print_class(out, summary, THPRACE_CLASS_NONE, options);
}

static void print_phase(FILE *out, const char *title, const struct histogram *phase,
			const struct render_options *options)
{
	char p50[NAMES_NUMBER_LEN], p99[NAMES_NUMBER_LEN], max[NAMES_NUMBER_LEN];
	char nr[NAMES_NUMBER_LEN];
	int utf8 = options->utf8;

	if (!phase->count) {
		fprintf(out, "  %-42s none measured\n", title);
		return;
	}
	fprintf(out, "  %-42s %s   p50 %s   p99 %s   max %s\n", title, count(nr, phase->count),
		names__duration(p50, sizeof(p50), histogram__percentile(phase, 500), utf8),
		names__duration(p99, sizeof(p99), histogram__percentile(phase, 990), utf8),
		names__duration(max, sizeof(max), phase->max, utf8));
	histogram__print(phase, out, 4, 40, utf8);
}

static void print_collapses(FILE *out, const struct summary *summary)
{
	char a[NAMES_NUMBER_LEN], b[NAMES_NUMBER_LEN];

	if (!summary->collapses)
		return;
	fprintf(out, "  collapse_file ran %s times, and failed %s times\n",
		count(a, summary->collapses), count(b, summary->collapses_failed));
	if (!summary->reuses)
		return;
	fprintf(out,
		"  it was given the page of a failed one again %s times, %s of them (%.1f %%) with "
		"foreign references\n",
		count(a, summary->reuses), count(b, summary->reuses_foreign),
		100.0 * (double)summary->reuses_foreign / (double)summary->reuses);
}

static void print_windows(FILE *out, const struct summary *summary,
			  const struct render_options *options)
{
	char a[NAMES_NUMBER_LEN], b[NAMES_NUMBER_LEN], c[NAMES_NUMBER_LEN];
	int light = summary->mode == THPRACE_LIGHT;

	heading(out, options, "windows");
	fprintf(out, "  %s at PMD level, %s rmap removals at PTE level, %s walkers touched one",
		count(a, summary->windows), count(b, summary->pte_removals),
		count(c, summary->touching));
	if (summary->mismatches)
		fprintf(out, ", %s named another folio than their rmap removal",
			count(a, summary->mismatches));
	fputc('\n', out);
	if (!light || summary->phases[SUMMARY_PHASE_1].count) {
		print_phase(out, "phase 1: lock held to rmap removed",
			    &summary->phases[SUMMARY_PHASE_1], options);
		print_phase(out, "phase 2: rmap removed to return",
			    &summary->phases[SUMMARY_PHASE_2], options);
	}
	print_phase(out, "whole: lock held to return", &summary->phases[SUMMARY_PHASE_WHOLE],
		    options);
	print_collapses(out, summary);
}

static void print_tasks(FILE *out, const struct summary *summary,
			const struct render_options *options)
{
	char windows[NAMES_NUMBER_LEN], walks[NAMES_NUMBER_LEN], comm[3 * THPRACE_COMM_LEN];
	size_t i;

	if (!summary->nr_tasks)
		return;
	heading(out, options, "busiest tasks");
	fprintf(out, "  %-16s %10s %10s %12s %12s\n", "task", "pid", "process", "windows", "walks");
	for (i = 0; i < summary->nr_tasks && i < TASKS_SHOWN; i++) {
		const struct summary_task *task = &summary->tasks[i];

		clean(comm, sizeof(comm), task->comm, "?", options);
		fprintf(out, "  %s%*s %10u %10u %12s %12s\n", comm, 16 - (int)names__columns(comm),
			"", task->pid, task->tgid, count(windows, task->windows),
			count(walks, task->walks));
	}
	if (i < summary->nr_tasks)
		fprintf(out, "  and %zu more\n", summary->nr_tasks - i);
}

static void print_probes(FILE *out, const struct summary *summary,
			 const struct render_options *options)
{
	char point[32], function[64], kind[32], state[32], reason[256];
	size_t i;

	if (!summary->nr_probes)
		return;
	heading(out, options, "probes");
	for (i = 0; i < summary->nr_probes; i++) {
		const struct summary_probe *probe = &summary->probes[i];

		fprintf(out, "  %-12s %-30s %-18s %s%s%s\n",
			clean(point, sizeof(point), probe->point, "?", options),
			clean(function, sizeof(function), probe->function, "-", options),
			clean(kind, sizeof(kind), probe->kind, "-", options),
			clean(state, sizeof(state), probe->state, "?", options),
			probe->reason[0] ? ": " : "",
			clean(reason, sizeof(reason), probe->reason, "", options));
	}
}

static void print_programs(FILE *out, const struct summary *summary,
			   const struct render_options *options)
{
	char name[64], runs[NAMES_NUMBER_LEN], mean[NAMES_NUMBER_LEN], missed[NAMES_NUMBER_LEN];
	size_t i;

	if (!summary->nr_programs)
		return;
	heading(out, options, "programs");
	fprintf(out, "  %-28s %14s %12s %10s %8s %10s\n", "program", "runs", "mean", "missed",
		"insns", "verified");
	for (i = 0; i < summary->nr_programs; i++) {
		const struct summary_program *program = &summary->programs[i];
		const char *took = "-";

		if (program->runs && program->run_ns)
			took = names__duration(mean, sizeof(mean), program->run_ns / program->runs,
					       options->utf8);
		fprintf(out, "  %-28s %14s %*s%s %10s %8" PRIu64 " %10" PRIu64 "\n",
			clean(name, sizeof(name), program->name, "?", options),
			count(runs, program->runs), 12 - (int)names__columns(took), "", took,
			count(missed, program->missed), program->insns, program->verified);
	}
}

void render_text__loss(FILE *out, const struct summary *summary)
{
	char a[NAMES_NUMBER_LEN], b[NAMES_NUMBER_LEN], c[NAMES_NUMBER_LEN], d[NAMES_NUMBER_LEN];
	unsigned int i, nr = 0;

	if (!summary->has_stats) {
		fputs("  not known\n", out);
		return;
	}
	fprintf(out, "  seen %s = submitted %s + filtered %s + lost %s%s\n",
		count(a, summary->seen), count(b, summary->submitted), count(c, summary->filtered),
		count(d, summary->lost_total),
		summary__identity(summary) ? ""
					   : "   DOES NOT HOLD: records went missing uncounted");
	if (!summary->lost_total)
		return;
	fputs("  lost by cause:", out);
	for (i = 0; i < THPRACE_LOSS_MAX; i++) {
		if (summary->lost[i])
			fprintf(out, "%s %s %s", nr++ ? "," : "", names__loss(i),
				count(a, summary->lost[i]));
	}
	fprintf(out, "%s\n", nr ? "" : " not known");
}

static void print_incidents(FILE *out, const struct summary *summary,
			    const struct render_options *options)
{
	struct diagram_options how = {
		.utf8 = options->utf8, .colour = options->colour, .stacks = options->stacks};
	const struct summary_incident **list;
	char all[NAMES_NUMBER_LEN];
	size_t nr, i;

	if (!summary__overlaps(summary) && summary->has_closest) {
		heading(out, options, "closest pass");
		fputs("nothing overlapped; this came nearest\n\n", out);
		diagram__closest(out, summary, summary->closest_distance, &summary->closest_window,
				 &summary->closest_walk, &how);
	} else if (!summary->incidents) {
		heading(out, options, "incidents");
		fputs("  none\n", out);
	}
	if (!options->incidents || !summary->incidents)
		return;
	list = calloc(options->incidents, sizeof(*list));
	if (!list)
		return;
	nr = summary__matter(summary, list, options->incidents);
	heading(out, options, "incidents");
	fprintf(out, "the %zu that matter most of %s\n\n", nr, count(all, summary->incidents));
	for (i = 0; i < nr; i++)
		diagram__incident(out, summary, list[i]->number, &list[i]->incident, &how);
	if (nr < summary->incidents)
		fputs("'thprace dump FILE' prints all of them\n", out);
	free(list);
}

void render_text__report(FILE *out, const struct summary *summary,
			 const struct render_options *options)
{
	print_header(out, summary, options);
	heading(out, options, "race classes");
	render_text__classes(out, summary, options);
	print_windows(out, summary, options);
	print_tasks(out, summary, options);
	print_probes(out, summary, options);
	print_programs(out, summary, options);
	heading(out, options, "loss");
	render_text__loss(out, summary);
	print_incidents(out, summary, options);
}
