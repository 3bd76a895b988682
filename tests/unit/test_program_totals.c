// SPDX-License-Identifier: GPL-2.0-only
/* Sums of programs' counts over sessions: they only grow, whatever programs come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "program_totals.h"

static struct engine_program program(const char *name, const char *kind, uint64_t runs)
{
	return (struct engine_program){
		.name = name,
		.unit = THPRACE_POINT_ZAP,
		.function = "zap_huge_pmd",
		.kind = kind,
		.runs = runs,
		.run_ns = runs * 100,
		.missed = runs / 10,
	};
}

static void expect(const struct program_totals *totals, size_t at, const char *name, uint64_t runs)
{
	const struct engine_program *list;
	size_t nr;

	list = program_totals__list(totals, &nr);
	assert_true(at < nr);
	assert_string_equal(list[at].name, name);
	assert_int_equal(list[at].runs, runs);
	assert_int_equal(list[at].run_ns, runs * 100);
	assert_int_equal(list[at].missed, runs / 10);
}

static void one_session(void **state)
{
	struct program_totals *totals = program_totals__new();
	struct engine_program now[2];
	size_t nr;

	(void)state;
	assert_non_null(totals);
	program_totals__list(totals, &nr);
	assert_int_equal(nr, 0);
	program_totals__restart(totals);
	now[0] = program("enter", "fentry", 100);
	now[1] = program("enter", "kprobe", 50);
	assert_int_equal(program_totals__read(totals, now, 2), 0);
	now[0] = program("enter", "fentry", 170);
	assert_int_equal(program_totals__read(totals, now, 2), 0);
	assert_int_equal(program_totals__read(totals, now, 2), 0);
	expect(totals, 0, "enter", 170);
	expect(totals, 1, "enter", 50);
	program_totals__free(totals);
}

static void sessions(void **state)
{
	struct program_totals *totals = program_totals__new();
	struct engine_program now;

	(void)state;
	now = program("enter", "fentry", 100);
	assert_int_equal(program_totals__read(totals, &now, 1), 0);
	/* The next one has counted more than the last by the time of its reading. */
	program_totals__restart(totals);
	now = program("enter", "fentry", 300);
	assert_int_equal(program_totals__read(totals, &now, 1), 0);
	expect(totals, 0, "enter", 400);
	/* A program that was loaded again without notice. */
	now = program("enter", "fentry", 20);
	assert_int_equal(program_totals__read(totals, &now, 1), 0);
	expect(totals, 0, "enter", 420);
	program_totals__free(totals);
}

/* A shed program is not read: its sum stays. Texts of the previous session are not needed. */
static void gone_and_back(void **state)
{
	struct program_totals *totals = program_totals__new();
	struct engine_program now[2];
	char *name = strdup("gone");
	size_t nr;

	(void)state;
	now[0] = program(name, "fentry", 100);
	now[1] = program("stays", "fentry", 10);
	assert_int_equal(program_totals__read(totals, now, 2), 0);
	memset(name, 'x', strlen(name));
	free(name);
	program_totals__restart(totals);
	assert_int_equal(program_totals__read(totals, &now[1], 1), 0);
	program_totals__list(totals, &nr);
	assert_int_equal(nr, 2);
	expect(totals, 0, "gone", 100);
	expect(totals, 1, "stays", 20);
	now[0] = program("gone", "fentry", 30);
	assert_int_equal(program_totals__read(totals, now, 1), 0);
	expect(totals, 0, "gone", 130);
	program_totals__free(totals);
	program_totals__free(NULL);
}

static void without_function(void **state)
{
	struct program_totals *totals = program_totals__new();
	struct engine_program now = program("enter", "fentry", 10);
	const struct engine_program *list;
	size_t nr;

	(void)state;
	now.function = NULL;
	assert_int_equal(program_totals__read(totals, &now, 1), 0);
	assert_int_equal(program_totals__read(totals, &now, 1), 0);
	list = program_totals__list(totals, &nr);
	assert_int_equal(nr, 1);
	assert_string_equal(list[0].function, "");
	program_totals__free(totals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_session),
		cmocka_unit_test(sessions),
		cmocka_unit_test(gone_and_back),
		cmocka_unit_test(without_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
