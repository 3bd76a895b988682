// SPDX-License-Identifier: GPL-2.0-only
/* The tables of the page. */
#include "page_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/trace.h>
#include "base/histogram.h"
#include "base/names.h"
#include "classes/race_class.h"
#include "html.h"

#define TASKS_SHOWN 20

/* A table that scrolls by itself in a narrow window. A '#' before a column: it has numbers. */
static void open_table(FILE *out, const char *caption, const char *const *columns, size_t nr)
{
	size_t i;

	fprintf(out,
		"<div class=\"scroll\" role=\"region\" aria-label=\"Table: %s\" tabindex=\"0\">"
		"<table><thead><tr>",
		caption);
	for (i = 0; i < nr; i++) {
		int number = *columns[i] == '#';

		fprintf(out, "<th scope=\"col\"%s>%s</th>", number ? " class=\"number\"" : "",
			columns[i] + number);
	}
	fputs("</tr></thead><tbody>\n", out);
}

static void close_table(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}

#define OPEN_TABLE(out, caption, columns) \
	open_table(out, caption, columns, sizeof(columns) / sizeof((columns)[0]))

static void open_section(FILE *out, const char *id, const char *title)
{
	fprintf(out,
		"<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n",
		id, id, id, title);
}

static void close_section(FILE *out)
{
	fputs("</section>\n", out);
}

/* The first cell of a row. */
static void name_cell(FILE *out, const char *text)
{
	fputs("<tr><th scope=\"row\">", out);
	html__text(out, text);
	fputs("</th>", out);
}

static void cell(FILE *out, const char *text)
{
	fputs("<td>", out);
	html__text(out, text);
	fputs("</td>", out);
}

/* kind: a class of the style for a count that is not 0. */
static void number_cell(FILE *out, uint64_t number, const char *kind)
{
	char text[NAMES_NUMBER_LEN];

	fprintf(out, "<td class=\"number%s%s\">%s</td>", number ? " " : " zero", number ? kind : "",
		names__count(text, sizeof(text), number));
}

static void text_cell(FILE *out, const char *text)
{
	fputs("<td class=\"number\">", out);
	html__text(out, text);
	fputs("</td>", out);
}

/* Nothing was counted because nothing could be seen: that is no 0. */
static int is_blind(const struct summary_class *class)
{
	return class->not_observable[0] && !class->walkers && !class->overlaps;
}

/* What the counts of a class do not say. */
static void write_class_note(FILE *out, const struct summary_class *class)
{
	char likely[NAMES_NUMBER_LEN];

	fputs("<td class=\"note\">", out);
	if (class->not_observable[0])
		html__say(out, "%s%s%s", names__blindness(class->not_observable),
			  class->not_observable, is_blind(class) ? "" : "; counted before that");
	else if (class->likely)
		html__say(out, "%s of the escapes likely, not proved",
			  names__count(likely, sizeof(likely), class->likely));
	else if (class->remained)
		html__say(out, "this kernel leaves pages mapped with nobody unmapping");
	fputs("</td></tr>\n", out);
}

/* Was the image of the kernel looked at, too? */
static int is_checked(const struct summary *summary)
{
	unsigned int c;

	for (c = THPRACE_CLASS_NONE + 1; c < race_class__foreign_end(); c++) {
		if (summary->class[c].checked)
			return 1;
	}
	return 0;
}

/* What it shows. */
static void check_cell(FILE *out, const struct summary_class *class)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;
	const char *kind = "";

	if (class->checked && class->check == CHECK_VULNERABLE)
		kind = " escape";
	else if (class->checked && class->check == CHECK_FIXED)
		kind = " contained";
	fprintf(out, "<td class=\"check%s\">%s</td>", kind,
		class->checked ? statuses[class->check] : "");
}

