/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The offset between both sides of a round: how much later the walker starts than the opener.
 *
 * A class says in which part of each side's call the kernel function of interest runs (its aim).
 * How long the calls take is measured in rounds that keep them apart, the opener first, because
 * calls that overlap wait for each other. The offsets at which the two parts overlap follow from
 * that, and are drawn evenly from these; from time to time from the whole range in which the two
 * calls overlap at all, so that a wrong aim cannot hide everything. An observer of the kernel
 * corrects the aim with the distance by which a round missed.
 */
#ifndef STRESS_STEER_H
#define STRESS_STEER_H

#include <stdbool.h>
#include <stdint.h>

/* The part of each call, as fractions of its duration, in which its kernel function runs. */
struct steer_aim {
	double opener_from;
	double opener_to;
	double walker_from;
	double walker_to;
};

struct steer {
	struct steer_aim aim;
	double opener_ns; /* running medians of the calls' durations, undisturbed */
	double walker_ns;
	bool apart; /* the last offset drawn is to keep the two sides apart */
	double bias_ns; /* learnt from steer__missed() */
	uint64_t random;
	uint64_t draws;
};

/* Starts with no knowledge of the durations. @seed: equal seeds draw equal sequences. */
void steer__init(struct steer *st, const struct steer_aim *aim, uint64_t seed);

/* The next round's offset in ns: negative if the walker is to start before the opener. */
int64_t steer__next(struct steer *st);

/*
 * The duration of the last round's calls, in ns. @apart: the walker's began after the opener's
 * ended.
 */
void steer__measured(struct steer *st, int64_t opener_ns, int64_t walker_ns, bool apart);

/*
 * For an observer of the kernel functions themselves: the walker's function came @late_ns too late
 * (negative: too early) to overlap the opener's window. Moves the centre by a share of that.
 */
void steer__missed(struct steer *st, int64_t late_ns);

#endif
