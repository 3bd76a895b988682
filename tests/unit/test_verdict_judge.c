// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rule for one walker and one zap among others: escape, contained, remained; proved or likely.
 */
#include "verdict_support.h"

/* The other zaps with which a window is judged. */
struct beside {
	struct thprace_window window[3];
	unsigned int nr;
};

static struct thprace_finding judge(const struct thprace_window *window,
				    const struct thprace_walk *walk, const struct beside *beside)
{
	struct thprace_tally tally = {0};
	unsigned int i;

	thprace_tally__add(&tally, window, walk);
	for (i = 0; beside && i < beside->nr; i++)
		thprace_tally__add(&tally, &beside->window[i], walk);
	return thprace_judge(window, walk, &tally);
}

static void finds(const struct thprace_window *window, const struct thprace_walk *walk,
		  const struct beside *beside, enum thprace_verdict verdict,
		  enum thprace_attribution attribution)
{
	struct thprace_finding finding = judge(window, walk, beside);

	assert_int_equal(finding.verdict, verdict);
	assert_int_equal(finding.attribution, attribution);
	assert_int_equal(thprace_proved(finding.verdict, finding.attribution),
			 verdict == THPRACE_ESCAPE && attribution != THPRACE_LIKELY);
}

/* A single zap. */
static void test_judge_one(void **state)
{
	uint8_t level;

	(void)state;
	for (level = PMD; level <= PTE; level++) {
		struct thprace_walk walk = two_left(level);
		struct thprace_window window = taker(level);

		finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_CAUSAL);
		/* Its removal is stamped after the return, or too near before it. */
		window.removed = LEAVE + 1;
		finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_EXACT);
		assert_false(judge(&window, &walk, NULL).close_call);
		window.removed = LEAVE;
		finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_CAUSAL);
		assert_true(judge(&window, &walk, NULL).close_call);
		window.removed = LEAVE - NEAR + 1;
		finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_CAUSAL);
		window.removed = LEAVE - NEAR;
		finds(&window, &walk, NULL, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE);
		assert_false(judge(&window, &walk, NULL).close_call);
		window.removed = 0;
		/* Its start is not known. */
		window.flags |= THPRACE_WF_VAGUE;
		finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_LIKELY);
		window.flags &= ~THPRACE_WF_VAGUE;
		/* Its count did not fall, was not read, or it has not ended. */
		window.left = 2;
		finds(&window, &walk, NULL, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE);
		window.left = LATE;
		finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_LIKELY);
		window.left = 1;
		window.close = 0;
		finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_LIKELY);
		/* It took mappings of the other level. */
		window = taker(level);
		walk = two_left(level == PMD ? PTE : PMD);
		finds(&window, &walk, NULL, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE);
		/* It began after the return. */
		walk = two_left(level);
		window.open = LEAVE + 1;
		finds(&window, &walk, NULL, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE);
	}
}

/*
 * When the walker returned, a removal of a page that it left was under way: proved, whatever hides
 * the fall, and only for this walker.
 */
static void test_judge_taking(void **state)
{
	struct thprace_window window = taker(PTE), other = taker(PTE);
	struct thprace_walk walk = two_left(PTE);
	struct beside beside = {.nr = 1};

	(void)state;
	walk.flags |= THPRACE_RF_REMAP;
	walk.before.small = 3;
	walk.outer.small = 2;
	walk.outer_at = LEAVE + 500;
	window.left = 2;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_LIKELY);
	window.taking = window.close - LEAVE;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_EXACT);
	other.pid = OPENER + 1;
	beside.window[0] = other;
	finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_EXACT);
	finds(&other, &walk, &(struct beside){{window}, 1}, THPRACE_ESCAPE, THPRACE_LIKELY);
	window.flags |= THPRACE_WF_VAGUE;
	window.left = LATE;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_EXACT);
	window.left = 2;
	window.taking++;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_LIKELY);
}

/* A walker [500, 2000] left a mapping; the window ends at 3000. This alone proves nothing. */
static void test_judge_light(void **state)
{
	struct thprace_walk walk = walker(1, 0);
	struct thprace_window window = zap(PMD, 100, 3000, 1);

	(void)state;
	walk.enter = 500;
	walk.leave = 2000;
	finds(&window, &walk, NULL, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE);
	window.left = UNREAD;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_LIKELY);
	window.left = LATE;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_LIKELY);
	window.left = 0;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_CAUSAL);
}

