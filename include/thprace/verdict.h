/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rule. One set of pure functions decides in the BPF programs, in core's correlator and in its
 * replay: the same times and the same counts give the same verdict everywhere.
 *
 * What a walker left mapped proves that it failed. What happened to these mappings proves that a
 * zap was the reason: one of them was being removed when the walker returned, and is gone when the
 * zap ends. So a zap explains a failed walker if it was under way at the walker's return and the
 * count of its own level fell between this return and its end.
 *
 * Counts come before stamps, because a walker's return is stamped before its counts are read, and
 * the end of a window is stamped after the decrement. So
 *   - if the end is before the return and something is still mapped: that mapping was gone already,
 *     another one is left, and this window is not the reason;
 *   - if nothing is mapped: the decrement was done, whatever the stamps say.
 */
#ifndef THPRACE_VERDICT_H
#define THPRACE_VERDICT_H

#include <linux/types.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>

/*
 * Two stamps that are closer than this cannot be ordered: a read of the clock may move this far
 * across the stores and loads around it on another CPU. Unit: ns.
 */
#define THPRACE_TOLERANCE_NS 100ULL

/*
 * How long after a failed walker's return the end of a zap still explains it. Unit: ns. The zap of
 * a range continues after the removal that matters, and its task may lose the CPU meanwhile.
 */
#define THPRACE_ATTRIBUTION_NS 200000000ULL

/*
 * How long after a zap's end its count may be read. Unit: ns. A later read (the task lost the CPU
 * in between) is no evidence about the zap and is not reported.
 */
#define THPRACE_READ_NS 1000000ULL

#define THPRACE_FOREVER (~0ULL)

enum thprace_meeting {
	THPRACE_APART = 0,
	THPRACE_TOUCH = 1, /* they overlap by less than the tolerance: counted, not an incident */
	THPRACE_OVERLAP = 2,
};

/* Do [open, close] and [from, to] overlap? close 0: still open. */
static inline enum thprace_meeting thprace_meets(__u64 open, __u64 close, __u64 from, __u64 to)
{
	__u64 first = open > from ? open : from;
	__u64 last = close && close < to ? close : to;

	if (first > last)
		return THPRACE_APART;
	return last - first < THPRACE_TOLERANCE_NS ? THPRACE_TOUCH : THPRACE_OVERLAP;
}

/*
 * The same for an instant, which has no length: it is not nearer to the ends of the other than the
 * clock can tell.
 */
static inline enum thprace_meeting thprace_meets_at(__u64 at, __u64 open, __u64 close)
{
	if (at < open || at > close)
		return THPRACE_APART;
	return at - open < THPRACE_TOLERANCE_NS || close - at < THPRACE_TOLERANCE_NS
		       ? THPRACE_TOUCH
		       : THPRACE_OVERLAP;
}

/* Did this walker fail? Judged by what it left, or by its own result. */
static inline int thprace_failed(const struct thprace_walk *walk)
{
	const int own = THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED;

	return walk->residual > 0 || (walk->flags & own) == own;
}

/* The time of another task's zap, relative to a failed walker. */
enum thprace_role {
	THPRACE_ROLE_NONE = 0, /* it ended before the walker began */
	THPRACE_ROLE_ENDED = 1, /* it ended while the walker was at work */
	THPRACE_ROLE_CANDIDATE = 2, /* it was under way when the walker returned */
	THPRACE_ROLE_LATER = 3, /* it began after the walker's return */
};

/* When the last mapping of the walker's folio was removed, as far as the window shows. */
static inline __u64 thprace_end(const struct thprace_window *window)
{
	if (window->removed)
		return window->removed;
	return window->close ? window->close : THPRACE_FOREVER;
}

static inline enum thprace_role thprace_role(const struct thprace_window *window,
					     const struct thprace_walk *walk)
{
	__u64 end = thprace_end(window);

	if (window->open > walk->leave)
		return THPRACE_ROLE_LATER;
	if (end > walk->leave || walk->leave - end < THPRACE_TOLERANCE_NS)
		return THPRACE_ROLE_CANDIDATE;
	return end >= walk->enter ? THPRACE_ROLE_ENDED : THPRACE_ROLE_NONE;
}

