// SPDX-License-Identifier: GPL-2.0-only
#include "page_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <thprace/trace.h>
#include "base/names.h"
#include "html.h"
#include "report/banner.h"
#include "page_files.h"
#include "page_build.h"

/*
 * Nothing is loaded, and only the style and the scripts of this program count: their hashes are
 * made at its build. Text of a trace that got out of its place could still not run.
 */
static const char head[] =
	"<!doctype html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"style-src 'sha256-" PAGE_STYLE_HASH "'; script-src 'sha256-" PAGE_LIBRARY_HASH
	"' 'sha256-" PAGE_SCRIPT_HASH "'; base-uri 'none'; form-action 'none'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<meta name=\"referrer\" content=\"no-referrer\">\n";

static void embed(FILE *out, const char *open, struct page_file file, const char *close)
{
	fputs(open, out);
	fwrite(file.text, 1, file.size, out);
	fputs(close, out);
}

static void fact(FILE *out, const char *name, const char *text)
{
	if (!*text)
		return;
	fprintf(out, "<div><dt>%s</dt><dd>", name);
	html__text(out, text);
	fputs("</dd></div>\n", out);
}

static void when(const struct summary *summary, char *text, size_t size)
{
	time_t wall = (time_t)(summary->header.started_wall / 1000000000);
	char date[64] = "at an unknown time";
	struct tm tm;

	if (summary->header.started_wall && gmtime_r(&wall, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm);
	if (summary->seconds > 0 && summary->seconds < 1e12)
		snprintf(text, size, "%s, %.1f s", date, summary->seconds);
	else
		snprintf(text, size, "%s, length not known", date);
}

/* What the answer looks like: the style has a colour for each. */
static void write_answer(FILE *out, const struct summary *summary)
{
	struct banner banner;

	banner__of(&banner, summary);
	fprintf(out, "<h1 class=\"answer %s\" id=\"answer\">", banner__name(banner.kind));
	html__text(out, banner.text);
	fputs("</h1>\n", out);
}

static void write_facts(FILE *out, const struct summary *summary)
{
	char text[256], records[NAMES_COUNTED_LEN], step[NAMES_NUMBER_LEN];

	fputs("<dl class=\"facts\">\n", out);
	fact(out, "Kernel", summary->kernel);
	snprintf(text, sizeof(text), "%s, %s", summary->machine[0] ? summary->machine : "unknown",
		 COUNTED(summary->cpus, "CPU"));
	fact(out, "Machine", text);
	fact(out, "Mode", summary->mode < 0 ? "" : names__mode((unsigned int)summary->mode));
	when(summary, text, sizeof(text));
	fact(out, "Recorded", text);
	names__counted(records, sizeof(records), summary->records + summary->context, "record");
	snprintf(text, sizeof(text), "%s%s, %s", records,
		 summary->header.flags & THPRACE_TF_ALL ? "" : " around incidents",
		 COUNTED(summary->incidents, "incident"));
	fact(out, "In the file", text);
	if (summary->clock_step) {
		names__duration(step, sizeof(step), summary->clock_step, 1);
		snprintf(text, sizeof(text), "%s, %s %s",
			 summary->clock_source[0] ? summary->clock_source : "unknown source",
			 summary->clock_ticks ? "ticks every" : "finer than", step);
		fact(out, "Clock", text);
	}
	fact(out, "Command", summary->command);
	fputs("</dl>\n", out);
}

static void note(FILE *out, const char *text)
{
	fputs("<li>", out);
	html__text(out, text);
	fputs("</li>\n", out);
}

/* What a reader has to know before all else. */
static void write_notes(FILE *out, const struct summary *summary)
{
	char hints[SUMMARY_HINTS_MAX][SUMMARY_HINT_LEN], text[SUMMARY_TEXT_LEN + 256];
	unsigned int i, nr = summary__hints(summary, hints);

	if (!nr && !summary->bad_blocks && summary->ended && summary->has_meta &&
	    summary->has_stats && !summary->nr_silent)
		return;
	fputs("<ul class=\"notes\" aria-label=\"Notes\">\n", out);
	for (i = 0; i < summary->bad_blocks && i < SUMMARY_NOTES_MAX; i++) {
		snprintf(text, sizeof(text), "Damaged: %s", summary->notes[i]);
		note(out, text);
	}
	if (!summary->ended)
		note(out, "The file has no end mark: the recording was interrupted, or the file is "
			  "cut off. This page shows what comes before that.");
	if (!summary->has_meta)
		note(out, "No description (META) in the file: kernel and mode are unknown.");
	if (!summary->has_stats)
		note(out, "No counters (STATS) in the file: only its incidents are counted.");
	for (i = 0; i < nr; i++)
		note(out, hints[i]);
	for (i = 0; i < summary->nr_silent; i++) {
		snprintf(text, sizeof(text), "Silent: %s: %s. What it serves was not observed.",
			 summary->silent[i].point, summary->silent[i].reason);
		note(out, text);
	}
	fputs("</ul>\n", out);
}

static void write_head(const struct page *page)
{
	FILE *out = page->out;

	fputs(head, out);
	fputs("<title>thprace: ", out);
	html__text(out, page->summary->kernel[0] ? page->summary->kernel : "report");
	fputs("</title>\n", out);
	embed(out, "<style>", page_files__style(), "</style>\n");
	fputs("</head>\n<body>\n<a class=\"skip\" href=\"#incidents\">Skip to the incidents</a>\n"
	      "<header>\n<p class=\"program\">thprace report</p>\n",
	      out);
	write_answer(out, page->summary);
	write_facts(out, page->summary);
	write_notes(out, page->summary);
	fputs("</header>\n<main>\n", out);
}

static void write_mail(const struct page *page)
{
	fputs("<section id=\"json\" aria-labelledby=\"json-title\">\n"
	      "<h2 id=\"json-title\">For a bug mail</h2>\n"
	      "<div id=\"mail\"><p>This file holds the whole report as JSON. Attach the file, or "
	      "the output of <code>thprace report --format json</code>.</p></div>\n"
	      "</section>\n",
	      page->out);
}

static void write_foot(const struct page *page)
{
	struct page_file licence = page_files__licence();
	FILE *out = page->out;

	fputs("</main>\n<footer>\n<p>Written by ", out);
	html__text(out, page->options->program);
	fputs(". Nothing was loaded to show this page. D3 draws the charts.</p>\n"
	      "<details><summary>The licence of D3</summary>\n"
	      "<pre tabindex=\"0\" role=\"group\" aria-label=\"Licence\">",
	      out);
	html__write(out, licence.text, licence.size);
	fputs("</pre></details>\n</footer>\n", out);
}

int page__write(FILE *out, const struct summary *summary, const struct page_options *options)
{
	struct page page = {.out = out, .summary = summary, .options = options};

	page.list = calloc(options->incidents + 1, sizeof(*page.list));
	if (!page.list)
		return -ENOMEM;
	page.nr = summary__matter(summary, page.list, options->incidents);
	write_head(&page);
	page_tables__classes(&page);
	page_groups__write(&page);
	page_tables__over_time(&page);
	page_tables__windows(&page);
	page_tables__loss(&page);
	page_tables__tasks(&page);
	page_tables__probes(&page);
	page_tables__programs(&page);
	write_mail(&page);
	write_foot(&page);
	page_data__write(&page);
	embed(out, "<script>", page_files__library(), "</script>\n");
	embed(out, "<script>", page_files__script(), "</script>\n");
	fputs("</body>\n</html>\n", out);
	free(page.list);
	return page.err;
}
