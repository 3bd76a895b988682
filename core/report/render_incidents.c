// SPDX-License-Identifier: GPL-2.0-only
#include "render_incidents.h"

#include <inttypes.h>
#include <stdlib.h>
#include "base/layout.h"
#include "base/names.h"
#include "diagram.h"
#include "incident_groups.h"
#include "summary.h"

#define INDENT 2
#define CLASS_WIDTH 17 /* as in the table of classes */

static struct diagram_options how_to_draw(const struct render_options *options)
{
	return (struct diagram_options){
		.utf8 = options->utf8,
		.colour = options->colour,
		.stacks = options->stacks,
		.width = options->width,
	};
}

/* ", closest 516.4 us" or ", overlap up to 6.9 us"; "" if neither is known. */
static void add_length(char *text, size_t size, const struct incident_group *group, int utf8)
{
	char length[NAMES_NUMBER_LEN];

	text[0] = '\0';
	if (group->has_closest)
		snprintf(text, size, ", closest %s",
			 names__duration(length, sizeof(length), group->closest, utf8));
	else if (group->longest)
		snprintf(text, size, ", overlap up to %s",
			 names__duration(length, sizeof(length), group->longest, utf8));
}

static void print_group(const struct layout_table *table, const struct incident_group *group,
			int named, const struct render_options *options)
{
	char name[INCIDENT_GROUP_NAME_LEN], count[NAMES_NUMBER_LEN];
	char level[32] = "", length[64], text[512];

	if (group->level >= 0)
		snprintf(level, sizeof(level), " at %s level",
			 names__level((unsigned int)group->level));
	add_length(length, sizeof(length), group, options->utf8);
	snprintf(text, sizeof(text), "%s%s%s: %s %s%s%s%s%s (incident %" PRIu64 ")",
		 names__attribution(group->attribution), group->attribution ? " " : "",
		 names__verdict(group->verdict),
		 incident_groups__name(name, sizeof(name), group, options->utf8),
		 options->utf8 ? "×" : "x", names__count(count, sizeof(count), group->count), level,
		 length, group->others ? ", of many pairs of stacks" : "", group->example.number);
	layout__row_text(table, named ? names__class(group->class) : "", text);
}

void render_incidents__groups(FILE *out, const struct summary *summary,
			      const struct render_options *options)
{
	const struct layout_table table = {
		.out = out,
		.width = options->width ? (size_t)options->width : LAYOUT_WIDTH,
		.indent = INDENT,
		.name_width = CLASS_WIDTH,
	};
	size_t i, nr = incident_groups__count(summary->groups);
	const struct incident_group *group, *last = NULL;
	uint64_t rest = 0;

	for (i = 0; i < nr && (i < RENDER_GROUPS || options->verbose); i++) {
		group = incident_groups__get(summary->groups, i);
		print_group(&table, group, !last || last->class != group->class, options);
		last = group;
	}
	if (i == nr)
		return;
	fprintf(out, "%*sand %s", INDENT, "", COUNTED(nr - i, "group"));
	for (; i < nr; i++)
		rest += incident_groups__get(summary->groups, i)->count;
	fprintf(out, " of %s: see --verbose\n", COUNTED(rest, "incident"));
}

int render_incidents__draw(FILE *out, const struct summary *summary,
			   const struct render_options *options)
{
	const struct diagram_options how = how_to_draw(options);
	const struct summary_incident **list;
	char all[NAMES_NUMBER_LEN];
	size_t nr, i;

	if (!options->incidents || !summary->incidents)
		return 0;
	list = calloc(options->incidents, sizeof(*list));
	if (!list)
		return 0;
	nr = summary__matter(summary, list, options->incidents);
	fputc('\n', out);
	if (nr < summary->incidents && nr == 1)
		fprintf(out, "the one that matters most of %s; 'thprace dump FILE' prints all\n\n",
			names__count(all, sizeof(all), summary->incidents));
	else if (nr < summary->incidents)
		fprintf(out, "the %zu that matter most of %s; 'thprace dump FILE' prints all\n\n",
			nr, names__count(all, sizeof(all), summary->incidents));
	for (i = 0; i < nr; i++)
		diagram__incident(out, summary, list[i]->number, &list[i]->incident, &how);
	free(list);
	return 1;
}

void render_incidents__closest(FILE *out, const struct summary *summary,
			       const struct summary_closest *closest,
			       const struct render_options *options)
{
	const struct diagram_options how = how_to_draw(options);

	diagram__closest(out, summary, closest, &how);
}
