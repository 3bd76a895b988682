// SPDX-License-Identifier: GPL-2.0-only
/*
 * collapse-reuse: the complete rule; and random schedules of collapsers and holders, which the
 * detector sees as records, the correlator as messages, and an oracle as complete lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "correlate/correlator.h"
#include "replay/detector.h"
#include "base/names.h"
#include "probe/probe.h"
#include "class_ids.h"

#define START 1000000000ULL
#define FAR 100000000000ULL
#define COLLAPSERS 2
#define HOLDERS 4
#define FOLIOS 3
#define STEPS 400
#define MOST 4096

/* The rule in other words: who is in danger, and of what. */
static enum thprace_verdict expected(bool reused, bool elsewhere, bool locked, int refs,
				     uint64_t close, uint64_t leave)
{
	bool waits = !leave || leave > close;
	bool there = refs > 0 && (waits || locked);

	if (!reused)
		return THPRACE_CONTAINED;
	if (!there)
		return THPRACE_CLEAN;
	return elsewhere ? THPRACE_ESCAPE : THPRACE_CONTAINED;
}

static void test_rule(void **state)
{
	static const uint64_t leaves[] = {0, 50, 100, 150};
	unsigned int bits, refs, l;

	(void)state;
	for (bits = 0; bits < 8; bits++)
		for (refs = 0; refs < 4; refs++)
			for (l = 0; l < 4; l++)
				assert_int_equal(thprace_judge_reuse(bits & 1, !!(bits & 2),
								     !!(bits & 4), (int)refs - 1,
								     100, leaves[l]),
						 expected(bits & 1, bits & 2, bits & 4,
							  (int)refs - 1, 100, leaves[l]));
	for (bits = 0; bits < 4; bits++)
		for (refs = 0; refs < 4; refs++)
			assert_int_equal(thprace_judge_alone(bits & 1, !!(bits & 2), (int)refs - 1),
					 bits == 3 && refs > 1 ? THPRACE_UNATTRIBUTED
							       : THPRACE_CLEAN);
}

struct window {
	struct thprace_window window;
	uint32_t ended; /* holds_ended when it began */
	bool reported; /* as the BPF programs would do */
};

struct incidents {
	struct thprace_incident incident[MOST];
	size_t nr;
};

/* The state of a run. */
static struct world {
	uint64_t now;
	unsigned int seed;
	struct thprace_record record[MOST];
	size_t records;
	struct thprace_walk hold[MOST];
	size_t holds;
	struct window window[MOST];
	size_t windows;
	uint32_t begun, ended;
	struct {
		uint64_t from, to;
	} loss;
	struct {
		uint64_t enter, offset;
		uint32_t ended;
		uint64_t folio; /* the page it got, or left behind */
		struct window open;
	} collapser[COLLAPSERS];
	size_t waiting[HOLDERS]; /* index of its hold + 1; 0: none */
	struct correlator *correlator;
	struct incidents correlator_incidents, detector_incidents, oracle_incidents;
} world;

static unsigned int any(unsigned int below)
{
	return (unsigned int)rand_r(&world.seed) % below;
}

static uint64_t tick(void)
{
	world.now += 1 + any(3) * 70 + any(40) * 1000;
	return world.now;
}

static struct thprace_record *add_record(enum thprace_record_type type, uint64_t entry,
					 uint32_t pid)
{
	struct thprace_record *record = &world.record[world.records++];

	*record = (struct thprace_record){.ts = world.now,
					  .entry = entry,
					  .pid = pid,
					  .tgid = pid,
					  .cpu = (uint16_t)(pid % 3),
					  .type = (uint8_t)type,
					  .class = THPRACE_COLLAPSE_REUSE};
	assert_true(world.records < MOST);
	return record;
}

static uint64_t some_folio(void)
{
	return 0xffffea0000000000ULL + any(FOLIOS) * 0x8000;
}

