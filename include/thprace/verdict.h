/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rule. One set of pure functions decides, in the BPF programs, in core's correlator and in its
 * replay: the same times and the same counts give the same verdict everywhere.
 *
 * That a walker failed is proved by what it left mapped. That a zap was the reason is proved by what
 * became of those mappings: one was being taken away when the walker returned, and is gone at the zap's
 * end. So a zap explains a failed walker if it was under way at the walker's return, and the count of
 * its own level fell from there to its end.
 *
 * Why counts go before stamps: a walker's return is stamped before its counts are read, and the end of a
 * window is stamped after the decrement. So
 *   - the end lies before the return, and something is mapped still: that mapping was gone already,
 *     another one is left, and this window is not to blame;
 *   - nothing is mapped: the decrement was done, whatever the stamps say.
 */
#ifndef THPRACE_VERDICT_H
#define THPRACE_VERDICT_H

#include <linux/types.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>

/*
 * Two stamps closer than this cannot be ordered: a clock read may drift this far across the stores
 * and loads around it on another CPU. Unit: ns.
 */
#define THPRACE_TOLERANCE_NS 100ULL

/*
 * How long after a failed walker's return the end of a zap still explains it. Unit: ns. The zap of a
 * range goes on after the removal that matters, and its task may lose the CPU meanwhile.
 */
#define THPRACE_ATTRIBUTION_NS 200000000ULL

/*
 * How long after a zap's end its count may be read. Unit: ns. One that was read later, because the task
 * lost the CPU in between, says nothing of the zap, and is not reported.
 */
#define THPRACE_READ_NS 1000000ULL

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

/* Did this walker fail? By what it left, or by its own result. */
static inline int thprace_failed(const struct thprace_walk *walk)
{
	const int own = THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED;

	return walk->residual > 0 || (walk->flags & own) == own;
}

/* When a zap of another task lies, as a failed walker sees it. */
enum thprace_role {
	THPRACE_ROLE_NONE = 0, /* it had ended before the walker began */
	THPRACE_ROLE_ENDED = 1, /* it ended in the walker's time */
	THPRACE_ROLE_CANDIDATE = 2, /* it was under way when the walker returned */
	THPRACE_ROLE_LATER = 3, /* it began after the walker's return */
};

/* When the last mapping of the walker's folio went, as far as the window shows. */
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

/* Mappings of the folio in pages: the split of a PMD into PTEs does not change it. */
static inline __s64 thprace_mapped(const struct thprace_counts *counts, __u16 order)
{
	return (__s64)counts->entire * (1LL << (order & 31)) + counts->small;
}

static inline __s32 thprace_count(const struct thprace_counts *counts, __u8 level)
{
	return level == THPRACE_LEVEL_PMD ? counts->entire : counts->small;
}

/* Whether a mapping that the walker left had gone by a window's end. */
enum thprace_fall {
	THPRACE_FALL_NONE = 0,
	THPRACE_FALL_SEEN = 1, /* the count of the window's level is lower */
	THPRACE_FALL_HIDDEN =
		2, /* a split mapped again what it had taken; all told there is less */
	THPRACE_FALL_UNKNOWN = 3, /* the window's end, or its count, was not seen */
};

/*
 * Was a removal under way as the walker returned, of a page that it left mapped? It began before the return,
 * when its entry was cleared already, and ended after: what the walker left is what it took.
 */
static inline int thprace_took_left(const struct thprace_window *window,
				    const struct thprace_walk *walk)
{
	return window->taking && window->close - window->taking == walk->leave;
}

/*
 * The split of an anonymous folio that fails maps again what it had taken: that hides a fall. Then the
 * count after its end is compared with that before it began, or with the window's where that ended later.
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

/* The earliest of some times, and whose it is; and the earliest of those of other tasks. */
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

/* Is there one by t, of another task than pid? */
static inline int thprace_earliest__by(const struct thprace_earliest *earliest, __u64 t, __u32 pid)
{
	const int n = earliest->pid[0] == pid;

	return earliest->pid[n] && earliest->time[n] <= t;
}

/* All that was seen of zaps around one failed walker. Begin with all 0. */
struct thprace_tally {
	struct thprace_earliest began[THPRACE_LEVEL_MAX]; /* zaps that began after the return */
	/* Zaps under way then, of which no fall was seen: ~ their ends, so the earliest is the latest. */
	struct thprace_earliest lasted[THPRACE_LEVEL_MAX];
	__u32 candidates[THPRACE_LEVEL_MAX]; /* that took a mapping, or may have */
	__s32 taken[THPRACE_LEVEL_MAX]; /* by these, as far as is known */
	__s32 lowest[THPRACE_LEVEL_MAX]; /* of their counts */
	__u32 later[THPRACE_LEVEL_MAX]; /* a mapping went by a zap that began after the return */
	__u32 ended; /* zaps that ended in the walker's time */
	__u32 task; /* of one of all these … */
	__u32 tasks; /* … there are others */
};

