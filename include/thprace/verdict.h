/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rule. One set of pure functions decides, in the BPF programs, in core's detector and when
 * incidents are settled: the same times and the same proof give the same verdict everywhere.
 *
 * Why the proof comes first: a walker's return is stamped before its residual mapcount is read, and
 * a window's end is stamped after the decrement. So
 *   - residual > 0 and the window's end <= the return: that mapping was gone already; another one
 *     is left, and this window is not to blame;
 *   - residual == 0: the decrement was done, whatever the stamps say.
 */
#ifndef THPRACE_VERDICT_H
#define THPRACE_VERDICT_H

#include <linux/types.h>
#include <thprace/race.h>

/*
 * Two stamps closer than this cannot be ordered: a clock read may drift this far across the stores
 * and loads around it on another CPU. Unit: ns.
 */
#define THPRACE_TOLERANCE_NS 100ULL

/*
 * How long after a failed walker's return a PTE-level rmap removal still explains it. Unit: ns.
 * zap_pte_range removes the rmap before it drops the page-table lock; the bound covers a
 * hypervisor that takes the CPU away in between.
 */
#define THPRACE_ATTRIBUTION_NS 20000000ULL

#define THPRACE_FOREVER (~0ULL)

enum thprace_meeting {
	THPRACE_APART = 0,
	THPRACE_TOUCH = 1, /* share less than the tolerance: counted, not an incident */
	THPRACE_OVERLAP = 2,
};

/*
 * Do [open, close] and [from, to] share an instant? close 0: still open.
 */
static inline enum thprace_meeting thprace_meets(__u64 open, __u64 close, __u64 from, __u64 to)
{
	__u64 first = open > from ? open : from;
	__u64 last = close && close < to ? close : to;

	if (first > last)
		return THPRACE_APART;
	return last - first < THPRACE_TOLERANCE_NS ? THPRACE_TOUCH : THPRACE_OVERLAP;
}

/*
 * Verdict of a walker [enter, leave] that overlaps a PMD-level window.
 * removed: end of phase 1, 0 when not seen (light mode, or still open); close: 0 when still open.
 * residual: mapcount read after leave; own_failed: the walker's own result says "still mapped".
 * close_call, when not NULL, is set to 1 if the order of the stamps alone says otherwise.
 */
static inline enum thprace_verdict thprace_judge(__u64 removed, __u64 close, __u64 enter,
						 __u64 leave, __s32 residual, int own_failed,
						 __u8 *close_call)
{
	__u64 end = removed ? removed : (close ? close : THPRACE_FOREVER);
	int exact = removed != 0;

	if (residual <= 0 && !own_failed) {
		if (close_call && exact)
			*close_call = end > leave;
		return THPRACE_CONTAINED;
	}
	if (end > leave)
		return THPRACE_ESCAPE;
	if (residual > 0 && end + THPRACE_TOLERANCE_NS > leave) {
		if (close_call)
			*close_call = 1;
		return THPRACE_ESCAPE;
	}
	if (own_failed && end >= enter)
		return THPRACE_ESCAPE;
	return THPRACE_CONTAINED;
}

/*
 * Verdict of a split that went on, its walker done at unmapped with nothing left mapped, while a
 * window was in phase 2. It escaped when it completed (result 0) with the window still open.
 */
static inline enum thprace_verdict thprace_judge_head(__u64 close, __u64 leave, __s32 result)
{
	if (result == 0 && (!close || close > leave))
		return THPRACE_ESCAPE;
	return THPRACE_CONTAINED;
}

/* Was a window still open, by more than the tolerance, at time t? */
static inline int thprace_open_at(__u64 open, __u64 close, __u64 t)
{
	return open <= t && (!close || close > t + THPRACE_TOLERANCE_NS);
}

/*
 * Verdict of a holder [enter, leave] (leave 0: it waits still) of a huge page that a failed collapse
 * left behind, revoked. reused: the collapser's next call, at close, was given the same page;
 * elsewhere: for another offset of the same file; locked, refs: read after close: somebody held its
 * lock, and how many references there were beyond the collapser's own.
 *
 * The holder is in danger until it has checked the page that it found, which it does under the
 * page's lock: so while it waits, and while it holds the lock. Its reference proves that it is there.
 * At another offset its check passes and is wrong; with another file's mapping, or at the same
 * offset, it is right. THPRACE_CLEAN: it had checked before, no incident.
 */
static inline enum thprace_verdict thprace_judge_reuse(int reused, int elsewhere, int locked,
						       __s32 refs, __u64 close, __u64 leave)
{
	if (!reused)
		return THPRACE_CONTAINED;
	if (refs <= 0)
		return THPRACE_CLEAN;
	if (leave && leave <= close && !locked)
		return THPRACE_CLEAN;
	return elsewhere ? THPRACE_ESCAPE : THPRACE_CONTAINED;
}

/*
 * What a reuse comes to that no holder explains. A foreign reference is left unattributed where it
 * could be a holder that waits for its turn without having reached the lock.
 */
static inline enum thprace_verdict thprace_judge_alone(int reused, int elsewhere, __s32 refs)
{
	return reused && elsewhere && refs > 0 ? THPRACE_UNATTRIBUTED : THPRACE_CLEAN;
}

/*
 * May an rmap removal of small pages at time r explain a walker [enter, leave] that failed?
 */
static inline int thprace_explains(__u64 r, __u64 enter, __u64 leave)
{
	return r >= enter && r <= leave + THPRACE_ATTRIBUTION_NS;
}

/*
 * Did a PTE-level window, which is known by its end r only, end while a walker [enter, leave] was at
 * work? One that did not fail was contained then: it decided when the rmap was gone.
 */
static inline int thprace_ended_in(__u64 r, __u64 enter, __u64 leave)
{
	return r >= enter && r <= leave;
}

#endif
