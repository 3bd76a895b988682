// SPDX-License-Identifier: GPL-2.0-only
#include "summary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/verdict.h>
#include "base/names.h"
#include "incident_groups.h"
#include "summary_private.h"
#include "trace/trace_reader.h"
#include "classes/race_class.h"

/* The least interesting one of a full list; if several are equal, the latest. */
static unsigned int least_of(const struct summary_incident *list)
{
	unsigned int i, least = 0;

	for (i = 1; i < SUMMARY_KEEP; i++) {
		if (summary__weight(&list[i].incident) <= summary__weight(&list[least].incident))
			least = i;
	}
	return least;
}

/* Keep an incident if it is more interesting than the least interesting of those kept so far. */
static int keep_in(struct summary *summary, unsigned int class, unsigned int verdict,
		   const struct thprace_incident *incident)
{
	struct summary_incident *list = summary->kept[class][verdict];
	unsigned int *nr = &summary->nr_kept[class][verdict], least;

	if (!list) {
		list = calloc(SUMMARY_KEEP, sizeof(*list));
		if (!list)
			return -ENOMEM;
		summary->kept[class][verdict] = list;
	}
	if (*nr == SUMMARY_KEEP) {
		if (summary__weight(incident) <= summary->least_kept[class][verdict])
			return 0;
		/* Free the last place, so that the list stays in file order. */
		least = least_of(list);
		memmove(&list[least], &list[least + 1], (SUMMARY_KEEP - 1 - least) * sizeof(*list));
		(*nr)--;
	}
	list[*nr].number = summary->incidents;
	list[(*nr)++].incident = *incident;
	if (*nr == SUMMARY_KEEP)
		summary->least_kept[class][verdict] =
			summary__weight(&list[least_of(list)].incident);
	return 0;
}

static int keep(struct summary *summary, const struct thprace_incident *incident)
{
	unsigned int class = incident->walk.class, verdict = incident->verdict;
	int err;

	summary->incidents++;
	err = incident_groups__add(summary->groups, summary->incidents, incident);
	if (err)
		return err;
	activity__incident(&summary->activity, incident);
	if (class >= THPRACE_CLASS_MAX)
		class = THPRACE_CLASS_NONE;
	if (verdict >= THPRACE_VERDICT_MAX)
		verdict = THPRACE_UNPROVEN;
	summary->class[class].in_file[verdict]++;
	summary->class[class].likely_in_file += verdict == THPRACE_ESCAPE &&
						!thprace_proved(verdict, incident->attribution);
	return keep_in(summary, class, verdict, incident);
}

static int take_incidents(struct summary *summary, const struct trace_block *block)
{
	const struct thprace_incident *incidents = block->data;
	uint32_t i;
	int err;

	for (i = 0; i < block->count; i++) {
		err = keep(summary, &incidents[i]);
		if (err)
			return err;
	}
	return 0;
}

static int take_records(struct summary *summary, const struct trace_block *block)
{
	const struct thprace_record *records = block->data;
	int context = block->type == THPRACE_BLOCK_CONTEXT, err = 0;
	uint32_t i;

	for (i = 0; i < block->count && !err; i++)
		err = activity__record(&summary->activity, &records[i], context);
	*(context ? &summary->context : &summary->records) += block->count;
	return err;
}

static void note(struct summary *summary, const char *why)
{
	if (summary->bad_blocks < SUMMARY_NOTES_MAX)
		snprintf(summary->notes[summary->bad_blocks], sizeof(summary->notes[0]), "%s", why);
	summary->bad_blocks++;
}

static int take_json(struct summary *summary, const struct trace_block *block, char *why,
		     size_t why_size)
{
	unsigned long long at = block->offset;
	int err;

	err = summary_json__take(summary, block->type, block->data, block->size);
	if (err == -EINVAL) {
		snprintf(why, why_size, "the block at byte %llu is not valid JSON", at);
		note(summary, why);
		return 0;
	}
	if (err == -E2BIG)
		snprintf(why, why_size, "the block at byte %llu is not one that thprace writes: %s",
			 at, summary->beyond);
	return err;
}