/*
 * May another task have taken a mapping between the walker's return and the reading of the window's count,
 * without being seen as a candidate? One that began to zap in between; or one that was under way all the
 * time, when others mapped the folio anew before its count was read.
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

	/* Of what began later only that is reported of which somebody asked. */
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
	if (!tally->candidates[level]++ || window->left < tally->lowest[level])
		tally->lowest[level] = window->left;
	tally->taken[level] += level == THPRACE_LEVEL_PMD ? 1 : (__s32)window->pages;
}

_Static_assert(THPRACE_LEVEL_MAX == 2, "level & 1");

/* What a failed walker and one zap are to each other. */
struct thprace_finding {
	__u8 verdict; /* enum thprace_verdict: contained or escape */
	__u8 attribution; /* enum thprace_attribution */
	__u8 close_call; /* 1: the order of the stamps alone says otherwise */
};

/*
 * How certain it is that one of tally's candidates, which took a mapping or may have, was the cause. A sole
 * candidate was, and all of them were if the count fell by as many mappings as they took together: one for
 * each window at PMD level; of a range, precise mode counts them. But not if somebody else began to zap in
 * between.
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
	 * A hidden one may have been before the return: stamps come after what they stamp. And of so long
	 * a window it is not known who began to zap meanwhile.
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
 * Has a zap to do with a walker that failed? All of other tasks, and of its own task those that began
 * after its return. close: of one that has ended.
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
 * Judge a walker and a window of another task that share an instant, or, at PTE level, a zap of which
 * thprace_role() is not LATER. tally: with this window and all others that are known of this walker.
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
		/* What ended in the walker's time hides in the same sum. */
		if (fall == THPRACE_FALL_HIDDEN && tally->ended)
			fall = THPRACE_FALL_NONE;
		if (role != THPRACE_ROLE_CANDIDATE || fall == THPRACE_FALL_NONE)
			return finding;
		finding.verdict = THPRACE_ESCAPE;
		finding.attribution = thprace_certainty(window, walk, tally);
		finding.close_call = thprace_end(window) <= walk->leave;
		return finding;
	}
	/* It says "still mapped" itself, and a moment later nothing was: one went in between. */
	if (role != THPRACE_ROLE_CANDIDATE && role != THPRACE_ROLE_ENDED)
		return finding;
	finding.verdict = THPRACE_ESCAPE;
	finding.attribution = window->removed && !tally->tasks ? THPRACE_EXACT : THPRACE_LIKELY;
	return finding;
}

/* Of two zaps that explain a walker: is it this one that is named? Of which more is proved, or that ended first. */
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
 * Verdict of a failed walker that no zap explains. It *remained* mapped, with nobody unmapping, when
 * all that it left was there still as the function around it returned. Where there is none: when a mapping
 * that it left went by a zap that began only after its return.
 */
static inline enum thprace_verdict thprace_judge_failed(const struct thprace_walk *walk,
							const struct thprace_tally *tally)
{
	if (walk->residual <= 0)
		return THPRACE_UNATTRIBUTED;
	/* Who zaps small pages may be there, and not seen. */
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
 * What is left of a finding about a failed walker when a loss, between its entry and
 * THPRACE_ATTRIBUTION_NS after its return, may hide another zap: nothing is proved then, nor that nobody
 * was unmapping.
 */
static inline struct thprace_finding thprace_after_loss(struct thprace_finding finding)
{
	if (finding.attribution > THPRACE_LIKELY)
		finding.attribution = THPRACE_LIKELY;
	if (finding.verdict == THPRACE_REMAINED)
		finding.verdict = THPRACE_UNPROVEN;
	return finding;
}

/* "Proved" is said of these escapes only. */
static inline int thprace_proved(__u8 verdict, __u8 attribution)
{
	return verdict == THPRACE_ESCAPE && attribution >= THPRACE_CAUSAL;
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

/* The same with its certainty: both are times of one clock. */
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
 * Was the rmap of small pages removed, at time r, while a walker [enter, leave] was at work? One that
 * did not fail was contained then: it decided when the rmap was gone.
 */
static inline int thprace_ended_in(__u64 r, __u64 enter, __u64 leave)
{
	return r >= enter && r <= leave;
}

#endif
