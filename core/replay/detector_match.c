// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the detector keeps for each folio, and how windows, walkers and removals are matched there.
 */
#include <errno.h>
#include <stdlib.h>
#include "detector_private.h"
#include "classes/race_class.h"

static struct detector_closed *window_at(const struct detector_folio *folio, size_t at)
{
	return detector_queue__at(&folio->windows, sizeof(struct detector_closed), at);
}

static struct detector_removal *removal_at(const struct detector_folio *folio, size_t at)
{
	return detector_queue__at(&folio->removals, sizeof(struct detector_removal), at);
}

static const struct thprace_window *range_at(const struct detector_folio *folio, size_t at)
{
	return detector_queue__at(&folio->ranges, sizeof(struct thprace_window), at);
}

static struct detector_walker *walker_at(const struct detector_folio *folio, size_t at)
{
	return *(struct detector_walker **)detector_queue__at(&folio->walkers,
							      sizeof(struct detector_walker *), at);
}

static struct detector_folio *folio_get(struct detector *detector, uint64_t address)
{
	struct detector_folio *folio = hash_map__get(&detector->folios, address);

	if (folio)
		return folio;
	folio = calloc(1, sizeof(*folio));
	if (!folio)
		return NULL;
	folio->folio = address;
	if (hash_map__set(&detector->folios, address, folio)) {
		free(folio);
		return NULL;
	}
	return folio;
}

static void folio_free(struct detector_folio *folio)
{
	detector_queue__free(&folio->windows);
	detector_queue__free(&folio->removals);
	detector_queue__free(&folio->ranges);
	detector_queue__free(&folio->walkers);
	free(folio);
}

static void pass(struct detector *detector, const struct thprace_window *window,
		 const struct thprace_walk *walk, uint64_t distance)
{
	struct detector_pass *closest = &detector->stats.closest;

	if (distance > detector->settle || distance >= closest->distance)
		return;
	closest->distance = distance;
	closest->window = *window;
	closest->walk = *walk;
}

/* Makes a pair of them if they overlap. Both have ended, so this is final. */
static int meet(struct detector *detector, struct detector_walker *walker,
		const struct thprace_window *window, bool doubtful)
{
	const struct thprace_walk *walk = &walker->walk;
	struct detector_pair *pair;

	if (++detector->meetings > DETECTOR_MEETINGS + detector->serial * DETECTOR_MEETINGS_EACH)
		return -EOVERFLOW;
	if (walker->sort == DETECTOR_CHECK || walk->pid == window->pid)
		return 0;
	if (walker->sort == DETECTOR_HEAD) {
		if (!thprace_open_at(window->open, window->close, walk->enter))
			return 0;
	} else {
		switch (thprace_meets(window->open, window->close, walk->enter, walk->leave)) {
		case THPRACE_APART:
			return 0;
		case THPRACE_TOUCH:
			detector->stats.touching++;
			if (!doubtful)
				pass(detector, window, walk, 0);
			return 0;
		case THPRACE_OVERLAP:
			break;
		}
	}
	pair = calloc(1, sizeof(*pair));
	if (!pair)
		return -ENOMEM;
	pair->window = *window;
	pair->doubtful = doubtful;
	*walker->last_pair = pair;
	walker->last_pair = &pair->next;
	if (window->close > walker->end)
		walker->end = window->close;
	return 0;
}

/* The last walker before the window, of another task: among the first n. */
static void pass_before_window(struct detector *detector, const struct detector_folio *folio,
			       const struct thprace_window *window, size_t n)
{
	const struct detector_walker *walker;

	while (n) {
		walker = walker_at(folio, n - 1);
		if (walker->walk.pid == window->pid) {
			n -= walker->run < n ? walker->run + 1 : n;
		} else if (walker->sort != DETECTOR_WALKER) {
			n--;
		} else {
			pass(detector, window, &walker->walk, window->open - walker->walk.leave);
			return;
		}
	}
}

/* The last window before the walker, of another task: among the first n. */
static void pass_before_walker(struct detector *detector, const struct detector_folio *folio,
			       const struct thprace_walk *walk, size_t n)
{
	const struct detector_closed *closed;

	while (n) {
		closed = window_at(folio, n - 1);
		if (closed->window.pid == walk->pid) {
			n -= closed->run < n ? closed->run + 1 : n;
		} else if (closed->doubtful) {
			n--;
		} else {
			pass(detector, &closed->window, walk, walk->enter - closed->window.close);
			return;
		}
	}
}

