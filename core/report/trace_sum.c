// SPDX-License-Identifier: GPL-2.0-only
#include "trace_sum.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/verdict.h>
#include "base/names.h"
#include "incident_groups.h"
#include "stack_names.h"

#define LISTS 1024 /* a power of two */

struct trace_sum_index {
	struct hash_list kernels[LISTS];
	struct hash_list rows[LISTS];
	struct hash_list pairs[LISTS];
};

/* Both stacks of a group, as text. */
struct stacks {
	char opener[THPRACE_STACK_MAX * SUMMARY_NAME_LEN + 1];
	char walker[THPRACE_STACK_MAX * SUMMARY_NAME_LEN + 1];
};

/* Of a trace that is being added. */
struct adding {
	struct trace_sum *sum;
	const struct summary *summary;
	const char *path;
	uint64_t host; /* a hash; 0: not known */
};

static struct hash_list *list_of(struct hash_list lists[LISTS], uint32_t hash)
{
	return &lists[hash & (LISTS - 1)];
}

/* At the end of a list of pointers, which has a place more whenever its length is a power of two. */
static int append(void ***list, size_t *nr, void *item)
{
	void **grown = *list;

	if (!(*nr & (*nr - 1))) {
		grown = reallocarray(grown, *nr ? 2 * *nr : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*list = grown;
	}
	grown[(*nr)++] = item;
	return 0;
}

static struct trace_sum_kernel *kernel_of(struct trace_sum *sum, const char *name)
{
	struct hash_list *list = list_of(sum->index->kernels, hash__text(name));
	struct trace_sum_kernel *kernel;

	HASH_EACH(kernel, list, node)
		if (!strcmp(kernel->name, name))
			return kernel;
	if (sum->nr_kernels >= TRACE_SUM_ROWS_MAX && strcmp(name, TRACE_SUM_OTHERS))
		return kernel_of(sum, TRACE_SUM_OTHERS);
	kernel = calloc(1, sizeof(*kernel));
	if (!kernel)
		return NULL;
	snprintf(kernel->name, sizeof(kernel->name), "%s", name);
	if (append((void ***)&sum->kernels, &sum->nr_kernels, kernel)) {
		free(kernel);
		return NULL;
	}
	hash_list__add(list, &kernel->node);
	return kernel;
}

static struct trace_sum_row *find_row(struct hash_list *list, const char *class, const char *kernel)
{
	struct trace_sum_row *row;

	HASH_EACH(row, list, node)
		if (!strcmp(row->class, class) && !strcmp(row->kernel, kernel))
			return row;
	return NULL;
}

static struct trace_sum_row *row_of(struct trace_sum *sum, const char *class, const char *kernel)
{
	struct hash_list *list =
		list_of(sum->index->rows, hash__text(class) * 31 + hash__text(kernel));
	struct trace_sum_row *row = find_row(list, class, kernel);

	if (row)
		return row;
	/* Beyond the limit by one: the row of all others. */
	if (sum->nr_rows >= TRACE_SUM_ROWS_MAX && strcmp(class, TRACE_SUM_OTHERS))
		return row_of(sum, TRACE_SUM_OTHERS, TRACE_SUM_OTHERS);
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	snprintf(row->class, sizeof(row->class), "%s", class);
	snprintf(row->kernel, sizeof(row->kernel), "%s", kernel);
	if (append((void ***)&sum->rows, &sum->nr_rows, row)) {
		free(row);
		return NULL;
	}
	hash_list__add(list, &row->node);
	return row;
}

/* The names of a stack's functions, a line each. */
static void write_stack(char *text, const struct summary *summary,
			const struct thprace_stack *stack)
{
	struct thprace_stack shown = stack_names__kernel(summary, stack);
	const char *symbol;
	uint32_t i;

	for (i = 0; i < shown.nr; i++) {
		symbol = summary__symbol(summary, shown.ip[i]);
		text = stpcpy(stpcpy(text, symbol && *symbol ? symbol : "?"), "\n");
	}
	*text = '\0';
}

static struct trace_sum_pair *new_pair(struct trace_sum *sum, struct trace_sum_row *row,
				       const struct stacks *stacks, uint32_t hash)
{
	struct trace_sum_pair *pair = calloc(1, sizeof(*pair));

	if (!pair)
		return NULL;
	pair->row = row;
	pair->hash = hash;
	pair->others = !stacks;
	pair->opener_stack = strdup(stacks ? stacks->opener : "");
	pair->walker_stack = strdup(stacks ? stacks->walker : "");
	if (!pair->opener_stack || !pair->walker_stack ||
	    append((void ***)&sum->pairs, &sum->nr_pairs, pair)) {
		free(pair->opener_stack);
		free(pair->walker_stack);
		free(pair);
		return NULL;
	}
	sum->text += strlen(pair->opener_stack) + strlen(pair->walker_stack);
	hash_list__add(list_of(sum->index->pairs, hash), &pair->node);
	return pair;
}

static bool same_pair(const struct trace_sum_pair *pair, const struct trace_sum_row *row,
		      const struct stacks *stacks)
{
	if (pair->row != row || pair->others != !stacks)
		return false;
	return !stacks || (!strcmp(pair->opener_stack, stacks->opener) &&
			   !strcmp(pair->walker_stack, stacks->walker));
}

/* stacks NULL: the one of many pairs. */
static struct trace_sum_pair *pair_of(struct trace_sum *sum, struct trace_sum_row *row,
				      const struct stacks *stacks)
{
	uint32_t hash = hash__text(row->class) * 31 + hash__text(row->kernel);
	struct trace_sum_pair *pair;

	if (stacks)
		hash = (hash * 31 + hash__text(stacks->opener)) * 31 + hash__text(stacks->walker);
	HASH_EACH(pair, list_of(sum->index->pairs, hash), node)
		if (pair->hash == hash && same_pair(pair, row, stacks))
			return pair;
	if (stacks && (sum->nr_pairs >= TRACE_SUM_PAIRS_MAX || sum->text >= TRACE_SUM_TEXT_MAX))
		return pair_of(sum, row, NULL);
	return new_pair(sum, row, stacks, hash);
}

/* CLOCK_REALTIME of a time of the trace; 0: not known. */
static uint64_t wall(const struct summary *summary, uint64_t time)
{
	const struct thprace_trace_header *header = &summary->header;

	return header->started_wall && time ? header->started_wall + (time - header->started) : 0;
}

/* FNV-1a, for hosts: there may be many. */
static uint64_t hash_host(const char *name)
{
	uint64_t hash = 14695981039346656037ULL;

	if (!*name)
		return 0;
	while (*name)
		hash = (hash ^ (unsigned char)*name++) * 1099511628211ULL;
	return hash ? hash : 1;
}

/* Once for each host and place. Beyond the limit, or without memory, hosts are too few. */
static void count_host(const struct adding *adding, uint64_t *hosts)
{
	struct hash_map *seen = &adding->sum->seen;
	uint64_t key = hash__pair(adding->host, (uint64_t)(uintptr_t)hosts);

	if (!adding->host || seen->count >= TRACE_SUM_HOSTS_MAX || hash_map__get(seen, key))
		return;
	if (!hash_map__set(seen, key, adding->sum))
		(*hosts)++;
}

static void count(const struct adding *adding, const struct incident_group *group,
		  struct trace_sum_counts *counts)
{
	uint64_t first = wall(adding->summary, group->first);
	uint64_t last = wall(adding->summary, group->last);

	counts->of[group->verdict] += group->count;
	if (incident_groups__rank(group->verdict, group->attribution) == 1)
		counts->likely += group->count;
	if (first && (!counts->first || first < counts->first))
		counts->first = first;
	if (last > counts->last)
		counts->last = last;
	if (counts->file != adding->sum->files) {
		counts->file = adding->sum->files;
		counts->files++;
		count_host(adding, &counts->hosts);
	}
}

/* Is the group's example more worth a look than the pair's? In every order of files the same wins. */
static bool better(const struct adding *adding, const struct trace_sum_pair *pair,
		   const struct incident_group *group, int rank)
{
	int order;

	if (!pair->example.file || rank != pair->example.rank)
		return !pair->example.file || rank < pair->example.rank;
	if (group->has_closest != pair->example.has_closest)
		return group->has_closest;
	if (group->has_closest && group->closest != pair->example.closest)
		return group->closest < pair->example.closest;
	if (group->longest != pair->example.longest)
		return group->longest > pair->example.longest;
	order = strcmp(adding->path, pair->example.file);
	return order < 0 || (!order && group->example.number < pair->example.number);
}

static int take_example(const struct adding *adding, struct trace_sum_pair *pair,
			const struct incident_group *group)
{
	int rank = incident_groups__rank(group->verdict, group->attribution);
	char *file;

	if (!better(adding, pair, group, rank))
		return 0;
	file = strdup(adding->path);
	if (!file)
		return -ENOMEM;
	free(pair->example.file);
	pair->example.file = file;
	pair->example.rank = rank;
	pair->example.has_closest = group->has_closest;
	pair->example.closest = group->closest;
	pair->example.longest = group->longest;
	pair->example.number = group->example.number;
	return 0;
}

static int add_to_pair(const struct adding *adding, struct trace_sum_pair *pair,
		       const struct incident_group *group)
{
	count(adding, group, &pair->counts);
	if (group->has_closest && (!pair->has_closest || group->closest < pair->closest))
		pair->closest = group->closest;
	pair->has_closest |= group->has_closest;
	if (group->longest > pair->longest)
		pair->longest = group->longest;
	if (!pair->others && !pair->walker[0]) {
		snprintf(pair->opener, sizeof(pair->opener), "%s", group->opener);
		snprintf(pair->walker, sizeof(pair->walker), "%s", group->walker);
	}
	return take_example(adding, pair, group);
}

static int add_group(const struct adding *adding, const struct incident_group *group)
{
	const struct thprace_incident *example = &group->example.incident;
	struct trace_sum *sum = adding->sum;
	struct trace_sum_pair *pair;
	struct trace_sum_row *row;
	struct stacks stacks;

	row = row_of(sum, names__class(group->class), adding->summary->kernel);
	if (!row)
		return -ENOMEM;
	if (!group->others) {
		write_stack(stacks.opener, adding->summary, &example->opener_stack);
		write_stack(stacks.walker, adding->summary, &example->walker_stack);
	}
	pair = pair_of(sum, row, group->others ? NULL : &stacks);
	if (!pair)
		return -ENOMEM;
	count(adding, group, &sum->counts);
	count(adding, group, &row->counts);
	return add_to_pair(adding, pair, group);
}

int trace_sum__add(struct trace_sum *sum, const struct summary *summary, const char *path)
{
	const struct adding adding = {
		.sum = sum,
		.summary = summary,
		.path = path,
		.host = hash_host(summary->machine_id[0] ? summary->machine_id : summary->hostname),
	};
	struct trace_sum_kernel *kernel = kernel_of(sum, summary->kernel);
	size_t nr = incident_groups__count(summary->groups), i;
	struct banner banner;
	const struct incident_group *group;
	bool escaped = false;
	int err = 0;

	if (!kernel)
		return -ENOMEM;
	kernel->files++;
	sum->files++;
	count_host(&adding, &sum->hosts);
	sum->incomplete += !summary->ended;
	/* A full stream loses no incident. */
	sum->lost += summary->lost_total != summary->lost[THPRACE_LOSS_STREAM];
	banner__of(&banner, summary);
	sum->kind[banner.kind]++;
	for (i = 0; i < nr && !err; i++) {
		group = incident_groups__get(summary->groups, i);
		escaped |= group->verdict == THPRACE_ESCAPE;
		err = add_group(&adding, group);
	}
	sum->escaped += escaped;
	return err;
}

void trace_sum__skip(struct trace_sum *sum)
{
	sum->skipped++;
}

struct trace_sum *trace_sum__new(void)
{
	struct trace_sum *sum = calloc(1, sizeof(*sum));

	if (!sum)
		return NULL;
	sum->index = calloc(1, sizeof(*sum->index));
	if (!sum->index) {
		free(sum);
		return NULL;
	}
	return sum;
}

void trace_sum__free(struct trace_sum *sum)
{
	size_t i;

	if (!sum)
		return;
	for (i = 0; i < sum->nr_pairs; i++) {
		free(sum->pairs[i]->example.file);
		free(sum->pairs[i]->opener_stack);
		free(sum->pairs[i]->walker_stack);
		free(sum->pairs[i]);
	}
	for (i = 0; i < sum->nr_rows; i++)
		free(sum->rows[i]);
	for (i = 0; i < sum->nr_kernels; i++)
		free(sum->kernels[i]);
	free(sum->kernels);
	hash_map__free(&sum->seen);
	free(sum->rows);
	free(sum->pairs);
	free(sum->index);
	free(sum);
}