static bool is_locked_by_waiter(uint64_t folio)
{
	return folio && any(3) == 0;
}

/* What happened to the page of the previous, failed call. */
static void end_window(unsigned int who, struct thprace_record *record, uint64_t offset)
{
	struct window *window = &world.collapser[who].open;
	struct thprace_opener report = {.type = THPRACE_MSG_REUSE};

	if (!window->window.open)
		return;
	window->window.close = record->ts;
	window->window.cpu = record->cpu;
	window->window.flags = THPRACE_WF_SETTLED;
	if (record->folio == window->window.folio) {
		window->window.flags |= THPRACE_WF_REUSED;
		window->window.mm = offset;
		window->window.pages = record->value > 0 ? (uint32_t)record->value : 0;
		record->flags = THPRACE_RF_AGAIN;
		if (any(4)) {
			record->flags |= THPRACE_RF_ELSEWHERE;
			window->window.flags |= THPRACE_WF_ELSEWHERE;
		}
		if (is_locked_by_waiter(record->folio)) {
			record->flags |= THPRACE_RF_LOCKED;
			window->window.flags |= THPRACE_WF_LOCKED;
		}
	}
	if (world.begun != window->ended || window->window.pages) {
		report.window = window->window;
		assert_int_equal(correlator__message(world.correlator, &report, sizeof(report),
						     world.now),
				 0);
	}
	world.window[world.windows++] = *window;
	window->window.open = 0;
}

static void step_collapser(unsigned int who)
{
	uint32_t pid = 10 + who;
	struct thprace_record *record;
	bool failed;

	if (!world.collapser[who].enter) {
		world.collapser[who].ended = world.ended;
		world.collapser[who].enter = tick();
		record = add_record(THPRACE_REC_COLLAPSE_ENTER, world.now, pid);
		if (any(3) && world.collapser[who].folio)
			record->folio = world.collapser[who].folio;
		else if (any(2))
			record->folio = some_folio();
		record->value = (int)any(3);
		record->arg2 = any(4) * 512;
		world.collapser[who].offset = record->arg2 << 12;
		end_window(who, record, record->arg2 << 12);
		return;
	}
	tick();
	record = add_record(THPRACE_REC_COLLAPSE_RETURN, world.collapser[who].enter, pid);
	failed = any(4);
	if (failed) {
		record->flags = THPRACE_RF_FAILED;
		record->folio = any(8) ? some_folio() : 0;
	}
	world.collapser[who].folio = record->folio;
	if (record->folio) {
		struct thprace_window *window = &world.collapser[who].open.window;

		*window = (struct thprace_window){.open = world.collapser[who].enter,
						  .removed = world.now,
						  .folio = record->folio,
						  .address = world.collapser[who].offset,
						  .pid = pid,
						  .tgid = pid};
		world.collapser[who].open.ended = world.collapser[who].ended;
	}
	world.collapser[who].enter = 0;
}

static void send_holder(const struct thprace_walk *walk)
{
	struct thprace_hold report = {.type = THPRACE_MSG_HOLD, .walk = *walk};

	assert_int_equal(correlator__message(world.correlator, &report, sizeof(report), world.now),
			 0);
}

static void step_holder(unsigned int who)
{
	uint32_t pid = 20 + who;
	struct thprace_walk *walk;
	struct thprace_record *record;

	if (!world.waiting[who]) {
		world.begun++;
		walk = &world.hold[world.holds++];
		world.waiting[who] = world.holds;
		*walk = (struct thprace_walk){.enter = tick(),
					      .folio = some_folio(),
					      .pid = pid,
					      .tgid = pid,
					      .cpu = (uint16_t)(pid % 3),
					      .class = THPRACE_COLLAPSE_REUSE,
					      .origin = THPRACE_ORIGIN_HOLDER};
		record = add_record(THPRACE_REC_HOLD_ENTER, world.now, pid);
	} else {
		walk = &world.hold[world.waiting[who] - 1];
		walk->leave = tick();
		record = add_record(THPRACE_REC_HOLD_RETURN, walk->enter, pid);
		world.ended++;
		world.waiting[who] = 0;
	}
	record->folio = walk->folio;
	record->origin = THPRACE_ORIGIN_HOLDER;
	send_holder(walk);
}

