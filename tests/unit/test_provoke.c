// SPDX-License-Identifier: GPL-2.0-only
/* The basis of provoke: the distance of a pass, and the verdict of a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "correlate/near_miss.h"
#include "correlate/provoke_verdict.h"
#include "class_ids.h"

#define FOLIO 0xffffea0000008000ULL
#define OPENER 11
#define WALKER 22

struct passes {
	size_t count;
	int64_t late[8];
};

static void note(void *ctx, int64_t late_ns)
{
	struct passes *passes = ctx;

	assert_true(passes->count < 8);
	passes->late[passes->count++] = late_ns;
}

static struct thprace_record window(uint64_t folio, uint32_t pid, uint64_t open, uint64_t removed,
				    uint64_t close)
{
	return (struct thprace_record){
		.type = THPRACE_REC_ZAP_CLOSE,
		.folio = folio,
		.pid = pid,
		.entry = open,
		.arg = removed,
		.ts = close,
	};
}

static struct thprace_record walk(uint64_t folio, uint8_t class, uint64_t enter, uint64_t leave)
{
	return (struct thprace_record){
		.type = THPRACE_REC_WALK_RETURN,
		.class = class,
		.folio = folio,
		.pid = WALKER,
		.entry = enter,
		.ts = leave,
	};
}

/* One window and one walk; the reported passes. */
static struct passes pass(struct thprace_record a, struct thprace_record b)
{
	struct passes passes = {0};
	struct near_misses *near_misses = near_misses__new(THPRACE_SPLIT_UNMAP, note, &passes);

	assert_non_null(near_misses);
	near_misses__record(near_misses, &a);
	near_misses__record(near_misses, &b);
	near_misses__report(near_misses);
	near_misses__free(near_misses);
	return passes;
}

static void too_late_too_early_met(void **state)
{
	struct passes passes;

	(void)state;
	passes = pass(window(FOLIO, OPENER, 1000, 2000, 2500),
		      walk(FOLIO, THPRACE_SPLIT_UNMAP, 2300, 9000));
	assert_int_equal(passes.count, 1);
	assert_int_equal(passes.late[0], 300); /* phase 1 had closed, phase 2 had not */
	passes = pass(window(FOLIO, OPENER, 1000, 0, 2500),
		      walk(FOLIO, THPRACE_SPLIT_UNMAP, 2600, 9000));
	assert_int_equal(passes.late[0], 100); /* light mode: only its return is known */
	passes = pass(walk(FOLIO, THPRACE_SPLIT_UNMAP, 100, 400),
		      window(FOLIO, OPENER, 1000, 2000, 2500));
	assert_int_equal(passes.late[0], -600);
	passes = pass(walk(FOLIO, THPRACE_SPLIT_UNMAP, 100, 1000),
		      window(FOLIO, OPENER, 1000, 2000, 2500));
	assert_int_equal(passes.count, 1);
	assert_int_equal(passes.late[0], 0);
}

static void not_of_this_race(void **state)
{
	(void)state;
	assert_int_equal(pass(window(FOLIO + 64, OPENER, 1000, 2000, 2500),
			      walk(FOLIO, THPRACE_SPLIT_UNMAP, 2300, 9000))
				 .count,
			 0); /* another folio */
	assert_int_equal(pass(window(FOLIO, WALKER, 1000, 2000, 2500),
			      walk(FOLIO, THPRACE_SPLIT_UNMAP, 2300, 9000))
				 .count,
			 0); /* the walker's own window */
	assert_int_equal(pass(window(FOLIO, OPENER, 1000, 2000, 2500),
			      walk(FOLIO, THPRACE_TRUNCATE_UNMAP, 2300, 9000))
				 .count,
			 0); /* another class */
	assert_int_equal(pass(window(FOLIO, OPENER, 1000, 2000, 2500),
			      walk(FOLIO, THPRACE_SPLIT_UNMAP, 2000000000, 2000009000))
				 .count,
			 0); /* another round */
}