/* Mappings of the folio in pages: the split of a PMD into PTEs does not change this number. */
static inline __s64 thprace_mapped(const struct thprace_counts *counts, __u16 order)
{
	return (__s64)counts->entire * (1LL << (order & 31)) + counts->small;
}

static inline __s32 thprace_count(const struct thprace_counts *counts, __u8 level)
{
	return level == THPRACE_LEVEL_PMD ? counts->entire : counts->small;
}

/* Whether a mapping that the walker left was gone at a window's end. */
enum thprace_fall {
	THPRACE_FALL_NONE = 0,
	THPRACE_FALL_SEEN = 1, /* the count of the window's level is lower */
	THPRACE_FALL_HIDDEN =
		2, /* a split mapped again what it had unmapped; in total there is less */
	THPRACE_FALL_UNKNOWN = 3, /* the window's end, or its count, was not seen */
};

/*
 * Was a removal of a page that the walker left mapped under way when the walker returned? The
 * removal began before the return, when its entry was cleared already, and ended after it: what the
 * walker left is what the removal took.
 */
static inline int thprace_took_left(const struct thprace_window *window,
				    const struct thprace_walk *walk)
{
	return window->taking && window->close - window->taking == walk->leave;
}

/*
 * A failed split of an anonymous folio maps again what it had unmapped, which hides a fall. So the
 * count after the split's end is compared with the count before it began, or with the window's
 * count if the window ended later.
 */
static inline enum thprace_fall thprace_fell(const struct thprace_window *window,
					     const struct thprace_walk *walk)
{
	__s32 left = thprace_count(&walk->left, window->level);

	if (left <= 0)
		return THPRACE_FALL_NONE;
	if (thprace_took_left(window, walk))
		return THPRACE_FALL_SEEN;
	if (!window->close || window->left < 0)
		return THPRACE_FALL_UNKNOWN;
	if (window->left < left)
		return THPRACE_FALL_SEEN;
	if (!(walk->flags & THPRACE_RF_REMAP) || !walk->outer_at)
		return THPRACE_FALL_NONE;
	if (window->close > walk->outer_at &&
	    window->left < thprace_count(&walk->outer, window->level))
		return THPRACE_FALL_SEEN;
	return thprace_mapped(&walk->outer, walk->order) <
			       thprace_mapped(&walk->before, walk->order)
		       ? THPRACE_FALL_HIDDEN
		       : THPRACE_FALL_NONE;
}

/* The earliest of some times and its task, and the earliest of other tasks. */
struct thprace_earliest {
	__u64 time[2];
	__u32 pid[2]; /* 0: none */
};

static inline void thprace_earliest__add(struct thprace_earliest *earliest, __u64 time, __u32 pid)
{
	if (earliest->pid[0] && earliest->pid[0] != pid && earliest->time[0] <= time) {
		if (!earliest->pid[1] || time < earliest->time[1]) {
			earliest->time[1] = time;
			earliest->pid[1] = pid;
		}
		return;
	}
	if (earliest->pid[0] == pid && earliest->time[0] <= time)
		return;
	if (earliest->pid[0] && earliest->pid[0] != pid) {
		earliest->time[1] = earliest->time[0];
		earliest->pid[1] = earliest->pid[0];
	}
	earliest->time[0] = time;
	earliest->pid[0] = pid;
}

/* Is there one until t, of another task than pid? */
static inline int thprace_earliest__by(const struct thprace_earliest *earliest, __u64 t, __u32 pid)
{
	const int n = earliest->pid[0] == pid;

	return earliest->pid[n] && earliest->time[n] <= t;
}