/* With others beside it. */
static void test_judge_several(void **state)
{
	uint8_t level;

	(void)state;
	for (level = PMD; level <= PTE; level++) {
		struct thprace_walk walk = two_left(level);
		struct thprace_window window = taker(level);
		struct beside beside = {.nr = 1};
		struct thprace_window *other = &beside.window[0];

		/* Two under way: both took one, or one of them took one. */
		*other = zap(level, T + 600, T + 3500, 0);
		other->pid = OPENER + 1;
		finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_CAUSAL);
		other->left = 1;
		finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_LIKELY);
		other->left = LATE;
		finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_LIKELY);
		/* One at the other level does not matter. */
		*other = taker(level == PMD ? PTE : PMD);
		other->pid = OPENER + 1;
		finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_CAUSAL);
		/*
		 * One of another task that began before the count was read may have taken it; one
		 * of the same task cannot have been in two places.
		 */
		*other = zap(level, LEAVE + 1, T + 9000, 1);
		other->pid = OPENER + 1;
		finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_LIKELY);
		other->pid = OPENER;
		finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_CAUSAL);
		other->pid = OPENER + 1;
		other->open = window.close + THPRACE_READ_NS;
		finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_LIKELY);
		other->open++;
		finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_CAUSAL);
		/*
		 * For one that was under way all the time, new mappings of others may hide what it
		 * took.
		 */
		*other = zap(level, T + 600, window.close, 2);
		other->pid = OPENER + 1;
		finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_LIKELY);
		other->close--;
		finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_CAUSAL);
		/* One that ended in the walker's time took none of those that were left. */
		*other = zap(level, T - 500, T + 500, 2);
		other->pid = OPENER + 1;
		finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_CAUSAL);
	}
}

/* A range takes as many as precise mode counts. */
static void test_judge_pages(void **state)
{
	struct thprace_walk walk = walker(0, 8);
	struct thprace_window window = zap(PTE, T + 500, T + 3000, 6);
	struct beside beside = {.nr = 1};

	(void)state;
	window.pages = 2;
	beside.window[0] = zap(PTE, T + 600, T + 3500, 1);
	beside.window[0].pid = OPENER + 1;
	beside.window[0].pages = 5;
	finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_CAUSAL);
	beside.window[0].pages = 4;
	finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_LIKELY);
	beside.window[0].pages = 0; /* light mode */
	finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_LIKELY);
	/* A value for "not read" is not a number, though it would fit. */
	beside.window[0].left = LATE;
	beside.window[0].pages = 8;
	finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_LIKELY);
}

/* A fall that the remap hides: a zap that ended in the walker's time may have caused it. */
static void test_judge_hidden(void **state)
{
	struct thprace_window window = zap(PMD, T + 500, T + 3000, 1);
	struct thprace_walk walk = walker(1, 0);
	struct beside beside = {.nr = 1};

	(void)state;
	walk.flags = THPRACE_RF_REMAP;
	walk.before.entire = 2;
	walk.outer.entire = 1;
	walk.outer_at = T + 4000;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_LIKELY);
	window.removed = LEAVE + 500;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_LIKELY);
	beside.window[0] = zap(PMD, T - 500, T + 500, 2);
	finds(&window, &walk, &beside, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE);
}

/* A walker that did not fail: it waited, whatever the stamps say. */
static void test_judge_contained(void **state)
{
	struct thprace_window window = zap(PMD, T - 500, T + 3000, 0);
	struct thprace_walk walk = walker(0, 0);

	(void)state;
	finds(&window, &walk, NULL, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE);
	window.removed = LEAVE;
	assert_false(judge(&window, &walk, NULL).close_call);
	window.removed = LEAVE + 1;
	finds(&window, &walk, NULL, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE);
	assert_true(judge(&window, &walk, NULL).close_call);
}

/* By its own result something was mapped, and a moment later nothing was. */
static void test_judge_own(void **state)
{
	struct thprace_window window = zap(PMD, T - 500, T + 3000, 0);
	struct thprace_walk walk = walker(0, 0);
	struct beside beside = {.nr = 1};

	(void)state;
	walk.flags = THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_LIKELY);
	window.removed = T + 500; /* it ended while the walker was at work */
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_EXACT);
	beside.window[0] = zap(PMD, T - 400, T + 400, 0);
	finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_EXACT); /* the same task's */
	beside.window[0].pid++;
	finds(&window, &walk, &beside, THPRACE_ESCAPE, THPRACE_LIKELY);
	window.removed = ENTER - 1;
	finds(&window, &walk, NULL, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE);
	window = zap(PMD, LEAVE + 1, T + 3000, 0);
	finds(&window, &walk, NULL, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE);
}

/* So late, another task may have begun to zap without being reported. */
static void test_judge_long(void **state)
{
	struct thprace_walk walk = walker(2, 0);
	struct thprace_window window = zap(PMD, T + 500, LEAVE + THPRACE_ATTRIBUTION_NS, 1);

	(void)state;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_CAUSAL);
	window.close++;
	finds(&window, &walk, NULL, THPRACE_ESCAPE, THPRACE_LIKELY);
}

