// SPDX-License-Identifier: GPL-2.0-only
/* Parts of a function: the instructions on the paths between two things that it does. */
#include "code_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

struct step {
	const struct code_insn *insn;
	bool follows; /* the step before it in memory may lead to it */
	bool begins, ends; /* the part */
	bool ahead; /* a path from the beginning leads to it */
	bool back; /* a path leads from it to the end */
	bool trapped; /* nothing but a trap comes after it */
};

struct steps {
	const struct code *code;
	struct step *step;
	size_t count;
};

static int by_address(const void *left, const void *right)
{
	const struct step *a = left, *b = right;

	return (a->insn->address > b->insn->address) - (a->insn->address < b->insn->address);
}

static struct step *find(const struct steps *steps, uint64_t address)
{
	size_t low = 0, high = steps->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (steps->step[middle].insn->address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < steps->count && steps->step[low].insn->address == address ? &steps->step[low]
									       : NULL;
}

static int lay_out(struct steps *steps, const struct code_function *function)
{
	const struct code_insn *last;
	size_t i, j, count = 0;

	for (i = 0; i < function->parts; i++)
		count += function->part[i].count;
	steps->step = calloc(count + 1, sizeof(*steps->step));
	if (!steps->step)
		return -ENOMEM;
	for (i = 0; i < function->parts; i++)
		for (j = 0; j < function->part[i].count; j++)
			steps->step[steps->count++].insn = &function->part[i].insn[j];
	qsort(steps->step, steps->count, sizeof(*steps->step), by_address);
	for (i = 1; i < steps->count; i++) {
		last = steps->step[i - 1].insn;
		steps->step[i].follows = last->address + last->size == steps->step[i].insn->address;
	}
	return 0;
}

/* Of BUG and of WARN: which of them it is cannot be seen here. */
static bool is_trap(const struct code_insn *insn)
{
	return insn->flow == CODE_TRAP || (insn->x86 && insn->x86->id == X86_INS_UD2);
}

/*
 * To code of the boot: the test of a processor's feature, x86's static_cpu_has(), which comes back. A kernel
 * that runs has replaced this jump.
 */
static bool is_static(const struct steps *steps, const struct code_insn *insn)
{
	return insn->flow == CODE_JUMP && steps->code->boot && insn->target >= steps->code->boot;
}

/* Where a step leads within the function: up to two steps. */
static int successors(const struct steps *steps, struct step *step, struct step *next[2])
{
	const struct code_insn *insn = step->insn;
	const bool passes = insn->flow == CODE_NEXT || insn->flow == CODE_CALL ||
			    insn->flow == CODE_BRANCH || is_static(steps, insn);
	int count = 0;

	if (passes && step + 1 < steps->step + steps->count && step[1].follows)
		next[count++] = &step[1];
	if (code_insn__jumps(insn) && insn->target)
		next[count] = find(steps, insn->target);
	else
		return count;
	return count + (next[count] != NULL);
}

static void mark(const struct steps *steps, const struct code_function *function,
		 const struct code_part_of *part)
{
	struct step *step = find(steps, function->part[0].address);
	struct code_targets after, before;
	size_t i;

	code_targets__find(steps->code, part->after, &after);
	code_targets__find(steps->code, part->before, &before);
	if (!part->after && step)
		step->begins = true;
	for (i = 0; i < steps->count; i++) {
		step = &steps->step[i];
		step->ends = code_targets__have(&before, step->insn);
		if (i && step->follows && step[-1].insn->flow == CODE_CALL &&
		    code_targets__have(&after, step[-1].insn))
			step->begins = true;
	}
}

/* Spread from the beginnings along the paths, up to the ends. */
static void go_ahead(const struct steps *steps)
{
	struct step *next[2];
	bool again = true;
	size_t i;
	int n;

	for (i = 0; i < steps->count; i++)
		steps->step[i].ahead = steps->step[i].begins;
	while (again) {
		again = false;
		for (i = 0; i < steps->count; i++) {
			if (!steps->step[i].ahead || steps->step[i].ends)
				continue;
			for (n = successors(steps, &steps->step[i], next); n--;) {
				again |= !next[n]->ahead;
				next[n]->ahead = true;
			}
		}
	}
}

/* Spread from the ends against the paths. */
static void go_back(const struct steps *steps)
{
	struct step *next[2], *step;
	bool again = true;
	size_t i;
	int n;

	while (again) {
		again = false;
		for (i = steps->count; i--;) {
			step = &steps->step[i];
			if (step->back)
				continue;
			step->back = step->ends;
			for (n = successors(steps, step, next); n--;)
				step->back |= next[n]->back;
			again |= step->back;
		}
	}
}

/* Does each of its successors have this? None: no. any: is one enough? */
static bool leads(const struct steps *steps, struct step *step, bool trapped, bool any)
{
	struct step *next[2];
	int count = successors(steps, step, next), n, held = 0;

	for (n = 0; n < count; n++)
		held += trapped ? next[n]->trapped : next[n]->back;
	return count && (any ? held > 0 : held == count);
}

/*
 * First what inevitably ends at a trap, with the branch to it: the test. Then all from where each path
 * leads to such a test; a call in between is another matter.
 */
static void find_tests(const struct steps *steps)
{
	struct step *step;
	bool again = true;
	size_t i;

	while (again) {
		again = false;
		for (i = steps->count; i--;) {
			step = &steps->step[i];
			if (step->trapped || step->insn->flow == CODE_CALL ||
			    step->insn->flow == CODE_BRANCH)
				continue;
			step->trapped = is_trap(step->insn) || leads(steps, step, true, false);
			again |= step->trapped;
		}
	}
	for (i = 0; i < steps->count; i++)
		steps->step[i].back = steps->step[i].insn->flow == CODE_BRANCH &&
				      leads(steps, &steps->step[i], true, true);
	for (again = true; again;) {
		again = false;
		for (i = steps->count; i--;) {
			step = &steps->step[i];
			if (step->back || step->insn->flow == CODE_CALL)
				continue;
			step->back = leads(steps, step, false, false);
			again |= step->back;
		}
	}
}

static bool is_in(const struct step *step)
{
	return step->ahead && step->back;
}

static int collect_spans(const struct steps *steps, struct code_spans *found)
{
	const struct code_insn *insn;
	size_t i;

	for (i = 0; i < steps->count; i++) {
		insn = steps->step[i].insn;
		if (!is_in(&steps->step[i]))
			continue;
		if (!found->spans || found->span[found->spans - 1].to != insn->address) {
			if (found->spans == CODE_SPANS_MAX)
				return -E2BIG;
			found->span[found->spans++].from = insn->address;
		}
		found->span[found->spans - 1].to = insn->address + insn->size;
	}
	return found->spans ? 0 : -ENOENT;
}

static int collect_entries(const struct steps *steps, struct code_spans *found)
{
	struct step *next[2];
	size_t i;
	int n;

	for (i = 0; i < steps->count; i++) {
		if (is_in(&steps->step[i]) || !steps->step[i].ahead)
			continue;
		for (n = successors(steps, &steps->step[i], next); n--;)
			next[n]->begins = true;
	}
	for (i = 0; i < steps->count; i++) {
		if (!is_in(&steps->step[i]) || !steps->step[i].begins)
			continue;
		if (found->entries == CODE_SPANS_MAX)
			return -E2BIG;
		found->entry[found->entries++] = steps->step[i].insn->address;
	}
	return 0;
}

int code__spans(struct code *code, const char *function, const struct code_part_of *part,
		struct code_spans *found)
{
	struct code_function decoded;
	struct steps steps = {.code = code};
	size_t i;
	int err = code__decode(code, function, &decoded);

	*found = (struct code_spans){.spans = 0};
	if (err)
		return err;
	err = lay_out(&steps, &decoded);
	if (!err) {
		mark(&steps, &decoded, part);
		go_ahead(&steps);
		if (part->bug)
			find_tests(&steps);
		else if (part->before)
			go_back(&steps);
		else
			for (i = 0; i < steps.count; i++)
				steps.step[i].back = true;
		err = collect_spans(&steps, found);
	}
	if (!err)
		err = collect_entries(&steps, found);
	free(steps.step);
	code__release(&decoded);
	return err;
}
