// SPDX-License-Identifier: GPL-2.0-only
/* The budget: when a probe is shed, which, and when it is attached again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "overhead.h"

#define PERIOD 10000000000ULL
#define CPUS 4

/* A machine: the share of all CPUs' time that each point's programs take while attached. */
struct machine {
	struct overhead overhead;
	double load[ENGINE_UNITS];
	bool attached[ENGINE_UNITS];
	struct engine_program programs[ENGINE_UNITS];
	uint64_t now;
};

static void machine_start(struct machine *machine, double budget)
{
	struct config config = {};
	int i;

	memset(machine, 0, sizeof(*machine));
	config.overhead.budget = budget;
	config.overhead.patience = 3;
	config.overhead.recovery = 6;
	overhead__reset(&machine->overhead, &config);
	for (i = 0; i < ENGINE_UNITS; i++) {
		machine->attached[i] = true;
		machine->programs[i].unit = i;
	}
	machine->now = 1000;
}

static struct overhead_action step(struct machine *machine)
{
	bool may[ENGINE_UNITS];
	struct overhead_action action;
	int i;

	machine->now += PERIOD;
	for (i = 0; i < ENGINE_UNITS; i++) {
		may[i] = machine->attached[i] && i != THPRACE_POINT_ZAP && i != THPRACE_POINT_LOCK;
		if (machine->attached[i])
			machine->programs[i].run_ns += machine->load[i] * PERIOD * CPUS;
	}
	action = overhead__step(&machine->overhead, machine->programs, ENGINE_UNITS, machine->now,
				CPUS, may);
	if (action.what == OVERHEAD_SHED)
		machine->attached[action.unit] = false;
	if (action.what == OVERHEAD_RESTORE)
		machine->attached[action.unit] = true;
	return action;
}

/* Steps until there is an action, at most max; returns their number. */
static int until_action(struct machine *machine, int max, struct overhead_action *action)
{
	int i;

	for (i = 1; i <= max; i++) {
		*action = step(machine);
		if (action->what)
			return i;
	}
	return 0;
}

static void test_quiet(void **state)
{
	struct overhead_action action;
	struct machine machine;

	(void)state;
	machine_start(&machine, 0.005);
	machine.load[THPRACE_POINT_UNMAP] = 0.0049;
	assert_int_equal(until_action(&machine, 100, &action), 0);
	assert_true(machine.overhead.share > 0.00489 && machine.overhead.share < 0.00491);
}

static void test_dearest_is_shed(void **state)
{
	struct overhead_action action;
	struct machine machine;

	(void)state;
	machine_start(&machine, 0.005);
	machine.load[THPRACE_POINT_ZAP] = 0.004; /* more expensive, but not optional */
	machine.load[THPRACE_POINT_UNMAP] = 0.001;
	machine.load[THPRACE_POINT_MIGRATE] = 0.002;
	/* The first step only stores figures. */
	assert_int_equal(until_action(&machine, 10, &action), 1 + 3);
	assert_int_equal(action.what, OVERHEAD_SHED);
	assert_int_equal(action.unit, THPRACE_POINT_MIGRATE);
	assert_true(action.share > 0.0069 && action.share < 0.0071);
	assert_true(action.of_unit[THPRACE_POINT_MIGRATE] > 0.0019 &&
		    action.of_unit[THPRACE_POINT_MIGRATE] < 0.0021);
	assert_true(action.of_unit[THPRACE_POINT_ZAP] > 0.0039 &&
		    action.of_unit[THPRACE_POINT_ZAP] < 0.0041);
	/* 0.005 is left, which is not above the budget but not below half of it either. */
	assert_int_equal(until_action(&machine, 100, &action), 0);
}

static void test_patience(void **state)
{
	struct overhead_action action;
	struct machine machine;
	int i;

	(void)state;
	machine_start(&machine, 0.005);
	step(&machine);
	for (i = 0; i < 20; i++) {
		machine.load[THPRACE_POINT_UNMAP] = i % 3 == 2 ? 0.001 : 0.9;
		action = step(&machine);
		assert_int_equal(action.what, OVERHEAD_NOTHING);
	}
}

/* One that has shed MIGRATE, then UNMAP. */
static void machine_start_shedding(struct machine *machine)
{
	struct overhead_action action;

	machine_start(machine, 0.005);
	machine->load[THPRACE_POINT_UNMAP] = 0.01;
	machine->load[THPRACE_POINT_MIGRATE] = 0.02;
	assert_int_equal(until_action(machine, 10, &action), 4);
	assert_int_equal(action.unit, THPRACE_POINT_MIGRATE);
	assert_int_equal(until_action(machine, 10, &action), 3);
	assert_int_equal(action.unit, THPRACE_POINT_UNMAP);
}

