// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/verdict.h>
#include "oracle.h"

#define FOREVER (~0ULL)

static void *grow(void *array, size_t n, size_t size)
{
	array = realloc(array, (n + 1) * size);
	if (!array)
		abort();
	memset((char *)array + n * size, 0, size);
	return array;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void sort(struct thprace_record *record, size_t n)
{
	struct thprace_record held;
	size_t i, j;

	for (i = 1; i < n; i++) {
		held = record[i];
		for (j = i; j && record[j - 1].ts > held.ts; j--)
			record[j] = record[j - 1];
		record[j] = held;
	}
}

/* The window (pid, open), whatever is left of it. */
static struct oracle_window *window_of(struct oracle *oracle, const struct thprace_record *record,
				       uint64_t open)
{
	struct oracle_window *window;
	size_t i;

	for (i = 0; i < oracle->windows; i++) {
		window = &oracle->window[i];
		if (window->window.pid == record->pid && window->window.open == open)
			return window;
	}
	oracle->window = grow(oracle->window, oracle->windows, sizeof(*oracle->window));
	window = &oracle->window[oracle->windows++];
	window->window.open = open;
	window->window.pid = record->pid;
	window->window.tgid = record->tgid;
	window->window.cpu = record->cpu;
	window->window.flags = THPRACE_WF_SETTLED;
	window->window.left = THPRACE_LEFT_UNREAD;
	return window;
}

static void collect_windows(struct oracle *oracle)
{
	const struct thprace_record *record;
	struct oracle_window *window, *next;
	size_t i, j;

	for (i = 0; i < oracle->records; i++) {
		record = &oracle->record[i];
		if (record->type == THPRACE_REC_ZAP_OPEN) {
			window = window_of(oracle, record, record->ts);
			window->opened = true;
			window->window.mm = record->arg;
			window->window.address = record->arg2;
		} else if (record->type == THPRACE_REC_RMAP_PMD) {
			window = window_of(oracle, record, record->entry);
			window->window.removed = record->ts;
		} else if (record->type == THPRACE_REC_ZAP_CLOSE) {
			window = window_of(oracle, record, record->entry);
			window->closed = true;
			window->window.close = record->ts;
			window->window.left = record->flags > 1 ? record->flags - 2
					      : record->flags	? -2
								: -1;
			if (!window->window.removed)
				window->window.removed = record->arg;
			if (!window->window.address)
				window->window.address = record->arg2;
		} else {
			continue;
		}
		if (record->folio)
			window->window.folio = record->folio;
	}
	for (i = 0; i < oracle->windows; i++) {
		window = &oracle->window[i];
		oracle->stats.orphans += !window->opened;
		oracle->stats.orphans += !window->closed;
		window->empty = window->closed && oracle->mode == THPRACE_PRECISE &&
				!window->window.removed;
		oracle->stats.voids += window->empty;
		oracle->stats.windows += window->closed && !window->empty;
		for (j = 0; j < oracle->windows && !window->closed; j++) {
			next = &oracle->window[j];
			if (next->window.pid != window->window.pid ||
			    next->window.open <= window->window.open)
				continue;
			window->lost = true;
			window->window.close =
				window->window.close ? min(window->window.close, next->window.open)
						     : next->window.open;
		}
	}
}

static bool began(const struct oracle *oracle, const struct thprace_record *end,
		  enum thprace_record_type first)
{
	const struct thprace_record *record;
	size_t i;

	for (i = 0; i < oracle->records; i++) {
		record = &oracle->record[i];
		if (record->type == first && record->pid == end->pid && record->ts == end->entry &&
		    (first != THPRACE_REC_WALK_ENTER || record->class == end->class))
			return true;
	}
	return false;
}

static bool ended(const struct oracle *oracle, const struct thprace_record *start,
		  enum thprace_record_type last)
{
	const struct thprace_record *record;
	size_t i;

	for (i = 0; i < oracle->records; i++) {
		record = &oracle->record[i];
		if (record->type == last && record->pid == start->pid &&
		    record->entry == start->ts &&
		    (last != THPRACE_REC_WALK_RETURN || record->class == start->class))
			return true;
	}
	return false;
}

static void count_orphans(struct oracle *oracle)
{
	static const enum thprace_record_type both[][2] = {
		{THPRACE_REC_WALK_ENTER, THPRACE_REC_WALK_RETURN},
		{THPRACE_REC_SPLIT_ENTER, THPRACE_REC_SPLIT_RETURN},
		{THPRACE_REC_COLLAPSE_ENTER, THPRACE_REC_COLLAPSE_RETURN},
		{THPRACE_REC_POISON_ENTER, THPRACE_REC_POISON_RETURN},
	};
	const struct thprace_record *record;
	size_t i, k;

	for (i = 0; i < oracle->records; i++) {
		record = &oracle->record[i];
		for (k = 0; k < sizeof(both) / sizeof(both[0]); k++) {
			if (record->type == both[k][0])
				oracle->stats.orphans += !ended(oracle, record, both[k][1]);
			if (record->type == both[k][1])
				oracle->stats.orphans += !began(oracle, record, both[k][0]);
		}
	}
}

static struct oracle_walker *add_walker(struct oracle *oracle, const struct thprace_record *record)
{
	struct oracle_walker *walker;

	oracle->walker = grow(oracle->walker, oracle->walkers, sizeof(*oracle->walker));
	walker = &oracle->walker[oracle->walkers++];
	walker->walk.enter = record->entry;
	walker->walk.leave = record->ts;
	walker->walk.folio = record->folio;
	walker->walk.pid = record->pid;
	walker->walk.tgid = record->tgid;
	walker->walk.cpu = record->cpu;
	walker->walk.class = record->class;
	walker->walk.kind = record->kind;
	walker->walk.flags = record->flags;
	return walker;
}

static void collect_split(struct oracle *oracle, const struct thprace_record *record)
{
	struct oracle_walker *walker;
	size_t i;

	if (!record->arg)
		return;
	for (i = 0; i < oracle->walkers; i++) {
		walker = &oracle->walker[i];
		if (!walker->head && !walker->check && walker->walk.pid == record->pid &&
		    walker->walk.leave == record->arg && walker->walk.folio == record->folio) {
			walker->walk.result = record->value;
			walker->walk.flags |= THPRACE_KF_RESULT;
		}
	}
	if (record->arg2)
		return;
	walker = add_walker(oracle, record);
	walker->head = true;
	walker->walk.enter = record->arg;
	walker->walk.class = THPRACE_SPLIT_HEAD;
	walker->walk.result = record->value;
	walker->walk.flags |= THPRACE_KF_RESULT;
}

static void collect_check(struct oracle *oracle, const struct thprace_record *record)
{
	struct oracle_walker *walker;
	size_t i;

	for (i = oracle->walkers; i; i--) {
		walker = &oracle->walker[i - 1];
		if (walker->head || walker->check || !walker->failed ||
		    walker->walk.pid != record->pid || walker->walk.folio != record->folio ||
		    walker->walk.leave + THPRACE_ATTRIBUTION_NS <= record->ts)
			continue;
		if (walker->walk.class != THPRACE_TRUNCATE_UNMAP &&
		    walker->walk.class != THPRACE_INVALIDATE_UNMAP)
			continue;
		walker->walk.flags |= THPRACE_KF_CHECK;
		return;
	}
	walker = add_walker(oracle, record);
	walker->check = true;
	walker->failed = true;
	walker->walk.enter = record->ts;
	walker->walk.class = THPRACE_TRUNCATE_UNMAP;
	walker->walk.residual = record->value;
	walker->walk.flags |= THPRACE_KF_CHECK;
}

static void collect_range(struct oracle *oracle, const struct thprace_record *record)
{
	struct thprace_window *range;
	size_t i;

	for (i = 0; i < oracle->ranges; i++) { /* for another walker */
		range = &oracle->range[i];
		if (range->pid == record->pid && range->close == record->ts &&
		    range->folio == record->folio)
			return;
	}
	oracle->range = grow(oracle->range, oracle->ranges, sizeof(*oracle->range));
	range = &oracle->range[oracle->ranges++];
	range->open = record->entry;
	range->removed = record->arg;
	range->close = record->ts;
	range->folio = record->folio;
	range->pages = record->arg2;
	range->pid = record->pid;
	range->tgid = record->tgid;
	range->cpu = record->cpu;
	range->level = THPRACE_LEVEL_PTE;
	range->flags = THPRACE_WF_SETTLED | THPRACE_WF_RANGE;
	range->flags |= record->flags & THPRACE_RF_VAGUE ? THPRACE_WF_VAGUE : 0;
	range->left = record->value;
}

static void collect_outer(struct oracle *oracle, const struct thprace_record *record)
{
	struct thprace_walk *walk;
	size_t i;

	for (i = 0; i < oracle->walkers; i++) {
		walk = &oracle->walker[i].walk;
		if (oracle->walker[i].head || oracle->walker[i].check || walk->pid != record->pid ||
		    walk->leave != record->entry || walk->folio != record->folio)
			continue;
		walk->before.entire = (int32_t)record->arg;
		walk->before.small = (int32_t)(record->arg >> 32);
		walk->outer.entire = (int32_t)record->arg2;
		walk->outer.small = (int32_t)(record->arg2 >> 32);
		walk->outer_at = record->ts;
		walk->order = record->value;
	}
}

static void collect_walkers(struct oracle *oracle)
{
	const struct thprace_record *record;
	struct oracle_walker *walker;
	size_t i;

	for (i = 0; i < oracle->records; i++) {
		record = &oracle->record[i];
		switch (record->type) {
		case THPRACE_REC_WALK_RETURN:
			walker = add_walker(oracle, record);
			walker->walk.ttu = record->arg;
			walker->walk.residual = record->value;
			walker->walk.left.entire = (int32_t)record->arg2;
			walker->walk.left.small = (int32_t)(record->arg2 >> 32);
			walker->failed = record->value > 0 ||
					 (record->flags & 3) ==
						 (THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED);
			break;
		case THPRACE_REC_SPLIT_RETURN:
			collect_split(oracle, record);
			break;
		case THPRACE_REC_CHECK:
			collect_check(oracle, record);
			break;
		case THPRACE_REC_RANGE:
			collect_range(oracle, record);
			break;
		case THPRACE_REC_OUTER:
			collect_outer(oracle, record);
			break;
		case THPRACE_REC_RMAP_PTE:
			oracle->stats.pte_removals++;
			break;
		default:
			break;
		}
	}
}

static void add_span(struct oracle *oracle, uint64_t from, uint64_t to)
{
	oracle->span = grow(oracle->span, oracle->spans, sizeof(*oracle->span));
	oracle->span[oracle->spans++] = (struct oracle_span){from, to};
}

static void collect_losses(struct oracle *oracle)
{
	const struct oracle_window *window;
	size_t i;

	for (i = 0; i < oracle->records; i++) {
		if (oracle->record[i].type != THPRACE_REC_LOST)
			continue;
		oracle->stats.lost += oracle->record[i].arg;
		add_span(oracle, oracle->record[i].entry, oracle->record[i].ts);
	}
	/* A window of an unknown folio whose end was lost may be on any. */
	for (i = 0; i < oracle->windows; i++) {
		window = &oracle->window[i];
		if (window->lost && !window->window.folio)
			add_span(oracle, window->window.open, window->window.close);
	}
	for (i = 0; i < oracle->windows; i++) {
		window = &oracle->window[i];
		if (!window->closed && !window->lost && !window->window.folio &&
		    oracle__lost(oracle, window->window.open, FOREVER))
			add_span(oracle, window->window.open, FOREVER);
	}
}

bool oracle__lost(const struct oracle *oracle, uint64_t from, uint64_t to)
{
	size_t i;

	for (i = 0; i < oracle->spans; i++) {
		if (max(from, oracle->span[i].from) <= min(to, oracle->span[i].to))
			return true;
	}
	return false;
}

/* One thing that a walker came to. */
struct opinion {
	enum thprace_verdict verdict;
	enum thprace_attribution attribution;
	bool close_call;
};

static void say(struct oracle *oracle, const struct oracle_walker *walker,
		const struct thprace_window *window, struct opinion opinion)
{
	enum thprace_verdict verdict = opinion.verdict;
	struct detector_class *class = &oracle->stats.class[walker->walk.class];
	struct thprace_incident *incident;

	/* Another zap may be lost that was under way: nothing is certain then. */
	if (walker->failed && !walker->check &&
	    oracle__lost(oracle, walker->walk.enter, walker->walk.leave + THPRACE_ATTRIBUTION_NS)) {
		verdict = verdict == THPRACE_REMAINED ? THPRACE_UNPROVEN : verdict;
		opinion.attribution = min(opinion.attribution, THPRACE_LIKELY);
	}
	oracle->incident = grow(oracle->incident, oracle->incidents, sizeof(*oracle->incident));
	incident = &oracle->incident[oracle->incidents++];
	incident->type = THPRACE_MSG_INCIDENT;
	incident->mode = oracle->mode;
	incident->verdict = verdict;
	incident->said = verdict;
	incident->close_call = opinion.close_call;
	incident->attribution = opinion.attribution;
	incident->walk = walker->walk;
	if (window)
		incident->window = *window;
	class->overlaps += window != NULL;
	class->contained += verdict == THPRACE_CONTAINED;
	class->escapes += verdict == THPRACE_ESCAPE;
	class->remained += verdict == THPRACE_REMAINED;
	class->unattributed += verdict == THPRACE_UNATTRIBUTED;
	class->unproven += verdict == THPRACE_UNPROVEN;
	oracle->stats.close_calls += opinion.close_call;
}

static int count_at(const struct thprace_counts *counts, unsigned int level)
{
	return level == THPRACE_LEVEL_PTE ? counts->small : counts->entire;
}

static long pages_of(const struct thprace_counts *counts, unsigned int order)
{
	return counts->entire * (1L << order) + counts->small;
}

/* When the mapping was gone, as far as is known. */
static uint64_t gone(const struct thprace_window *window)
{
	if (window->removed)
		return window->removed;
	return window->close ? window->close : FOREVER;
}

static bool under_way(const struct thprace_walk *walk, const struct thprace_window *window)
{
	uint64_t end = gone(window);

	return window->open <= walk->leave &&
	       (end == FOREVER || end + THPRACE_TOLERANCE_NS > walk->leave);
}

static bool ended_inside(const struct thprace_walk *walk, const struct thprace_window *window)
{
	return !under_way(walk, window) && window->open <= walk->leave &&
	       gone(window) >= walk->enter;
}

/* Did one of the mappings go that the walker left? In two ways of seeing it, or it is not known. */
enum took {
	NOTHING,
	ONE,
	ONE_IN_ALL,
	NOT_KNOWN
};

static enum took took(const struct thprace_walk *walk, const struct thprace_window *window)
{
	int left = count_at(&walk->left, window->level);
	bool remapped = walk->flags & THPRACE_RF_REMAP && walk->outer_at;

	if (left < 1)
		return NOTHING;
	if (!window->close || window->left < 0)
		return NOT_KNOWN;
	if (window->left < left)
		return ONE;
	if (remapped && window->close > walk->outer_at &&
	    window->left < count_at(&walk->outer, window->level))
		return ONE;
	if (remapped && pages_of(&walk->outer, walk->order) < pages_of(&walk->before, walk->order))
		return ONE_IN_ALL;
	return NOTHING;
}

/* Is the zap one that is told, and looked at, beside this failed walker? */
static bool beside(const struct oracle_walker *walker, const struct oracle_window *met,
		   const struct thprace_window *range)
{
	const struct thprace_window *window = range ? range : &met->window;
	const struct thprace_walk *walk = &walker->walk;

	if (window->folio != walk->folio || !walk->folio ||
	    (window->pid == walk->pid && window->open <= walk->leave))
		return false;
	if (!range && (met->empty || (!met->closed && !met->lost)))
		return !met->empty && window->open <= walk->leave &&
		       walk->leave - max(window->open, walk->enter) >= THPRACE_TOLERANCE_NS;
	if (window->close < walk->enter)
		return false;
	return (!range && window->open <= walk->leave) ||
	       window->close <= walk->leave + THPRACE_ATTRIBUTION_NS;
}

/* What there is of each sort beside a failed walker. */
struct around {
	unsigned int candidates[2];
	long taken[2];
	int lowest[2];
	bool later; /* one took what the walker had left */
	bool inside;
	uint32_t one;
	bool others;
};

static void look_at(struct around *around, const struct thprace_walk *walk,
		    const struct thprace_window *window)
{
	unsigned int level = window->level;

	if (window->open <= walk->leave && !under_way(walk, window) && !ended_inside(walk, window))
		return;
	if (window->open > walk->leave && window->left == -1)
		return; /* nobody told of it */
	if (around->one && around->one != window->pid)
		around->others = true;
	around->one = window->pid;
	if (window->open > walk->leave) {
		around->later |= took(walk, window) == ONE;
		return;
	}
	around->inside |= ended_inside(walk, window);
	if (!under_way(walk, window) || took(walk, window) == NOTHING)
		return;
	if (!around->candidates[level] || window->left < around->lowest[level])
		around->lowest[level] = window->left;
	around->candidates[level]++;
	around->taken[level] += level == THPRACE_LEVEL_PTE ? window->pages : 1;
}

static void look_around(const struct oracle *oracle, const struct oracle_walker *walker,
			struct around *around)
{
	size_t i;

	memset(around, 0, sizeof(*around));
	for (i = 0; i < oracle->windows; i++)
		if (beside(walker, &oracle->window[i], NULL))
			look_at(around, &walker->walk, &oracle->window[i].window);
	for (i = 0; i < oracle->ranges; i++)
		if (beside(walker, NULL, &oracle->range[i]))
			look_at(around, &walker->walk, &oracle->range[i]);
}

/*
 * May somebody else have taken one between the walker's return and the reading of this window's count? Who
 * began in between, or was at it all the time.
 */
static bool mixed(const struct oracle *oracle, const struct oracle_walker *walker,
		  const struct thprace_window *window)
{
	const struct thprace_walk *walk = &walker->walk;
	const struct thprace_window *other;
	size_t i;

	for (i = 0; i < oracle->windows + oracle->ranges; i++) {
		const bool range = i >= oracle->windows;

		other = range ? &oracle->range[i - oracle->windows] : &oracle->window[i].window;
		if (!beside(walker, range ? NULL : &oracle->window[i], range ? other : NULL) ||
		    other->level != window->level || other->pid == window->pid)
			continue;
		if (other->open > walk->leave && other->left != -1 &&
		    other->open <= window->close + THPRACE_READ_NS)
			return true;
		if (under_way(walk, other) && took(walk, other) == NOTHING &&
		    other->close >= window->close)
			return true;
	}
	return false;
}

static enum thprace_attribution certainty(const struct oracle *oracle,
					  const struct oracle_walker *walker,
					  const struct thprace_window *window,
					  const struct around *around)
{
	const struct thprace_walk *walk = &walker->walk;
	unsigned int level = window->level;
	bool all_of_them =
		around->candidates[level] == 1 ||
		(around->lowest[level] >= 0 &&
		 count_at(&walk->left, level) - around->lowest[level] == around->taken[level]);

	if (took(walk, window) != ONE || window->flags & THPRACE_WF_VAGUE ||
	    window->close > walk->leave + THPRACE_ATTRIBUTION_NS || mixed(oracle, walker, window) ||
	    !all_of_them)
		return THPRACE_LIKELY;
	return window->removed > walk->leave ? THPRACE_EXACT : THPRACE_CAUSAL;
}

/* A failed walker and one zap that was under way, or ended in its time. */
static struct opinion opinion_of(const struct oracle *oracle, const struct oracle_walker *walker,
				 const struct thprace_window *window, const struct around *around)
{
	const struct opinion contained = {.verdict = THPRACE_CONTAINED};
	struct opinion escape = {.verdict = THPRACE_ESCAPE};
	const struct thprace_walk *walk = &walker->walk;

	if (walk->residual > 0) {
		if (!under_way(walk, window) || took(walk, window) == NOTHING ||
		    (took(walk, window) == ONE_IN_ALL && around->inside))
			return contained;
		escape.attribution = certainty(oracle, walker, window, around);
		escape.close_call = gone(window) <= walk->leave;
		return escape;
	}
	if (!under_way(walk, window) && !ended_inside(walk, window))
		return contained;
	escape.attribution = window->removed && !around->others ? THPRACE_EXACT : THPRACE_LIKELY;
	return escape;
}

static struct opinion opinion(const struct oracle *oracle, const struct oracle_walker *walker,
			      const struct thprace_window *window, const struct around *around)
{
	uint64_t close = window->close ? window->close : FOREVER;
	struct opinion opinion = {.verdict = THPRACE_CONTAINED};

	if (walker->head && walker->walk.result == 0 && close > walker->walk.leave)
		return (struct opinion){
			.verdict = THPRACE_ESCAPE,
			.attribution = window->close ? THPRACE_EXACT : THPRACE_LIKELY,
		};
	if (walker->head)
		return opinion;
	if (walker->failed)
		return opinion_of(oracle, walker, window, around);
	opinion.close_call = window->removed > walker->walk.leave;
	return opinion;
}

/* Was all that it left there still, or taken by somebody who came after it? */
static bool remained(const struct thprace_walk *walk, const struct around *around)
{
	if (walk->residual < 1)
		return false;
	if (walk->flags & THPRACE_RF_BLIND && walk->left.small > 0)
		return false;
	if (!walk->outer_at)
		return around->later;
	if (walk->flags & THPRACE_RF_REMAP)
		return pages_of(&walk->outer, walk->order) >= pages_of(&walk->before, walk->order);
	return walk->outer.entire >= walk->left.entire && walk->outer.small >= walk->left.small;
}

/* Do they meet? Counts touches and passes on the way. */
static bool pairs(struct oracle *oracle, const struct oracle_walker *walker,
		  const struct oracle_window *met)
{
	const struct thprace_window *window = &met->window;
	const struct thprace_walk *walk = &walker->walk;
	uint64_t close = window->close ? window->close : FOREVER;
	uint64_t first = max(window->open, walk->enter), last = min(close, walk->leave);
	uint64_t *closest = &oracle->stats.closest.distance;

	if (met->empty || !window->folio || window->folio != walk->folio ||
	    window->pid == walk->pid || walker->check)
		return false;
	if (walker->head)
		return window->open <= walk->enter &&
		       (close == FOREVER || close > walk->enter + THPRACE_TOLERANCE_NS);
	if (first > last) {
		if (!met->lost && first - last <= oracle->reach)
			*closest = min(*closest, first - last);
		return false;
	}
	if (last - first >= THPRACE_TOLERANCE_NS)
		return true;
	oracle->stats.touching++;
	if (!met->lost)
		*closest = 0;
	return false;
}

/* The first removal by another task between the walker's entry and its return. */
static const struct thprace_record *in_time(const struct oracle *oracle, size_t which)
{
	const struct thprace_walk *walk = &oracle->walker[which].walk;
	const struct thprace_record *record;
	size_t i;

	for (i = 0; i < oracle->records; i++) {
		record = &oracle->record[i];
		if (record->type == THPRACE_REC_RMAP_PTE && record->folio == walk->folio &&
		    record->pid != walk->pid && record->ts >= walk->enter &&
		    record->ts <= walk->leave)
			return record;
	}
	return NULL;
}

static void say_removal(struct oracle *oracle, const struct oracle_walker *walker,
			const struct thprace_record *record)
{
	struct opinion opinion = {.verdict = THPRACE_CONTAINED};
	struct thprace_window window = {0};

	window.open = window.removed = window.close = record->ts;
	window.folio = record->folio;
	window.pid = record->pid;
	window.tgid = record->tgid;
	window.cpu = record->cpu;
	window.level = THPRACE_LEVEL_PTE;
	window.flags = THPRACE_WF_SETTLED;
	window.pages = record->value;
	if (oracle__lost(oracle, walker->walk.enter, walker->walk.leave))
		opinion.verdict = THPRACE_UNPROVEN;
	say(oracle, walker, &window, opinion);
}

/* No window explains it. A range may: of several the one that ended first. */
static void judge_failed(struct oracle *oracle, const struct oracle_walker *walker,
			 const struct around *around, bool lost)
{
	struct opinion alone = {.verdict = THPRACE_UNATTRIBUTED}, best = {0}, of_range;
	const struct thprace_window *first = NULL, *range;
	const struct thprace_walk *walk = &walker->walk;
	size_t i;

	for (i = 0; i < oracle->ranges && !walker->check; i++) {
		range = &oracle->range[i];
		if (!beside(walker, NULL, range) || range->open > walk->leave)
			continue;
		of_range = opinion_of(oracle, walker, range, around);
		if (of_range.verdict != THPRACE_ESCAPE ||
		    (first && (first->close < range->close ||
			       (first->close == range->close && first->pid <= range->pid))))
			continue;
		first = range;
		best = of_range;
	}
	if (first) {
		lost |= oracle__lost(oracle,
				     first->open ? min(first->open, walk->enter) : walk->enter,
				     max(first->close, walk->leave));
		if (lost)
			best = (struct opinion){.verdict = THPRACE_UNPROVEN};
		say(oracle, walker, first, best);
		return;
	}
	if (!walker->check && remained(walk, around))
		alone.verdict = THPRACE_REMAINED;
	if (lost)
		alone.verdict = THPRACE_UNPROVEN;
	say(oracle, walker, NULL, alone);
}

static void judge(struct oracle *oracle, size_t which)
{
	struct oracle_walker *walker = &oracle->walker[which];
	struct detector_class *class = &oracle->stats.class[walker->walk.class];
	const struct opinion unproven = {.verdict = THPRACE_UNPROVEN};
	const struct oracle_window *met;
	const struct thprace_window *window;
	bool lost = oracle__lost(oracle, walker->walk.enter, walker->walk.leave);
	bool escape = false, pair = false;
	struct around around;
	uint64_t from, to;
	size_t i;

	class->walkers++;
	if (lost)
		walker->walk.flags |= THPRACE_KF_LOST;
	look_around(oracle, walker, &around);
	for (i = 0; i < oracle->windows; i++) {
		met = &oracle->window[i];
		window = &met->window;
		if (!pairs(oracle, walker, met))
			continue;
		pair = true;
		from = min(window->open, walker->walk.enter);
		to = window->close ? max(window->close, walker->walk.leave) : FOREVER;
		if (met->lost || oracle__lost(oracle, from, to))
			say(oracle, walker, window, unproven);
		else
			say(oracle, walker, window, opinion(oracle, walker, window, &around));
		escape |= opinion(oracle, walker, window, &around).verdict == THPRACE_ESCAPE;
	}
	if (walker->failed) {
		if (!escape)
			judge_failed(oracle, walker, &around, lost);
	} else if (!escape && !walker->check && !walker->head && in_time(oracle, which)) {
		say_removal(oracle, walker, in_time(oracle, which));
	} else if (!pair && lost) {
		class->unproven++;
	} else if (!pair) {
		class->clean++;
		walker->clean = true;
	}
}

struct oracle *oracle__new(const struct thprace_record *record, size_t n, enum thprace_mode mode,
			   uint64_t reach)
{
	struct oracle *oracle = calloc(1, sizeof(*oracle));
	size_t i;

	if (!oracle)
		abort();
	oracle->mode = mode;
	oracle->reach = reach;
	oracle->stats.records = n;
	oracle->stats.closest.distance = FOREVER;
	oracle->record = grow(NULL, n, sizeof(*record));
	oracle->records = n;
	if (n)
		memcpy(oracle->record, record, n * sizeof(*record));
	sort(oracle->record, n);
	collect_windows(oracle);
	collect_walkers(oracle);
	collect_losses(oracle);
	count_orphans(oracle);
	for (i = 0; i < oracle->walkers; i++)
		judge(oracle, i);
	return oracle;
}

void oracle__free(struct oracle *oracle)
{
	free(oracle->record);
	free(oracle->window);
	free(oracle->walker);
	free(oracle->range);
	free(oracle->span);
	free(oracle->incident);
	free(oracle);
}

int oracle__compare(const void *a, const void *b)
{
	const struct thprace_incident *x = a, *y = b;
	const uint64_t key[][2] = {
		{x->walk.leave, y->walk.leave},	    {x->walk.pid, y->walk.pid},
		{x->walk.enter, y->walk.enter},	    {x->walk.class, y->walk.class},
		{x->window.level, y->window.level}, {x->window.open, y->window.open},
		{x->window.pid, y->window.pid},	    {x->walk.folio, y->walk.folio},
	};
	size_t i;

	for (i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
		if (key[i][0] != key[i][1])
			return key[i][0] < key[i][1] ? -1 : 1;
	}
	return 0;
}

static void collect(void *ctx, const struct thprace_incident *incident)
{
	struct oracle_run *run = ctx;

	run->incident = grow(run->incident, run->incidents, sizeof(*run->incident));
	run->incident[run->incidents++] = *incident;
}

void oracle__run(struct oracle_run *run, const struct thprace_record *record, size_t n,
		 enum thprace_mode mode, uint64_t watermark)
{
	struct detector_options options = {
		.mode = mode,
		.watermark = watermark,
		.incident = collect,
		.ctx = run,
	};
	struct detector *detector;
	size_t i;

	memset(run, 0, sizeof(*run));
	detector = detector__new(&options);
	if (!detector)
		abort();
	for (i = 0; i < n; i++) {
		if (detector__feed(detector, &record[i]))
			abort();
	}
	if (detector__finish(detector))
		abort();
	run->stats = *detector__stats(detector);
	detector__free(detector);
	if (run->incidents)
		qsort(run->incident, run->incidents, sizeof(*run->incident), oracle__compare);
}

void oracle_run__free(struct oracle_run *run)
{
	free(run->incident);
	memset(run, 0, sizeof(*run));
}

static void show(const char *who, const struct thprace_incident *incident)
{
	static const char *const verdict[] = THPRACE_VERDICT_NAMES;
	static const char *const class[] = THPRACE_CLASS_NAMES;
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;

	fprintf(stderr,
		"  %s: %s %s close_call %u, window pid %u [%" PRIu64 " %" PRIu64 " %" PRIu64
		"] level %u, walker pid %u [%" PRIu64 " %" PRIu64 "] residual %d flags %x\n",
		who, class[walk->class], verdict[incident->verdict], incident -> close_call,
		window -> pid, (uint64_t)window -> open, (uint64_t)window -> removed,
		(uint64_t)window -> close, window -> level, walk -> pid, (uint64_t)walk -> enter,
		(uint64_t)walk -> leave, walk -> residual, walk -> flags);
}

/* A split that ends after its walker was given out: its result is missing there, no more. */
static bool incident_agrees(struct thprace_incident oracle, const struct thprace_incident *run)
{
	if (oracle.walk.class != THPRACE_SPLIT_HEAD && !(run->walk.flags & THPRACE_KF_RESULT)) {
		oracle.walk.flags &= ~THPRACE_KF_RESULT;
		oracle.walk.result = 0;
	}
	return !memcmp(&oracle, run, sizeof(oracle));
}

static bool incidents_agree(const struct oracle *oracle, const struct oracle_run *run)
{
	size_t i;

	for (i = 0; i < oracle->incidents || i < run->incidents; i++) {
		if (i < oracle->incidents && i < run->incidents &&
		    incident_agrees(oracle->incident[i], &run->incident[i]))
			continue;
		fprintf(stderr, "incident %zu of %zu differs (oracle: of %zu)\n", i, run->incidents,
			oracle->incidents);
		if (i < oracle->incidents)
			show("oracle", &oracle->incident[i]);
		if (i < run->incidents)
			show("detector", &run->incident[i]);
		return false;
	}
	return true;
}

static bool number_agrees(const char *name, uint64_t oracle, uint64_t detector)
{
	if (oracle == detector)
		return true;
	fprintf(stderr, "%s: oracle %" PRIu64 ", detector %" PRIu64 "\n", name, oracle, detector);
	return false;
}

static bool classes_agree(const struct detector_class *a, const struct detector_class *b)
{
	bool agree = number_agrees("walkers", a->walkers, b->walkers);

	agree &= number_agrees("overlaps", a->overlaps, b->overlaps);
	agree &= number_agrees("contained", a->contained, b->contained);
	agree &= number_agrees("escapes", a->escapes, b->escapes);
	agree &= number_agrees("remained", a->remained, b->remained);
	agree &= number_agrees("unattributed", a->unattributed, b->unattributed);
	agree &= number_agrees("unproven", a->unproven, b->unproven);
	agree &= number_agrees("clean", a->clean, b->clean);
	return agree;
}

bool oracle__agrees(struct oracle *oracle, const struct oracle_run *run)
{
	const struct detector_stats *a = &oracle->stats, *b = &run->stats;
	bool agree;
	size_t i;

	if (oracle->incidents)
		qsort(oracle->incident, oracle->incidents, sizeof(*oracle->incident),
		      oracle__compare);
	agree = incidents_agree(oracle, run);
	for (i = 0; i < THPRACE_CLASS_MAX; i++)
		agree &= classes_agree(&a->class[i], &b -> class[i]);
	agree &= number_agrees("windows", a->windows, b->windows);
	agree &= number_agrees("voids", a->voids, b->voids);
	agree &= number_agrees("pte removals", a->pte_removals, b->pte_removals);
	agree &= number_agrees("orphans", a->orphans, b->orphans);
	agree &= number_agrees("touching", a->touching, b->touching);
	agree &= number_agrees("close calls", a->close_calls, b->close_calls);
	agree &= number_agrees("lost", a->lost, b->lost);
	/* With records lost, the detector may have given out a walker that passed closer. */
	if (!oracle->spans || b->closest.distance < a->closest.distance)
		agree &= number_agrees("closest", a->closest.distance, b->closest.distance);
	return agree;
}
