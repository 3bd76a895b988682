// SPDX-License-Identifier: GPL-2.0-only
/* Records in order of time, from any order; equal ones keep their order. */
#include "trace_support.h"
#include "trace/record_order.h"

#define MANY 3000

static struct thprace_record records[MANY];
static struct record_place places[2 * MANY];

static int before(const struct thprace_record *a, const struct thprace_record *b)
{
	if (a->ts != b->ts)
		return a->ts < b->ts;
	if (a->cpu != b->cpu)
		return a->cpu < b->cpu;
	return a->seq < b->seq;
}

/*
 * With equal ones in their original order there is only one sorted order: it has each record once.
 */
static void sorted(size_t count)
{
	const struct record_place *to;
	const struct thprace_record *last, *now;
	size_t i;

	for (i = 0; i < count; i++)
		places[i] = (struct record_place){records[i].ts, &records[i]};
	to = record_order__sort(places, places + count, count);
	assert_true(to == places || to == places + count);
	for (i = 0; i < count; i++) {
		now = to[i].record;
		assert_true(now >= records && now < records + count);
		assert_int_equal(to[i].ts, now->ts);
		if (!i)
			continue;
		last = to[i - 1].record;
		assert_true(before(last, now) || (!before(now, last) && last < now));
	}
}

/* Few times, CPUs and positions, so that many are equal. */
static void any_order(void **state)
{
	size_t i, count;
	int round;

	(void)state;
	for (round = 0; round < 200; round++) {
		count = round < 20 ? (size_t)round : next_random() % MANY;
		for (i = 0; i < count; i++) {
			records[i].ts = next_random() % (round % 2 ? 8 : 5000);
			records[i].cpu = (__u16)(next_random() % 3);
			records[i].seq = next_random() % 3;
		}
		sorted(count);
	}
}

/*
 * The records of each CPU, one CPU after the other: runs of rising times; and the worst case,
 * falling ones.
 */
static void runs(void **state)
{
	size_t i, length;

	(void)state;
	memset(records, 0, sizeof(records));
	for (length = 1; length < MANY; length += length / 3 + 1) {
		for (i = 0; i < MANY; i++)
			records[i].ts = i % length * 10 + next_random() % 10;
		sorted(MANY);
		for (i = 0; i < MANY; i++)
			records[i].ts = UINT64_MAX - i / length;
		sorted(MANY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),
		cmocka_unit_test(runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