static void collect(void *ctx, const struct thprace_incident *incident)
{
	struct incidents *list = ctx;

	assert_true(list->nr < MOST);
	list->incident[list->nr++] = *incident;
}

static bool is_lost(uint64_t from, uint64_t to)
{
	return world.loss.to && world.loss.from <= to && world.loss.to >= from;
}

static void oracle_incidents(const struct thprace_window *window, const struct thprace_walk *walk,
			     enum thprace_verdict verdict, uint64_t from)
{
	struct thprace_incident incident = {
		.type = THPRACE_MSG_INCIDENT, .mode = THPRACE_LIGHT, .walk = *walk};

	if (window)
		incident.window = *window;
	incident.verdict = (uint8_t)verdict;
	if (is_lost(from, window ? window->close : walk->leave))
		incident.verdict = THPRACE_UNPROVEN;
	collect(&world.oracle_incidents, &incident);
}

static void oracle_judges(const struct thprace_window *window)
{
	struct thprace_walk alone = {.enter = window->open,
				     .leave = window->close,
				     .folio = window->folio,
				     .pid = window->pid,
				     .tgid = window->tgid,
				     .residual = (int)window->pages,
				     .cpu = window->cpu,
				     .class = THPRACE_COLLAPSE_REUSE};
	bool reused = window->flags & THPRACE_WF_REUSED;
	bool elsewhere = window->flags & THPRACE_WF_ELSEWHERE;
	enum thprace_verdict verdict;
	bool escaped = false;
	size_t i;

	for (i = 0; i < world.holds; i++) {
		struct thprace_walk walk = world.hold[i];
		uint64_t leave = walk.leave ? walk.leave : FAR;
		uint64_t first = walk.enter > window->open ? walk.enter : window->open;
		uint64_t last = leave < window->close ? leave : window->close;

		if (walk.folio != window->folio || last < first + THPRACE_TOLERANCE_NS)
			continue;
		verdict = expected(reused, elsewhere, window->flags & THPRACE_WF_LOCKED,
				   (int)window->pages, window->close, walk.leave);
		if (verdict == THPRACE_CLEAN)
			continue;
		escaped |= verdict == THPRACE_ESCAPE;
		walk.residual = (int)window->pages;
		oracle_incidents(window, &walk, verdict,
				 walk.enter < window->open ? walk.enter : window->open);
	}
	if (!escaped && reused && elsewhere && window->pages)
		oracle_incidents(NULL, &alone, THPRACE_UNATTRIBUTED, window->open);
}

static int by_sides(const void *a, const void *b)
{
	const struct thprace_incident *x = a, *y = b;

	if (x->walk.enter != y->walk.enter)
		return x->walk.enter < y->walk.enter ? -1 : 1;
	if (x->walk.pid != y->walk.pid)
		return x->walk.pid < y->walk.pid ? -1 : 1;
	return x->window.open < y->window.open ? -1 : x->window.open > y->window.open;
}

static void assert_same(struct incidents *report, const struct incidents *right, const char *who)
{
	size_t i;

	qsort(report->incident, report->nr, sizeof(report->incident[0]), by_sides);
	if (report->nr != right->nr)
		fprintf(stderr, "%s: %zu incidents, not %zu\n", who, report->nr, right->nr);
	assert_int_equal(report->nr, right->nr);
	for (i = 0; i < report->nr; i++) {
		assert_int_equal(report->incident[i].verdict, right->incident[i].verdict);
		assert_memory_equal(&report->incident[i].window, &right->incident[i].window,
				    sizeof(report->incident[i].window));
		assert_memory_equal(&report->incident[i].walk, &right->incident[i].walk,
				    sizeof(report->incident[i].walk));
	}
}

