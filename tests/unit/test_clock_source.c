// SPDX-License-Identifier: GPL-2.0-only
/* A clock's resolution, found out only from its readings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock_source.h"

struct fake {
	uint64_t now; /* true time, ns */
	uint64_t tick; /* the clock shows multiples of this */
	uint64_t reading; /* how long one reading takes */
	uint64_t readings;
};

static uint64_t read_fake(void *ctx)
{
	struct fake *fake = ctx;

	fake->readings++;
	fake->now += fake->reading;
	return fake->now - fake->now % fake->tick;
}

static struct clock_source measure(struct fake *fake)
{
	struct clock_source clock = {.step = 1, .coarse = true};

	clock_source__measure(&clock, read_fake, fake);
	return clock;
}

static void fine(void **state)
{
	struct fake fake = {.now = 12345, .tick = 1, .reading = 37};
	struct clock_source clock = measure(&fake);

	(void)state;
	assert_false(clock.coarse);
	assert_int_equal(clock.step, 37);
	assert_in_range(fake.readings, 2, 1000);
	/* Each reading takes longer than a tick: more cannot be found out. */
	fake = (struct fake){.tick = 10, .reading = 1000};
	clock = measure(&fake);
	assert_false(clock.coarse);
	assert_int_equal(clock.step, 1000);
}

static void ticks(void **state)
{
	static const uint64_t lengths[] = {16, 70, 1000000, 4000000, 10000000};
	struct clock_source clock;
	struct fake fake;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		fake = (struct fake){.now = 987654321, .tick = lengths[i], .reading = 15};
		clock = measure(&fake);
		assert_true(clock.coarse);
		assert_int_equal(clock.step, lengths[i]);
		assert_true(fake.readings * fake.reading < 100000000);
	}
}

static void stands_still(void **state)
{
	struct fake fake = {.tick = 1, .reading = 0};

	(void)state;
	assert_int_equal(measure(&fake).step, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fine),
		cmocka_unit_test(ticks),
		cmocka_unit_test(stands_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
