// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random interleavings of the model's tasks (bpf_model.h), step by step and with long pauses
 * between any two steps. The correlator must make of the messages what the detector makes of the
 * records: the same incidents, one for one. Once with all messages read before anything is settled,
 * and once read and settled on the way.
 *
 * THPRACE_TEST_SEED runs one schedule; THPRACE_TEST_TIMES=N runs N times as many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "correlator_schedule.h"

/* In precise mode, each mapping that a zap took is in a record of its removal. */
static void check_removals(const struct schedule *schedule)
{
	const struct bpf_model *model = schedule->model;
	size_t i, removals = 0;

	for (i = 0; i < model->records; i++)
		removals += model->record[i].type == THPRACE_REC_RMAP_PMD ||
			    model->record[i].type == THPRACE_REC_RMAP_PTE;
	assert_int_equal(removals, model->options.mode == THPRACE_PRECISE ? schedule->events : 0);
}

static void each(unsigned int turns, unsigned long count, uint64_t first)
{
	static struct schedule schedule;
	const char *seed = getenv("THPRACE_TEST_SEED"), *times = getenv("THPRACE_TEST_TIMES");
	unsigned long sum[SUM_MAX] = {0}, i;

	if (times)
		count *= strtoul(times, NULL, 0);
	for (i = 0; i < (seed ? 1 : count); i++) {
		correlator_schedule__generate(&schedule, seed ? strtoul(seed, NULL, 0) : first + i,
					      turns);
		correlator_schedule__check(&schedule, sum);
		check_removals(&schedule);
		bpf_model__free(schedule.model);
	}
	print_message(
		"contained %lu escape %lu (proved %lu, pte %lu) remained %lu unattributed %lu unproven "
		"%lu; settled as it goes %lu of %lu\n",
		sum[THPRACE_CONTAINED], sum[THPRACE_ESCAPE], sum[PROVED], sum[AT_PTE_LEVEL],
		sum[THPRACE_REMAINED], sum[THPRACE_UNATTRIBUTED], sum[THPRACE_UNPROVEN],
		sum[AS_IT_GOES], i);
	if (seed)
		return;
	assert_true(sum[THPRACE_CONTAINED] && sum[THPRACE_ESCAPE] && sum[THPRACE_UNATTRIBUTED]);
	assert_true(sum[AT_PTE_LEVEL] && sum[THPRACE_REMAINED] && sum[PROVED]);
	assert_int_equal(sum[THPRACE_UNPROVEN], 0);
}

static void test_interleavings(void **state)
{
	(void)state;
	each(600, 6000, 1);
}

static void test_long_interleavings(void **state)
{
	(void)state;
	each(5000, 200, 1000001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interleavings),
		cmocka_unit_test(test_long_interleavings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
