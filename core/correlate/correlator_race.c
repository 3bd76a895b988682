// SPDX-License-Identifier: GPL-2.0-only
#include "correlator_race.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/verdict.h>
#include "base/hash.h"
#include "correlator_private.h"

/* Reports of other CPUs about the same interval may be read this much later. */
#define LATER_NS 200000000ULL
/* How long a side's end is waited for; it may sleep. Then nothing is proved of the pair. */
#define END_WAIT_NS 60000000000ULL
/* At the end of a recording a side that has had this time is one that does not end. */
#define UNENDED_NS 1000000000ULL
#define PAIRS_MAX 65536 /* that wait; more are dropped */
/* Ends that one that learns its key may still find: it looks among the last THPRACE_RACE_CLOSED. */
#define KEPT_MAX (2 * THPRACE_RACE_CLOSED)
#define LISTS 4096

/* A side that has ended. */
struct end {
	struct end *next; /* in order of arrival */
	struct hash_node by_id;
	struct thprace_race_end report;
	uint64_t seen; /* when it was read */
	unsigned int waiting; /* pairs in which it is, and that are not settled */
	unsigned int undecided; /* of these: it is not known whether they overlap */
	unsigned int overlaps; /* pairs that do */
	uint64_t kept; /* its number among those; 0: it is none */
	bool told; /* in an incident */
	bool unended; /* it met one whose task exited in it */
};

struct pair {
	struct pair *next; /* in order of arrival */
	struct hash_node by[THPRACE_RACE_SIDES]; /* id of each side */
	struct thprace_race_pair report;
	struct end *end[THPRACE_RACE_SIDES]; /* NULL: not ended yet */
	uint64_t seen;
	bool decided; /* both have ended, and … */
	bool overlaps;
};

struct correlator_race {
	correlator_race_fn emit;
	correlator_race_touch_fn touch;
	void *ctx;
	struct end *ends, **ends_tail;
	struct pair *pairs, **pairs_tail;
	size_t waiting; /* pairs */
	uint64_t kept; /* ends that may still be found so, since the start */
	bool only_kept; /* nothing else is left */
	uint64_t now; /* of the last reading */
	struct hash_list ends_of[LISTS];
	struct hash_list windows_of[LISTS]; /* pairs, by their windows */
	struct hash_list walkers_of[LISTS]; /* … and by their walkers */
};

struct correlator_race *correlator_race__new(correlator_race_fn emit,
					     correlator_race_touch_fn touch, void *ctx)
{
	struct correlator_race *race = calloc(1, sizeof(*race));

	if (!race)
		return NULL;
	race->emit = emit;
	race->touch = touch;
	race->ctx = ctx;
	race->ends_tail = &race->ends;
	race->pairs_tail = &race->pairs;
	return race;
}

static size_t list_of(unsigned int side, uint64_t id)
{
	return hash__number(id << 1 ^ side) % LISTS;
}

static bool is_of(const struct thprace_race_end *end, const struct thprace_race_pair *pair)
{
	return end->class == pair->class && end->id == pair->id[end->side];
}

static void join(struct pair *pair, struct end *end)
{
	if (pair->end[end->report.side])
		return;
	pair->end[end->report.side] = end;
	end->undecided++;
	end->waiting++;
}

int correlator_race__end(struct correlator_race *race, const struct thprace_race_end *report,
			 uint64_t now)
{
	const size_t list = list_of(report->side, report->id);
	struct pair *pair;
	struct end *end;

	if (report->side >= THPRACE_RACE_SIDES || report->class >= THPRACE_CLASS_MAX)
		return -EINVAL;
	end = calloc(1, sizeof(*end));
	if (!end)
		return -ENOMEM;
	end->report = *report;
	if (end->report.stack.nr > THPRACE_STACK_MAX)
		end->report.stack.nr = THPRACE_STACK_MAX;
	end->report.comm[THPRACE_COMM_LEN - 1] = '\0';
	end->seen = now;
	if (report->flags & THPRACE_RACE_KEPT_END)
		end->kept = ++race->kept;
	race->only_kept = false;
	*race->ends_tail = end;
	race->ends_tail = &end->next;
	hash_list__add(&race->ends_of[list], &end->by_id);
	if (report->side == THPRACE_RACE_WINDOW) {
		HASH_EACH(pair, &race->windows_of[list], by[THPRACE_RACE_WINDOW])
			if (is_of(report, &pair->report))
				join(pair, end);
	} else {
		HASH_EACH(pair, &race->walkers_of[list], by[THPRACE_RACE_WALKER])
			if (is_of(report, &pair->report))
				join(pair, end);
	}
	return 0;
}

