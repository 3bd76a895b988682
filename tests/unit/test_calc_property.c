// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random expressions (tests/unit/expressions), each as text and as C: the instructions for the
 * text, run by a small BPF machine over the same memory, must give the C compiler's result.
 */
#include "calc_support.h"

#include "chance.h"
#include "race/types.h"

#define ROUNDS 12
#define INSTRUCTIONS 2048

struct world {
	struct fake_arguments arguments;
	struct folio folio[4];
	struct mm mm[4];
	struct vma vma[2];
	pmd_t pmd[4];
};

struct oracle {
	const char *text;
	uint64_t (*value)(const struct fake_arguments *arguments);
};

/* What C and the language see: the arguments by their names. */
#define ORACLE(number, expression)                                                        \
	__attribute__((no_sanitize("undefined"))) static uint64_t oracle_##number(        \
		const struct fake_arguments *arguments)                                   \
	{                                                                                 \
		struct folio *folio = arguments->folio;                                   \
		struct vma *vma = arguments->vma;                                         \
		unsigned int flags = arguments->flags;                                    \
		int node = arguments->node;                                               \
		u8 small = arguments->small;                                              \
		short half = arguments->half;                                             \
		long address = arguments->address;                                        \
		pmd_t *pmd = arguments->pmd;                                              \
		pmd_t value = arguments->value;                                           \
		enum sign sign = arguments->sign;                                         \
                                                                                          \
		(void)folio, (void)vma, (void)flags, (void)node, (void)small, (void)half, \
			(void)address, (void)pmd, (void)value, (void)sign;                \
		return (uint64_t)(expression);                                            \
	}

#include "expressions.h"

static void fill(void *memory, size_t size, uint64_t *chance)
{
	uint8_t *byte = memory;
	size_t i;

	for (i = 0; i < size; i++)
		byte[i] = (uint8_t)any(chance);
}

static void fill_world(struct world *world, uint64_t *chance)
{
	int i;

	fill(world, sizeof(*world), chance);
	for (i = 0; i < 4; i++) {
		world->mm[i].next = &world->mm[any(chance) % 4];
		world->mm[i].flag = any(chance) & 1;
		world->folio[i].mm = &world->mm[any(chance) % 4];
		world->folio[i].other = &world->folio[any(chance) % 4];
		world->vma[i % 2].vm_mm = &world->mm[any(chance) % 4];
	}
	world->arguments.folio = &world->folio[any(chance) % 3];
	world->arguments.vma = &world->vma[any(chance) % 2];
	world->arguments.pmd = &world->pmd[2];
}

/* Registers whose upper bits are random if a type is smaller. */
static void fill_context(uint64_t context[ARGUMENTS + 1], const struct fake_arguments *arguments,
			 uint64_t *chance)
{
	fill(context, (ARGUMENTS + 1) * sizeof(context[0]), chance);
	context[0] = (uintptr_t)arguments->folio;
	context[1] = (uintptr_t)arguments->vma;
	memcpy(&context[2], &arguments->flags, sizeof(arguments->flags));
	memcpy(&context[3], &arguments->node, sizeof(arguments->node));
	memcpy(&context[4], &arguments->small, sizeof(arguments->small));
	memcpy(&context[5], &arguments->half, sizeof(arguments->half));
	context[6] = (uint64_t)arguments->address;
	context[7] = (uintptr_t)arguments->pmd;
	context[8] = arguments->value.pmd;
	memcpy(&context[9], &arguments->sign, sizeof(arguments->sign));
}

/* Of fake_walk()'s arguments, the pointers to structures: folio, vma, pmd. */
#define POINTERS (1ULL << 0 | 1ULL << 1 | 1ULL << 7)

static uint64_t run(const struct bpf_insn *insn, size_t count, const struct world *world,
		    uint64_t *context, bool typed)
{
	const struct bpf_memory memory = {world, sizeof(*world)};
	struct bpf_machine machine = {
		.memory = &memory,
		.memories = 1,
		.context = context,
		.pointers = typed ? POINTERS : 0,
	};
	uint64_t frame[CALC_FRAME_SIZE / 8], result;

	memset(frame, 0xa5, sizeof(frame));
	frame[CALC_FRAME_CONTEXT / 8] = (uintptr_t)context;
	machine.reg[10] = (uintptr_t)(frame + CALC_FRAME_SIZE / 8);
	bpf_machine__run(&machine, insn, count);
	result = frame[CALC_FRAME_RESULT / 8];
	assert_int_equal(machine.reg[0], result);
	return result;
}

/* By kprobes; by trampolines, with the helper; and by plain loads. */
static void check_expressions(struct types *types, const struct calc_places *places)
{
	static struct bpf_insn insn[INSTRUCTIONS];
	const struct calc_scope scope = {.types = types, .function = FAKE_WALK};
	uint64_t context[ARGUMENTS + 1], found, wanted;
	uint64_t chance = 1;
	struct expr_error error;
	struct world world;
	struct expr expr;
	struct calc calc;
	size_t i, round;
	int count;

	for (i = 0; i < sizeof(oracles) / sizeof(oracles[0]); i++) {
		if (expr__parse(&expr, oracles[i].text, strlen(oracles[i].text), 1, &error) ||
		    calc__of(&calc, &expr, &scope, &error))
			fail_msg("%s: column %u: %s", oracles[i].text, error.column, error.text);
		count = calc__emit(&calc, places, insn, INSTRUCTIONS);
		calc__release(&calc);
		assert_in_range(count, 1, INSTRUCTIONS);
		for (round = 0; round < ROUNDS; round++) {
			fill_world(&world, &chance);
			fill_context(context, &world.arguments, &chance);
			found = run(insn, (size_t)count, &world, context, places->typed);
			wanted = oracles[i].value(&world.arguments);
			if (found != wanted)
				fail_msg("%s is %#llx, and C has %#llx", oracles[i].text,
					 (unsigned long long)found, (unsigned long long)wanted);
		}
	}
}

static void random_expressions(void **state)
{
	struct calc_places places = fake_places();

	check_expressions(*state, &places);
	places.typed = true;
	check_expressions(*state, &places);
	places.direct = true;
	check_expressions(*state, &places);
}

static int begin(void **state)
{
	*state = types__new(fake_btf());
	return *state ? 0 : -1;
}

static int end(void **state)
{
	struct btf *btf = (struct btf *)types__btf(*state);

	types__free(*state);
	btf__free(btf);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_expressions),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
