// SPDX-License-Identifier: GPL-2.0-only
/* A run without an escape, beside what the kernel's code says. */
#include "btf_support.h"
#include "provoke_check.h"
#include "classes/race_class.h"
#include "race/race.h"

static void confirm(const char *check, uint64_t contained, struct provoke_result *result)
{
	struct provoke_options options = {.btf = path};
	struct race *race = NULL;
	char text[1024], why[1024];

	snprintf(text, sizeof(text), "[race]\nname = x\ntitle = y\n%s", check);
	if (race__read_text(&race, "x", text, strlen(text), why, sizeof(why)))
		fail_msg("%s", why);
	options.race = race;
	*result = (struct provoke_result){.verdict = PROVOKE_CLOSED,
					  .counts = {.contained = contained}};
	provoke_check__confirm(result, &options);
	race__free(race);
}

static void test_race(void **state)
{
	struct btf *btf = kernel_btf();
	struct provoke_result result;

	(void)state;
	write_btf(btf, 0);
	btf__free(btf);
	confirm("[check]\nfixed = has function collapse_file\n", 333, &result);
	assert_int_equal(result.verdict, PROVOKE_CLOSED);
	assert_int_equal(result.check, CHECK_FIXED);
	confirm("[walker]\nat = collapse_file entry\nkey = file\nescape = 0\n", 333, &result);
	assert_int_equal(result.verdict, PROVOKE_CLOSED);
	assert_int_equal(result.check, CHECK_UNKNOWN);
	confirm("[check]\nvulnerable = has function collapse_file\n", 333, &result);
	assert_int_equal(result.verdict, PROVOKE_NOT_SHOWN);
	assert_int_equal(result.check, CHECK_VULNERABLE);
	assert_string_equal(
		result.reason,
		"333 contained overlaps and no escape, but the kernel's code lacks the "
		"fix, so this run missed what is rare: there is a function collapse_file");
}

/* Of the classes, BTF alone says too little. */
static void test_class(void **state)
{
	struct provoke_result result = {.counts = {.contained = 100}};
	const struct provoke_options options = {.btf = path};
	struct btf *btf = kernel_btf();

	(void)state;
	write_btf(btf, 0);
	btf__free(btf);
	for (result.class = 1; result.class < race_class__end(); result.class ++) {
		result.verdict = PROVOKE_CLOSED;
		provoke_check__confirm(&result, &options);
		assert_int_equal(result.verdict, PROVOKE_CLOSED);
		assert_int_equal(result.check, CHECK_UNKNOWN);
	}
}

/* What is open, or not shown, stays so. */
static void test_others(void **state)
{
	const struct provoke_options options = {.btf = "/nonexistent"};
	struct provoke_result result = {.class = 1, .verdict = PROVOKE_OPEN};

	(void)state;
	provoke_check__confirm(&result, &options);
	assert_int_equal(result.verdict, PROVOKE_OPEN);
	result.verdict = PROVOKE_CLOSED;
	provoke_check__confirm(&result, &options);
	assert_int_equal(result.verdict, PROVOKE_CLOSED);
	assert_int_equal(result.check, CHECK_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_race, make_path, remove_path),
		cmocka_unit_test_setup_teardown(test_class, make_path, remove_path),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