static void find_end(struct correlator_race *race, struct pair *pair, unsigned int side)
{
	const struct thprace_race_pair *report = &pair->report;
	struct hash_list *list = &race->ends_of[list_of(side, report->id[side])];
	struct end *end;

	HASH_EACH(end, list, by_id)
		if (end->report.side == side && is_of(&end->report, report))
			join(pair, end);
}

int correlator_race__pair(struct correlator_race *race, const struct thprace_race_pair *report,
			  uint64_t now)
{
	const size_t window = list_of(THPRACE_RACE_WINDOW, report->id[THPRACE_RACE_WINDOW]);
	const size_t walker = list_of(THPRACE_RACE_WALKER, report->id[THPRACE_RACE_WALKER]);
	struct pair *pair;

	if (report->class >= THPRACE_CLASS_MAX)
		return -EINVAL;
	HASH_EACH(pair, &race->windows_of[window], by[THPRACE_RACE_WINDOW])
		if (!memcmp(pair->report.id, report->id, sizeof(report->id)) &&
		    pair->report.class == report->class)
			return 0; /* each of the two ends saw the other */
	pair = race->waiting < PAIRS_MAX ? calloc(1, sizeof(*pair)) : NULL;
	if (!pair)
		return -ENOMEM;
	pair->report = *report;
	pair->seen = now;
	race->only_kept = false;
	find_end(race, pair, THPRACE_RACE_WINDOW);
	find_end(race, pair, THPRACE_RACE_WALKER);
	*race->pairs_tail = pair;
	race->pairs_tail = &pair->next;
	race->waiting++;
	hash_list__add(&race->windows_of[window], &pair->by[THPRACE_RACE_WINDOW]);
	hash_list__add(&race->walkers_of[walker], &pair->by[THPRACE_RACE_WALKER]);
	return 0;
}

/* --- incidents --- */

/* It was under way when the kernel died. */
static bool is_cut_off(const struct end *end)
{
	return end->report.flags & THPRACE_RACE_CRASH;
}

/* Its task exited in it, at end. */
static bool is_unended(const struct end *end)
{
	return end->report.flags & THPRACE_RACE_UNENDED;
}

static void set_window(struct thprace_incident *incident, const struct end *end)
{
	const struct thprace_race_end *report = &end->report;

	incident->window = (struct thprace_window){
		.open = report->begin,
		.close = report->end,
		.folio = report->key,
		.pid = report->pid,
		.tgid = report->tgid,
		.cpu = (uint16_t)report->cpu,
		.flags = is_cut_off(end) ? THPRACE_WF_CRASH : THPRACE_WF_SETTLED,
		.left = THPRACE_LEFT_UNREAD,
	};
	memcpy(incident->window.comm, report->comm, sizeof(report->comm));
	incident->opener_stack = report->stack;
}

static void set_walk(struct thprace_incident *incident, const struct end *end)
{
	const struct thprace_race_end *report = &end->report;

	incident->walk = (struct thprace_walk){
		.enter = report->begin,
		.leave = report->end,
		.folio = report->key,
		.pid = report->pid,
		.tgid = report->tgid,
		.cpu = (uint16_t)report->cpu,
		.class = report->class,
		.flags = is_cut_off(end) ? THPRACE_KF_CRASH : 0,
	};
	memcpy(incident->walk.comm, report->comm, sizeof(report->comm));
	incident->walker_stack = report->stack;
}

static enum thprace_meeting meets(const struct thprace_race_end *x,
				  const struct thprace_race_end *y)
{
	if (x->flags & THPRACE_RACE_INSTANT)
		return thprace_meets_at(x->begin, y->begin, y->end);
	if (y->flags & THPRACE_RACE_INSTANT)
		return thprace_meets_at(y->begin, x->begin, x->end);
	return thprace_meets(x->begin, x->end, y->begin, y->end);
}

