// SPDX-License-Identifier: GPL-2.0-only
/*
 * Expressions: what is refused, where, and which name is suggested; missing memory; what an
 * interval has.
 */
#include "calc_support.h"

#include <errno.h>
#include "race/types.h"

#define INSTRUCTIONS 1024

/* Errors: "COLUMN: TEXT"; "" if it is right. */
static const char *error_of(const struct calc_scope *scope, const char *text)
{
	static char found[300];
	struct expr_error error;
	struct expr expr;
	struct calc calc;

	if (!expr__parse(&expr, text, strlen(text), 1, &error) &&
	    !calc__of(&calc, &expr, scope, &error)) {
		calc__release(&calc);
		return "";
	}
	snprintf(found, sizeof(found), "%u: %s", error.column, error.text);
	return found;
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} wrong[] = {
		{"", "1: a name, a number or '(' expected instead of the end"},
		{"flags +", "8: a name, a number or '(' expected instead of the end"},
		{"flags node", "7: an operator or the end expected instead of 'node'"},
		{"(flags", "7: ')' expected instead of the end"},
		{"0x", "1: hexadecimal digits expected after 0x"},
		{"12q", "3: not a number: only u, l or ul may follow the digits"},
		{"09", "2: not a number: only u, l or ul may follow the digits"},
		{"18446744073709551616", "1: the number has more than 64 bits"},
		{"9223372036854775808", "1: the number has more than 63 bits: append u"},
		{"folio->mapping", "8: struct folio has no member 'mapping'"},
		{"folio->_mapcuont.counter",
		 "8: struct folio has no member '_mapcuont'; did you mean '_mapcount'?"},
		{"folio->mm->half.counter", "17: short has no members"},
		{"flio->index",
		 "1: fake_walk has no argument 'flio', and there is no such enumerator; did you "
		 "mean 'folio'?"},
		{"flags & PG_haed",
		 "9: fake_walk has no argument 'PG_haed', and there is no such enumerator; did you "
		 "mean 'PG_head'?"},
		{"folio.index", "7: '.' after a pointer: write '->'"},
		{"flags->index", "8: '->' after unsigned int, which is not a pointer"},
		{"*flags", "1: '*' of unsigned int, which points to nothing known"},
		{"&flags", "1: '&' of something without an address"},
		{"&folio->few", "1: '&' of something without an address"},
		{"*folio", "2: struct folio is neither a number nor a pointer"},
		{"folio->bytes[6]", "13: the array has 6 elements"},
		{"node[0]", "5: '[' after int, which is not an array"},
		{"flags << node", "7: numbers can only be shifted by constants"},
		{"flags << 32", "7: a number of 32 bits is shifted by as many or more"},
		{"flags / 0", "7: numbers can only be divided by constants other than 0"},
		{"node / 2", "6: a number with a sign is not divided: cast it to unsigned, or "
			     "append u to the divisor"},
		{"folio - vma", "7: two pointers: cast them to unsigned long for that"},
		{"(struct flio *)node", "1: no struct 'flio'; did you mean 'folio'?"},
		{"swap_entry(*pmd)", "1: swap_entry() is only known for x86-64"},
		{"(flags) node", "1: no type 'flags'"},
		{"(u8)(folio) + (page_t)1", "15: no type 'page_t'"},
		{"(int *)node",
		 "1: a cast to a pointer to a number: cast to a structure that has it"},
		{"result", "1: only a return has a result"},
		{"key", "1: fake_walk has no argument 'key', and there is no such enumerator"},
		{"pnf(folio)", "1: no helper 'pnf'; did you mean 'pfn'?"},
		{"pfn(folio, 1)", "1: pfn() takes one argument"},
		{"pmd_page(*pmd)", "1: pmd_page() is only known for x86-64 and arm64"},
		{"entire_mapcount(folio)", "1: struct page has no member 'compound_mapcount'"},
	};
	const struct calc_scope scope = {.types = *state, .function = FAKE_WALK};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_string_equal(error_of(&scope, wrong[i].text), wrong[i].error);
}

