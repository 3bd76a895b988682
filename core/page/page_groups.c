// SPDX-License-Identifier: GPL-2.0-only
/* The incidents, group by group: what each has in common, and one of them as text. */
#include "page_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "base/names.h"
#include "classes/race_class.h"
#include "html.h"
#include "report/diagram.h"
#include "report/incident_groups.h"
#include "report/stack_names.h"

#define UNFOLDED 6 /* groups that a reader sees at once */

/* Run a drawing into memory, and write it as text. */
static void write_drawing(struct page *page, const char *label,
			  void (*draw)(FILE *out, const struct page *page, const void *what),
			  const void *what)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		page->err = -ENOMEM;
		return;
	}
	draw(out, page, what);
	if (fclose(out))
		page->err = -ENOMEM;
	fprintf(page->out,
		"<pre class=\"drawing\" tabindex=\"0\" role=\"group\" aria-label=\"%s\">", label);
	if (text)
		html__write(page->out, text, size);
	fputs("</pre>\n", page->out);
	free(text);
}

static void draw_incident(FILE *out, const struct page *page, const void *what)
{
	const struct diagram_options options = {.utf8 = 1};
	const struct summary_incident *incident = what;

	diagram__incident(out, page->summary, incident->number, &incident->incident, &options);
}

static void draw_closest(FILE *out, const struct page *page, const void *what)
{
	const struct diagram_options options = {.utf8 = 1};

	diagram__closest(out, page->summary, what, &options);
}

static void write_stack(const struct page *page, const char *title,
			const struct thprace_stack *whole)
{
	struct thprace_stack stack = stack_names__kernel(page->summary, whole);
	const char *symbol;
	uint32_t i;

	if (!stack.nr)
		return;
	fprintf(page->out, "<div><h4>%s</h4><ol>\n", title);
	for (i = 0; i < stack.nr && i < THPRACE_STACK_MAX; i++) {
		symbol = summary__symbol(page->summary, stack.ip[i]);
		fputs("<li><code>", page->out);
		if (symbol)
			html__text(page->out, symbol);
		else
			fprintf(page->out, "0x%" PRIx64, (uint64_t)stack.ip[i]);
		fputs("</code></li>\n", page->out);
	}
	fputs("</ol></div>\n", page->out);
}

static void write_stacks(const struct page *page, const struct thprace_incident *incident)
{
	int reuse = race_class__shape(incident->walk.class) == RACE_REUSE;

	if (!page->options->stacks || (!incident->opener_stack.nr && !incident->walker_stack.nr))
		return;
	fputs("<details class=\"stacks\"><summary>Stacks</summary><div class=\"sides\">\n",
	      page->out);
	write_stack(page, reuse ? "Collapser" : "Opener", &incident->opener_stack);
	write_stack(page,
		    !reuse			    ? "Walker"
		    : summary__has_window(incident) ? "Holder"
						    : "Collapser",
		    &incident->walker_stack);
	fputs("</div></details>\n", page->out);
}

static void write_title(FILE *out, const struct incident_group *group)
{
	char name[INCIDENT_GROUP_NAME_LEN], count[NAMES_NUMBER_LEN];

	fprintf(out, "<h3><span class=\"verdict\">%s%s%s</span> <span class=\"name\">",
		names__attribution(group->attribution), group->attribution ? " " : "",
		names__verdict(group->verdict));
	html__text(out, incident_groups__name(name, sizeof(name), group, 1));
	fputs("</span> <span class=\"class\">", out);
	html__text(out, names__class(group->class));
	fprintf(out, "</span> <span class=\"count\">×%s</span></h3>",
		names__count(count, sizeof(count), group->count));
}

static void write_lengths(FILE *out, const struct incident_group *group)
{
	char text[NAMES_NUMBER_LEN];
	const char *next = "";

	if (!group->has_closest && !group->longest)
		return;
	fputs("<p class=\"lengths\">", out);
	if (group->has_closest) {
		html__say(out, "closest to an escape %s",
			  names__duration(text, sizeof(text), group->closest, 1));
		next = ", ";
	}
	if (group->longest)
		html__say(out, "%slongest overlap %s", next,
			  names__duration(text, sizeof(text), group->longest, 1));
	fputs("</p>\n", out);
}

static void write_group(struct page *page, size_t index, const struct incident_group *group)
{
	const struct summary_incident *example = &group->example;
	char label[64];

	fprintf(page->out,
		"<details class=\"group %s\" id=\"group-%zu\" data-group=\"%zu\"%s><summary>",
		names__verdict(group->verdict), index, index, index < UNFOLDED ? " open" : "");
	write_title(page->out, group);
	fputs("</summary>\n<div class=\"body\">\n", page->out);
	write_lengths(page->out, group);
	fputs("<div class=\"one\">\n", page->out);
	snprintf(label, sizeof(label), "Drawing of incident %" PRIu64, example->number);
	write_drawing(page, label, draw_incident, example);
	write_stacks(page, &example->incident);
	fputs("</div>\n</div>\n</details>\n", page->out);
}

static void write_counts(const struct page *page, size_t groups)
{
	const struct summary *summary = page->summary;

	fputs("<p>", page->out);
	if (!summary->incidents)
		html__say(page->out, "None.");
	else
		html__say(page->out, "%s in %s of the same class, verdict and stacks.",
			  COUNTED(summary->incidents, "incident"), COUNTED(groups, "group"));
	if (page->nr < summary->incidents)
		html__say(page->out,
			  " This page has the %s that matter most; thprace dump prints all.",
			  COUNTED(page->nr, "incident"));
	fputs("</p>\n", page->out);
}

void page_groups__write(struct page *page)
{
	const struct incident_groups *groups = page->summary->groups;
	const struct summary_closest *closest[THPRACE_CLASS_MAX];
	size_t i, nr = incident_groups__count(groups);
	size_t passes = summary__closest(page->summary, closest);

	fputs("<section id=\"incidents\" aria-labelledby=\"incidents-title\">\n"
	      "<h2 id=\"incidents-title\">Incidents</h2>\n",
	      page->out);
	if (passes)
		fprintf(page->out, "<p>%s %s came nearest:</p>\n",
			summary__overlaps(page->summary) ? "Of other classes nothing overlapped."
							 : "Nothing overlapped.",
			passes == 1 ? "This" : "These");
	for (i = 0; i < passes; i++)
		write_drawing(page, "Drawing of the closest pass", draw_closest, closest[i]);
	write_counts(page, nr);
	for (i = 0; i < nr; i++)
		write_group(page, i, incident_groups__get(groups, i));
	fputs("</section>\n", page->out);
}