static void test_comes_back(void **state)
{
	struct overhead_action action;
	struct machine machine;

	(void)state;
	machine_start_shedding(&machine);
	/* The load is gone: the one shed last comes first. */
	machine.load[THPRACE_POINT_UNMAP] = 0;
	machine.load[THPRACE_POINT_MIGRATE] = 0;
	assert_int_equal(until_action(&machine, 20, &action), 6);
	assert_int_equal(action.what, OVERHEAD_RESTORE);
	assert_int_equal(action.unit, THPRACE_POINT_UNMAP);
	assert_int_equal(until_action(&machine, 20, &action), 6);
	assert_int_equal(action.what, OVERHEAD_RESTORE);
	assert_int_equal(action.unit, THPRACE_POINT_MIGRATE);
	assert_int_equal(until_action(&machine, 100, &action), 0);
}

/* A lasting load: each time it is attached it is shed again, and waits longer, up to a limit. */
static void test_backoff(void **state)
{
	static const int rests[] = {6, 12, 24, 48, 48, 48};
	struct overhead_action action;
	struct machine machine;
	size_t i;

	(void)state;
	machine_start(&machine, 0.005);
	machine.load[THPRACE_POINT_UNMAP] = 0.01;
	step(&machine);
	for (i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
		assert_int_equal(until_action(&machine, 10, &action), 3);
		assert_int_equal(action.what, OVERHEAD_SHED);
		assert_int_equal(until_action(&machine, 100, &action), rests[i]);
		assert_int_equal(action.what, OVERHEAD_RESTORE);
	}
}

/* One that cannot stay does not block the others. */
static void test_nobody_starves(void **state)
{
	struct machine machine;
	int i;

	(void)state;
	machine_start_shedding(&machine);
	/* The load that made migrate expensive is gone, the other's load is not. */
	machine.load[THPRACE_POINT_MIGRATE] = 0;
	for (i = 0; i < 1000 && !machine.attached[THPRACE_POINT_MIGRATE]; i++)
		step(&machine);
	assert_true(i <= 6 + 3 + 6);
	for (i = 0; i < 1000; i++) {
		step(&machine);
		assert_true(machine.attached[THPRACE_POINT_MIGRATE]);
	}
}

/*
 * Without a budget all are attached again, one per period; one that cannot be is not tried each
 * time.
 */
static void test_budget_taken_away(void **state)
{
	struct config config = {.overhead = {.patience = 3, .recovery = 6}};
	struct overhead_action action;
	struct machine machine;

	(void)state;
	machine_start(&machine, 0.005);
	machine.load[THPRACE_POINT_UNMAP] = 0.01;
	machine.load[THPRACE_POINT_MIGRATE] = 0.02;
	until_action(&machine, 10, &action);
	until_action(&machine, 10, &action);
	assert_int_equal(machine.overhead.nr_shed, 2);
	overhead__configure(&machine.overhead, &config);
	assert_int_equal(until_action(&machine, 10, &action), 1);
	assert_int_equal(action.what, OVERHEAD_RESTORE);
	overhead__failed(&machine.overhead, &action);
	assert_int_equal(until_action(&machine, 10, &action), 1);
	assert_int_not_equal(action.unit, machine.overhead.shed[0]);
	assert_int_equal(until_action(&machine, 10, &action), 2);
	assert_int_equal(machine.overhead.nr_shed, 0);
}

static void test_helpless(void **state)
{
	struct overhead_action action;
	struct machine machine;
	int i;

	(void)state;
	machine_start(&machine, 0.005);
	machine.load[THPRACE_POINT_ZAP] = 0.01;
	assert_int_equal(until_action(&machine, 10, &action), 4);
	assert_int_equal(action.what, OVERHEAD_HELPLESS);
	assert_false(action.again);
	/* Reported once, until it was below the budget. */
	for (i = 0; i < 10; i++) {
		assert_int_equal(until_action(&machine, 10, &action), 3);
		assert_int_equal(action.what, OVERHEAD_HELPLESS);
		assert_true(action.again);
	}
	assert_true(machine.overhead.helpless);
	/* One that comes and goes is also reported once. */
	machine.load[THPRACE_POINT_ZAP] = 0;
	assert_int_equal(until_action(&machine, 5, &action), 0);
	assert_false(machine.overhead.helpless);
	machine.load[THPRACE_POINT_ZAP] = 0.01;
	assert_int_equal(until_action(&machine, 10, &action), 3);
	assert_int_equal(action.what, OVERHEAD_HELPLESS);
	assert_true(action.again);
	machine.load[THPRACE_POINT_ZAP] = 0;
	assert_int_equal(until_action(&machine, 6, &action), 0);
	machine.load[THPRACE_POINT_ZAP] = 0.01;
	assert_int_equal(until_action(&machine, 10, &action), 3);
	assert_int_equal(action.what, OVERHEAD_HELPLESS);
	assert_false(action.again);
}

