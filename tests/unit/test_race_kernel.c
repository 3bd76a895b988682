// SPDX-License-Identifier: GPL-2.0-only
/*
 * A race on one kernel: which places and expressions are used, how they are attached, and what is
 * missing.
 */
#include "calc_support.h"

#include <errno.h>

#include "base/names.h"
#include "race/race_attach.h"
#include "race/race_kernel.h"
#include "race/race_program.h"
#include <thprace/race_interval.h>

#define HEAD "[race]\nname = x\ntitle = y\n"
#define WALKER "[walker]\nat = fake_walk entry\nkey = node\n"

struct world {
	struct btf *btf;
	struct race_kernel kernel;
	struct race *race;
	struct race_on_kernel on;
};

/* fake_walk() has ten arguments, so no trampoline; small(folio) has one, and by_value(folio, value) none. */
static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	int folio, proto;

	world->btf = fake_btf();
	folio = btf__add_ptr(world->btf,
			     btf__find_by_name_kind(world->btf, "folio", BTF_KIND_STRUCT));
	proto = btf__add_func_proto(world->btf, folio);
	btf__add_func_param(world->btf, "folio", folio);
	btf__add_func_param(world->btf, "value",
			    btf__find_by_name_kind(world->btf, "pmd_t", BTF_KIND_TYPEDEF));
	btf__add_func(world->btf, "by_value", BTF_FUNC_GLOBAL, proto);
	proto = btf__add_func_proto(world->btf, 0);
	btf__add_func_param(world->btf, "folio", folio);
	btf__add_func(world->btf, "small", BTF_FUNC_GLOBAL, proto);
	world->kernel.types = types__new(world->btf);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	types__free((struct types *)world->kernel.types);
	btf__free(world->btf);
	free(world);
	return 0;
}

static struct race_on_kernel *hold(struct world *world, const char *text)
{
	char why[1024];

	if (race__read_text(&world->race, "x.race", text, strlen(text), why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(race_kernel__check(&world->on, world->race, &world->kernel), 0);
	return &world->on;
}

static void let_go(struct world *world)
{
	race_kernel__release(&world->on);
	race__free(world->race);
}

/* The first existing place of each group, the first expression whose names exist. */
static void what_is_taken(void **state)
{
	struct race_on_kernel *on = hold(
		*state, HEAD "[window]\nopen = nobody entry | small entry, by_value entry\n"
			     "key = page->flags else folio->flags\nclose = small return\n" WALKER);

	assert_int_equal(on->problems, 0);
	assert_null(race_kernel__not_observable(on));
	assert_int_equal(on->points, 4);
	assert_string_equal(on->point[0].place->function, "small");
	assert_int_equal(on->point[0].how, RACE_HOW_FENTRY);
	assert_int_equal(on->point[0].calcs, 1);
	assert_int_equal(on->point[0].calc[0].use, RACE_USE_KEY);
	/* Old trampolines refuse structures by value. */
	assert_string_equal(on->point[1].place->function, "by_value");
	assert_int_equal(on->point[1].how, RACE_HOW_KPROBE);
	assert_int_equal(on->point[2].moment, RACE_ENDS);
	assert_int_equal(on->point[2].how, RACE_HOW_FEXIT);
	assert_string_equal(race_kernel__moment(&on->point[3]), "at");
	let_go(*state);
}

/* A kretprobe has no arguments: they are saved, if they are used. */
static void arguments_at_a_return(void **state)
{
	static const struct {
		const char *escape;
		enum race_how how;
		bool keeps;
	} cases[] = {
		{"result", RACE_HOW_KRETPROBE, false},
		{"result && flags", RACE_HOW_KRETPROBE, true},
		{"address", RACE_HOW_KRETPROBE, true}, /* the seventh */
	};
	struct race_on_kernel *on;
	char text[512];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text),
			 HEAD "[window]\nopen = small entry\nkey = folio\nclose = fake_walk "
			      "return\nescape = %s\n" WALKER,
			 cases[i].escape);
		on = hold(*state, text);
		assert_int_equal(on->point[1].how, cases[i].how);
		assert_int_equal(on->point[1].keeps, cases[i].keeps);
		assert_int_equal(on->problems, 0);
		assert_false(race_kernel__wrong(on));
		let_go(*state);
	}
}