static struct detector *run_detector(void)
{
	struct detector_options options = {.incident = collect, .ctx = &world.detector_incidents};
	struct detector *detector = detector__new(&options);
	struct thprace_record lost = {
		.entry = world.loss.from, .ts = world.loss.to, .arg = 1, .type = THPRACE_REC_LOST};
	size_t i;

	assert_non_null(detector);
	for (i = 0; i < world.records; i++) { /* neighbours swapped: the detector sorts them */
		size_t at = (i ^ 1) < world.records ? i ^ 1 : i;

		assert_int_equal(detector__feed(detector, &world.record[at]), 0);
	}
	if (world.loss.to)
		assert_int_equal(detector__feed(detector, &lost), 0);
	assert_int_equal(detector__finish(detector), 0);
	return detector;
}

static void check_counts(const struct detector *detector)
{
	const struct detector_class *class =
		&detector__stats(detector)->class[THPRACE_COLLAPSE_REUSE];
	const struct verdict_counts *counts =
		&correlator__classes(world.correlator)[THPRACE_COLLAPSE_REUSE];
	size_t i, returned = 0;

	for (i = 0; i < world.holds; i++)
		returned += world.hold[i].leave != 0;
	assert_int_equal(class->walkers, returned);
	assert_int_equal(class->overlaps, counts->overlaps);
	assert_int_equal(class->contained, counts->contained);
	assert_int_equal(class->escapes, counts->escapes);
	assert_int_equal(class->unattributed, counts->unattributed);
}

static unsigned int live(unsigned int seed, bool with_loss)
{
	struct detector *detector;
	unsigned int step, who;
	size_t i;

	memset(&world, 0, sizeof(world));
	world.seed = seed;
	world.now = START;
	world.correlator = correlator__new(THPRACE_LIGHT, collect, &world.correlator_incidents);
	assert_non_null(world.correlator);
	for (step = 0; step < STEPS; step++) {
		who = any(COLLAPSERS + HOLDERS);
		if (who < COLLAPSERS)
			step_collapser(who);
		else
			step_holder(who - COLLAPSERS);
		if (with_loss && step == STEPS / 2) {
			world.loss.from = world.now - any(200000);
			world.loss.to = world.now;
			correlator__lost(world.correlator, world.loss.from, world.loss.to);
		}
	}
	for (i = 0; i < world.windows; i++)
		oracle_judges(&world.window[i].window);
	qsort(world.oracle_incidents.incident, world.oracle_incidents.nr,
	      sizeof(world.oracle_incidents.incident[0]), by_sides);
	correlator__settle(world.correlator, world.now, world.now);
	correlator__finish(world.correlator);
	detector = run_detector();
	assert_same(&world.detector_incidents, &world.oracle_incidents, "detector");
	assert_same(&world.correlator_incidents, &world.oracle_incidents, "correlator");
	if (!with_loss)
		check_counts(detector);
	detector__free(detector);
	correlator__free(world.correlator);
	return (unsigned int)world.oracle_incidents.nr;
}

static void test_schedules(void **state)
{
	unsigned int seed, seen = 0;

	(void)state;
	for (seed = 1; seed <= 300; seed++)
		seen += live(seed, seed % 3 == 0);
	assert_true(seen > 3000); /* otherwise too little happens to test anything */
}

