// SPDX-License-Identifier: GPL-2.0-only
#include "hold_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "kernel/target.h"
#include "race/race_kernel.h"

#define CODE_MAX 65536U /* of one piece of a function */

struct list {
	const char *name[RACE_NAMES_MAX + 1];
};

_Static_assert(RACE_NAMES_MAX <= CODE_NAMES_MAX, "all names can be asked for");

static const char *const *list_of(const struct race_names *names, struct list *list)
{
	int i;

	*list = (struct list){{NULL}};
	for (i = 0; i < names->count; i++)
		list->name[i] = names->name[i];
	return names->count ? list->name : NULL;
}

static bool has_one(const struct code *code, const struct race_names *names)
{
	int i;

	for (i = 0; i < names->count; i++)
		if (code__has(code, names->name[i]))
			return true;
	return !names->count;
}

/* Why a function that exists does not have the part. */
static void say_why(const struct code *code, const struct race_stretch *part, const char *function,
		    char *why, size_t why_size)
{
	if (!has_one(code, &part->after))
		snprintf(why, why_size, "there is no function '%s'", part->after.name[0]);
	else if (!has_one(code, &part->before))
		snprintf(why, why_size, "there is no function '%s'", part->before.name[0]);
	else if (part->bug && !part->after.count)
		snprintf(why, why_size, "%s has no test that leads to a BUG or WARN", function);
	else
		snprintf(why, why_size, "no path in %s goes from one to the other", function);
}

static int find(struct code *code, const struct race_stretch *part, struct code_spans *found,
		char *why, size_t why_size)
{
	struct list after, before;
	const struct code_part_of wanted = {
		.after = list_of(&part->after, &after),
		.before = list_of(&part->before, &before),
		.bug = part->bug,
	};
	const char *function = part->in.name[0];
	int i, err;

	for (i = 0; i < part->in.count; i++)
		if (code__has(code, part->in.name[i]))
			break;
	if (i == part->in.count) {
		snprintf(why, why_size, "there is no function '%s'", function);
		return -ENOENT;
	}
	function = part->in.name[i];
	err = code__spans(code, function, &wanted, found);
	if (err == -ENOENT)
		say_why(code, part, function, why, why_size);
	else if (err)
		snprintf(why, why_size, "%s: %s", function,
			 err == -E2BIG ? "this part of it has too many pieces" : strerror(-err));
	return err;
}

int hold_part__of_code(struct code *code, const struct race_provoke *provoke,
		       struct code_spans *found, char *why, size_t why_size)
{
	int i, err = -ENOENT;

	for (i = 0; i < provoke->parts && err == -ENOENT; i++)
		err = find(code, &provoke->part[i], found, why, why_size);
	return err;
}

static bool is_of(const struct function_range *range, const struct race_names *names)
{
	int i;

	for (i = 0; i < names->count; i++)
		if (function_range__is_of(range, names->name[i]))
			return true;
	return false;
}

static bool is_wanted(const struct function_range *range, const struct race_provoke *provoke)
{
	int i;

	for (i = 0; i < provoke->parts; i++)
		if (is_of(range, &provoke->part[i].in))
			return true;
	return false;
}

/* What the target knows of the functions, and the code of that one. Returns their number. */
static int take_pieces(struct target *target, const struct race_provoke *provoke,
		       struct image_piece *piece, char *why, size_t why_size)
{
	const struct function_ranges *ranges = target__function_ranges(target);
	const struct function_range *range;
	size_t i, size;
	void *code;
	int count = 0, err;

	for (i = 0; i < ranges->count && count < IMAGE_PIECES_MAX; i++) {
		range = &ranges->range[i];
		size = range->end > range->address ? range->end - range->address : 0;
		if (is_wanted(range, provoke) && size && size <= CODE_MAX) {
			code = malloc(size);
			err = code ? target__code(target, range->address, code, size) : -ENOMEM;
			piece[count++] =
				(struct image_piece){range->symbol, range->address, code, size};
			if (!err)
				continue;
			snprintf(why, why_size, "the kernel's code cannot be read: %s",
				 strerror(-err));
			free(code);
			piece[count - 1].code = NULL;
			return err;
		}
		piece[count++] = (struct image_piece){range->symbol, range->address, NULL, 0};
	}
	if (!count)
		snprintf(
			why, why_size,
			"there is no function '%s', or addresses are hidden (kernel.kptr_restrict)",
			provoke->part[0].in.name[0]);
	return count ? count : -ENOENT;
}

/* As the engine needs it. False: an entry is in no known function. */
static bool describe(struct target *target, const struct code_spans *found, struct hold_part *part)
{
	const struct function_ranges *ranges = target__function_ranges(target);
	const struct function_range *range;
	size_t i;
	int n;

	*part = (struct hold_part){.spans = (size_t)found->spans,
				   .entries = (size_t)found->entries};
	for (n = 0; n < found->spans; n++)
		part->span[n] = (struct thprace_clock_span){
			found->span[n].from, found->span[n].to - found->span[n].from};
	for (n = 0; n < found->entries; n++) {
		for (i = 0; i < ranges->count; i++) {
			range = &ranges->range[i];
			if (found->entry[n] >= range->address && found->entry[n] < range->end)
				break;
		}
		if (i == ranges->count)
			return false;
		snprintf(part->symbol[n], sizeof(part->symbol[n]), "%s", ranges->range[i].symbol);
		part->entry[n] = (struct kprobe_place){
			.symbol = part->symbol[n],
			.offset = (uint32_t)(found->entry[n] - ranges->range[i].address)};
	}
	return true;
}

int hold_part__of_target(struct target *target, const struct race_provoke *provoke,
			 struct code_spans *found, struct hold_part *part, char *why,
			 size_t why_size)
{
	const enum image_machine machine = !strcmp(target__machine(target), "x86_64") ? IMAGE_X86_64
										      : IMAGE_ARM64;
	struct image_piece piece[IMAGE_PIECES_MAX] = {{.name = NULL}};
	struct image *image = NULL;
	struct code *code = NULL;
	int count, err, i;

	count = take_pieces(target, provoke, piece, why, why_size);
	err = count < 0 ? count : image__of_pieces(&image, machine, piece, (size_t)count);
	if (count > 0 && err)
		snprintf(why, why_size, "%s", strerror(-err));
	if (!err)
		err = code__open(&code, image, why, why_size);
	if (!err)
		err = hold_part__of_code(code, provoke, found, why, why_size);
	if (!err && part && !describe(target, found, part)) {
		snprintf(why, why_size, "it is in no known function");
		err = -ENOENT;
	}
	code__close(code);
	image__close(image);
	for (i = 0; i < IMAGE_PIECES_MAX; i++)
		free((void *)(uintptr_t)piece[i].code);
	return err;
}

int hold_part__of_kernel(const char *btf, const struct race *race, struct hold_part *part,
			 char *why, size_t why_size)
{
	const struct target_options options = {.btf = btf};
	const char *names[4 * RACE_POINTS_MAX_ALL];
	size_t count = race_kernel__names(race, names, 0, sizeof(names) / sizeof(names[0]));
	struct code_spans found;
	struct target *target;
	int err;

	err = target__new(&target, &options, names, count, why, why_size);
	if (err)
		return err;
	err = hold_part__of_target(target, &race->provoke, &found, part, why, why_size);
	target__free(target);
	return err;
}
