// SPDX-License-Identifier: GPL-2.0-only
#include "code.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "code_private.h"
#include "image.h"

#define PART_MAX 65536 /* bytes; the largest function of interest has about 9,600 */
#define NEAR 4 /* instructions between a load and its comparison */

void code__close(struct code *code)
{
	if (!code)
		return;
	cs_close(&code->handle);
	free(code);
}

uint64_t code__target(const cs_insn *insn)
{
	const cs_x86 *x86 = &insn->detail->x86;

	return x86->op_count == 1 && x86->operands[0].type == X86_OP_IMM
		       ? (uint64_t)x86->operands[0].imm
		       : 0;
}

/* endbr64, which old disassemblers do not know; and the end of what is decoded. */
static size_t skip_endbr(const unsigned char *bytes, size_t size)
{
	static const unsigned char endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

	return size >= 4 && !memcmp(bytes, endbr64, 4) ? 4 : 0;
}

static void add_part(struct code *code, struct code_function *function, uint64_t address)
{
	struct code_part *part = &function->part[function->parts];
	const unsigned char *bytes;
	size_t size, skipped, i;

	bytes = image__code(code->image, address, &size);
	if (!bytes || function->parts == CODE_PARTS_MAX)
		return;
	if (size > PART_MAX)
		size = PART_MAX;
	skipped = skip_endbr(bytes, size);
	for (i = 0; i < function->parts; i++)
		if (function->part[i].address == address + skipped)
			return;
	part->insn = NULL;
	part->count = cs_disasm(code->handle, bytes + skipped, size - skipped, address + skipped, 0,
				&part->insn);
	if (!part->count)
		return;
	part->address = address + skipped;
	part->size = size - skipped;
	function->parts++;
}

/* Is the symbol the name, or the name and a compiler's suffix? */
static bool belongs(const char *symbol, const char *name, size_t length)
{
	return !strncmp(symbol, name, length) && (!symbol[length] || symbol[length] == '.');
}

static bool cold(const char *symbol)
{
	return strstr(symbol, ".cold") != NULL;
}

/* All parts of a function, the one that is entered first. */
static int decode(struct code *code, const char *name, struct code_function *function)
{
	const struct image_symbol *symbols;
	size_t count = image__symbols(code->image, &symbols), length = strlen(name), i;
	int pass;

	memset(function, 0, sizeof(*function));
	for (pass = 0; pass < 3; pass++) {
		for (i = 0; i < count; i++) {
			if (!belongs(symbols[i].name, name, length))
				continue;
			if (pass == 0 ? !symbols[i].name[length]
				      : (pass == 2) == cold(symbols[i].name))
				add_part(code, function, symbols[i].address);
		}
		if (pass == 1 && !function->parts)
			return -ENOENT;
	}
	return 0;
}

static void release(struct code_function *function)
{
	size_t i;

	for (i = 0; i < function->parts; i++)
		cs_free(function->part[i].insn, function->part[i].count);
	function->parts = 0;
}

bool code__has(const struct code *code, const char *function)
{
	const struct image_symbol *symbols;
	size_t count = image__symbols(code->image, &symbols), length = strlen(function), i;

	for (i = 0; i < count; i++)
		if (belongs(symbols[i].name, function, length) && !cold(symbols[i].name))
			return true;
	return false;
}

/* Where calls of a function go: its own name, or its one variant. */
static uint64_t entry(const struct code *code, const char *name)
{
	const struct image_symbol *symbol = image__symbol(code->image, name), *symbols;
	size_t count = image__symbols(code->image, &symbols), length = strlen(name), i;

	if (symbol)
		return symbol->address;
	for (i = 0; i < count; i++)
		if (belongs(symbols[i].name, name, length) && !cold(symbols[i].name))
			return symbols[i].address;
	return 0;
}