/* A failed walker that no zap explains. */
static void test_judge_failed(void **state)
{
	static const struct {
		int32_t left[2], outer[2]; /* entire, small */
		uint64_t outer_at;
		uint32_t later[2];
		enum thprace_verdict verdict;
	} cases[] = {
		{{1, 0}, {0, 0}, 0, {0, 0}, THPRACE_UNATTRIBUTED},
		{{1, 0}, {1, 0}, 0, {0, 0}, THPRACE_UNATTRIBUTED}, /* it was not seen */
		{{1, 0}, {1, 0}, T + 4000, {0, 0}, THPRACE_REMAINED},
		{{1, 2}, {1, 2}, T + 4000, {0, 0}, THPRACE_REMAINED},
		{{1, 2}, {2, 3}, T + 4000, {0, 0}, THPRACE_REMAINED},
		{{1, 2}, {0, 600}, T + 4000, {0, 0}, THPRACE_UNATTRIBUTED},
		{{1, 2}, {2, 1}, T + 4000, {0, 0}, THPRACE_UNATTRIBUTED},
		/* A zap that began after the return took one, and later counts are not known. */
		{{1, 0}, {0, 0}, 0, {1, 0}, THPRACE_REMAINED},
		{{0, 1}, {0, 0}, 0, {0, 1}, THPRACE_REMAINED},
		{{1, 0}, {0, 0}, T + 4000, {1, 0}, THPRACE_UNATTRIBUTED},
		{{0, 0}, {0, 0}, T + 4000, {0, 0}, THPRACE_UNATTRIBUTED}, /* only its own result */
	};
	struct thprace_walk walk;
	struct thprace_tally tally;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		memset(&tally, 0, sizeof(tally));
		walk = walker(cases[i].left[0], cases[i].left[1]);
		walk.outer.entire = cases[i].outer[0];
		walk.outer.small = cases[i].outer[1];
		walk.outer_at = cases[i].outer_at;
		memcpy(tally.later, cases[i].later, sizeof(tally.later));
		assert_int_equal(thprace_judge_failed(&walk, &tally), cases[i].verdict);
	}
	/* Mapped again by a split: as much as before it, in any form. */
	memset(&tally, 0, sizeof(tally));
	walk = walker(1, 0);
	walk.flags = THPRACE_RF_REMAP;
	walk.before.entire = 2;
	walk.outer = (struct thprace_counts){.entire = 1, .small = 512};
	assert_int_equal(thprace_judge_failed(&walk, &tally), THPRACE_UNATTRIBUTED);
	walk.outer_at = T + 4000;
	assert_int_equal(thprace_judge_failed(&walk, &tally), THPRACE_REMAINED);
	walk.outer.small = 511;
	assert_int_equal(thprace_judge_failed(&walk, &tally), THPRACE_UNATTRIBUTED);
	/* While ranges are not watched, it is not known who may be zapping small pages. */
	walk = walker(0, 1);
	walk.outer.small = 1;
	walk.outer_at = T + 4000;
	walk.flags = THPRACE_RF_BLIND;
	assert_int_equal(thprace_judge_failed(&walk, &tally), THPRACE_UNATTRIBUTED);
	walk.left = (struct thprace_counts){.entire = 1};
	walk.outer = walk.left;
	assert_int_equal(thprace_judge_failed(&walk, &tally), THPRACE_REMAINED);
}

static void test_head(void **state)
{
	static const struct {
		uint64_t close;
		int32_t result;
		enum thprace_verdict verdict;
		enum thprace_attribution attribution;
	} cases[] = {
		{LEAVE + 1, 0, THPRACE_ESCAPE, THPRACE_EXACT},
		{LEAVE, 0, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE},
		{0, 0, THPRACE_ESCAPE, THPRACE_LIKELY},
		{LEAVE + 1, -11, THPRACE_CONTAINED, THPRACE_ATTRIBUTION_NONE},
	};
	struct thprace_finding finding;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		finding = thprace_finding_head(cases[i].close, LEAVE, cases[i].result);
		assert_int_equal(finding.verdict, cases[i].verdict);
		assert_int_equal(finding.attribution, cases[i].attribution);
	}
	assert_true(thprace_open_at(T, T + NEAR + 1, T));
	assert_false(thprace_open_at(T, T + NEAR, T));
	assert_false(thprace_open_at(T + 1, 0, T));
	assert_true(thprace_open_at(T, 0, T));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge_one),
		cmocka_unit_test(test_judge_light),
		cmocka_unit_test(test_judge_taking),
		cmocka_unit_test(test_judge_several),
		cmocka_unit_test(test_judge_pages),
		cmocka_unit_test(test_judge_hidden),
		cmocka_unit_test(test_judge_contained),
		cmocka_unit_test(test_judge_own),
		cmocka_unit_test(test_judge_long),
		cmocka_unit_test(test_judge_failed),
		cmocka_unit_test(test_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
