// SPDX-License-Identifier: GPL-2.0-only
/* The oracle judges each walker by everything that happened around it. */
#include "oracle_private.h"

#include <thprace/verdict.h>

/* One result of a walker. */
struct opinion {
	enum thprace_verdict verdict;
	enum thprace_attribution attribution;
	bool close_call;
};

static void emit(struct oracle *oracle, const struct oracle_walker *walker,
		 const struct thprace_window *window, struct opinion opinion)
{
	enum thprace_verdict verdict = opinion.verdict;
	struct detector_class *class = &oracle->stats.class[walker->walk.class];
	struct thprace_incident *incident;

	/* Another zap that was under way may be lost: nothing is certain then. */
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
	incident->first_verdict = verdict;
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

/* When the mapping was gone, as far as known. */
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

/* When the walker returned, was the window's task removing a page that the walker left? */
static bool was_taking(const struct thprace_walk *walk, const struct thprace_window *window)
{
	return window->taking && walk->leave + window->taking == window->close;
}

/*
 * Was one of the mappings removed that the walker left? Both ways of finding out must agree, or it
 * is not known.
 */
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
	if (was_taking(walk, window))
		return ONE;
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

/* Is the zap reported, and considered, for this failed walker? */
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

/* The zaps of each kind around a failed walker. */
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
	int left;

	if (window->open <= walk->leave && !under_way(walk, window) && !ended_inside(walk, window))
		return;
	if (window->open > walk->leave && window->left == -1)
		return; /* nobody reported it */
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
	left = window->flags & THPRACE_WF_VAGUE ? -2 : window->left;
	if (!around->candidates[level] || left < around->lowest[level])
		around->lowest[level] = left;
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
 * May another task have taken one between the walker's return and the reading of this window's
 * count? One that began in between, or was zapping all the time.
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

	if (was_taking(walk, window))
		return THPRACE_EXACT;
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

/* Was all that it left still there, or taken by a task that came after it? */
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

/* Do they overlap? Also counts touches and passes. */
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

static void emit_removal(struct oracle *oracle, const struct oracle_walker *walker,
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
	window.left = -1;
	if (oracle__lost(oracle, walker->walk.enter, walker->walk.leave))
		opinion.verdict = THPRACE_UNPROVEN;
	emit(oracle, walker, &window, opinion);
}

/*
 * No window explains it. A range may: of several the one with the best proof, and of these the one
 * that ended first.
 */
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
		    (first && of_range.attribution < best.attribution) ||
		    (first && of_range.attribution == best.attribution &&
		     (first->close < range->close ||
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
		emit(oracle, walker, first, best);
		return;
	}
	if (!walker->check && remained(walk, around))
		alone.verdict = THPRACE_REMAINED;
	if (lost)
		alone.verdict = THPRACE_UNPROVEN;
	emit(oracle, walker, NULL, alone);
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
			emit(oracle, walker, window, unproven);
		else
			emit(oracle, walker, window, opinion(oracle, walker, window, &around));
		escape |= opinion(oracle, walker, window, &around).verdict == THPRACE_ESCAPE;
	}
	if (walker->failed) {
		if (!escape)
			judge_failed(oracle, walker, &around, lost);
	} else if (!escape && !walker->check && !walker->head && in_time(oracle, which)) {
		emit_removal(oracle, walker, in_time(oracle, which));
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
	oracle__collect(oracle);
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
