// SPDX-License-Identifier: GPL-2.0-only
#include "render_sum.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "base/layout.h"
#include "base/names.h"
#include "trace_sum.h"

#define LABEL 11
#define INDENT 2
#define KERNEL_WIDTH 30
#define PAIR_INDENT 4

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define RESET "\033[0m"

static size_t width_of(const struct render_options *options)
{
	return options->width ? (size_t)options->width : LAYOUT_WIDTH;
}

static const char *day(char buf[32], uint64_t wall)
{
	time_t seconds = (time_t)(wall / 1000000000);
	struct tm tm;

	if (!wall || !gmtime_r(&seconds, &tm) || !strftime(buf, 32, "%Y-%m-%d", &tm))
		snprintf(buf, 32, "?");
	return buf;
}

/* "2026-11-02", or "2026-11-02 to 2026-11-28" */
static const char *days(char buf[72], const struct trace_sum_counts *counts)
{
	char first[32], last[32];

	day(first, counts->first);
	day(last, counts->last);
	if (!strcmp(first, last))
		snprintf(buf, 72, "%s", first);
	else
		snprintf(buf, 72, "%s to %s", first, last);
	return buf;
}

static uint64_t incidents_of(const struct trace_sum_counts *counts)
{
	uint64_t all = 0;
	unsigned int v;

	for (v = 0; v < THPRACE_VERDICT_MAX; v++)
		all += counts->of[v];
	return all;
}

/* "3 files", or "3 files of 2 hosts" */
static const char *files_words(char buf[2 * NAMES_COUNTED_LEN], uint64_t files, uint64_t hosts)
{
	snprintf(buf, 2 * NAMES_COUNTED_LEN, "%s%s%s", COUNTED(files, "file"), hosts ? " of " : "",
		 hosts ? COUNTED(hosts, "host") : "");
	return buf;
}

static void print_files(FILE *out, const struct trace_sum *sum,
			const struct render_options *options)
{
	char skipped[NAMES_COUNTED_LEN + 16] = "", when[72], b[NAMES_NUMBER_LEN];
	char files[2 * NAMES_COUNTED_LEN];

	if (sum->skipped)
		snprintf(skipped, sizeof(skipped), ", %s skipped",
			 names__count(b, sizeof(b), sum->skipped));
	layout__line(out, width_of(options), LABEL, "files", "%s read%s; %s",
		     files_words(files, sum->files, sum->hosts), skipped,
		     COUNTED(sum->nr_kernels, "kernel"));
	if (incidents_of(&sum->counts))
		layout__line(out, width_of(options), LABEL, "incidents", "%s, %s",
			     names__count(b, sizeof(b), incidents_of(&sum->counts)),
			     days(when, &sum->counts));
	if (sum->lost)
		layout__line(out, width_of(options), LABEL, "loss",
			     "%s lost records: there, more may have happened than was seen",
			     COUNTED(sum->lost, "file"));
	if (sum->incomplete)
		layout__line(out, width_of(options), LABEL, "no end",
			     "%s without an end mark: being written, or interrupted",
			     COUNTED(sum->incomplete, "file"));
}

/* "2 escapes proved, 1 likely, 1,204 contained" */
static void count_words(char *text, size_t size, const struct trace_sum_counts *counts)
{
	const struct {
		const char *words;
		uint64_t nr;
	} parts[] = {
		{trace_sum__proved(counts) == 1 ? "escape proved" : "escapes proved",
		 trace_sum__proved(counts)},
		{"likely", counts->likely},
		{"unattributed", counts->of[THPRACE_UNATTRIBUTED]},
		{"remained", counts->of[THPRACE_REMAINED]},
		{"unproven", counts->of[THPRACE_UNPROVEN]},
		{"contained", counts->of[THPRACE_CONTAINED]},
	};
	char number[NAMES_NUMBER_LEN];
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].nr && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s %s",
						 used ? ", " : "",
						 names__count(number, sizeof(number), parts[i].nr),
						 parts[i].words);
}

static const char *name_of(char *buf, size_t size, const struct trace_sum_pair *pair, int utf8)
{
	if (pair->others)
		snprintf(buf, size, "others, of many pairs of stacks");
	else if (!pair->opener[0])
		snprintf(buf, size, "%s alone", pair->walker);
	else
		snprintf(buf, size, "%s %s %s", pair->opener, utf8 ? "↔" : "<->", pair->walker);
	return buf;
}