int code__open(struct code **result, const struct image *image, char *why, size_t why_size)
{
	static const char *const machines[] = IMAGE_MACHINE_NAMES;
	static const char *const ends[] = {"__stack_chk_fail", "panic", "__fortify_panic",
					   "fortify_panic"};
	const struct image_symbol *symbols;
	size_t count = image__symbols(image, &symbols);
	struct code *code;
	size_t i;

	if (image__machine(image) != IMAGE_X86_64) {
		snprintf(why, why_size, "code is read on x86-64 only, and this is %s",
			 machines[image__machine(image)]);
		return -ENOTSUP;
	}
	if (!count || !symbols[count - 1].address) {
		snprintf(why, why_size, "functions are not found in the image: %s",
			 image__symbols_from(image));
		return -ENOTSUP;
	}
	code = calloc(1, sizeof(*code));
	if (!code || cs_open(CS_ARCH_X86, CS_MODE_64, &code->handle) != CS_ERR_OK) {
		free(code);
		snprintf(why, why_size, "no memory for the disassembler");
		return -ENOMEM;
	}
	cs_option(code->handle, CS_OPT_DETAIL, CS_OPT_ON);
	code->image = image;
	code->fentry = entry(code, "__fentry__");
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		code->ends[i] = entry(code, ends[i]);
	*result = code;
	return 0;
}

/* A call, or a jump that ends the function by going there. */
static bool goes_to(struct code *code, const cs_insn *insn, uint64_t address)
{
	return (insn->id == X86_INS_CALL || cs_insn_group(code->handle, insn, CS_GRP_JUMP)) &&
	       code__target(insn) == address;
}

typedef unsigned int (*count_fn)(struct code *code, const struct code_part *part, size_t at,
				 uint64_t with);

/* How many instructions there are of a kind, wherever they stand; or -ENOENT. */
static int count_all(struct code *code, const char *name, count_fn count, uint64_t with)
{
	struct code_function function;
	const struct code_part *part;
	unsigned int found = 0;
	size_t i, j;
	int err = decode(code, name, &function);

	if (err)
		return err;
	for (i = 0; i < function.parts; i++) {
		part = &function.part[i];
		for (j = 0; j < part->count; j++)
			found += count(code, part, j, with);
	}
	release(&function);
	return (int)found;
}

static unsigned int is_call(struct code *code, const struct code_part *part, size_t at,
			    uint64_t with)
{
	return goes_to(code, &part->insn[at], with);
}

int code__calls(struct code *code, const char *function, const char *callee)
{
	uint64_t address = entry(code, callee);

	return address ? count_all(code, function, is_call, address) : -ENOENT;
}

static unsigned int is_exchange(struct code *code, const struct code_part *part, size_t at,
				uint64_t with)
{
	const cs_insn *insn = &part->insn[at];
	const cs_x86_op *op = insn->detail->x86.operands;

	(void)code;
	return insn->id == X86_INS_CMPXCHG && insn->detail->x86.prefix[0] == X86_PREFIX_LOCK &&
	       op[0].type == X86_OP_MEM && op[0].size == 4 && op[0].mem.disp == (int64_t)with;
}

int code__exchanges(struct code *code, const char *function, uint32_t offset)
{
	return count_all(code, function, is_exchange, offset);
}

static bool is_memory(const cs_x86_op *op, uint64_t offset)
{
	return op->type == X86_OP_MEM && op->size == 4 && op->mem.index == X86_REG_INVALID &&
	       op->mem.base != X86_REG_RIP && op->mem.base != X86_REG_RSP &&
	       op->mem.base != X86_REG_RBP && op->mem.disp == (int64_t)offset;
}

static bool compares(const cs_insn *insn)
{
	const cs_x86_op *op = insn->detail->x86.operands;

	/* "> 1" is "cmp $1; jg" or, by other compilers, "cmp $2; jge". */
	return insn->id == X86_INS_CMP && op[1].type == X86_OP_IMM &&
	       (op[1].imm == 1 || op[1].imm == 2);
}

static unsigned int is_compare(struct code *code, const struct code_part *part, size_t at,
			       uint64_t with)
{
	const cs_insn *insn = &part->insn[at], *next;
	const cs_x86_op *op = insn->detail->x86.operands;
	size_t i;

	(void)code;
	if (compares(insn))
		return is_memory(&op[0], with);
	if (insn->id != X86_INS_MOV || op[0].type != X86_OP_REG || !is_memory(&op[1], with))
		return 0;
	for (i = at + 1; i < part->count && i <= at + NEAR; i++) {
		next = &part->insn[i];
		if (compares(next) && next->detail->x86.operands[0].type == X86_OP_REG &&
		    next->detail->x86.operands[0].reg == op[0].reg)
			return 1;
	}
	return 0;
}

int code__compares(struct code *code, const char *function, uint32_t offset)
{
	return count_all(code, function, is_compare, offset);
}

