// SPDX-License-Identifier: GPL-2.0-only
#include "code.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "code_private.h"
#include "image/image.h"

#define PART_MAX 65536 /* bytes; the largest function of interest has about 9,600 */

void code__close(struct code *code)
{
	if (!code)
		return;
	if (code->handle)
		cs_close(&code->handle);
	free(code);
}

static void free_part(struct code_part *part)
{
	free(part->insn);
	if (part->x86)
		cs_free(part->x86, part->count);
	memset(part, 0, sizeof(*part));
}

static int add_part(struct code *code, struct code_function *function, uint64_t address)
{
	struct code_part *part = &function->part[function->parts];
	const unsigned char *bytes;
	size_t size, i;
	int err;

	bytes = image__code(code->image, address, &size);
	if (!bytes || function->parts == CODE_PARTS_MAX)
		return 0;
	if (size > PART_MAX)
		size = PART_MAX;
	for (i = 0; i < function->parts; i++)
		if (function->part[i].symbol == address)
			return 0;
	part->symbol = part->address = address;
	err = code->machine->decode(code, part, bytes, size);
	if (err || !part->count)
		free_part(part);
	else
		function->parts++;
	return err;
}

void code__release(struct code_function *function)
{
	while (function->parts)
		free_part(&function->part[--function->parts]);
}

int code__decode(struct code *code, const char *name, struct code_function *function)
{
	const struct image_symbol *symbols;
	size_t count = image__symbols(code->image, &symbols), length = strlen(name), i;
	int pass, err = 0;

	memset(function, 0, sizeof(*function));
	for (pass = 0; pass < 3; pass++) {
		for (i = 0; i < count && !err; i++) {
			if (!code_symbol__belongs(symbols[i].name, name, length))
				continue;
			if (pass == 0 ? !symbols[i].name[length]
				      : (pass == 2) == code_symbol__is_cold(symbols[i].name))
				err = add_part(code, function, symbols[i].address);
		}
		if (!err && pass == 1 && !function->parts)
			err = -ENOENT;
	}
	if (err)
		code__release(function);
	return err;
}

bool code__has(const struct code *code, const char *function)
{
	const struct image_symbol *symbols;
	size_t count = image__symbols(code->image, &symbols), length = strlen(function), i;

	for (i = 0; i < count; i++)
		if (code_symbol__is_variant(symbols[i].name, function, length))
			return true;
	return false;
}

/* A function of the kernel's that there is once; 0: it has none. */
static uint64_t address_of(const struct code *code, const char *name)
{
	const struct image_symbol *symbol = image__symbol(code->image, name);

	return symbol ? symbol->address : 0;
}

int code__open(struct code **result, const struct image *image, char *why, size_t why_size)
{
	static const char *const ends[] = {"__stack_chk_fail", "panic", "__fortify_panic",
					   "fortify_panic"};
	const struct image_symbol *symbols;
	size_t count = image__symbols(image, &symbols);
	struct code *code;
	size_t i;

	if (image__machine(image) == IMAGE_OTHER) {
		snprintf(why, why_size, "code is read on x86-64 and arm64 only, and this is %s",
			 image__machine_name(image));
		return -ENOTSUP;
	}
	if (!count || !symbols[count - 1].address) {
		snprintf(why, why_size, "functions are not found in the image: %s",
			 image__symbols_from(image));
		return -ENOTSUP;
	}
	code = calloc(1, sizeof(*code));
	if (!code || (image__machine(image) == IMAGE_X86_64 &&
		      cs_open(CS_ARCH_X86, CS_MODE_64, &code->handle) != CS_ERR_OK)) {
		free(code);
		snprintf(why, why_size, "no memory for the disassembler");
		return -ENOMEM;
	}
	if (code->handle)
		cs_option(code->handle, CS_OPT_DETAIL, CS_OPT_ON);
	code->machine = image__machine(image) == IMAGE_X86_64 ? &code_machine_x86
							      : &code_machine_arm64;
	code->image = image;
	code->fentry = address_of(code, "__fentry__");
	code->boot = address_of(code, "_sinittext");
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		code->ends[i] = address_of(code, ends[i]);
	*result = code;
	return 0;
}

typedef bool (*count_fn)(const struct code *code, const struct code_part *part, size_t at,
			 const void *with);

/* The number of instructions of a kind, anywhere in the function; or -ENOENT. */
static int count_all(struct code *code, const char *name, count_fn count, const void *with)
{
	struct code_function function;
	const struct code_part *part;
	unsigned int found = 0;
	size_t i, j;
	int err = code__decode(code, name, &function);

	if (err)
		return err;
	for (i = 0; i < function.parts; i++) {
		part = &function.part[i];
		for (j = 0; j < part->count; j++)
			found += count(code, part, j, with);
	}
	code__release(&function);
	return (int)found;
}