/* Expressions that are meant to take long, or much memory. */
static void what_is_too_much(void **state)
{
	const struct calc_scope scope = {.types = *state, .function = FAKE_WALK};
	struct bpf_insn insn[INSTRUCTIONS];
	struct calc_places places = fake_places();
	struct expr_error error;
	char text[2048];
	struct expr expr;
	struct calc calc;
	int i;

	memset(text, '(', 100);
	text[100] = '\0';
	assert_non_null(strstr(error_of(&scope, text), "more than 24 operators or parentheses"));
	memset(text, '!', 100);
	assert_non_null(strstr(error_of(&scope, text), "more than 24 operators or parentheses"));
	for (i = 0; i < 100; i++)
		memcpy(text + 8 * i, "(short) ", 8);
	assert_non_null(strstr(error_of(&scope, text), "more than 24 operators or parentheses"));
	strcpy(text, "node");
	for (i = 0; i < 200; i++)
		strcat(text, "+node");
	assert_non_null(strstr(error_of(&scope, text), "more than 192 parts"));
	/* It uses a helper's argument four times. */
	strcpy(text, "folio");
	for (i = 0; i < 20; i++) {
		memmove(text + 5, text, strlen(text) + 1);
		memcpy(text, "head(", 5);
		strcat(text, ")");
	}
	assert_int_equal(expr__parse(&expr, text, strlen(text), 1, &error), 0);
	assert_int_equal(calc__of(&calc, &expr, &scope, &error), 0);
	assert_int_equal(calc__emit(&calc, &places, insn, INSTRUCTIONS), -E2BIG);
	calc__release(&calc);
	/* Operands that wait: the right one is always the more complex. */
	strcpy(text, "node");
	for (i = 0; i < 9; i++)
		strcat(text, "+(flags");
	for (i = 0; i < 9; i++)
		strcat(text, ")");
	assert_int_equal(expr__parse(&expr, text, strlen(text), 1, &error), 0);
	assert_int_equal(calc__of(&calc, &expr, &scope, &error), 0);
	assert_int_equal(calc__emit(&calc, &places, insn, INSTRUCTIONS), -E2BIG);
	assert_int_equal(calc__emit(&calc, &places, insn, 3), -E2BIG);
	calc__release(&calc);
}

static unsigned int calls; /* of helpers, by value_of() */

static uint64_t value_of(const struct calc_scope *scope, const struct calc_places *places,
			 const char *text, const struct bpf_memory *memory, uint64_t *context,
			 uint64_t *interval)
{
	struct bpf_machine machine = {
		.memory = memory,
		.memories = memory ? 1 : 0,
		.task = 0x7a5c,
		.context = context,
		.pointers = places->typed ? 1ULL << 0 | 1ULL << 1 : 0,
	};
	uint64_t frame[CALC_FRAME_SIZE / 8] = {0};
	struct bpf_insn insn[INSTRUCTIONS];
	struct expr_error error;
	struct expr expr;
	struct calc calc;
	int count;

	if (expr__parse(&expr, text, strlen(text), 1, &error) ||
	    calc__of(&calc, &expr, scope, &error))
		fail_msg("%s: %u: %s", text, error.column, error.text);
	count = calc__emit(&calc, places, insn, INSTRUCTIONS);
	calc__release(&calc);
	assert_in_range(count, 1, INSTRUCTIONS);
	frame[CALC_FRAME_CONTEXT / 8] = (uintptr_t)context;
	frame[CALC_FRAME_INTERVAL / 8] = (uintptr_t)interval;
	machine.reg[10] = (uintptr_t)(frame + CALC_FRAME_SIZE / 8);
	bpf_machine__run(&machine, insn, (size_t)count);
	calls = machine.calls;
	return frame[CALC_FRAME_RESULT / 8];
}