/* A flood of zaps, and an optional probe that hardly runs: shedding it would change nothing. */
static void test_negligible_is_kept(void **state)
{
	struct overhead_action action;
	struct machine machine;

	(void)state;
	machine_start(&machine, 0.005);
	machine.load[THPRACE_POINT_ZAP] = 0.02;
	machine.load[THPRACE_POINT_LOCK] = 0.01282;
	machine.load[THPRACE_POINT_MIGRATE] = 0.00004;
	assert_int_equal(until_action(&machine, 10, &action), 4);
	assert_int_equal(action.what, OVERHEAD_HELPLESS);
	assert_true(action.share > 0.0327 && action.share < 0.0330);
	/*
	 * Measured with a flood of huge zero pages: 0.251 % of 2.549, the budget 0.1: a tenth does
	 * not help either.
	 */
	machine.load[THPRACE_POINT_RANGE] = 0.0033;
	assert_int_equal(until_action(&machine, 10, &action), 3);
	assert_int_equal(action.what, OVERHEAD_HELPLESS);
	machine.load[THPRACE_POINT_RANGE] = 0;
	/* A point that matters is shed, although that is not enough. */
	machine.load[THPRACE_POINT_MIGRATE] = 0.01;
	assert_int_equal(until_action(&machine, 10, &action), 3);
	assert_int_equal(action.what, OVERHEAD_SHED);
	assert_int_equal(action.unit, THPRACE_POINT_MIGRATE);
	assert_int_equal(until_action(&machine, 10, &action), 3);
	assert_int_equal(action.what, OVERHEAD_HELPLESS);
}

/* The point that cost most in all the periods is shed, not the one that did so in the last one. */
static void test_all_periods_count(void **state)
{
	struct overhead_action action;
	struct machine machine;

	(void)state;
	machine_start(&machine, 0.005);
	step(&machine);
	machine.load[THPRACE_POINT_UNMAP] = 0.02;
	step(&machine);
	step(&machine);
	machine.load[THPRACE_POINT_UNMAP] = 0;
	machine.load[THPRACE_POINT_TRUNCATE] = 0.01;
	action = step(&machine);
	assert_int_equal(action.what, OVERHEAD_SHED);
	assert_int_equal(action.unit, THPRACE_POINT_UNMAP);
}

/* Returns of a shed point still cost something for a while: nothing else is shed for that. */
static void test_returns_of_the_shed(void **state)
{
	struct overhead_action action;
	struct machine machine;
	int i;

	(void)state;
	machine_start(&machine, 0.005);
	machine.load[THPRACE_POINT_UNMAP] = 0.01;
	machine.load[THPRACE_POINT_MIGRATE] = 0.003;
	assert_int_equal(until_action(&machine, 10, &action), 4);
	assert_int_equal(action.unit, THPRACE_POINT_UNMAP);
	for (i = 0; i < 10; i++) {
		machine.programs[THPRACE_POINT_UNMAP].run_ns += 0.01 * PERIOD * CPUS;
		assert_int_equal(step(&machine).what, OVERHEAD_NOTHING);
	}
	assert_true(machine.overhead.share > 0.0129); /* it is counted, of course */
}

static void test_no_limit(void **state)
{
	struct overhead_action action;
	struct machine machine;

	(void)state;
	machine_start(&machine, 0);
	machine.load[THPRACE_POINT_UNMAP] = 0.9;
	assert_int_equal(until_action(&machine, 50, &action), 0);
}

static void test_failed(void **state)
{
	struct overhead_action action;
	struct machine machine;

	(void)state;
	machine_start(&machine, 0.005);
	machine.load[THPRACE_POINT_UNMAP] = 0.01;
	assert_int_equal(until_action(&machine, 10, &action), 4);
	assert_int_equal(machine.overhead.nr_shed, 1);
	overhead__failed(&machine.overhead, &action);
	assert_int_equal(machine.overhead.nr_shed, 0);
	machine.attached[action.unit] = true;
	assert_int_equal(until_action(&machine, 10, &action), 3);
	machine.load[THPRACE_POINT_UNMAP] = 0;
	assert_int_equal(until_action(&machine, 20, &action), 12);
	overhead__failed(&machine.overhead, &action);
	assert_int_equal(machine.overhead.nr_shed, 1);
}

/* A race from a file is shed and comes back like a probe. */
static void test_race(void **state)
{
	const unsigned int race = ENGINE_RACE_UNIT + 9;
	struct overhead_action action;
	struct machine machine;

	(void)state;
	machine_start(&machine, 0.005);
	step(&machine);
	machine.load[THPRACE_POINT_ZAP] = 0.004;
	machine.load[race] = 0.003;
	assert_int_equal(until_action(&machine, 10, &action), 3);
	assert_int_equal(action.what, OVERHEAD_SHED);
	assert_int_equal(action.unit, race);
	assert_true(action.of_unit[race] > 0.0029 && action.of_unit[race] < 0.0031);
	machine.load[THPRACE_POINT_ZAP] = 0;
	assert_true(until_action(&machine, 20, &action) > 0);
	assert_int_equal(action.what, OVERHEAD_RESTORE);
	assert_int_equal(action.unit, race);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_dearest_is_shed),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_comes_back),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_nobody_starves),
		cmocka_unit_test(test_budget_taken_away),
		cmocka_unit_test(test_helpless),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_negligible_is_kept),
		cmocka_unit_test(test_all_periods_count),
		cmocka_unit_test(test_returns_of_the_shed),
	};

	return cmocka_run_group_tests_name("overhead", tests, NULL, NULL);
}
