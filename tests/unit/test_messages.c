// SPDX-License-Identifier: GPL-2.0-only
/* The messages in a dead kernel's ring: which are whole, where they begin, and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "crash_support.h"
#include "dump/messages.h"

/* Too large for the stack. */
static struct crash *new_crash(void)
{
	struct crash *crash = malloc(sizeof(*crash));

	assert_non_null(crash);
	crash_make(crash);
	return crash;
}

struct got {
	uint32_t pids[512];
	size_t nr;
};

static void keep(void *ctx, const void *message, size_t size)
{
	const struct thprace_split *split = message;
	struct got *got = ctx;

	assert_int_equal(size, sizeof(*split));
	assert_true(got->nr < 512);
	got->pids[got->nr++] = split->pid;
}

static struct messages_ring ring_of(const struct crash *crash, uint64_t consumer)
{
	return (struct messages_ring){.data = crash->bytes + CRASH_RING_DATA,
				      .size = CRASH_RING_BYTES,
				      .first_page = 3,
				      .page_shift = 12,
				      .consumer = consumer,
				      .producer = crash->produced};
}

static void split_message(struct crash *crash, uint32_t pid, uint32_t flags)
{
	struct thprace_split split = {.type = THPRACE_MSG_SPLIT, .pid = pid};

	crash_message(crash, &split, sizeof(split), flags);
}

/* The memory is full of messages, and the oldest is only there in part. */
static void test_ring_wraps(void **state)
{
	struct crash *crash = new_crash();
	struct messages_counts counts;
	struct messages_ring ring;
	struct got got = {.nr = 0};
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		split_message(crash, i, 0);
	ring = ring_of(crash, crash->produced - 10 * 40ULL);
	assert_int_equal(messages__walk(&ring, keep, &got, &counts), 0);
	assert_int_equal(counts.read + counts.unread, CRASH_RING_BYTES / 40);
	assert_int_equal(counts.unread, 10);
	assert_int_equal(counts.overwritten, 40 * (1000 - CRASH_RING_BYTES / 40));
	assert_int_equal(got.pids[0], 1000 - CRASH_RING_BYTES / 40);
	assert_int_equal(got.pids[got.nr - 1], 999);
	free(crash);
}

static void test_ring_flags(void **state)
{
	struct thprace_incident failed = crash_failed(8, 200, 300);
	struct crash *crash = new_crash();
	struct messages_counts counts;
	struct messages_ring ring;
	struct got got = {.nr = 0};

	(void)state;
	split_message(crash, 1, 0);
	split_message(crash, 2, 1U << 30); /* discarded */
	failed.walk.class = 77;
	crash_message(crash, &failed, sizeof(failed), 0);
	split_message(crash, 3, 1U << 31); /* being written */
	split_message(crash, 4, 0);
	ring = ring_of(crash, 0);
	assert_int_equal(messages__walk(&ring, keep, &got, &counts), 0);
	assert_int_equal(got.nr, 2);
	assert_int_equal(got.pids[1], 4);
	assert_int_equal(counts.unfinished, 1);
	assert_int_equal(counts.refused, 1);

	/* A damaged header hides what was before it. */
	crash->bytes[CRASH_RING_DATA + 40 + 4] ^= 1;
	got.nr = 0;
	assert_int_equal(messages__walk(&ring, keep, &got, &counts), 0);
	assert_int_equal(got.nr, 1);
	assert_int_equal(got.pids[0], 4);
	free(crash);
}

static void test_ring_positions(void **state)
{
	struct crash *crash = new_crash();
	struct messages_counts counts;
	struct messages_ring ring;
	struct got got = {.nr = 0};

	(void)state;
	split_message(crash, 1, 0);
	ring = ring_of(crash, 80); /* beyond the producer */
	assert_true(messages__walk(&ring, keep, &got, &counts) < 0);
	ring = ring_of(crash, 0);
	ring.producer = 41;
	assert_true(messages__walk(&ring, keep, &got, &counts) < 0);
	ring.producer = ~7ULL;
	assert_int_equal(messages__walk(&ring, keep, &got, &counts), 0);
	assert_int_equal(got.nr, 0);
	free(crash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_wraps),
		cmocka_unit_test(test_ring_flags),
		cmocka_unit_test(test_ring_positions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