static bool is_call(const struct code *code, const struct code_part *part, size_t at,
		    const void *with)
{
	(void)code;
	return code_targets__have(with, &part->insn[at]);
}

static bool is_exchange(const struct code *code, const struct code_part *part, size_t at,
			const void *with)
{
	return code->machine->exchanges(part, at, *(const uint32_t *)with);
}

static bool is_compare(const struct code *code, const struct code_part *part, size_t at,
		       const void *with)
{
	return code->machine->compares(part, at, *(const uint32_t *)with);
}

int code__calls(struct code *code, const char *function, const char *callee)
{
	struct code_targets targets;

	if (!code_targets__of(code, callee, &targets))
		return -ENOENT;
	return count_all(code, function, is_call, &targets);
}

int code__exchanges(struct code *code, const char *function, uint32_t offset)
{
	return count_all(code, function, is_exchange, &offset);
}

int code__compares(struct code *code, const char *function, uint32_t offset)
{
	return count_all(code, function, is_compare, &offset);
}

static int follow(struct code *code, const char *name, const struct code_visitor *visitor)
{
	struct code_function function;
	int err = code__decode(code, name, &function);

	if (err)
		return err;
	err = code__follow(code, &function, visitor);
	code__release(&function);
	return err;
}

/* --- code__passes -------------------------------------------------------------------------------- */

struct passing {
	struct code *code;
	struct code_targets callee;
	int argument;
	uint32_t bit;
	struct code_bit *found;
};

static void note_value(struct code_bit *found, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < found->nr_values; i++)
		if (found->values[i] == value)
			return;
	if (found->nr_values < sizeof(found->values) / sizeof(found->values[0]))
		found->values[found->nr_values++] = value;
}

static void see_call(void *context, const struct code_state *state, const struct code_insn *insn)
{
	struct passing *passing = context;
	struct code_value value;
	unsigned int i;

	if (!code_targets__have(&passing->callee, insn))
		return;
	value = code_state__argument(passing->code, state, passing->argument);
	switch (code_value__bit(&value, passing->bit)) {
	case 1:
		passing->found->set++;
		break;
	case 0:
		passing->found->clear++;
		break;
	}
	for (i = 0; value.kind == CODE_SET && i < value.nr; i++)
		note_value(passing->found, value.set[i]);
}

int code__passes(struct code *code, const char *function, const char *callee, int argument,
		 uint32_t bit, struct code_bit *found)
{
	struct passing passing = {.code = code, .argument = argument, .bit = bit, .found = found};
	/* This asks about all paths, and more paths can only make less known. */
	struct code_visitor visitor = {.warns = true, .context = &passing, .visit = see_call};
	int calls = code__calls(code, function, callee);

	memset(found, 0, sizeof(*found));
	if (calls < 0 || argument < 1 || argument > CODE_PARAMETERS_MAX)
		return calls < 0 ? calls : -EINVAL;
	found->calls = (unsigned int)calls;
	code_targets__of(code, callee, &passing.callee);
	return calls ? follow(code, function, &visitor) : 0;
}

/* --- code__uses ---------------------------------------------------------------------------------- */

#define STORES_MAX 32

struct using
{
	struct code *code;
	const struct code_question *question;
	struct code_targets walk;
	struct code_use *use;
	int32_t stored[STORES_MAX]; /* where on the stack the value went */
	int32_t walked[STORES_MAX]; /* positions of the structures */
	unsigned int nr_stored, nr_walked;
};

static void note_offset(int32_t *offsets, unsigned int *nr, int32_t offset)
{
	unsigned int i;

	for (i = 0; i < *nr; i++)
		if (offsets[i] == offset)
			return;
	if (*nr < STORES_MAX)
		offsets[(*nr)++] = offset;
}

static void see_use(void *context, const struct code_state *state, const struct code_insn *insn)
{
	struct using *using = context;
	const struct code *code = using->code;
	struct code_value base;
	int32_t offset;

	if (code->machine->tests(state, insn, using->question->bit))
		using->use->tests++;
	if (code_targets__have(&using->walk, insn)) {
		base = code_state__argument(code, state, 1);
		if (base.kind == CODE_STACK) {
			using->use->walks++;
			note_offset(using->walked, &using->nr_walked, base.offset);
		}
	}
	if (code->machine->stores(state, insn, using->question->value, &offset))
		note_offset(using->stored, &using->nr_stored, offset);
}