/* The frames of a stack, one each line. */
static void print_stack(FILE *out, const char *title, const char *stack)
{
	char frame[SUMMARY_NAME_LEN];
	const char *end;

	if (!*stack)
		return;
	fprintf(out, "%*s%s\n", 2 * PAIR_INDENT, "", title);
	for (; *stack; stack = end + 1) {
		end = strchrnul(stack, '\n');
		names__clean(frame, sizeof(frame), stack, (size_t)(end - stack), 0);
		fprintf(out, "%*s%s\n", 2 * PAIR_INDENT + 2, "", frame);
		if (!*end)
			break;
	}
}

static void print_pair(FILE *out, const struct trace_sum_pair *pair,
		       const struct render_options *options)
{
	char name[INCIDENT_GROUP_NAME_LEN], counts[160], when[72], file[256], text[1024];
	char length[NAMES_NUMBER_LEN], closest[64] = "", files[2 * NAMES_COUNTED_LEN];

	count_words(counts, sizeof(counts), &pair->counts);
	names__clean(file, sizeof(file), pair->example.file, SIZE_MAX, options->utf8);
	if (pair->has_closest)
		snprintf(closest, sizeof(closest), ", closest %s",
			 names__duration(length, sizeof(length), pair->closest, options->utf8));
	snprintf(text, sizeof(text), "%s: %s%s; in %s, %s; see incident %" PRIu64 " of %s",
		 name_of(name, sizeof(name), pair, options->utf8), counts, closest,
		 files_words(files, pair->counts.files, pair->counts.hosts),
		 days(when, &pair->counts), pair->example.number, file);
	fprintf(out, "%*s", PAIR_INDENT, "");
	layout__wrap(out, width_of(options), text, PAIR_INDENT, PAIR_INDENT + INDENT);
	if (!options->verbose || !options->stacks)
		return;
	print_stack(out, "opener", pair->opener_stack);
	print_stack(out, "walker", pair->walker_stack);
}

static void print_row(const struct layout_table *table, const struct trace_sum_row *row,
		      const struct render_options *options)
{
	const struct trace_sum_counts *counts = &row->counts;
	char kernel[SUMMARY_NAME_LEN], n[7][NAMES_NUMBER_LEN];
	size_t i;

	names__clean(kernel, sizeof(kernel), row->kernel[0] ? row->kernel : "unknown",
		     sizeof(kernel), options->utf8);
	layout__row(table, kernel,
		    (const char *const[]){
			    names__count(n[0], sizeof(n[0]), counts->files),
			    names__count(n[1], sizeof(n[1]), counts->of[THPRACE_CONTAINED]),
			    names__count(n[2], sizeof(n[2]), counts->of[THPRACE_ESCAPE]),
			    names__count(n[3], sizeof(n[3]), counts->likely),
			    names__count(n[4], sizeof(n[4]), counts->of[THPRACE_REMAINED]),
			    names__count(n[5], sizeof(n[5]), counts->of[THPRACE_UNATTRIBUTED]),
			    names__count(n[6], sizeof(n[6]), counts->of[THPRACE_UNPROVEN]),
		    },
		    options->colour && counts->of[THPRACE_ESCAPE] ? 2 : table->nr, RED, RESET);
	for (i = 0; i < row->nr_pairs && (options->verbose || i < options->incidents); i++)
		print_pair(table->out, row->pairs[i], options);
	if (i < row->nr_pairs)
		fprintf(table->out, "%*sand %s: see --verbose\n", PAIR_INDENT, "",
			COUNTED(row->nr_pairs - i, "pair"));
}

void render_sum__text(FILE *out, const struct trace_sum *sum, const struct render_options *options)
{
	static const struct layout_column columns[] = {
		{"files", 6},	 {"contained", 9},     {"escapes", 7},	{"likely", 6},
		{"remained", 8}, {"unattributed", 12}, {"unproven", 8},
	};
	const struct layout_table table = {
		.out = out,
		.width = width_of(options),
		.indent = INDENT,
		.name_width = KERNEL_WIDTH,
		.columns = columns,
		.nr = sizeof(columns) / sizeof(columns[0]),
	};
	const char *colour = options->colour ? BOLD : "", *reset = options->colour ? RESET : "";
	struct banner banner;
	size_t i;

	trace_sum__answer(&banner, sum);
	fputs(options->colour && banner.kind == BANNER_ESCAPE ? RED : colour, out);
	layout__wrap(out, width_of(options), banner.text, 0, INDENT);
	fputs(reset, out);
	print_files(out, sum, options);
	for (i = 0; i < sum->nr_rows; i++) {
		if (!i || strcmp(sum->rows[i]->class, sum->rows[i - 1]->class)) {
			fprintf(out, "\n%s%s%s\n", colour, sum->rows[i]->class, reset);
			layout__head(&table, "kernel");
		}
		print_row(&table, sum->rows[i], options);
	}
}