/* Missing names: each alternative, with its place, once. */
static void what_is_missing(void **state)
{
	struct race_on_kernel *on = hold(*state, HEAD
					 "[window]\nopen = smal entry | nobody entry\nkey = folio\n"
					 "close = small return when folio->flgas else page\n"
					 "save = a: folio.flags\n" WALKER);

	assert_int_equal(on->problems, 4);
	assert_string_equal(on->problem[0].text,
			    "there is no function 'smal'; did you mean 'small'?");
	assert_int_equal(on->problem[0].line, 5);
	assert_int_equal(on->problem[0].column, 8);
	assert_true(on->problem[0].absent);
	assert_string_equal(on->problem[1].text, "there is no function 'nobody'");
	assert_int_equal(on->problem[1].column, 21);
	assert_string_equal(on->problem[2].text,
			    "struct folio has no member 'flgas'; did you mean 'flags'?");
	assert_int_equal(on->problem[2].column, 34);
	assert_false(race_kernel__wrong(on));
	let_go(*state);
	on = hold(*state, HEAD "[window]\nopen = small entry\nkey = folio.flags\nclose = small "
			       "return\n" WALKER);
	assert_true(race_kernel__wrong(on));
	assert_string_equal(race_kernel__not_observable(on), "'.' after a pointer: write '->'");
	let_go(*state);
}

/* BTF with types only: whether there is a function is not known. */
static void what_is_not_known(void **state)
{
	struct world world = {.btf = btf__new_empty()};
	struct race_on_kernel *on;

	(void)state;
	btf__add_struct(world.btf, "page", 64);
	world.kernel.types = types__new(world.btf);
	on = hold(&world, HEAD WALKER "escape = 1\n");
	assert_string_equal(race_kernel__not_observable(on), NAMES_NO_FUNCTIONS);
	assert_false(race_kernel__wrong(on));
	let_go(&world);
	types__free((struct types *)world.kernel.types);
	btf__free(world.btf);
}

static bool image_has(void *context, const char *function)
{
	return strcmp(function, context) != 0;
}

static int image_calls(void *context, const char *function, const char *callee)
{
	(void)context;
	return !strcmp(function, "by_value") && !strcmp(callee, "small");
}

/* An image shows that a function has no code, and which calls there are. */
static void what_is_inlined(void **state)
{
	struct world *world = *state;
	struct race_on_kernel *on;

	world->kernel.has = image_has;
	world->kernel.calls = image_calls;
	world->kernel.context = (void *)"fake_walk";
	on = hold(world,
		  HEAD "[window]\nopen = call of small in fake_walk | by_value\nkey = folio\n"
		       "close = return of small in fake_walk\n" WALKER);
	assert_string_equal(on->point[0].place->in, "by_value");
	assert_int_equal(on->point[0].how, RACE_HOW_CALL);
	assert_int_equal(on->problems, 2);
	assert_string_equal(on->problem[0].text,
			    "fake_walk does not call small: it was inlined, or "
			    "is called elsewhere");
	assert_int_equal(on->problem[0].column, 28);
	assert_string_equal(on->problem[1].text,
			    "fake_walk has no code of its own: it was inlined");
	let_go(world);
	world->kernel.has = NULL;
	world->kernel.calls = NULL;
}