/* What was under way at the crash could have proved an escape at its end, and says of itself nothing. */
static enum thprace_verdict verdict_of(const struct end *window, const struct end *walker)
{
	unsigned int flags = window->report.flags | walker->report.flags;

	if (flags & THPRACE_RACE_ESCAPED)
		return THPRACE_ESCAPE;
	if (is_cut_off(window) && is_cut_off(walker))
		return THPRACE_UNPROVEN;
	if (!(flags & THPRACE_RACE_JUDGED))
		return THPRACE_CLEAN;
	return flags & THPRACE_RACE_CRASH ? THPRACE_UNPROVEN : THPRACE_CONTAINED;
}

/* Both have ended: do they overlap? */
static void decide(struct correlator_race *race, struct pair *pair)
{
	struct end *window = pair->end[THPRACE_RACE_WINDOW];
	struct end *walker = pair->end[THPRACE_RACE_WALKER];
	/* Two that the crash cut off had not ended: the last stamp is not their end. */
	enum thprace_meeting meeting = is_cut_off(window) && is_cut_off(walker)
					       ? THPRACE_OVERLAP
					       : meets(&window->report, &walker->report);

	if ((window->report.flags | walker->report.flags) & THPRACE_RACE_DROPPED)
		meeting = THPRACE_APART;
	if (meeting == THPRACE_TOUCH)
		race->touch(race->ctx);
	pair->decided = true;
	pair->overlaps = meeting == THPRACE_OVERLAP;
	if (pair->overlaps && (is_unended(window) || is_unended(walker))) {
		window->unended = walker->unended = true;
		pair->overlaps = false;
	}
	window->undecided--;
	walker->undecided--;
	window->overlaps += pair->overlaps;
	walker->overlaps += pair->overlaps;
	window->told |= pair->overlaps;
	walker->told |= pair->overlaps;
}

/* The side whose escape holds. */
static const struct end *proof_of(const struct pair *pair)
{
	const struct end *window = pair->end[THPRACE_RACE_WINDOW];

	return window->report.flags & THPRACE_RACE_ESCAPED ? window
							   : pair->end[THPRACE_RACE_WALKER];
}

static void emit_pair(struct correlator_race *race, const struct pair *pair)
{
	const struct end *window = pair->end[THPRACE_RACE_WINDOW];
	const struct end *walker = pair->end[THPRACE_RACE_WALKER];
	const struct thprace_race_end *x = &window->report, *y = &walker->report;
	const struct end *proof = proof_of(pair);
	struct thprace_incident incident = {.type = THPRACE_MSG_INCIDENT};

	set_window(&incident, window);
	set_walk(&incident, walker);
	incident.verdict = verdict_of(window, walker);
	/* Of several that the proof's interval met, one was the cause. */
	if (incident.verdict == THPRACE_ESCAPE)
		incident.attribution = proof->overlaps == 1 && !proof->undecided && !proof->unended
					       ? THPRACE_CAUSAL
					       : THPRACE_LIKELY;
	race->emit(race->ctx, &incident, x->begin < y->begin ? x->begin : y->begin,
		   x->end > y->end ? x->end : y->end);
}

static void emit_alone(struct correlator_race *race, struct end *end, enum thprace_verdict verdict)
{
	struct thprace_incident incident = {.type = THPRACE_MSG_INCIDENT, .verdict = verdict};

	set_walk(&incident, end);
	end->told = true;
	race->emit(race->ctx, &incident, end->report.begin, end->report.end);
}

/* --- settling --- */

/*
 * A side has not ended, so it is not known when they overlapped: what is known of the other one is
 * an unproven incident.
 */
static void emit_unended(struct correlator_race *race, const struct pair *pair)
{
	const struct thprace_race_pair *report = &pair->report;
	struct end *end = pair->end[THPRACE_RACE_WALKER] ? pair->end[THPRACE_RACE_WALKER]
							 : pair->end[THPRACE_RACE_WINDOW];
	struct end neither = {.report = {
				      .class = report->class,
				      .begin = report->begin[THPRACE_RACE_WALKER],
				      .end = report->begin[THPRACE_RACE_WALKER],
				      .pid = report->pid[THPRACE_RACE_WALKER],
			      }};

	if (!end)
		end = &neither;
	if (!end->told && !(end->report.flags & THPRACE_RACE_DROPPED))
		emit_alone(race, end, THPRACE_UNPROVEN);
}

