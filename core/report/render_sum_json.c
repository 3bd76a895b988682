// SPDX-License-Identifier: GPL-2.0-only
#include "render_sum.h"

#include <errno.h>
#include <string.h>
#include "base/json.h"
#include "base/names.h"
#include "trace_sum.h"

static struct json_object *known(uint64_t number)
{
	return number ? json__number(number) : NULL;
}

static void add_counts(struct json_object *object, const struct trace_sum_counts *counts)
{
	json__add_number(object, "files", counts->files);
	json__add_number(object, "hosts", counts->hosts);
	json__add_number(object, "contained", counts->of[THPRACE_CONTAINED]);
	json__add_number(object, "escapes", counts->of[THPRACE_ESCAPE]);
	json__add_number(object, "likely", counts->likely);
	json__add_number(object, "remained", counts->of[THPRACE_REMAINED]);
	json__add_number(object, "unattributed", counts->of[THPRACE_UNATTRIBUTED]);
	json__add_number(object, "unproven", counts->of[THPRACE_UNPROVEN]);
	json__add(object, "first_wall_ns", known(counts->first));
	json__add(object, "last_wall_ns", known(counts->last));
}

/* Text of lines as an array. */
static struct json_object *lines(const char *text)
{
	struct json_object *list = json_object_new_array();
	const char *end;

	for (; *text; text = end + 1) {
		end = strchrnul(text, '\n');
		if (json_object_array_add(list, json__text(text, (size_t)(end - text))) || !*end)
			break;
	}
	return list;
}

static int print_sum(FILE *out, const struct trace_sum *sum)
{
	struct trace_sum_counts counts = sum->counts;
	struct json_object *object = json__new("sum");
	struct banner banner;

	if (!object)
		return -ENOMEM;
	trace_sum__answer(&banner, sum);
	json__add_text(object, "text", banner.text);
	json__add_name(object, "answer", banner__name(banner.kind));
	counts.files = sum->files;
	counts.hosts = sum->hosts;
	add_counts(object, &counts);
	json__add_number(object, "skipped", sum->skipped);
	json__add_number(object, "incomplete", sum->incomplete);
	json__add_number(object, "lost", sum->lost);
	json__add_number(object, "escaped", sum->escaped);
	json__add_number(object, "not_told", sum->kind[BANNER_NOT_TOLD]);
	json__add_number(object, "kernels", sum->nr_kernels);
	return json__print(out, object);
}

static struct json_object *new_member(const char *type, const struct trace_sum_row *row)
{
	struct json_object *object = json__new(type);

	json__add_name(object, "class", row->class);
	json__add_text(object, "kernel", row->kernel);
	return object;
}

static int print_pair(FILE *out, const struct trace_sum_pair *pair, int stacks)
{
	struct json_object *object = new_member("pair", pair->row);

	if (!object)
		return -ENOMEM;
	json__add_text(object, "opener", pair->opener);
	json__add_text(object, "walker", pair->walker);
	json__add_bool(object, "others", pair->others);
	add_counts(object, &pair->counts);
	json__add(object, "closest_ns", pair->has_closest ? json__number(pair->closest) : NULL);
	json__add(object, "longest_ns", known(pair->longest));
	json__add_text(object, "file", pair->example.file);
	json__add_number(object, "incident", pair->example.number);
	if (stacks) {
		json__add(object, "opener_stack", lines(pair->opener_stack));
		json__add(object, "walker_stack", lines(pair->walker_stack));
	}
	return json__print(out, object);
}

int render_sum__json(FILE *out, const struct trace_sum *sum, const struct render_options *options)
{
	int err = print_sum(out, sum);
	struct json_object *object;
	size_t i, k;

	for (i = 0; i < sum->nr_rows && !err; i++) {
		object = new_member("class", sum->rows[i]);
		if (!object)
			return -ENOMEM;
		add_counts(object, &sum->rows[i]->counts);
		err = json__print(out, object);
		for (k = 0; k < sum->rows[i]->nr_pairs && !err; k++)
			err = print_pair(out, sum->rows[i]->pairs[k], options->stacks);
	}
	return err;
}

int render_sum__json_skipped(FILE *out, const char *path, const char *why)
{
	struct json_object *object = json__new("skipped");

	if (!object)
		return -ENOMEM;
	json__add_text(object, "file", path);
	json__add_text(object, "reason", why);
	return json__print(out, object);
}