/* BTF with a struct pt_regs that has one of these members, and a function with these arguments. */
static void arguments_of(const char *member, const char *sizes, const char *wanted)
{
	struct btf *btf = btf__new_empty();
	int number = btf__add_int(btf, "long", 8, BTF_INT_SIGNED), two, three, proto;
	char found[256] = "", name[16];
	struct race_argument where;
	struct types *types;
	uint32_t i;

	btf__add_struct(btf, "pt_regs", 8);
	btf__add_field(btf, member, number, 0, 0);
	two = btf__add_struct(btf, "two", 16);
	btf__add_field(btf, "a", number, 0, 0);
	three = btf__add_struct(btf, "three", 24);
	btf__add_field(btf, "a", number, 0, 0);
	proto = btf__add_func_proto(btf, 0);
	for (i = 0; sizes[i]; i++) {
		snprintf(name, sizeof(name), "a%u", i);
		btf__add_func_param(btf, name,
				    sizes[i] == '1'   ? number
				    : sizes[i] == '2' ? two
						      : three);
	}
	types = types__new(btf);
	for (i = 0; i <= strlen(sizes); i++) {
		if (!race_attach__argument(types, btf__type_by_id(btf, (uint32_t)proto), i, &where))
			strcat(found, "- ");
		else
			snprintf(found + strlen(found), sizeof(found) - strlen(found),
				 where.number < 0 ? "s%d " : "r%d ",
				 where.number < 0 ? where.stack : where.number);
	}
	assert_string_equal(found, wanted);
	types__free(types);
	btf__free(btf);
}

/*
 * As compilers pass them: gcc's own code for `void f(long, struct two, ...)' was looked at on both
 * machines. A structure of two words uses two registers; a larger one is in memory, on arm64 behind a
 * pointer.
 */
static void arguments(void **state)
{
	(void)state;
	arguments_of("orig_ax", "1231", "r0 - - r3 - ");
	arguments_of("pstate", "1231", "r0 - - r4 - ");
	arguments_of("orig_ax", "11111111", "r0 r1 r2 r3 r4 r5 s0 s8 - ");
	arguments_of("pstate", "1111111111", "r0 r1 r2 r3 r4 r5 r6 r7 s0 s8 - ");
	/* The structure is on the stack, and the last register is left for the next one. */
	arguments_of("orig_ax", "11111211", "r0 r1 r2 r3 r4 - r5 s16 - ");
	arguments_of("pstate", "1111111211", "r0 r1 r2 r3 r4 r5 r6 - s16 s24 - ");
	arguments_of("orig_ax", "31111111", "- r0 r1 r2 r3 r4 r5 s24 - ");
}

/* Where a program finds the values of its expressions. */
static void places(void **state)
{
	struct world *world = *state;
	struct race_on_kernel *on = hold(
		world, HEAD "[window]\nopen = small entry\nkey = folio\nclose = small return\n"
			    "escape = folio->flags\n[walker]\nat = by_value entry\nkey = value\n");
	struct bpf_insn insn[RACE_PROGRAM_MAX];
	struct calc_places found;
	int i, count;

	race_program__places(&found, &on->point[1], world->kernel.types, 7);
	assert_int_equal(found.argument[0].base, CALC_IN_CONTEXT);
	assert_int_equal(found.argument[0].offset, 0);
	assert_int_equal(found.vmemmap, 7);
	assert_int_equal(found.saved[1].offset, offsetof(struct thprace_race_interval, saved[1]));
	assert_true(race_attach__kprobe(&on->point[1], world->kernel.types));
	assert_true(on->point[1].keeps);
	race_program__places(&found, &on->point[1], world->kernel.types, 0);
	assert_int_equal(found.argument[0].base, CALC_IN_INTERVAL);
	assert_int_equal(found.argument[0].offset,
			 offsetof(struct thprace_race_interval, argument));
	for (i = 0; i < on->points; i++) {
		count = race_program__write(&on->point[i], world->kernel.types, 3, insn);
		/* The fake kernel has no machine: a kprobe's registers are nowhere. */
		if (on->point[i].how == RACE_HOW_KPROBE)
			assert_true(count < 0);
		else
			assert_int_equal(insn[count - 1].code, BPF_JMP | BPF_EXIT);
	}
	let_go(world);
}

static uint64_t run_part(const struct race_point *point, enum race_part part,
			 const struct race_kernel *kernel, uint64_t *frame)
{
	const struct folio *folio = *(const struct folio **)(uintptr_t)frame[0];
	const struct bpf_memory memory = {folio, sizeof(*folio)};
	struct bpf_machine machine = {
		.memory = &memory,
		.memories = 1,
		.context = (const uint64_t *)(uintptr_t)frame[0],
		.pointers = 1, /* folio */
	};
	struct bpf_insn insn[RACE_PROGRAM_MAX];
	struct calc_places found;
	int count;

	race_program__places(&found, point, kernel->types, 0);
	count = race_program__part(point, part, &found, insn, RACE_PROGRAM_MAX);
	assert_in_range(count, 1, RACE_PROGRAM_MAX);
	assert_int_equal(race_program__part(point, part, &found, insn, (size_t)count - 1), -E2BIG);
	machine.reg[10] = (uintptr_t)frame + RACE_FRAME_SIZE;
	bpf_machine__run(&machine, insn, (size_t)count);
	return machine.reg[0];
}

