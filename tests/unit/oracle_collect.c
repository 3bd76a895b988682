// SPDX-License-Identifier: GPL-2.0-only
/*
 * The oracle's lists: every window, walker, range and loss of the records, each compared with each.
 */
#include "oracle_private.h"
#include "class_ids.h"

#include <thprace/verdict.h>

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

/* The window (pid, open), with what is left of it. */
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
	walker->walk.origin = record->origin;
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
	range->pages = (uint32_t)record->arg2;
	range->taking = record->arg2 / 0x100000000;
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
	/* A window of an unknown folio whose end was lost may be on any folio. */
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

void oracle__collect(struct oracle *oracle)
{
	sort(oracle->record, oracle->records);
	collect_windows(oracle);
	collect_walkers(oracle);
	collect_losses(oracle);
	count_orphans(oracle);
}
