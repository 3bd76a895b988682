// SPDX-License-Identifier: GPL-2.0-only
#include "clock_source.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"

#define CURRENT "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define READINGS 100
#define STEPS 4
#define READINGS_MAX 4000000 /* reads of a clock that ticks: some 100 ms, at any speed */

void clock_source__measure(struct clock_source *clock, clock_source_read_fn read, void *ctx)
{
	uint64_t last = read(ctx), now;
	unsigned int i, steps = 0;

	clock->step = 0;
	clock->coarse = false;
	for (i = 0; i < (clock->coarse ? READINGS_MAX : READINGS); i++, last = now) {
		now = read(ctx);
		if (now == last) {
			clock->coarse = true;
			continue;
		}
		if (!clock->step || now - last < clock->step)
			clock->step = now - last;
		if (++steps >= STEPS && clock->coarse)
			break;
	}
}

static uint64_t monotonic(void *ctx)
{
	(void)ctx;
	return clock__now();
}

void clock_source__read(struct clock_source *clock)
{
	FILE *file = fopen(CURRENT, "re");

	clock->name[0] = '\0';
	if (file) {
		if (fgets(clock->name, sizeof(clock->name), file))
			clock->name[strcspn(clock->name, "\n")] = '\0';
		fclose(file);
	}
	clock_source__measure(clock, monotonic, NULL);
}
