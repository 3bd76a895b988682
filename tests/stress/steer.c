// SPDX-License-Identifier: GPL-2.0-only
/* When to start the walker relative to the opener. */
#include "steer.h"

#define FIRST_GUESS_NS 200000.0
#define MEDIAN_STEP (1.0 / 12)
#define MISS_SHARE (1.0 / 8)
#define MISS_FAR 2
#define WHOLE_RANGE_EVERY 16
#define APART_EVERY 16
#define APART_FIRST 8
#define APART_MARGIN 1.25

void steer__init(struct steer *st, const struct steer_aim *aim, uint64_t seed)
{
	*st = (struct steer){
		.aim = *aim,
		.opener_ns = FIRST_GUESS_NS,
		.walker_ns = FIRST_GUESS_NS,
		.random = seed * 2862933555777941757ULL + 3037000493ULL,
	};
}

/* xorshift64*, as a fraction of one. */
static double draw(struct steer *st)
{
	st->random = st->random ? st->random : 1;
	st->random ^= st->random >> 12;
	st->random ^= st->random << 25;
	st->random ^= st->random >> 27;
	return (double)((st->random * 2685821657736338717ULL) >> 11) / 9007199254740992.0;
}

int64_t steer__next(struct steer *st)
{
	const struct steer_aim *a = &st->aim;
	double low = a->opener_from * st->opener_ns - a->walker_to * st->walker_ns + st->bias_ns;
	double high = a->opener_to * st->opener_ns - a->walker_from * st->walker_ns + st->bias_ns;

	st->draws++;
	st->apart = st->draws <= APART_FIRST || st->draws % APART_EVERY == 1;
	if (st->apart)
		return (int64_t)(st->opener_ns * APART_MARGIN);
	if (st->draws % WHOLE_RANGE_EVERY == 0) {
		low = -st->walker_ns;
		high = st->opener_ns;
	}
	return (int64_t)(low + draw(st) * (high - low));
}

/*
 * Fast at first, then a running median: outliers, mainly a descheduled CPU, move it no more than
 * other values do.
 */
static void follow(const struct steer *st, double *median, double sample)
{
	if (sample <= 0)
		return;
	if (st->draws <= APART_FIRST)
		*median += ((sample < 4 * *median ? sample : 4 * *median) - *median) / 2;
	else if (sample > *median)
		*median += *median * MEDIAN_STEP;
	else
		*median -= *median * MEDIAN_STEP;
}

void steer__measured(struct steer *st, int64_t opener_ns, int64_t walker_ns, bool apart)
{
	if (apart) {
		follow(st, &st->opener_ns, (double)opener_ns);
		follow(st, &st->walker_ns, (double)walker_ns);
	} else if (st->apart) {
		st->opener_ns *= 1 + MEDIAN_STEP; /* not far enough apart */
	}
}

void steer__missed(struct steer *st, int64_t late_ns)
{
	double far = MISS_FAR * (st->opener_ns + st->walker_ns);

	if ((double)late_ns < far && (double)late_ns > -far) /* otherwise it belongs to another
							      * round */
		st->bias_ns -= (double)late_ns * MISS_SHARE;
}