/* A missing address reads as 0, at every step. */
static void check_missing(const struct calc_scope *of, const struct calc_places *by)
{
	const struct calc_scope scope = *of;
	const struct calc_places places = *by;
	struct folio folio = {.flags = 7, .mm = (struct mm *)16, .other = NULL};
	const struct bpf_memory memory = {&folio, sizeof(folio)};
	uint64_t context[ARGUMENTS + 1] = {(uintptr_t)&folio, 8};

	assert_int_equal(value_of(&scope, &places, "folio->flags", &memory, context, NULL), 7);
	assert_int_equal(value_of(&scope, &places, "folio->mm->total", &memory, context, NULL), 0);
	assert_int_equal(value_of(&scope, &places, "folio->other->other->mm->next->half + 1",
				  &memory, context, NULL),
			 1);
	assert_int_equal(value_of(&scope, &places, "vma->vm_mm->flag", &memory, context, NULL), 0);
	/* If the first condition decides, the second is not evaluated. */
	assert_int_equal(value_of(&scope, &places, "folio->other && folio->other->index == 0",
				  &memory, context, NULL),
			 0);
}

static void memory_that_is_not_there(void **state)
{
	const struct calc_scope scope = {.types = *state, .function = FAKE_WALK};
	struct calc_places places = fake_places();

	check_missing(&scope, &places);
	places.typed = places.direct = true;
	check_missing(&scope, &places);
}

/* Where the verifier knows pointers, no helper is called; and each is a number for what comes after. */
static void plain_loads(void **state)
{
	const struct calc_scope scope = {.types = *state, .function = FAKE_WALK};
	struct calc_places places = fake_places();
	struct {
		struct folio folio;
		struct mm mm;
	} there = {.folio = {.flags = 7}, .mm = {.total = 5}};
	const struct bpf_memory memory = {&there, sizeof(there)};
	uint64_t context[ARGUMENTS + 1] = {(uintptr_t)&there.folio};

	there.folio.mm = &there.mm;
	places.typed = true;
	assert_int_equal(value_of(&scope, &places, "folio->mm->total", &memory, context, NULL), 5);
	assert_int_equal(calls, 2);
	places.direct = true;
	assert_int_equal(value_of(&scope, &places, "folio->mm->total", &memory, context, NULL), 5);
	assert_int_equal(calls, 0);
	assert_int_equal(value_of(&scope, &places, "folio->mm->next == 0 && folio->flags == 7",
				  &memory, context, NULL),
			 1);
	assert_int_equal(calls, 0);
	/* A number may be an address, but the verifier does not know of what. */
	assert_int_equal(value_of(&scope, &places, "((struct mm *)folio->words[0])->total", &memory,
				  context, NULL),
			 5);
	assert_int_equal(calls, 1);
	assert_int_equal(value_of(&scope, &places, "(unsigned long)folio & 7", &memory, context,
				  NULL),
			 (uintptr_t)&there.folio & 7);
	/* The offset may be too far for an instruction. */
	assert_int_equal(value_of(&scope, &places, "((struct folio *)folio)[1000].flags", &memory,
				  context, NULL),
			 0);
	assert_int_equal(calls, 1);
}

/* Helpers: what they stand for, on this kernel. */
static void helpers(void **state)
{
	const struct calc_scope scope = {.types = *state, .function = FAKE_WALK};
	struct calc_places places = fake_places();
	struct page pages[2] = {{.flags = 1UL << PG_head, ._refcount.counter = 5}};
	const struct bpf_memory memory = {pages, sizeof(pages)};
	uint64_t context[ARGUMENTS + 1] = {(uintptr_t)&pages[1]};

	places.vmemmap = (uintptr_t)pages;
	pages[1].compound_head = (uintptr_t)&pages[0] + 1;
	assert_int_equal(value_of(&scope, &places, "(unsigned long)head(folio)", &memory, context,
				  NULL),
			 (uintptr_t)pages);
	assert_int_equal(value_of(&scope, &places, "refcount(head(folio))", &memory, context, NULL),
			 5);
	assert_int_equal(value_of(&scope, &places, "pfn(folio)", &memory, context, NULL), 1);
	assert_int_equal(value_of(&scope, &places, "page(1) == folio", &memory, context, NULL), 1);
	assert_int_equal(value_of(&scope, &places, "head(folio)->flags >> PG_head & 1", &memory,
				  context, NULL),
			 1);
}

