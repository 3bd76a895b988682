// SPDX-License-Identifier: GPL-2.0-only
#include "clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

uint64_t clock__now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock__wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t clock__boot(void)
{
	return read_clock(CLOCK_BOOTTIME);
}