static void write_class(FILE *out, const struct summary *summary, unsigned int c)
{
	const struct summary_class *class = &summary->class[c];
	const struct {
		uint64_t count;
		const char *kind;
	} cells[] = {
		{class->walkers, ""},
		{class->overlaps, ""},
		{class->contained, "contained"},
		{class->escapes, "escape"},
		{class->remained, "doubt"},
		{class->unattributed, "doubt"},
		{class->unproven, "doubt"},
	};
	size_t i;

	name_cell(out, names__class(c));
	for (i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		if (is_blind(class) || (!i && !summary->has_stats))
			text_cell(out, "-");
		else
			number_cell(out, cells[i].count, cells[i].kind);
	}
	if (is_checked(summary))
		check_cell(out, class);
	write_class_note(out, class);
}

void page_tables__classes(const struct page *page)
{
	static const char *const counts[] = {"class",	      "#walkers",  "#overlaps",
					     "#contained",    "#escapes",  "#remained",
					     "#unattributed", "#unproven", "note"};
	static const char *const checked[] = {"class",	       "#walkers",  "#overlaps",
					      "#contained",    "#escapes",  "#remained",
					      "#unattributed", "#unproven", "by its image",
					      "note"};
	const struct summary_class *none = &page->summary->class[THPRACE_CLASS_NONE];
	unsigned int c;

	open_section(page->out, "classes", "Race classes");
	if (is_checked(page->summary))
		OPEN_TABLE(page->out, "Race classes", checked);
	else
		OPEN_TABLE(page->out, "Race classes", counts);
	for (c = THPRACE_CLASS_NONE + 1; c < race_class__foreign_end(); c++)
		write_class(page->out, page->summary, c);
	if (none->walkers || none->overlaps || none->unattributed || none->unproven)
		write_class(page->out, page->summary, THPRACE_CLASS_NONE);
	close_table(page->out);
	close_section(page->out);
}

/* The script draws the histogram instead of the text. */
static void write_phase(const struct page *page, unsigned int phase,
			const struct histogram *lengths, const char *title)
{
	char p50[NAMES_NUMBER_LEN], p99[NAMES_NUMBER_LEN], max[NAMES_NUMBER_LEN], *text = NULL;
	size_t size = 0;
	FILE *draw;

	if (!lengths->count)
		return;
	fprintf(page->out, "<div class=\"phase\" data-phase=\"%u\"><h3>%s</h3>\n<p>", phase, title);
	html__say(page->out, "%s, p50 %s, p99 %s", COUNTED(lengths->count, "window"),
		  names__duration(p50, sizeof(p50), histogram__percentile(lengths, 500), 1),
		  names__duration(p99, sizeof(p99), histogram__percentile(lengths, 990), 1));
	if (lengths->max)
		html__say(page->out, ", max %s",
			  names__duration(max, sizeof(max), lengths->max, 1));
	fprintf(page->out,
		"</p>\n<pre class=\"histogram\" tabindex=\"0\" role=\"group\" aria-label=\"Histogram: %s\">",
		title);
	draw = open_memstream(&text, &size);
	if (draw) {
		histogram__print(lengths, draw, 0, 30, 1);
		fclose(draw);
		html__write(page->out, text, size);
		free(text);
	}
	fputs("</pre></div>\n", page->out);
}

/* Windows of races from files: the report's JSON has them after the phases. */
static void write_races(const struct page *page)
{
	unsigned int c, phase = THPRACE_PHASE_MAX;
	const struct summary_class *class;

	for (c = 1; c < race_class__foreign_end(); c++) {
		class = &page->summary->class[c];
		if (class->measured)
			write_phase(page, phase++, &class->lengths, names__class(c));
	}
}