/* What an interval stored: the key, a saved value, the number of an event, who overlapped it. */
static void what_an_interval_gives(void **state)
{
	const struct calc_name names[] = {
		{"old", CALC_SAVED, 1, {.size = 4, .is_signed = true}},
		{"read", CALC_EVENT, 0, {0}},
	};
	const struct calc_name hidden[] = {
		{"folio", CALC_SAVED, 1, {.size = 4, .is_signed = true}},
		{"read", CALC_EVENT, 0, {0}},
	};
	struct calc_scope scope = {
		.types = *state,
		.function = FAKE_WALK,
		.at_return = true,
		.key = {.size = 8},
		.names = names,
		.count = 2,
	};
	struct calc_places places = fake_places();
	uint64_t context[ARGUMENTS + 1] = {0}, interval[] = {0x1234, (uint64_t)-5, 2, 3, 1};

	assert_string_equal(error_of(&scope, "old"), "1: 'old' is known only after the beginning");
	/* A value may have an argument's name: at the beginning it is the argument. */
	scope.names = hidden;
	context[0] = 0x5678;
	assert_int_equal(value_of(&scope, &places, "(unsigned long)folio", NULL, context, interval),
			 0x5678);
	scope.interval = true;
	places.saved[1] = (struct calc_place){CALC_IN_INTERVAL, 8};
	assert_int_equal(value_of(&scope, &places, "(int)folio", NULL, context, interval), -5);
	scope.names = names;
	places.key = (struct calc_place){CALC_IN_INTERVAL, 0};
	places.saved[1] = (struct calc_place){CALC_IN_INTERVAL, 8};
	places.event[0] = (struct calc_place){CALC_IN_INTERVAL, 16};
	places.others = (struct calc_place){CALC_IN_INTERVAL, 24};
	places.since[0] = (struct calc_place){CALC_IN_INTERVAL, 32};
	context[ARGUMENTS] = 0xffffffff00000000 | (uint32_t)-5;
	assert_int_equal(value_of(&scope, &places, "result == old && read == 2 && others > 2", NULL,
				  context, interval),
			 1);
	assert_int_equal(value_of(&scope, &places, "others_since(read)", NULL, context, interval),
			 1);
	assert_int_equal(value_of(&scope, &places, "key", NULL, context, interval), 0x1234);
	assert_int_equal(value_of(&scope, &places, "old < 0", NULL, context, interval), 1);
	assert_string_equal(error_of(&scope, "others_since(raed)"),
			    "14: 'raed' is no event of this interval; did you mean 'read'?");
	assert_string_equal(error_of(&scope, "rad"),
			    "1: fake_walk has no argument 'rad', and there is no such enumerator; "
			    "did you mean 'read'?");
	assert_int_equal(value_of(&scope, &places, "(unsigned long)current", NULL, context,
				  interval),
			 0x7a5c);
}

/* Nothing is generated for a value that is nowhere. */
static void what_is_nowhere(void **state)
{
	const struct calc_scope scope = {.types = *state, .function = FAKE_WALK};
	struct calc_places places = fake_places();
	struct bpf_insn insn[INSTRUCTIONS];
	struct expr_error error;
	uint64_t numbers;
	struct expr expr;
	struct calc calc;

	places.argument[3].base = CALC_NOWHERE;
	assert_int_equal(expr__parse(&expr, "node + flags", 12, 1, &error), 0);
	assert_int_equal(calc__of(&calc, &expr, &scope, &error), 0);
	assert_int_equal(calc__emit(&calc, &places, insn, INSTRUCTIONS), -ENOENT);
	assert_true(calc__asks(&calc, CALC_ARGUMENT, &numbers));
	assert_int_equal(numbers, 1 << 2 | 1 << 3);
	assert_false(calc__asks(&calc, CALC_RESULT, &numbers));
	calc__release(&calc);
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
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(what_is_too_much),
		cmocka_unit_test(memory_that_is_not_there),
		cmocka_unit_test(helpers),
		cmocka_unit_test(plain_loads),
		cmocka_unit_test(helpers),
		cmocka_unit_test(what_an_interval_gives),
		cmocka_unit_test(what_is_nowhere),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