static void drop_pair(struct correlator_race *race, struct pair **link)
{
	struct pair *pair = *link;
	unsigned int side;

	for (side = 0; side < THPRACE_RACE_SIDES; side++) {
		hash_list__remove(&pair->by[side]);
		if (pair->end[side])
			pair->end[side]->waiting--;
	}
	*link = pair->next;
	if (!*link)
		race->pairs_tail = link;
	race->waiting--;
	free(pair);
}

static void drop_end(struct correlator_race *race, struct end **link)
{
	struct end *end = *link;

	hash_list__remove(&end->by_id);
	*link = end->next;
	if (!*link)
		race->ends_tail = link;
	free(end);
}

/* Has one side ended, and its escape holds? Then it met somebody. */
static bool escaped(const struct pair *pair)
{
	const struct end *end = pair->end[THPRACE_RACE_WALKER] ? pair->end[THPRACE_RACE_WALKER]
							       : pair->end[THPRACE_RACE_WINDOW];

	return end && end->report.flags & THPRACE_RACE_ESCAPED;
}

/* An escape whose proof may have met others waits until that is known. */
static bool is_final(const struct pair *pair, uint64_t now)
{
	return !pair->overlaps || now >= pair->seen + END_WAIT_NS ||
	       !(proof_of(pair)->report.flags & THPRACE_RACE_ESCAPED) || !proof_of(pair)->undecided;
}

static bool is_read(const struct end *end, uint64_t now, uint64_t checked)
{
	return now >= end->seen + LATER_NS && checked >= end->report.end;
}

/* Others may still come that have met it. */
static bool is_kept(const struct correlator_race *race, const struct end *end, uint64_t now)
{
	return end->kept && race->kept - end->kept < KEPT_MAX && now < end->seen + END_WAIT_NS;
}

static bool has_ended(const struct pair *pair, uint64_t now, uint64_t checked)
{
	const struct end *window = pair->end[THPRACE_RACE_WINDOW];
	const struct end *walker = pair->end[THPRACE_RACE_WALKER];

	return window && walker && is_read(window, now, checked) && is_read(walker, now, checked);
}

void correlator_race__settle(struct correlator_race *race, uint64_t now, uint64_t checked)
{
	struct pair **pairs = &race->pairs, *pair;
	struct end **ends = &race->ends, *end;
	const uint64_t last = now == THPRACE_FOREVER ? race->now : now;

	race->now = last;
	for (pair = race->pairs; pair; pair = pair->next)
		if (!pair->decided && has_ended(pair, now, checked))
			decide(race, pair);
	while ((pair = *pairs)) {
		if (pair->decided && is_final(pair, now)) {
			if (pair->overlaps)
				emit_pair(race, pair);
			drop_pair(race, pairs);
		} else if (pair->decided) {
			pairs = &pair->next;
		} else if (now >= pair->seen + END_WAIT_NS) {
			if (last >= pair->seen + UNENDED_NS || escaped(pair))
				emit_unended(race, pair);
			drop_pair(race, pairs);
		} else {
			pairs = &pair->next;
		}
	}
	race->only_kept = !race->pairs;
	while ((end = *ends)) {
		if (end->waiting || !is_read(end, now, checked) || is_kept(race, end, now)) {
			race->only_kept &= is_kept(race, end, now);
			ends = &end->next;
			continue;
		}
		if (end->report.flags & THPRACE_RACE_ESCAPED &&
		    !(end->report.flags & THPRACE_RACE_DROPPED) && !end->told)
			emit_alone(race, end,
				   end->unended ? THPRACE_UNPROVEN : THPRACE_UNATTRIBUTED);
		drop_end(race, ends);
	}
}

bool correlator_race__unsettled(const struct correlator_race *race)
{
	return (race->ends || race->pairs) && !race->only_kept;
}

void correlator_race__free(struct correlator_race *race)
{
	if (!race)
		return;
	while (race->pairs)
		drop_pair(race, &race->pairs);
	while (race->ends)
		drop_end(race, &race->ends);
	free(race);
}
