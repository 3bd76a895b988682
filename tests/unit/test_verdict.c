// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rule, function by function: each sentence of verdict.h with a case on either side of the
 * line. Its results for whole scenarios are tested with the correlator and the detector.
 */
#include "verdict_support.h"

static void test_meets(void **state)
{
	static const struct {
		uint64_t open, close, from, to;
		enum thprace_meeting meeting;
	} cases[] = {
		{10, 20, 21, 30, THPRACE_APART},       {10, 20, 20, 300, THPRACE_TOUCH},
		{10, 200, 101, 300, THPRACE_TOUCH},    {10, 200, 100, 300, THPRACE_OVERLAP},
		{100, 300, 10, 199, THPRACE_TOUCH},    {100, 300, 10, 200, THPRACE_OVERLAP},
		{100, 0, 10, 99, THPRACE_APART},       {100, 0, 10, 200, THPRACE_OVERLAP},
		{10, 1000, 100, 300, THPRACE_OVERLAP}, {100, 300, 10, 1000, THPRACE_OVERLAP},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(thprace_meets(cases[i].open, cases[i].close, cases[i].from,
					       cases[i].to),
				 cases[i].meeting);
}

static void test_failed(void **state)
{
	const uint16_t own = THPRACE_RF_OWN, own_failed = THPRACE_RF_OWN_FAILED;
	static const struct {
		int32_t residual;
		int own, own_failed, failed;
	} cases[] = {
		{0, 0, 0, 0}, {1, 0, 0, 1}, {-1, 0, 0, 0}, {0, 1, 0, 0},
		{0, 0, 1, 0}, {0, 1, 1, 1}, {1, 1, 0, 1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct thprace_walk walk = walker(cases[i].residual, 0);

		walk.flags = (cases[i].own ? own : 0) | (cases[i].own_failed ? own_failed : 0);
		assert_int_equal(thprace_failed(&walk), cases[i].failed);
	}
}

static void test_role(void **state)
{
	static const struct {
		uint64_t open, removed, close;
		enum thprace_role role;
	} cases[] = {
		/* It began after the return, or at the same nanosecond. */
		{LEAVE + 1, 0, T + 3000, THPRACE_ROLE_LATER},
		{LEAVE, 0, T + 3000, THPRACE_ROLE_CANDIDATE},
		/* It was open at the return, or too near to tell. */
		{T - 500, 0, LEAVE + 1, THPRACE_ROLE_CANDIDATE},
		{T - 500, 0, LEAVE - NEAR + 1, THPRACE_ROLE_CANDIDATE},
		{T - 500, 0, LEAVE - NEAR, THPRACE_ROLE_ENDED},
		/* The removal is the end, if it was seen. */
		{T - 500, LEAVE - NEAR, T + 3000, THPRACE_ROLE_ENDED},
		{T - 500, LEAVE - NEAR + 1, T + 3000, THPRACE_ROLE_CANDIDATE},
		/* It ended in the walker's time, or before. */
		{T - 500, 0, ENTER, THPRACE_ROLE_ENDED},
		{T - 500, 0, ENTER - 1, THPRACE_ROLE_NONE},
		{T - 500, ENTER - 1, T + 3000, THPRACE_ROLE_NONE},
		/* It never ended; or a range that began before the walker. */
		{T - 500, 0, 0, THPRACE_ROLE_CANDIDATE},
		{0, 0, LEAVE + 1, THPRACE_ROLE_CANDIDATE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct thprace_window window = zap(PMD, cases[i].open, cases[i].close, 0);
		struct thprace_walk walk = walker(1, 0);

		window.removed = cases[i].removed;
		assert_int_equal(thprace_role(&window, &walk), cases[i].role);
	}
}

static void test_fell(void **state)
{
	static const struct {
		int32_t entire, small; /* that the walker left */
		uint8_t level;
		uint64_t close;
		int32_t left;
		enum thprace_fall fall;
	} cases[] = {
		{1, 0, PMD, T + 3000, 0, THPRACE_FALL_SEEN},
		{1, 0, PMD, T + 3000, 1, THPRACE_FALL_NONE},
		{1, 0, PMD, T + 3000, 2, THPRACE_FALL_NONE},
		{0, 3, PTE, T + 3000, 2, THPRACE_FALL_SEEN},
		{0, 3, PTE, T + 3000, 3, THPRACE_FALL_NONE},
		/* Only its own level counts. */
		{1, 3, PTE, T + 3000, 3, THPRACE_FALL_NONE},
		{1, 3, PMD, T + 3000, 1, THPRACE_FALL_NONE},
		{1, 0, PTE, T + 3000, 0, THPRACE_FALL_NONE},
		{0, 1, PMD, T + 3000, 0, THPRACE_FALL_NONE},
		/* Nothing is known about the end. */
		{1, 0, PMD, 0, 0, THPRACE_FALL_UNKNOWN},
		{1, 0, PMD, T + 3000, UNREAD, THPRACE_FALL_UNKNOWN},
		{0, 1, PTE, T + 3000, LATE, THPRACE_FALL_UNKNOWN},
		/* Nothing was left that could fall. */
		{0, 0, PMD, T + 3000, LATE, THPRACE_FALL_NONE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct thprace_window window =
			zap(cases[i].level, T, cases[i].close, cases[i].left);
		struct thprace_walk walk = walker(cases[i].entire, cases[i].small);

		assert_int_equal(thprace_fell(&window, &walk), cases[i].fall);
	}
}

/* A failed split that maps again hides a fall; its own outer return shows it again. */
static void test_fell_remapped(void **state)
{
	struct thprace_window window = zap(PMD, T + 500, T + 3000, 1);
	struct thprace_walk walk = walker(1, 0);

	(void)state;
	walk.outer = (struct thprace_counts){.entire = 1};
	walk.before = (struct thprace_counts){.entire = 2};
	walk.outer_at = T + 4000;
	assert_int_equal(thprace_fell(&window, &walk), THPRACE_FALL_NONE); /* it maps none again */
	walk.flags = THPRACE_RF_REMAP;
	assert_int_equal(thprace_fell(&window, &walk), THPRACE_FALL_HIDDEN);
	walk.outer_at = 0;
	assert_int_equal(thprace_fell(&window, &walk), THPRACE_FALL_NONE);
	walk.outer_at = T + 4000;
	/* One mapping of a huge page that has become 512 is the same number. */
	walk.outer = (struct thprace_counts){.entire = 1, .small = 512};
	assert_int_equal(thprace_fell(&window, &walk), THPRACE_FALL_NONE);
	walk.outer.small = 511;
	assert_int_equal(thprace_fell(&window, &walk), THPRACE_FALL_HIDDEN);
	/* A window that ended after that: its own count is compared with that one. */
	window.close = T + 4001;
	walk.outer = (struct thprace_counts){.entire = 2};
	assert_int_equal(thprace_fell(&window, &walk), THPRACE_FALL_SEEN);
	/* The same number: its mapping may have been removed before, and another added. */
	walk.outer.entire = 1;
	assert_int_equal(thprace_fell(&window, &walk), THPRACE_FALL_HIDDEN);
	walk.before.entire = 1;
	assert_int_equal(thprace_fell(&window, &walk), THPRACE_FALL_NONE);
}

struct stamped {
	uint64_t time;
	uint32_t pid;
};

static void add_all(const struct stamped *stamped, const unsigned int *order, unsigned int nr,
		    struct thprace_earliest *earliest)
{
	unsigned int i;

	memset(earliest, 0, sizeof(*earliest));
	for (i = 0; i < nr; i++)
		thprace_earliest__add(earliest, stamped[order[i]].time, stamped[order[i]].pid);
}

/* The expected result, computed slowly. */
static int any_by(const struct stamped *stamped, unsigned int nr, uint64_t t, uint32_t pid)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (stamped[i].pid != pid && stamped[i].time <= t)
			return 1;
	return 0;
}

static unsigned int permute(const struct stamped *stamped, unsigned int nr, unsigned int *order,
			    unsigned int at)
{
	struct thprace_earliest earliest;
	unsigned int i, kept, played = 0;
	uint64_t t;
	uint32_t pid;

	if (at == nr) {
		add_all(stamped, order, nr, &earliest);
		for (t = 0; t <= 9; t++)
			for (pid = 1; pid <= 4; pid++)
				assert_int_equal(thprace_earliest__by(&earliest, t, pid),
						 any_by(stamped, nr, t, pid));
		return 1;
	}
	for (i = at; i < nr; i++) {
		kept = order[at];
		order[at] = order[i];
		order[i] = kept;
		played += permute(stamped, nr, order, at + 1);
		order[i] = order[at];
		order[at] = kept;
	}
	return played;
}

/* In any order: five times of three tasks in all combinations, including equal ones. */
static void test_earliest(void **state)
{
	struct thprace_earliest none = {0};
	unsigned int set, i, code, played = 0;
	struct stamped stamped[5];

	(void)state;
	assert_false(thprace_earliest__by(&none, ~0ULL, 1));
	for (set = 0; set < 6 * 6 * 6 * 6 * 6; set++) {
		unsigned int order[5] = {0, 1, 2, 3, 4};

		for (i = 0, code = set; i < 5; i++, code /= 6) {
			stamped[i].pid = 1 + code % 3;
			stamped[i].time =
				3 + code % 6 / 3 * 4 + (i == 4); /* 3, 7 and beside them */
		}
		played += permute(stamped, 5, order, 0);
	}
	assert_int_equal(played, 6 * 6 * 6 * 6 * 6 * 120);
}

static void test_tally(void **state)
{
	uint8_t level;

	(void)state;
	for (level = PMD; level <= PTE; level++) {
		const uint8_t other = level == PMD ? PTE : PMD;
		struct thprace_walk walk = two_left(level);
		struct thprace_window window = taker(level);
		struct thprace_tally tally = {0};

		/* One that took some, and one that may have. */
		thprace_tally__add(&tally, &window, &walk);
		assert_int_equal(tally.candidates[level], 1);
		assert_int_equal(tally.taken[level], 1);
		assert_int_equal(tally.lowest[level], 1);
		window.left = 0;
		window.pages = level == PTE ? 7 : 0;
		thprace_tally__add(&tally, &window, &walk);
		assert_int_equal(tally.candidates[level], 2);
		assert_int_equal(tally.taken[level], level == PTE ? 8 : 2);
		assert_int_equal(tally.lowest[level], 0);
		window.left = LATE;
		thprace_tally__add(&tally, &window, &walk);
		assert_int_equal(tally.candidates[level], 3);
		assert_true(tally.lowest[level] < 0);
		assert_int_equal(tally.candidates[other], 0);
		assert_false(tally.tasks);

		/* One that took none of those that were left is no candidate; but it was there. */
		window = taker(level);
		window.left = 2;
		window.pid = OPENER + 1;
		thprace_tally__add(&tally, &window, &walk);
		assert_int_equal(tally.candidates[level], 3);
		assert_true(tally.tasks);
		assert_true(thprace_earliest__by(&tally.lasted[level], ~(T + 3000), OPENER));
		assert_false(thprace_earliest__by(&tally.lasted[level], ~(T + 3001), OPENER));

		/* One that ended in the walker's time, or before it. */
		memset(&tally, 0, sizeof(tally));
		window = zap(level, T - 500, T - 1, 0);
		thprace_tally__add(&tally, &window, &walk);
		assert_int_equal(tally.ended, 0);
		assert_int_equal(tally.task, 0);
		window.close = T;
		thprace_tally__add(&tally, &window, &walk);
		assert_int_equal(tally.ended, 1);
		assert_int_equal(tally.task, OPENER);
		assert_int_equal(tally.candidates[level], 0);

		/* One that began after the return, if somebody asked for it. */
		memset(&tally, 0, sizeof(tally));
		window = zap(level, LEAVE + 1, T + 3000, UNREAD);
		thprace_tally__add(&tally, &window, &walk);
		assert_int_equal(tally.task, 0);
		assert_false(thprace_earliest__by(&tally.began[level], ~0ULL, WALKER));
		window.left = 2;
		thprace_tally__add(&tally, &window, &walk);
		assert_int_equal(tally.later[level], 0);
		assert_true(thprace_earliest__by(&tally.began[level], LEAVE + 1, WALKER));
		window.left = LATE;
		thprace_tally__add(&tally, &window, &walk);
		assert_int_equal(tally.later[level], 0);
		window.left = 1;
		thprace_tally__add(&tally, &window, &walk);
		assert_int_equal(tally.later[level], 1);
		assert_int_equal(tally.candidates[level], 0);
	}
}

static void test_concerns(void **state)
{
	const uint64_t end = LEAVE + THPRACE_ATTRIBUTION_NS;
	static const int yes = 1, no = 0;
	const struct {
		uint8_t level;
		uint64_t open, close;
		uint32_t pid;
		int concerns;
	} cases[] = {
		{PMD, T - 500, ENTER, OPENER, yes},
		{PMD, T - 500, ENTER - 1, OPENER, no},
		{PTE, 0, ENTER, OPENER, yes},
		{PTE, 0, ENTER - 1, OPENER, no},
		/*
		 * A window that was open at the return may last as long as it likes; a range may be
		 * another one by then.
		 */
		{PMD, LEAVE, end + 1, OPENER, yes},
		{PMD, LEAVE + 1, end + 1, OPENER, no},
		{PMD, LEAVE + 1, end, OPENER, yes},
		{PTE, LEAVE, end + 1, OPENER, no},
		{PTE, LEAVE, end, OPENER, yes},
		/* Of its own task: only one that began after. */
		{PMD, LEAVE, T + 3000, WALKER, no},
		{PMD, LEAVE + 1, T + 3000, WALKER, yes},
		{PTE, 0, T + 3000, WALKER, no},
	};
	struct thprace_walk walk = walker(1, 1);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct thprace_window window =
			zap(cases[i].level, cases[i].open, cases[i].close, 0);

		window.pid = cases[i].pid;
		assert_int_equal(thprace_concerns(&window, &walk), cases[i].concerns);
	}
}

/* If another zap may be lost, nothing is proved, not even that there was none. */
static void test_after_loss(void **state)
{
	unsigned int verdict, attribution;

	(void)state;
	for (verdict = 0; verdict < THPRACE_VERDICT_MAX; verdict++) {
		for (attribution = 0; attribution < THPRACE_ATTRIBUTION_MAX; attribution++) {
			struct thprace_finding finding = {
				.verdict = verdict, .attribution = attribution, .close_call = 1};

			finding = thprace_after_loss(finding);
			assert_false(thprace_proved(finding.verdict, finding.attribution));
			assert_int_equal(finding.verdict,
					 verdict == THPRACE_REMAINED ? THPRACE_UNPROVEN : verdict);
			assert_int_equal(finding.attribution,
					 attribution ? THPRACE_LIKELY : THPRACE_ATTRIBUTION_NONE);
			assert_int_equal(finding.close_call, 1);
		}
	}
}

static void test_named_before(void **state)
{
	struct thprace_finding exact = {.attribution = THPRACE_EXACT};
	struct thprace_finding likely = {.attribution = THPRACE_LIKELY};
	struct thprace_window a = zap(PTE, 0, T + 3000, 0), b = a;

	(void)state;
	assert_false(thprace_named_before(&a, exact, &b, exact));
	b.pid++;
	assert_true(thprace_named_before(&a, exact, &b, exact));
	assert_false(thprace_named_before(&b, exact, &a, exact));
	b.close--;
	assert_true(thprace_named_before(&b, exact, &a, exact));
	assert_false(thprace_named_before(&a, exact, &b, exact));
	assert_true(thprace_named_before(&a, exact, &b, likely));
	assert_false(thprace_named_before(&b, likely, &a, exact));
}

static void test_mapped(void **state)
{
	const struct thprace_counts counts = {.entire = 3, .small = 5}, least = {INT32_MIN, -1};

	(void)state;
	assert_int_equal(thprace_mapped(&counts, 9), 3 * 512 + 5);
	assert_int_equal(thprace_mapped(&counts, 0), 8);
	/* Values that a damaged file may have. */
	assert_true(thprace_mapped(&least, 0xffff) < 0);
	assert_int_equal(thprace_count(&counts, PMD), 3);
	assert_int_equal(thprace_count(&counts, PTE), 5);
}

/* Only an escape that is more than likely. */
static void test_proved(void **state)
{
	unsigned int verdict, attribution;

	(void)state;
	for (verdict = 0; verdict < THPRACE_VERDICT_MAX; verdict++)
		for (attribution = 0; attribution < THPRACE_ATTRIBUTION_MAX; attribution++)
			assert_int_equal(thprace_proved(verdict, attribution),
					 verdict == THPRACE_ESCAPE &&
						 (attribution == THPRACE_CAUSAL ||
						  attribution == THPRACE_EXACT));
}

/* The number left, in the 16 bits of a record; and both counts in one word. */
static void test_left_encoding(void **state)
{
	static const int32_t entire[] = {0, 1, 512, INT32_MAX, -1},
			     small[] = {0, 1, 99999, INT32_MAX, -1};
	struct thprace_counts counts;
	size_t i, k;
	int32_t left;

	(void)state;
	assert_int_equal(thprace_left_encode(UNREAD), 0); /* what an older record says */
	for (left = LATE; left <= 0xfffd; left++)
		assert_int_equal(thprace_left_decode(thprace_left_encode(left)), left);
	for (left = 0xfffe; left < 0x200000; left++)
		assert_int_equal(thprace_left_decode(thprace_left_encode(left)), 0xfffd);
	assert_int_equal(thprace_left_decode(thprace_left_encode(INT32_MAX)), 0xfffd);
	for (i = 0; i < COUNT(entire); i++) {
		for (k = 0; k < COUNT(small); k++) {
			counts = thprace_counts_of(THPRACE_COUNTS(entire[i], small[k]));
			assert_int_equal(counts.entire, entire[i]);
			assert_int_equal(counts.small, small[k]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meets),	      cmocka_unit_test(test_failed),
		cmocka_unit_test(test_role),	      cmocka_unit_test(test_fell),
		cmocka_unit_test(test_fell_remapped), cmocka_unit_test(test_earliest),
		cmocka_unit_test(test_tally),	      cmocka_unit_test(test_after_loss),
		cmocka_unit_test(test_concerns),      cmocka_unit_test(test_named_before),
		cmocka_unit_test(test_mapped),	      cmocka_unit_test(test_proved),
		cmocka_unit_test(test_left_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