static int take(struct summary *summary, const struct trace_block *block, char *why,
		size_t why_size)
{
	switch (block->type) {
	case THPRACE_BLOCK_RECORDS:
	case THPRACE_BLOCK_CONTEXT:
		return take_records(summary, block);
	case THPRACE_BLOCK_INCIDENTS:
		return take_incidents(summary, block);
	case THPRACE_BLOCK_META:
	case THPRACE_BLOCK_STATS:
	case THPRACE_BLOCK_SYMBOLS:
	case THPRACE_BLOCK_TASKS:
		return take_json(summary, block, why, why_size);
	default:
		return 0;
	}
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* If STATS is older than the last incidents, or missing, the incidents in the file count. */
static void reconcile(struct summary *summary)
{
	unsigned int c, v, i;

	for (c = 0; c < THPRACE_CLASS_MAX; c++) {
		struct summary_class *class = &summary->class[c];
		uint64_t pairs = class->in_file[THPRACE_CONTAINED] + class->in_file[THPRACE_ESCAPE];

		class->contained = larger(class->contained, class->in_file[THPRACE_CONTAINED]);
		class->escapes = larger(class->escapes, class->in_file[THPRACE_ESCAPE]);
		class->likely = larger(class->likely, class->likely_in_file);
		class->remained = larger(class->remained, class->in_file[THPRACE_REMAINED]);
		class->unattributed =
			larger(class->unattributed, class->in_file[THPRACE_UNATTRIBUTED]);
		class->unproven = larger(class->unproven, class->in_file[THPRACE_UNPROVEN]);
		for (v = THPRACE_UNPROVEN, i = 0; i < summary->nr_kept[c][v]; i++)
			pairs += (uint64_t)summary__has_window(&summary->kept[c][v][i].incident);
		class->overlaps = larger(class->overlaps, pairs);
	}
}

int summary__read(struct summary **result, struct trace_reader *reader, char *why, size_t why_size)
{
	struct summary *summary;
	struct trace_block block;
	int err = 0, got;

	summary = calloc(1, sizeof(*summary));
	if (summary)
		summary->groups = incident_groups__new();
	if (!summary || !summary->groups) {
		err = -ENOMEM;
		goto cleanup;
	}
	summary->header = *trace_reader__header(reader);
	summary_json__defaults(summary);
	while ((got = trace_reader__next(reader, &block)) != 0) {
		if (got == -ENOMEM || got == -E2BIG) {
			snprintf(why, why_size, "%s", trace_reader__why(reader));
			err = got;
		} else if (got < 0) {
			note(summary, trace_reader__why(reader));
			summary->cut = got == -ENODATA;
		} else {
			err = take(summary, &block, why, why_size);
		}
		if (err)
			goto cleanup;
	}
	summary->ended = trace_reader__ended(reader);
	summary_json__finish(summary);
	incident_groups__finish(summary->groups, summary);
	reconcile(summary);
	names__set_resolution(summary->clock_ticks ? summary->clock_step : 1);
	*result = summary;
	return 0;
cleanup:
	if (err == -ENOMEM)
		snprintf(why, why_size, "%s", strerror(ENOMEM));
	summary__free(summary);
	return err;
}

void summary__free(struct summary *summary)
{
	unsigned int c, v;

	if (!summary)
		return;
	for (c = 0; c < THPRACE_CLASS_MAX; c++) {
		for (v = 0; v < THPRACE_VERDICT_MAX; v++)
			free(summary->kept[c][v]);
	}
	incident_groups__free(summary->groups);
	activity__release(&summary->activity);
	summary_json__release(summary);
	free(summary);
}

uint64_t summary__total(const struct summary *summary, enum thprace_verdict verdict)
{
	uint64_t total = 0;
	unsigned int c;

	for (c = 0; c < THPRACE_CLASS_MAX; c++) {
		const struct summary_class *class = &summary->class[c];

		if (verdict == THPRACE_CONTAINED)
			total += class->contained;
		else if (verdict == THPRACE_ESCAPE)
			total += class->escapes;
		else if (verdict == THPRACE_REMAINED)
			total += class->remained;
		else if (verdict == THPRACE_UNATTRIBUTED)
			total += class->unattributed;
		else if (verdict == THPRACE_UNPROVEN)
			total += class->unproven;
	}
	return total;
}

uint64_t summary__overlaps(const struct summary *summary)
{
	uint64_t total = 0;
	unsigned int c;

	for (c = 0; c < THPRACE_CLASS_MAX; c++)
		total += summary->class[c].overlaps;
	return total;
}

size_t summary__closest(const struct summary *summary, const struct summary_closest **list)
{
	uint64_t overlaps = 0;
	unsigned int c;
	size_t nr = 0;

	for (c = 0; c < THPRACE_CLASS_MAX; c++)
		if (race_class__shape(c) != RACE_FILE)
			overlaps += summary->class[c].overlaps;
	if (summary->closest.known && !overlaps)
		list[nr++] = &summary->closest;
	for (c = 1; c < THPRACE_CLASS_MAX; c++)
		if (summary->class[c].closest.known && !summary->class[c].overlaps)
			list[nr++] = &summary->class[c].closest;
	return nr;
}

/* Was there anything that a walker could have overlapped? */
static int has_windows(const struct summary *summary)
{
	unsigned int c;

	for (c = 1; c < THPRACE_CLASS_MAX; c++)
		if (summary->class[c].windows)
			return 1;
	return summary->windows || summary->pte_removals || summary->collapses_failed ||
	       summary__overlaps(summary);
}

unsigned int summary__hints(const struct summary *summary,
			    char hints[SUMMARY_HINTS_MAX][SUMMARY_HINT_LEN])
{
	unsigned int count = 0;

	if (summary->has_stats && !has_windows(summary))
		snprintf(hints[count++], SUMMARY_HINT_LEN,
			 "no window was seen: no huge page was unmapped while this was recorded. "
			 "That nothing was found says nothing about the kernel.");
	if (!strcmp(summary->thp_enabled, "never"))
		snprintf(hints[count++], SUMMARY_HINT_LEN,
			 "transparent huge pages were set to never "
			 "(/sys/kernel/mm/transparent_hugepage/enabled): programs got none for "
			 "their own memory.");
	return count;
}

int summary__identity(const struct summary *summary)
{
	/* What core could not keep, or could not write to the file, was submitted before. */
	return summary->seen == summary->submitted + summary->filtered + summary->lost_total -
					summary->lost[THPRACE_LOSS_WRITE] -
					summary->lost[THPRACE_LOSS_MEMORY];
}

static const enum thprace_verdict by_rank[] = {THPRACE_ESCAPE, THPRACE_UNATTRIBUTED,
					       THPRACE_REMAINED, THPRACE_UNPROVEN,
					       THPRACE_CONTAINED};

static int by_weight(const void *a, const void *b)
{
	const struct summary_incident *x = *(const struct summary_incident *const *)a;
	const struct summary_incident *y = *(const struct summary_incident *const *)b;
	uint64_t wx = summary__weight(&x->incident), wy = summary__weight(&y->incident);

	if (wx != wy)
		return wx > wy ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int is_example(const struct summary *summary, uint64_t number)
{
	size_t i;

	for (i = 0; i < incident_groups__count(summary->groups); i++) {
		if (incident_groups__get(summary->groups, i)->example.number == number)
			return 1;
	}
	return 0;
}

size_t summary__matter(const struct summary *summary, const struct summary_incident **list,
		       size_t max)
{
	const struct summary_incident *of_verdict[THPRACE_CLASS_MAX * SUMMARY_KEEP] = {0};
	size_t filled = 0, nr, i, r;
	unsigned int c, k;

	for (i = 0; i < incident_groups__count(summary->groups) && filled < max; i++)
		list[filled++] = &incident_groups__get(summary->groups, i)->example;
	for (r = 0; r < sizeof(by_rank) / sizeof(by_rank[0]); r++) {
		nr = 0;
		for (c = 0; c < THPRACE_CLASS_MAX; c++) {
			for (k = 0; k < summary->nr_kept[c][by_rank[r]]; k++)
				of_verdict[nr++] = &summary->kept[c][by_rank[r]][k];
		}
		qsort(of_verdict, nr, sizeof(of_verdict[0]), by_weight);
		for (i = 0; i < nr && filled < max; i++) {
			if (!is_example(summary, of_verdict[i]->number))
				list[filled++] = of_verdict[i];
		}
	}
	return filled;
}

static int same_point(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
			return 0;
	}
	return *a == *b;
}

const char *summary__function(const struct summary *summary, const char *point, const char *generic)
{
	const char *found = generic;
	size_t i;

	for (i = 0; summary && i < summary->nr_probes; i++) {
		const struct summary_probe *probe = &summary->probes[i];

		if (!same_point(probe->point, point) || !probe->function[0])
			continue;
		if (!probe->state[0] || !strcmp(probe->state, "attached"))
			return probe->function;
		/* Left out on purpose (light mode): the kernel still has it. */
		if (!strcmp(probe->state, "skipped"))
			found = probe->function;
	}
	return found;
}