static int walk(struct code *code, const char *name, const struct code_watch *watch)
{
	struct code_function function;
	int err = decode(code, name, &function);

	if (err)
		return err;
	err = code__walk(code, &function, watch);
	release(&function);
	return err;
}

/* --- code__passes -------------------------------------------------------------------------------- */

struct passing {
	struct code *code;
	uint64_t callee;
	unsigned int reg;
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

static void see_call(void *context, const struct code_walk *state, const cs_insn *insn)
{
	struct passing *passing = context;
	struct code_value value;
	unsigned int i;

	if (!goes_to(passing->code, insn, passing->callee))
		return;
	value = code_walk__register(state, passing->reg);
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
	static const unsigned int registers[] = {X86_REG_RDI, X86_REG_RSI, X86_REG_RDX,
						 X86_REG_RCX, X86_REG_R8,  X86_REG_R9};
	struct passing passing = {code, entry(code, callee), 0, bit, found};
	struct code_watch watch = {.context = &passing, .see = see_call};
	int calls = code__calls(code, function, callee);

	memset(found, 0, sizeof(*found));
	if (calls < 0 || argument < 1 || argument > 6)
		return calls < 0 ? calls : -EINVAL;
	passing.reg = registers[argument - 1];
	found->calls = (unsigned int)calls;
	return calls ? walk(code, function, &watch) : 0;
}

/* --- code__uses ---------------------------------------------------------------------------------- */

#define STORES_MAX 32

struct using
{
	struct code *code;
	const struct code_question *question;
	uint64_t walker;
	struct code_use *use;
	int32_t stored[STORES_MAX]; /* where on the stack the value went */
	int32_t walked[STORES_MAX]; /* where the structures are */
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

/* test, and, bt: of which bit of the parameter? */
static bool tests_bit(const struct code_walk *state, const cs_insn *insn, uint32_t bit)
{
	const cs_x86_op *op = insn->detail->x86.operands;
	struct code_value value, mask;
	uint64_t tested;

	if (insn->id != X86_INS_TEST && insn->id != X86_INS_AND && insn->id != X86_INS_BT)
		return false;
	value = code_walk__operand(state, &op[0]);
	mask = code_walk__operand(state, &op[1]);
	if (value.kind != CODE_PARAMETER) {
		struct code_value swap = value;

		value = mask;
		mask = swap;
	}
	if (value.kind != CODE_PARAMETER || mask.kind != CODE_SET || mask.nr != 1)
		return false;
	tested = insn->id == X86_INS_BT ? 1ULL << (mask.set[0] & 31) : mask.set[0];
	return tested << (value.offset & 31) == bit;
}

static void see_use(void *context, const struct code_walk *state, const cs_insn *insn)
{
	struct using *using = context;
	const cs_x86_op *op = insn->detail->x86.operands;
	struct code_value value, base;

	if (tests_bit(state, insn, using->question->bit))
		using->use->tests++;
	if (goes_to(using->code, insn, using->walker)) {
		base = code_walk__register(state, X86_REG_RDI);
		if (base.kind == CODE_STACK) {
			using->use->walks++;
			note_offset(using->walked, &using->nr_walked, base.offset);
		}
	}
	if ((insn->id == X86_INS_MOV || insn->id == X86_INS_OR) && op[0].type == X86_OP_MEM &&
	    op[0].size == 4) {
		base = code_walk__base(state, &op[0]);
		value = code_walk__operand(state, &op[1]);
		if (base.kind == CODE_STACK && value.kind == CODE_SET && value.nr == 1 &&
		    value.set[0] == using->question->value)
			note_offset(using->stored, &using->nr_stored, base.offset);
	}
}

int code__uses(struct code *code, const char *function, const struct code_question *question,
	       struct code_use *use)
{
	struct using using = {.code = code,
			      .question = question,
			      .walker = entry(code, question->walk),
			      .use = use};
	struct code_watch watch = {
		.parameter = question->parameter, .context = &using, .see = see_use};
	unsigned int i, j;
	int err;

	memset(use, 0, sizeof(*use));
	if (!using.walker)
		return -ENOENT;
	err = walk(code, function, &watch);
	if (err)
		return err;
	for (i = 0; i < using.nr_walked; i++)
		for (j = 0; j < using.nr_stored; j++)
			use->stores += using.stored[j] ==
				       using.walked[i] + (int32_t)question->member;
	return 0;
}