/* Keeps windows in order of close. Only a window whose end was made up may not be the last. */
static int keep_window(struct detector_folio *folio, const struct thprace_window *window,
		       bool doubtful)
{
	struct detector_closed *closed, *before;
	size_t at = folio->windows.count;

	while (at && window_at(folio, at - 1)->window.close > window->close)
		at--;
	closed = detector_queue__insert(&folio->windows, sizeof(*closed), at);
	if (!closed)
		return -ENOMEM;
	closed->window = *window;
	closed->doubtful = doubtful;
	for (; at < folio->windows.count; at++) {
		closed = window_at(folio, at);
		before = at ? window_at(folio, at - 1) : NULL;
		closed->run = before && before->window.pid == closed->window.pid ? before->run + 1
										 : 0;
	}
	return 0;
}

/* A window has ended, or never will (close 0, at the end of the recording). */
int detector_match__window(struct detector *detector, const struct thprace_window *window,
			   bool doubtful)
{
	struct detector_folio *folio;
	size_t n;
	int err;

	if (!window->folio)
		return 0;
	folio = folio_get(detector, window->folio);
	if (!folio)
		return -ENOMEM;
	for (n = folio->walkers.count; n; n--) {
		if (walker_at(folio, n - 1)->walk.leave < window->open)
			break;
		err = meet(detector, walker_at(folio, n - 1), window, doubtful);
		if (err)
			return err;
	}
	if (!doubtful)
		pass_before_window(detector, folio, window, n);
	return window->close ? keep_window(folio, window, doubtful) : 0;
}

/* A walker has returned. */
static int walker_windows(struct detector *detector, struct detector_folio *folio,
			  struct detector_walker *walker)
{
	size_t n;
	int err;

	for (n = folio->windows.count; n; n--) {
		struct detector_closed *closed = window_at(folio, n - 1);

		if (closed->window.close < walker->walk.enter)
			break;
		err = meet(detector, walker, &closed->window, closed->doubtful);
		if (err)
			return err;
	}
	if (walker->sort == DETECTOR_WALKER)
		pass_before_walker(detector, folio, &walker->walk, n);
	return 0;
}

static int walker_place(struct detector *detector, struct detector_walker *walker)
{
	struct detector_walker **place, *before;
	struct detector_folio *folio;
	int err;

	if (!walker->walk.folio)
		return 0;
	folio = folio_get(detector, walker->walk.folio);
	if (!folio)
		return -ENOMEM;
	err = walker_windows(detector, folio, walker);
	if (err)
		return err;
	place = detector_queue__insert(&folio->walkers, sizeof(*place), folio->walkers.count);
	if (!place)
		return -ENOMEM;
	*place = walker;
	before = folio->walkers.count > 1 ? walker_at(folio, folio->walkers.count - 2) : NULL;
	if (before && before->walk.pid == walker->walk.pid)
		walker->run = before->run + 1;
	return 0;
}

void detector_walker__free(struct detector_walker *walker)
{
	struct detector_pair *pair, *next;

	for (pair = walker->pairs; pair; pair = next) {
		next = pair->next;
		free(pair);
	}
	free(walker);
}

int detector_match__walker(struct detector *detector, const struct thprace_walk *walk,
			   enum detector_walker_sort sort)
{
	struct detector_walker *walker = calloc(1, sizeof(*walker));
	int err;

	if (!walker)
		return -ENOMEM;
	walker->walk = *walk;
	walker->sort = sort;
	walker->last_pair = &walker->pairs;
	walker->end = walk->leave;
	walker->forgotten = walk->enter <= detector->forgotten;
	err = walker_place(detector, walker);
	if (err) {
		detector_walker__free(walker);
		return err;
	}
	*detector->last = walker;
	detector->last = &walker->next;
	return 0;
}

int detector_match__removal(struct detector *detector, const struct thprace_record *record)
{
	struct detector_folio *folio;
	struct detector_removal *removal;

	detector->stats.pte_removals++;
	if (!record->folio)
		return 0;
	folio = folio_get(detector, record->folio);
	if (!folio)
		return -ENOMEM;
	removal = detector_queue__insert(&folio->removals, sizeof(*removal), folio->removals.count);
	if (!removal)
		return -ENOMEM;
	removal->ts = record->ts;
	removal->pid = record->pid;
	removal->tgid = record->tgid;
	removal->pages = (uint32_t)record->value;
	removal->cpu = record->cpu;
	return 0;
}

