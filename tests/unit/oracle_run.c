// SPDX-License-Identifier: GPL-2.0-only
/* The detector's run on the same records, and whether it agrees with the oracle. */
#include "oracle_private.h"

#include <inttypes.h>
#include <stdio.h>
#include "base/names.h"
#include "class_ids.h"

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
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;

	fprintf(stderr,
		"  %s: %s %s close_call %u, window pid %u [%" PRIu64 " %" PRIu64 " %" PRIu64
		"] level %u, walker pid %u [%" PRIu64 " %" PRIu64 "] residual %d flags %x\n",
		who, names__class(walk->class), verdict[incident->verdict], incident->close_call,
		window->pid, (uint64_t)window->open, (uint64_t)window->removed,
		(uint64_t)window->close, window->level, walk->pid, (uint64_t)walk->enter,
		(uint64_t)walk->leave, walk->residual, walk->flags);
}

/* If a split ends after its walker was emitted, only its result is missing there. */
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
	/* If records were lost, the detector may have emitted a walker that passed closer. */
	if (!oracle->spans || b->closest.distance < a->closest.distance)
		agree &= number_agrees("closest", a->closest.distance, b->closest.distance);
	return agree;
}