/* All zaps that were seen around one failed walker. Initialise to all 0. */
struct thprace_tally {
	struct thprace_earliest began[THPRACE_LEVEL_MAX]; /* zaps that began after the return */
	/*
	 * Zaps under way at the return of which no fall was seen: stores ~end, so that the earliest
	 * is the latest.
	 */
	struct thprace_earliest lasted[THPRACE_LEVEL_MAX];
	__u32 candidates[THPRACE_LEVEL_MAX]; /* that took a mapping, or may have taken one */
	__s32 taken[THPRACE_LEVEL_MAX]; /* mappings that these took, as far as known */
	__s32 lowest[THPRACE_LEVEL_MAX]; /* the lowest of their counts */
	__u32 later[THPRACE_LEVEL_MAX]; /* a mapping was removed by a zap that began after the
					 * return */
	__u32 ended; /* zaps that ended while the walker was at work */
	__u32 task; /* the task of one of all these … */
	__u32 tasks; /* … and whether there are others */
};

/*
 * May another task have taken a mapping between the walker's return and the read of the window's
 * count, without being seen as a candidate? Either a task that began to zap in between, or one that
 * was under way all the time, if others mapped the folio again before its count was read.
 */
static inline int thprace_tally__mixed(const struct thprace_tally *tally,
				       const struct thprace_window *window)
{
	const __u8 level = window->level & 1;

	return thprace_earliest__by(&tally->began[level], window->close + THPRACE_READ_NS,
				    window->pid) ||
	       thprace_earliest__by(&tally->lasted[level], ~window->close, window->pid);
}

static inline void thprace_tally__add(struct thprace_tally *tally,
				      const struct thprace_window *window,
				      const struct thprace_walk *walk)
{
	enum thprace_role role = thprace_role(window, walk);
	enum thprace_fall fall = thprace_fell(window, walk);
	const __u8 level = window->level & 1;
	__s32 left;

	/* A zap that began later is only reported if somebody asked for it. */
	if (role == THPRACE_ROLE_NONE ||
	    (role == THPRACE_ROLE_LATER && window->left == THPRACE_LEFT_UNREAD))
		return;
	tally->tasks |= tally->task && tally->task != window->pid;
	tally->task = window->pid;
	if (role == THPRACE_ROLE_ENDED)
		tally->ended++;
	if (role == THPRACE_ROLE_LATER) {
		tally->later[level] += fall == THPRACE_FALL_SEEN;
		thprace_earliest__add(&tally->began[level], window->open, window->pid);
	}
	if (role == THPRACE_ROLE_CANDIDATE && fall == THPRACE_FALL_NONE)
		thprace_earliest__add(&tally->lasted[level], ~window->close, window->pid);
	if (role != THPRACE_ROLE_CANDIDATE || fall == THPRACE_FALL_NONE)
		return;
	/* Another walker at the same time may have taken some itself: then nothing adds up. */
	left = window->flags & THPRACE_WF_VAGUE ? THPRACE_LEFT_LATE : window->left;
	if (!tally->candidates[level]++ || left < tally->lowest[level])
		tally->lowest[level] = left;
	tally->taken[level] += level == THPRACE_LEVEL_PMD ? 1 : (__s32)window->pages;
}

_Static_assert(THPRACE_LEVEL_MAX == 2, "level & 1");

/* The relation between a failed walker and one zap. */
struct thprace_finding {
	__u8 verdict; /* enum thprace_verdict: contained or escape */
	__u8 attribution; /* enum thprace_attribution */
	__u8 close_call; /* 1: the order of the stamps alone gives another verdict */
};

/*
 * How certain it is that one of tally's candidates, which took a mapping or may have taken one, was
 * the cause. A single candidate was the cause. Several were all the cause if the count fell by
 * as many mappings as they took together: one for each window at PMD level; for a range, precise
 * mode counts them. This does not hold if another task began to zap in between.
 */