int detector_match__range(struct detector *detector, const struct thprace_record *record)
{
	struct detector_folio *folio;
	struct thprace_window *range;
	size_t n;

	if (!record->folio)
		return 0;
	folio = folio_get(detector, record->folio);
	if (!folio)
		return -ENOMEM;
	/* It is recorded for each pending walker: on one folio it counts once. */
	for (n = folio->ranges.count; n && range_at(folio, n - 1)->close == record->ts; n--)
		if (range_at(folio, n - 1)->pid == record->pid)
			return 0;
	range = detector_queue__insert(&folio->ranges, sizeof(*range), folio->ranges.count);
	if (!range)
		return -ENOMEM;
	range->open = record->entry;
	range->removed = record->arg;
	range->close = record->ts;
	range->folio = record->folio;
	range->pages = (uint32_t)record->arg2;
	range->pid = record->pid;
	range->tgid = record->tgid;
	range->cpu = record->cpu;
	range->level = THPRACE_LEVEL_PTE;
	range->flags = THPRACE_WF_SETTLED | THPRACE_WF_RANGE;
	if (record->flags & THPRACE_RF_VAGUE)
		range->flags |= THPRACE_WF_VAGUE;
	range->left = record->value;
	range->taking = record->arg2 >> 32;
	return 0;
}

