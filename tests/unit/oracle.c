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

static void say(struct oracle *oracle, const struct oracle_walker *walker,
		const struct thprace_window *window, enum thprace_verdict verdict, bool close_call)
{
	struct detector_class *class = &oracle->stats.class[walker->walk.class];
	struct thprace_incident *incident;

	oracle->incident = grow(oracle->incident, oracle->incidents, sizeof(*oracle->incident));
	incident = &oracle->incident[oracle->incidents++];
	incident->type = THPRACE_MSG_INCIDENT;
	incident->mode = oracle->mode;
	incident->verdict = verdict;
	incident->said = verdict;
	incident->close_call = close_call;
	incident->walk = walker->walk;
	if (window)
		incident->window = *window;
	class->overlaps += window != NULL;
	class->contained += verdict == THPRACE_CONTAINED;
	class->escapes += verdict == THPRACE_ESCAPE;
	class->unattributed += verdict == THPRACE_UNATTRIBUTED;
	class->unproven += verdict == THPRACE_UNPROVEN;
	oracle->stats.close_calls += close_call;
}

/* Did the walker decide while the window's phase 1 was open? */
static bool escaped(const struct oracle_walker *walker, const struct thprace_window *window)
{
	uint64_t close = window->close ? window->close : FOREVER;
	uint64_t phase1 = window->removed ? window->removed : close;
	bool own = (walker->walk.flags & THPRACE_RF_OWN_FAILED) &&
		   (walker->walk.flags & THPRACE_RF_OWN);

	if (walker->head)
		return walker->walk.result == 0 && close > walker->walk.leave;
	/* It says so itself, and phase 1 reached into its time. */
	if (own && phase1 >= walker->walk.enter)
		return true;
	/* The folio was mapped after its return, and phase 1 was open then, for all that is known. */
	return walker->walk.residual > 0 &&
	       (phase1 == FOREVER || phase1 + THPRACE_TOLERANCE_NS > walker->walk.leave);
}

static bool close_call(const struct oracle_walker *walker, const struct thprace_window *window)
{
	uint64_t phase1 = window->removed ? window->removed : window->close;

	if (walker->head)
		return false;
	if (!walker->failed)
		return window->removed > walker->walk.leave;
	return walker->walk.residual > 0 && phase1 && phase1 <= walker->walk.leave &&
	       phase1 + THPRACE_TOLERANCE_NS > walker->walk.leave;
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

static const struct thprace_record *explanation(const struct oracle *oracle, size_t which)
{
	const struct oracle_walker *walker = &oracle->walker[which], *next = NULL;
	const struct thprace_record *record;
	size_t i;

	for (i = which + 1; i < oracle->walkers && !next; i++) {
		if (oracle->walker[i].failed && !oracle->walker[i].check &&
		    oracle->walker[i].walk.folio == walker->walk.folio)
			next = &oracle->walker[i];
	}
	for (i = 0; i < oracle->records; i++) {
		record = &oracle->record[i];
		if (record->type == THPRACE_REC_RMAP_PTE && record->folio == walker->walk.folio &&
		    record->pid != walker->walk.pid && record->ts >= walker->walk.enter &&
		    record->ts <= walker->walk.leave + THPRACE_ATTRIBUTION_NS &&
		    (!next || record->ts < next->walk.leave))
			return record;
	}
	return NULL;
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
			const struct thprace_record *record, enum thprace_verdict verdict)
{
	struct thprace_window window = {0};
	bool lost;

	window.open = window.removed = window.close = record->ts;
	window.folio = record->folio;
	window.pid = record->pid;
	window.tgid = record->tgid;
	window.cpu = record->cpu;
	window.level = THPRACE_LEVEL_PTE;
	window.flags = THPRACE_WF_SETTLED;
	window.pages = record->value;
	lost = oracle__lost(oracle, walker->walk.enter, max(walker->walk.leave, record->ts));
	say(oracle, walker, &window, lost ? THPRACE_UNPROVEN : verdict, false);
}

static void judge_failed(struct oracle *oracle, size_t which, bool lost)
{
	const struct oracle_walker *walker = &oracle->walker[which];
	const struct thprace_record *record = walker->check ? NULL : explanation(oracle, which);

	if (record)
		say_removal(oracle, walker, record, THPRACE_ESCAPE);
	else
		say(oracle, walker, NULL, lost ? THPRACE_UNPROVEN : THPRACE_UNATTRIBUTED, false);
}

static void judge(struct oracle *oracle, size_t which)
{
	struct oracle_walker *walker = &oracle->walker[which];
	struct detector_class *class = &oracle->stats.class[walker->walk.class];
	const struct oracle_window *met;
	const struct thprace_window *window;
	bool lost = oracle__lost(oracle, walker->walk.enter, walker->walk.leave);
	bool escape = false, pair = false;
	uint64_t from, to;
	size_t i;

	class->walkers++;
	if (lost)
		walker->walk.flags |= THPRACE_KF_LOST;
	for (i = 0; i < oracle->windows; i++) {
		met = &oracle->window[i];
		window = &met->window;
		if (!pairs(oracle, walker, met))
			continue;
		pair = true;
		from = min(window->open, walker->walk.enter);
		to = window->close ? max(window->close, walker->walk.leave) : FOREVER;
		if (met->lost || oracle__lost(oracle, from, to))
			say(oracle, walker, window, THPRACE_UNPROVEN, false);
		else if (escaped(walker, window))
			say(oracle, walker, window, THPRACE_ESCAPE, close_call(walker, window));
		else
			say(oracle, walker, window, THPRACE_CONTAINED, close_call(walker, window));
		escape |= escaped(walker, window);
	}
	if (walker->failed) {
		if (!escape)
			judge_failed(oracle, which, lost);
	} else if (!escape && !walker->check && !walker->head && in_time(oracle, which)) {
		say_removal(oracle, walker, in_time(oracle, which), THPRACE_CONTAINED);
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