static inline __u8 thprace_certainty(const struct thprace_window *window,
				     const struct thprace_walk *walk,
				     const struct thprace_tally *tally)
{
	const __u8 level = window->level & 1;
	__s32 fell = thprace_count(&walk->left, level) - tally->lowest[level];

	enum thprace_fall fall = thprace_fell(window, walk);

	if (thprace_took_left(window, walk))
		return THPRACE_EXACT;
	/*
	 * A hidden candidate may have begun before the return, because an event is stamped after it
	 * happened. And with a window this long it is not known who began to zap meanwhile.
	 */
	if (fall != THPRACE_FALL_SEEN || window->flags & THPRACE_WF_VAGUE ||
	    window->close > walk->leave + THPRACE_ATTRIBUTION_NS ||
	    thprace_tally__mixed(tally, window))
		return THPRACE_LIKELY;
	if (tally->candidates[level] > 1 &&
	    (tally->lowest[level] < 0 || fell != tally->taken[level]))
		return THPRACE_LIKELY;
	return window->removed > walk->leave ? THPRACE_EXACT : THPRACE_CAUSAL;
}

/*
 * Is a zap related to a failed walker? All zaps of other tasks are, and those of its own task that
 * began after its return. close: of a zap that has ended.
 */
static inline int thprace_concerns(const struct thprace_window *window,
				   const struct thprace_walk *walk)
{
	if (window->close < walk->enter ||
	    (window->pid == walk->pid && window->open <= walk->leave))
		return 0;
	if (window->level == THPRACE_LEVEL_PMD && window->open <= walk->leave)
		return 1;
	return window->close <= walk->leave ||
	       window->close - walk->leave <= THPRACE_ATTRIBUTION_NS;
}

/*
 * Judge a walker and a window of another task that overlap, or, at PTE level, a zap for which
 * thprace_role() is not LATER. tally: with this window and all others known for this walker.
 */
static inline struct thprace_finding thprace_judge(const struct thprace_window *window,
						   const struct thprace_walk *walk,
						   const struct thprace_tally *tally)
{
	struct thprace_finding finding = {.verdict = THPRACE_CONTAINED};
	enum thprace_role role = thprace_role(window, walk);
	enum thprace_fall fall = thprace_fell(window, walk);

	if (!thprace_failed(walk)) {
		finding.close_call = window->removed > walk->leave;
		return finding;
	}
	if (walk->residual > 0) {
		/* Zaps that ended while the walker was at work are hidden in the same sum. */
		if (fall == THPRACE_FALL_HIDDEN && tally->ended)
			fall = THPRACE_FALL_NONE;
		if (role != THPRACE_ROLE_CANDIDATE || fall == THPRACE_FALL_NONE)
			return finding;
		finding.verdict = THPRACE_ESCAPE;
		finding.attribution = thprace_certainty(window, walk, tally);
		finding.close_call = thprace_end(window) <= walk->leave;
		return finding;
	}
	/*
	 * The walker itself says "still mapped", and a moment later nothing was mapped: a mapping
	 * was removed in between.
	 */
	if (role != THPRACE_ROLE_CANDIDATE && role != THPRACE_ROLE_ENDED)
		return finding;
	finding.verdict = THPRACE_ESCAPE;
	finding.attribution = window->removed && !tally->tasks ? THPRACE_EXACT : THPRACE_LIKELY;
	return finding;
}

/*
 * Of two zaps that explain a walker, is this the one to name? The one with the higher certainty, or
 * the one that ended first.
 */
static inline int thprace_named_before(const struct thprace_window *window,
				       struct thprace_finding finding,
				       const struct thprace_window *other,
				       struct thprace_finding of_other)
{
	if (finding.attribution != of_other.attribution)
		return finding.attribution > of_other.attribution;
	if (window->close != other->close)
		return window->close < other->close;
	return window->pid < other->pid;
}

/*
 * Verdict of a failed walker that no zap explains. It *remained* mapped, with nobody unmapping, if
 * all that it left was still there when the function around it returned. If there is no such
 * function: if a mapping that it left was removed by a zap that began only after its return.
 */