/* The first of a folio's removals that is at t or later. */
static size_t removal_from(const struct detector_folio *folio, uint64_t t)
{
	size_t low = 0, high = folio->removals.count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (removal_at(folio, mid)->ts < t)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool detector_match__removal_in(struct detector *detector, const struct detector_walker *walker,
				struct thprace_window *window)
{
	const struct thprace_walk *walk = &walker->walk;
	const struct detector_folio *folio = hash_map__get(&detector->folios, walk->folio);
	const struct detector_removal *removal;
	size_t n;

	for (n = folio ? removal_from(folio, walk->enter) : 0; folio && n < folio->removals.count;
	     n++) {
		removal = removal_at(folio, n);
		if (!thprace_ended_in(removal->ts, walk->enter, walk->leave))
			return false;
		if (removal->pid == walk->pid)
			continue;
		*window = (struct thprace_window){
			.open = removal->ts,
			.removed = removal->ts,
			.close = removal->ts,
			.folio = walk->folio,
			.pid = removal->pid,
			.tgid = removal->tgid,
			.cpu = removal->cpu,
			.level = THPRACE_LEVEL_PTE,
			.flags = THPRACE_WF_SETTLED,
			.pages = removal->pages,
			.left = THPRACE_LEFT_UNREAD,
		};
		return true;
	}
	return false;
}

void detector_match__tally(struct detector *detector, const struct detector_walker *walker,
			   struct thprace_tally *tally)
{
	const struct thprace_walk *walk = &walker->walk;
	const struct detector_folio *folio = hash_map__get(&detector->folios, walk->folio);
	const struct detector_pair *pair;
	size_t n;

	/* Those that never ended; all others are with the folio. */
	for (pair = walker->pairs; pair; pair = pair->next)
		if (!pair->window.close)
			thprace_tally__add(tally, &pair->window, walk);
	for (n = folio ? folio->windows.count : 0; n; n--)
		if (thprace_concerns(&window_at(folio, n - 1)->window, walk))
			thprace_tally__add(tally, &window_at(folio, n - 1)->window, walk);
	for (n = folio ? folio->ranges.count : 0; n; n--)
		if (thprace_concerns(range_at(folio, n - 1), walk))
			thprace_tally__add(tally, range_at(folio, n - 1), walk);
}

bool detector_match__explain(struct detector *detector, const struct detector_walker *walker,
			     const struct thprace_tally *tally, struct thprace_window *window,
			     struct thprace_finding *finding)
{
	const struct thprace_walk *walk = &walker->walk;
	const struct detector_folio *folio = hash_map__get(&detector->folios, walk->folio);
	const struct thprace_window *range, *first = NULL;
	struct thprace_finding of_range;
	size_t n;

	for (n = 0; folio && n < folio->ranges.count; n++) {
		range = range_at(folio, n);
		if (!thprace_concerns(range, walk))
			continue;
		of_range = thprace_judge(range, walk, tally);
		if (of_range.verdict != THPRACE_ESCAPE ||
		    (first && !thprace_named_before(range, of_range, first, *finding)))
			continue;
		first = range;
		*finding = of_range;
	}
	if (first)
		*window = *first;
	return first != NULL;
}

/* A split ended: its walker gets the result, unless it is settled. */
void detector_match__result(struct detector *detector, const struct thprace_record *record)
{
	const struct detector_folio *folio = hash_map__get(&detector->folios, record->folio);
	struct detector_walker *walker;
	size_t n;

	for (n = folio ? folio->walkers.count : 0; n; n--) {
		walker = walker_at(folio, n - 1);
		if (walker->walk.leave < record->arg)
			return;
		if (walker->sort == DETECTOR_WALKER && walker->walk.pid == record->pid &&
		    walker->walk.leave == record->arg) {
			walker->walk.result = record->value;
			walker->walk.flags |= THPRACE_KF_RESULT;
			return;
		}
	}
}

/*
 * The function around a failed walker has returned: the walker gets the counts, unless it is
 * settled.
 */
void detector_match__outer(struct detector *detector, const struct thprace_record *record)
{
	const struct detector_folio *folio = hash_map__get(&detector->folios, record->folio);
	struct detector_walker *walker;
	size_t n;

	for (n = folio ? folio->walkers.count : 0; n; n--) {
		walker = walker_at(folio, n - 1);
		if (walker->walk.leave < record->entry)
			return;
		if (walker->sort != DETECTOR_WALKER || walker->walk.pid != record->pid ||
		    walker->walk.leave != record->entry)
			continue;
		walker->walk.before = thprace_counts_of(record->arg);
		walker->walk.outer = thprace_counts_of(record->arg2);
		walker->walk.outer_at = record->ts;
		walker->walk.order = (uint16_t)record->value;
		return;
	}
}

/* The check point is about a walker of this task that has just failed; false if there is none. */
bool detector_match__check(struct detector *detector, const struct thprace_record *record)
{
	const struct detector_folio *folio = hash_map__get(&detector->folios, record->folio);
	struct detector_walker *walker;
	size_t n;

	for (n = folio ? folio->walkers.count : 0; n; n--) {
		walker = walker_at(folio, n - 1);
		if (record->ts - walker->walk.leave >= THPRACE_ATTRIBUTION_NS)
			return false;
		if (walker->sort == DETECTOR_WALKER && walker->walk.pid == record->pid &&
		    thprace_failed(&walker->walk) && race_class__deletes(walker->walk.class)) {
			walker->walk.flags |= THPRACE_KF_CHECK;
			return true;
		}
	}
	return false;
}

struct sweep {
	struct detector *detector;
	uint64_t horizon; /* no later walker or window begins before this */
	uint64_t kept;
};

static bool sweep_folio(void *ctx, void *value)
{
	struct sweep *sweep = ctx;
	struct detector_folio *folio = value;
	uint64_t horizon = sweep->horizon, *forgotten = &sweep->detector->forgotten;
	size_t n;

	for (n = 0; n < folio->walkers.count; n++) {
		if (walker_at(folio, n)->walk.enter < horizon)
			horizon = walker_at(folio, n)->walk.enter;
	}
	for (n = 0; n < folio->windows.count; n++) {
		if (window_at(folio, n)->window.close >= horizon)
			break;
		if (window_at(folio, n)->window.close > *forgotten)
			*forgotten = window_at(folio, n)->window.close;
	}
	detector_queue__drop(&folio->windows, n);
	for (n = 0; n < folio->removals.count; n++) {
		if (removal_at(folio, n)->ts >= horizon)
			break;
		if (removal_at(folio, n)->ts > *forgotten)
			*forgotten = removal_at(folio, n)->ts;
	}
	detector_queue__drop(&folio->removals, n);
	for (n = 0; n < folio->ranges.count; n++) {
		if (range_at(folio, n)->close >= horizon)
			break;
		if (range_at(folio, n)->close > *forgotten)
			*forgotten = range_at(folio, n)->close;
	}
	detector_queue__drop(&folio->ranges, n);
	n = folio->windows.count + folio->walkers.count + folio->removals.count +
	    folio->ranges.count;
	if (!n) {
		folio_free(folio);
		return false;
	}
	sweep->kept += n + 1;
	return true;
}

int detector_match__sweep(struct detector *detector)
{
	const struct detector_begun *oldest = detector->walking.first;
	struct sweep sweep = {.detector = detector, .horizon = detector->now};
	int err;

	if (oldest && oldest->since < sweep.horizon)
		sweep.horizon = oldest->since;
	sweep.horizon = detector__before(sweep.horizon, detector->settle);
	err = hash_map__filter(&detector->folios, sweep_folio, &sweep);
	detector->sweep = detector->serial + 1024 + sweep.kept;
	return err;
}

void detector_match__forget(struct detector *detector, struct detector_walker *walker)
{
	struct detector_folio *folio = hash_map__get(&detector->folios, walker->walk.folio);

	if (!folio)
		return;
	/* Walkers are settled in order of return: it is the first. */
	if (folio->walkers.count && walker_at(folio, 0) == walker)
		detector_queue__drop(&folio->walkers, 1);
}

void detector_match__free(struct detector *detector)
{
	size_t i;

	HASH_MAP_EACH(i, &detector->folios)
		folio_free(detector->folios.values[i]);
	hash_map__free(&detector->folios);
}