void page_tables__windows(const struct page *page)
{
	static const char *const titles[THPRACE_PHASE_MAX] = {
		[THPRACE_PHASE_1] = "Phase 1: lock held to rmap removed",
		[THPRACE_PHASE_2] = "Phase 2: rmap removed to return",
		[THPRACE_PHASE_WHOLE] = "Whole: lock held to return",
	};
	const struct summary *summary = page->summary;
	char windows[NAMES_NUMBER_LEN];
	unsigned int i;

	open_section(page->out, "windows", "How long windows are");
	fputs("<p>", page->out);
	if (!summary->has_stats)
		html__say(page->out, "Not counted.");
	else
		html__say(page->out, "%s windows at PMD level, %s at PTE level. %s touched one.",
			  names__count(windows, sizeof(windows), summary->windows),
			  COUNTED(summary->pte_removals, "rmap removal"),
			  COUNTED(summary->touching, "walker"));
	if (summary->collapses)
		html__say(page->out, " collapse_file ran %s and failed %s.",
			  COUNTED(summary->collapses, "time"),
			  COUNTED(summary->collapses_failed, "time"));
	fputs("</p>\n<div class=\"phases\">\n", page->out);
	for (i = 0; i < THPRACE_PHASE_MAX; i++)
		write_phase(page, i, &summary->phases[i], titles[i]);
	write_races(page);
	fputs("</div>\n", page->out);
	close_section(page->out);
}

static void offset_cell(FILE *out, const struct summary *summary, uint64_t when)
{
	char text[NAMES_NUMBER_LEN];

	text_cell(out, when ? names__offset(text, sizeof(text),
					    (int64_t)(when - summary->header.started))
			    : "not known");
}

static void write_losses(FILE *out, const struct summary *summary)
{
	static const char *const columns[] = {"cause", "#records", "#CPU", "#not before (s)",
					      "#not after (s)"};
	const struct activity *activity = &summary->activity;
	size_t i;

	if (!activity->nr_losses)
		return;
	OPEN_TABLE(out, "Where records were lost", columns);
	for (i = 0; i < activity->nr_losses; i++) {
		const struct activity_loss *loss = &activity->losses[i];

		name_cell(out, names__loss(loss->cause));
		number_cell(out, loss->count, "doubt");
		number_cell(out, loss->cpu, "");
		offset_cell(out, summary, loss->from);
		offset_cell(out, summary, loss->to);
		fputs("</tr>\n", out);
	}
	close_table(out);
	if (activity->more_losses) {
		fputs("<p>", out);
		html__say(out, "And at %s.", COUNTED(activity->more_losses, "more place"));
		fputs("</p>\n", out);
	}
}

void page_tables__over_time(const struct page *page)
{
	uint64_t windows = 0, walkers = 0, incidents = 0;
	const struct summary *summary = page->summary;
	char a[NAMES_NUMBER_LEN];
	unsigned int i;

	if (!summary->activity.length && !summary->activity.nr_losses)
		return;
	for (i = 0; i < ACTIVITY_PARTS; i++) {
		windows += summary->activity.parts[i].windows;
		walkers += summary->activity.parts[i].walkers;
		incidents += summary->activity.parts[i].incidents;
	}
	open_section(page->out, "over-time", "Over time");
	fputs("<p>", page->out);
	html__say(page->out, "%s windows, %s and %s have a time in the file",
		  names__count(a, sizeof(a), windows), COUNTED(walkers, "walker"),
		  COUNTED(incidents, "incident"));
	html__say(page->out, "%s",
		  summary->header.flags & THPRACE_TF_ALL
			  ? "."
			  : ": only records around incidents are kept, unless --all is given.");
	fputs("</p>\n<div class=\"chart\" data-chart=\"activity\"></div>\n", page->out);
	write_losses(page->out, summary);
	close_section(page->out);
}

void page_tables__loss(const struct page *page)
{
	static const char *const columns[] = {"cause", "#records"};
	const struct summary *summary = page->summary;
	char a[NAMES_NUMBER_LEN], b[NAMES_NUMBER_LEN], c[NAMES_NUMBER_LEN], d[NAMES_NUMBER_LEN];
	unsigned int i;

	open_section(page->out, "loss", "Loss");
	fputs("<p id=\"loss-sum\">", page->out);
	if (!summary->has_stats)
		html__say(page->out, "Not known: the file has no counters.");
	else
		html__say(page->out, "Seen %s = submitted %s + filtered %s + lost %s%s.",
			  names__count(a, sizeof(a), summary->seen),
			  names__count(b, sizeof(b), summary->submitted),
			  names__count(c, sizeof(c), summary->filtered),
			  names__count(d, sizeof(d), summary->lost_total),
			  summary__identity(summary)
				  ? ""
				  : " DOES NOT HOLD: records went missing uncounted");
	fputs("</p>\n", page->out);
	if (summary->lost_total) {
		OPEN_TABLE(page->out, "Loss by cause", columns);
		for (i = 0; i < THPRACE_LOSS_MAX; i++) {
			if (!summary->lost[i])
				continue;
			name_cell(page->out, names__loss(i));
			number_cell(page->out, summary->lost[i], "doubt");
			fputs("</tr>\n", page->out);
		}
		close_table(page->out);
	}
	close_section(page->out);
}