static inline enum thprace_verdict thprace_judge_failed(const struct thprace_walk *walk,
							const struct thprace_tally *tally)
{
	if (walk->residual <= 0)
		return THPRACE_UNATTRIBUTED;
	/* Tasks that zap small pages may be there without being seen. */
	if (walk->flags & THPRACE_RF_BLIND && walk->left.small > 0)
		return THPRACE_UNATTRIBUTED;
	if (!walk->outer_at)
		return tally->later[THPRACE_LEVEL_PMD] || tally->later[THPRACE_LEVEL_PTE]
			       ? THPRACE_REMAINED
			       : THPRACE_UNATTRIBUTED;
	if (walk->flags & THPRACE_RF_REMAP)
		return thprace_mapped(&walk->outer, walk->order) >=
				       thprace_mapped(&walk->before, walk->order)
			       ? THPRACE_REMAINED
			       : THPRACE_UNATTRIBUTED;
	return walk->outer.entire >= walk->left.entire && walk->outer.small >= walk->left.small
		       ? THPRACE_REMAINED
		       : THPRACE_UNATTRIBUTED;
}

/*
 * What remains of a finding about a failed walker if a loss between its entry and
 * THPRACE_ATTRIBUTION_NS after its return may hide another zap: nothing is proved then, not even
 * that nobody was unmapping.
 */
static inline struct thprace_finding thprace_after_loss(struct thprace_finding finding)
{
	if (finding.attribution > THPRACE_LIKELY)
		finding.attribution = THPRACE_LIKELY;
	if (finding.verdict == THPRACE_REMAINED)
		finding.verdict = THPRACE_UNPROVEN;
	return finding;
}

/* Only these escapes are called "proved". */
static inline int thprace_proved(__u8 verdict, __u8 attribution)
{
	return verdict == THPRACE_ESCAPE && attribution >= THPRACE_CAUSAL;
}

/*
 * Verdict of a split that continued after its walker had finished at `unmapped` with nothing left
 * mapped, while a window was in phase 2. It escaped if it completed (result 0) while the window was
 * still open.
 */
static inline enum thprace_verdict thprace_judge_head(__u64 close, __u64 leave, __s32 result)
{
	if (result == 0 && (!close || close > leave))
		return THPRACE_ESCAPE;
	return THPRACE_CONTAINED;
}

/* The same, with its certainty: both are times of one clock. */
static inline struct thprace_finding thprace_finding_head(__u64 close, __u64 leave, __s32 result)
{
	struct thprace_finding finding = {.verdict = thprace_judge_head(close, leave, result)};

	if (finding.verdict == THPRACE_ESCAPE)
		finding.attribution = close ? THPRACE_EXACT : THPRACE_LIKELY;
	return finding;
}

/* Was a window still open, by more than the tolerance, at time t? */
static inline int thprace_open_at(__u64 open, __u64 close, __u64 t)
{
	return open <= t && (!close || close > t + THPRACE_TOLERANCE_NS);
}

/*
 * Verdict of a holder [enter, leave] (leave 0: it still waits) of a huge page that a failed
 * collapse left behind, revoked. reused: the collapser's next call, at close, got the same page;
 * elsewhere: for another offset of the same file; locked, refs: read after close: whether somebody
 * held its lock, and how many references there were without the collapser's own.
 *
 * The holder is in danger until it has checked the page that it found. It does this under the
 * page's lock, so it is in danger while it waits and while it holds the lock. Its reference proves
 * that it is there. If the page is used at another offset, its check passes and is wrong. If the
 * page has another file's mapping, or the same offset, its check is right. THPRACE_CLEAN: it had
 * checked before, no incident.
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
 * The verdict for a reuse that no holder explains. A foreign reference is unattributed if it could
 * belong to a holder that waits for its turn and has not reached the lock.
 */
static inline enum thprace_verdict thprace_judge_alone(int reused, int elsewhere, __s32 refs)
{
	return reused && elsewhere && refs > 0 ? THPRACE_UNATTRIBUTED : THPRACE_CLEAN;
}

/*
 * Was the rmap of small pages removed, at time r, while a walker [enter, leave] was at work? If the
 * walker did not fail, this is contained: it decided when the rmap was gone.
 */
static inline int thprace_ended_in(__u64 r, __u64 enter, __u64 leave)
{
	return r >= enter && r <= leave;
}

#endif