static void the_nearest_of_several(void **state)
{
	struct passes passes = {0};
	struct near_misses *near_misses = near_misses__new(THPRACE_SPLIT_UNMAP, note, &passes);
	struct thprace_record records[] = {
		walk(FOLIO, THPRACE_SPLIT_UNMAP, 5000, 5100),
		window(FOLIO, OPENER, 1000, 2000, 2500),
		window(FOLIO, OPENER, 5300, 5500, 5600),
		window(FOLIO, OPENER, 3000, 4000, 4100),
		walk(FOLIO, THPRACE_SPLIT_UNMAP, 4050, 4200),
	};
	size_t i;

	(void)state;
	assert_non_null(near_misses);
	for (i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		near_misses__record(near_misses, &records[i]);
	near_misses__report(near_misses);
	assert_int_equal(passes.count, 2);
	assert_int_equal(passes.late[0], -200);
	assert_int_equal(passes.late[1], 50);
	near_misses__report(near_misses); /* each is reported once */
	assert_int_equal(passes.count, 2);
	near_misses__free(near_misses);
}

static void split_head_meets_phase_2(void **state)
{
	struct passes passes = {0};
	struct near_misses *near_misses = near_misses__new(THPRACE_SPLIT_HEAD, note, &passes);
	struct thprace_record head = {
		.type = THPRACE_REC_SPLIT_RETURN,
		.folio = FOLIO,
		.pid = WALKER,
		.entry = 100,
		.arg = 1500, /* its unmap returned */
		.ts = 1900,
	};
	struct thprace_record zap = window(FOLIO, OPENER, 1000, 2000, 2500);

	(void)state;
	assert_non_null(near_misses);
	near_misses__record(near_misses, &head);
	near_misses__record(near_misses, &zap);
	near_misses__report(near_misses);
	near_misses__free(near_misses);
	assert_int_equal(passes.count, 1);
	assert_int_equal(passes.late[0], -100); /* over before phase 2 began */
}

/* What exceeds a sample is dropped, not written beyond it. */
static void many(void **state)
{
	struct passes passes = {0};
	struct near_misses *near_misses = near_misses__new(THPRACE_SPLIT_UNMAP, note, &passes);
	struct thprace_record one = window(FOLIO, OPENER, 1000, 2000, 2500);
	struct thprace_record other = walk(FOLIO, THPRACE_SPLIT_UNMAP, 1500, 3000);
	int i;

	(void)state;
	assert_non_null(near_misses);
	for (i = 0; i < 20000; i++)
		near_misses__record(near_misses, &one);
	near_misses__record(near_misses, &other);
	near_misses__report(near_misses);
	near_misses__free(near_misses);
	assert_int_equal(passes.count, 1);
	assert_int_equal(passes.late[0], 0);
}

static void verdicts(void **state)
{
	struct provoke_counts counts = {.contained = PROVOKE_ENOUGH};
	char text[256];

	(void)state;
	assert_int_equal(provoke_verdict__judge(&counts), PROVOKE_CLOSED);
	counts.lost = 1; /* there may be no result because of loss */
	assert_int_equal(provoke_verdict__judge(&counts), PROVOKE_NOT_SHOWN);
	assert_non_null(strstr(provoke_verdict__why(text, sizeof(text), &counts), "1 record lost"));
	counts.lost = 0;
	counts.unproven = 1;
	assert_int_equal(provoke_verdict__judge(&counts), PROVOKE_NOT_SHOWN);
	counts.unproven = 0;
	counts.unattributed = 2; /* something got through */
	assert_int_equal(provoke_verdict__judge(&counts), PROVOKE_NOT_SHOWN);
	assert_non_null(
		strstr(provoke_verdict__why(text, sizeof(text), &counts), "2 walkers failed"));
	counts.escapes = 1;
	counts.lost = 5; /* a proof is still a proof */
	assert_int_equal(provoke_verdict__judge(&counts), PROVOKE_OPEN);
	counts.escapes = 3; /* one of three is proved */
	counts.likely = 2;
	assert_int_equal(provoke_verdict__judge(&counts), PROVOKE_OPEN);
	counts.remained = 1; /* … but a kernel that fails by itself makes every proof void */
	assert_int_equal(provoke_verdict__judge(&counts), PROVOKE_NOT_SHOWN);
	assert_non_null(strstr(provoke_verdict__why(text, sizeof(text), &counts),
			       "1 walker failed with nobody"));
	counts.remained = 0;
	counts.likely = 3;
	assert_int_equal(provoke_verdict__judge(&counts), PROVOKE_NOT_SHOWN);
	assert_non_null(strstr(provoke_verdict__why(text, sizeof(text), &counts),
			       "3 walkers failed beside"));
	/* Only likely ones, or ones that remained: nor is it closed. */
	counts = (struct provoke_counts){.contained = PROVOKE_ENOUGH, .escapes = 1, .likely = 1};
	assert_int_equal(provoke_verdict__judge(&counts), PROVOKE_NOT_SHOWN);
	assert_non_null(strstr(provoke_verdict__why(text, sizeof(text), &counts),
			       "1 walker failed beside"));
	counts = (struct provoke_counts){.contained = PROVOKE_ENOUGH, .remained = 1};
	assert_int_equal(provoke_verdict__judge(&counts), PROVOKE_NOT_SHOWN);
	counts = (struct provoke_counts){.contained = PROVOKE_ENOUGH - 1};
	assert_int_equal(provoke_verdict__judge(&counts), PROVOKE_NOT_SHOWN);
	assert_non_null(strstr(provoke_verdict__why(text, sizeof(text), &counts), "99 contained"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_late_too_early_met),
		cmocka_unit_test(not_of_this_race),
		cmocka_unit_test(the_nearest_of_several),
		cmocka_unit_test(split_head_meets_phase_2),
		cmocka_unit_test(many),
		cmocka_unit_test(verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