/* A section that is folded: the reader comes for it rarely. */
static void open_folded(FILE *out, const char *id, const char *title)
{
	fprintf(out, "<details class=\"section\" id=\"%s\"><summary><h2>%s</h2></summary>\n", id,
		title);
}

static void close_folded(FILE *out)
{
	fputs("</details>\n", out);
}

void page_tables__tasks(const struct page *page)
{
	static const char *const columns[] = {"task", "#thread", "#process", "#windows"};
	const struct summary *summary = page->summary;
	char text[NAMES_NUMBER_LEN], comm[THPRACE_COMM_LEN + 1];
	size_t i;

	if (!summary->nr_tasks)
		return;
	open_folded(page->out, "tasks", "Busiest tasks");
	OPEN_TABLE(page->out, "Busiest tasks", columns);
	for (i = 0; i < summary->nr_tasks && i < TASKS_SHOWN; i++) {
		const struct summary_task *task = &summary->tasks[i];

		snprintf(comm, sizeof(comm), "%.*s", THPRACE_COMM_LEN, task->comm);
		name_cell(page->out, comm);
		snprintf(text, sizeof(text), "%" PRIu32, task->pid);
		text_cell(page->out, text);
		snprintf(text, sizeof(text), "%" PRIu32, task->tgid);
		text_cell(page->out, text);
		number_cell(page->out, task->windows, "");
		fputs("</tr>\n", page->out);
	}
	close_table(page->out);
	if (i < summary->nr_tasks)
		fprintf(page->out, "<p>And %zu more.</p>\n", summary->nr_tasks - i);
	close_folded(page->out);
}

void page_tables__probes(const struct page *page)
{
	static const char *const columns[] = {"point", "function", "kind", "state", "reason"};
	const struct summary *summary = page->summary;
	size_t i;

	if (!summary->nr_probes)
		return;
	open_folded(page->out, "probes", "Probes");
	OPEN_TABLE(page->out, "Probes", columns);
	for (i = 0; i < summary->nr_probes; i++) {
		const struct summary_probe *probe = &summary->probes[i];

		name_cell(page->out, probe->point);
		cell(page->out, probe->function);
		cell(page->out, probe->kind);
		cell(page->out, probe->state);
		fputs("<td class=\"note\">", page->out);
		html__text(page->out, probe->reason);
		fputs("</td></tr>\n", page->out);
	}
	close_table(page->out);
	close_folded(page->out);
}

void page_tables__programs(const struct page *page)
{
	static const char *const columns[] = {"program", "#runs", "#mean", "#missed",
					      "#instructions"};
	const struct summary *summary = page->summary;
	char mean[NAMES_NUMBER_LEN];
	size_t i;

	if (!summary->nr_programs)
		return;
	open_folded(page->out, "programs", "Programs and their cost");
	OPEN_TABLE(page->out, "Programs", columns);
	for (i = 0; i < summary->nr_programs; i++) {
		const struct summary_program *program = &summary->programs[i];

		name_cell(page->out, program->name);
		number_cell(page->out, program->runs, "");
		text_cell(page->out, program->runs && program->run_ns
					     ? names__duration(mean, sizeof(mean),
							       program->run_ns / program->runs, 1)
					     : "-");
		number_cell(page->out, program->missed, "doubt");
		number_cell(page->out, program->insns, "");
		fputs("</tr>\n", page->out);
	}
	close_table(page->out);
	close_folded(page->out);
}