int code__uses(struct code *code, const char *function, const struct code_question *question,
	       struct code_use *use)
{
	struct using using = {.code = code, .question = question, .use = use};
	struct code_visitor visitor = {
		.parameter = question->parameter, .context = &using, .visit = see_use};
	unsigned int i, j;
	int err;

	memset(use, 0, sizeof(*use));
	if (!code_targets__of(code, question->walk, &using.walk))
		return -ENOENT;
	err = follow(code, function, &visitor);
	if (err)
		return err;
	for (i = 0; i < using.nr_walked; i++)
		for (j = 0; j < using.nr_stored; j++)
			use->stores += using.stored[j] ==
				       using.walked[i] + (int32_t)question->member;
	return 0;
}

/* --- code__reaches ------------------------------------------------------------------------------- */

/* Follow the paths from the instruction after each call of one of these; each: after each call. */
static int follow_from(struct code *code, const struct code_function *function,
		       const struct code_targets *targets, struct code_visitor *visitor,
		       void (*each)(void *context))
{
	const struct code_insn *insn;
	size_t i, j;
	int err = 0;

	for (i = 0; i < function->parts && !err; i++) {
		for (j = 0; j < function->part[i].count && !err; j++) {
			insn = &function->part[i].insn[j];
			if (!code_targets__have(targets, insn))
				continue;
			visitor->from = insn->address + insn->size;
			if (insn->flow == CODE_CALL) /* a tail call ends the function */
				err = code__follow(code, function, visitor);
			each(visitor->context);
		}
	}
	return err;
}

struct reaching {
	struct code_targets to;
	bool reached, unclear; /* after this call */
	struct code_reach *found;
};

static void see_reached(void *context, const struct code_state *state, const struct code_insn *insn)
{
	struct reaching *reaching = context;

	(void)state;
	if (code_targets__have(&reaching->to, insn))
		reaching->reached = true;
	if (insn->flow == CODE_JUMP && !insn->target)
		reaching->unclear = true;
}

static void count_reached(void *context)
{
	struct reaching *reaching = context;

	reaching->found->calls++;
	reaching->found->reached += reaching->reached;
	reaching->found->unclear += reaching->unclear && !reaching->reached;
	reaching->reached = false;
	reaching->unclear = false;
}

int code__reaches(struct code *code, const char *function, const char *callee, const char *to,
		  struct code_reach *found)
{
	struct reaching reaching = {.found = found};
	struct code_visitor visitor = {.warns = true, .context = &reaching, .visit = see_reached};
	struct code_function decoded;
	struct code_targets from;
	int err;

	memset(found, 0, sizeof(*found));
	if (!code_targets__of(code, callee, &from) || !code_targets__of(code, to, &reaching.to))
		return -ENOENT;
	err = code__decode(code, function, &decoded);
	if (err)
		return err;
	err = follow_from(code, &decoded, &from, &visitor, count_reached);
	code__release(&decoded);
	return err;
}

/* --- code__before -------------------------------------------------------------------------------- */

struct seconds {
	struct code_targets targets;
	struct code_before *found;
};

static void see_second(void *context, const struct code_state *state, const struct code_insn *insn)
{
	struct seconds *seconds = context;

	(void)state;
	seconds->found->without += code_targets__have(&seconds->targets, insn);
	if (insn->flow == CODE_JUMP && !insn->target)
		seconds->found->unclear = true;
}

static void count_after(void *context)
{
	struct seconds *seconds = context;

	seconds->found->after++;
}

int code__before(struct code *code, const char *function, const struct code_order *order,
		 struct code_before *found)
{
	struct seconds seconds = {.found = found};
	struct code_targets first, after;
	struct code_visitor visitor = {.warns = true,
				       .stops = &first,
				       .context = &seconds,
				       .visit = see_second,
				       .read_offset = order->member,
				       .read_size = order->size};
	struct code_function decoded;
	size_t i, j;
	int err;

	memset(found, 0, sizeof(*found));
	if ((!code_targets__find(code, order->first, &first) && order->first) ||
	    (!code_targets__find(code, order->after, &after) && order->after) ||
	    !code_targets__find(code, order->second, &seconds.targets))
		return -ENOENT;
	err = code__decode(code, function, &decoded);
	if (err)
		return err;
	for (i = 0; i < decoded.parts; i++)
		for (j = 0; j < decoded.part[i].count; j++)
			found->calls +=
				code_targets__have(&seconds.targets, &decoded.part[i].insn[j]);
	if (order->after) {
		err = follow_from(code, &decoded, &after, &visitor, count_after);
	} else {
		found->after = 1;
		err = code__follow(code, &decoded, &visitor);
	}
	code__release(&decoded);
	return err;
}