/* More holders than are kept: no statement is made about what may be missing. */
static void test_forgotten(void **state)
{
	struct thprace_opener report = {.type = THPRACE_MSG_REUSE,
					.window = {.open = START,
						   .removed = START + 10,
						   .close = START + 1000000,
						   .folio = 0x8000,
						   .pid = 10,
						   .flags = THPRACE_WF_SETTLED | THPRACE_WF_REUSED |
							    THPRACE_WF_ELSEWHERE,
						   .pages = 1}};
	struct thprace_walk walk = {.folio = 0x8000, .pid = 20, .class = THPRACE_COLLAPSE_REUSE};
	unsigned int i;

	(void)state;
	memset(&world, 0, sizeof(world));
	world.correlator = correlator__new(THPRACE_LIGHT, collect, &world.correlator_incidents);
	for (i = 0; i < 5000; i++) {
		walk.enter = START + 10 * i;
		walk.leave = walk.enter + 5;
		walk.folio = 0x10000;
		send_holder(&walk);
	}
	assert_int_equal(correlator__message(world.correlator, &report, sizeof(report), START), 0);
	correlator__finish(world.correlator);
	assert_int_equal(world.correlator_incidents.nr, 1);
	assert_int_equal(world.correlator_incidents.incident[0].verdict, THPRACE_UNPROVEN);
	correlator__free(world.correlator);
}

/* A kernel whose collapse_file gets no page is not open to the class, and this is reported. */
static void test_cannot_happen(void **state)
{
	struct probe_plan plan;
	const char *reason;

	(void)state;
	memset(&plan, 0, sizeof(plan));
	plan.probe[THPRACE_POINT_COLLAPSE].state = PROBE_PLANNED;
	plan.probe[THPRACE_POINT_COLLAPSE].args.index[2] = -1;
	plan.probe[THPRACE_POINT_HOLD].state = PROBE_SKIPPED;
	plan.probe[THPRACE_POINT_HOLD_END].state = PROBE_SKIPPED;
	reason = probe__not_observable(&plan, THPRACE_COLLAPSE_REUSE);
	assert_non_null(reason);
	assert_memory_equal(reason, "cannot happen here: ", 20);
	assert_string_equal(names__blindness(reason), "");
	assert_string_equal(names__blindness("collapse_file: not in this kernel"),
			    "not observable: ");
	assert_string_equal(names__blindness(NAMES_SHED "too dear"), "not observed now: ");
	assert_true(probe__cannot_happen(&plan, THPRACE_COLLAPSE_REUSE));
	plan.probe[THPRACE_POINT_COLLAPSE].args.index[2] = 3;
	plan.probe[THPRACE_POINT_COLLAPSE].args.depth = 2;
	plan.probe[THPRACE_POINT_HOLD].state = PROBE_PLANNED;
	plan.probe[THPRACE_POINT_HOLD_END].state = PROBE_PLANNED;
	assert_null(probe__not_observable(&plan, THPRACE_COLLAPSE_REUSE));
	assert_false(probe__cannot_happen(&plan, THPRACE_COLLAPSE_REUSE));
}

/* A missing function shows something about the kernel; one that cannot be probed shows nothing. */
static void test_lacks_a_side(void **state)
{
	struct probe_plan plan;
	struct probe *poison = &plan.probe[THPRACE_POINT_POISON];

	(void)state;
	memset(&plan, 0, sizeof(plan));
	plan.probe[THPRACE_POINT_UNMAP].state = PROBE_ATTACHED;
	poison->state = PROBE_FAILED;
	assert_non_null(probe__not_observable(&plan, THPRACE_HWPOISON_UNMAP));
	assert_false(probe__cannot_happen(&plan, THPRACE_HWPOISON_UNMAP));
	poison->state = PROBE_ABSENT;
	assert_false(probe__cannot_happen(&plan, THPRACE_HWPOISON_UNMAP)); /* a variant of it is */
	poison->missing = true;
	assert_true(probe__cannot_happen(&plan, THPRACE_HWPOISON_UNMAP));
	poison->missing = false;
	poison->state = PROBE_ATTACHED;
	assert_false(probe__cannot_happen(&plan, THPRACE_HWPOISON_UNMAP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),	     cmocka_unit_test(test_schedules),
		cmocka_unit_test(test_forgotten),    cmocka_unit_test(test_cannot_happen),
		cmocka_unit_test(test_lacks_a_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