/*
 * The results of a point's instructions: conditions, key, range, saved values, and then the escape.
 */
static void parts(void **state)
{
	struct world *world = *state;
	struct race_on_kernel *on = hold(
		world, HEAD
		"[window]\nopen = small entry when folio->flags > 2\nwhen = folio->few\n"
		"when = folio->index != 9\nkey = folio->index\nfrom = folio->offset\n"
		"save = a: folio->sign\nsave = b: folio->many\nclose = small return when key == 5\n"
		"escape = b == folio->many + 1\nescape = others\n"
		"[walker]\nat = small entry\nkey = folio->index\nfrom = 3\nto = 7\n"
		"save = c: folio->flags\nescape = c == folio->flags && key == 5\n");
	struct folio folio = {
		.flags = 3, .few = 1, .index = 5, .offset = 40, .sign = BELOW, .many = 77};
	struct thprace_race_interval interval = {.key = 5, .saved = {0, 78}, .others = 1};
	uint64_t context[2] = {(uintptr_t)&folio},
		 frame[RACE_FRAME_SIZE / 8] = {(uintptr_t)context};

	frame[CALC_FRAME_INTERVAL / 8] = (uintptr_t)&interval;
	assert_int_equal(on->problems, 0);
	assert_int_equal(run_part(&on->point[0], RACE_PART_BEFORE, &world->kernel, frame), 1);
	assert_int_equal(frame[RACE_FRAME_KEY / 8], 5);
	assert_int_equal(frame[RACE_FRAME_FROM / 8], 40);
	assert_int_equal(frame[RACE_FRAME_TO / 8], 41);
	assert_int_equal(frame[RACE_FRAME_SAVED / 8], (uint64_t)BELOW);
	assert_int_equal(frame[RACE_FRAME_SAVED / 8 + 1], 77);
	folio.index = 9;
	assert_int_equal(run_part(&on->point[0], RACE_PART_BEFORE, &world->kernel, frame), 0);
	folio.index = 5;
	folio.flags = 2;
	assert_int_equal(run_part(&on->point[0], RACE_PART_BEFORE, &world->kernel, frame), 0);
	/* The end: the key of the interval, all conditions of the escape. */
	assert_int_equal(run_part(&on->point[1], RACE_PART_BEFORE, &world->kernel, frame), 1);
	assert_int_equal(run_part(&on->point[1], RACE_PART_ESCAPE, &world->kernel, frame), 1);
	assert_int_equal(frame[RACE_FRAME_ESCAPE / 8], 1);
	interval.others = 0;
	run_part(&on->point[1], RACE_PART_ESCAPE, &world->kernel, frame);
	assert_int_equal(frame[RACE_FRAME_ESCAPE / 8], 0);
	interval.key = 6;
	assert_int_equal(run_part(&on->point[1], RACE_PART_BEFORE, &world->kernel, frame), 0);
	/* An instant has its values in the frame. */
	assert_int_equal(run_part(&on->point[2], RACE_PART_BEFORE, &world->kernel, frame), 1);
	assert_int_equal(frame[RACE_FRAME_TO / 8], 7);
	run_part(&on->point[2], RACE_PART_ESCAPE, &world->kernel, frame);
	assert_int_equal(frame[RACE_FRAME_ESCAPE / 8], 1);
	let_go(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken),   cmocka_unit_test(arguments_at_a_return),
		cmocka_unit_test(what_is_missing), cmocka_unit_test(what_is_inlined),
		cmocka_unit_test(parts),	   cmocka_unit_test(arguments),
		cmocka_unit_test(places),	   cmocka_unit_test(what_is_not_known),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
