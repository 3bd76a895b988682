// SPDX-License-Identifier: GPL-2.0-only
/*
 * The correlator's result for a schedule, compared with the detector and with what really happened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "correlator_schedule.h"
#include "chance.h"
#include "correlate/correlator.h"
#include "oracle.h"
#include "base/names.h"
#include "class_ids.h"

#define INCIDENTS_MAX 4096

struct incidents {
	struct thprace_incident incident[INCIDENTS_MAX];
	size_t n;
};

static void collect(void *ctx, const struct thprace_incident *incident)
{
	struct incidents *incidents = ctx;

	assert_true(incidents->n < INCIDENTS_MAX);
	incidents->incident[incidents->n++] = *incident;
}

static void show(const char *who, const struct thprace_incident *incident)
{
	static const char *const verdict[] = THPRACE_VERDICT_NAMES;
	static const char *const certainty[] = THPRACE_ATTRIBUTION_NAMES;
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walker = &incident->walk;

	fprintf(stderr,
		"  %s: %s %s %s, window pid %u [%" PRIu64 " %" PRIu64 " %" PRIu64
		"] level %u left %d, walker pid %u [%" PRIu64 " %" PRIu64
		"] residual %d flags %x left %d %d before %d %d outer %d %d at %" PRIu64 "\n",
		who, names__class(walker->class), certainty[incident->attribution],
		verdict[incident->verdict], window->pid, (uint64_t)window->open,
		(uint64_t)window->removed, (uint64_t)window->close, window->level, window->left,
		walker->pid, (uint64_t)walker->enter, (uint64_t)walker->leave, walker->residual,
		walker->flags, walker->left.entire, walker->left.small, walker->before.entire,
		walker->before.small, walker->outer.entire, walker->outer.small,
		(uint64_t)walker->outer_at);
}

static bool equal(const struct thprace_incident *a, const struct thprace_incident *b)
{
	return a->verdict == b->verdict && a->attribution == b->attribution &&
	       a->close_call == b->close_call && a->window.left == b->window.left &&
	       a->window.removed == b->window.removed && a->window.close == b->window.close &&
	       a->walk.residual == b->walk.residual &&
	       !((a->walk.flags ^ b->walk.flags) & THPRACE_KF_CHECK);
}

/* Prints what differs, and returns whether nothing does. */
static bool agree(struct incidents *correlator, const struct oracle_run *detector)
{
	size_t i = 0, j = 0;
	bool same = true;
	int order;

	qsort(correlator->incident, correlator->n, sizeof(correlator->incident[0]),
	      oracle__compare);
	while (i < correlator->n || j < detector->incidents) {
		if (i == correlator->n)
			order = 1;
		else if (j == detector->incidents)
			order = -1;
		else
			order = oracle__compare(&correlator->incident[i], &detector->incident[j]);
		if (order || !equal(&correlator->incident[i], &detector->incident[j])) {
			same = false;
			if (order <= 0)
				show("correlator", &correlator->incident[i]);
			if (order >= 0)
				show("detector", &detector->incident[j]);
		}
		i += order <= 0;
		j += order >= 0;
	}
	return same;
}

/* All messages are read, then everything is settled. */
static void settle_at_end(const struct bpf_model *model, struct incidents *incidents)
{
	struct correlator *correlator = correlator__new(model->options.mode, collect, incidents);
	const struct bpf_model_message *message;
	size_t i;

	assert_non_null(correlator);
	incidents->n = 0;
	for (i = 0; i < model->messages; i++) {
		message = &model->message[i];
		if (message->size)
			assert_int_equal(correlator__message(correlator, &message->type,
							     message->size, model->now),
					 0);
	}
	correlator__finish(correlator);
	correlator__free(correlator);
}

/*
 * As in a recording: from time to time read what is there, then settle. A place in the ring that is
 * taken but not submitted delays those after it.
 */
static void settle_progressively(struct schedule *schedule, struct incidents *incidents)
{
	const struct bpf_model *model = schedule->model;
	struct correlator *correlator = correlator__new(model->options.mode, collect, incidents);
	/* Late by what two runs may take: the walker's, and the opener's. */
	uint64_t late = 2 * model->longest_run;
	uint64_t every =
		1 + below(&schedule->random, one_in(&schedule->random, 2) ? 2000000 : 100000000);
	uint64_t now = 1000000000ULL;
	size_t i = 0;

	assert_non_null(correlator);
	incidents->n = 0;
	while (now < model->now) {
		now += 1 + below(&schedule->random, every);
		for (; i < model->messages && model->message[i].submitted <= now; i++)
			if (model->message[i].size)
				assert_int_equal(correlator__message(correlator,
								     &model->message[i].type,
								     model->message[i].size, now),
						 0);
		correlator__settle(correlator, now,
				   now - late - below(&schedule->random, 1 + every));
	}
	assert_int_equal(i, model->messages);
	correlator__finish(correlator);
	correlator__free(correlator);
}

/* Did a zap of this task that was under way when the walker returned take a mapping after that? */
static bool took(const struct schedule *schedule, const struct thprace_incident *incident)
{
	const struct thprace_walk *walk = &incident->walk;
	const struct event *event;
	size_t i;

	for (i = 0; i < schedule->events; i++) {
		event = &schedule->event[i];
		if (bpf_model__pid(event->who) == incident->window.pid &&
		    bpf_model__folio(event->folio) == walk->folio &&
		    event->level == incident->window.level && event->began <= walk->leave &&
		    event->time > walk->leave)
			return true;
	}
	return false;
}

/* Did a zap that began after the walker's return take one, and end too late to be reported? */
static bool untold(const struct schedule *schedule, const struct thprace_incident *incident)
{
	const struct thprace_walk *walk = &incident->walk;
	const struct event *event;
	size_t i;

	for (i = 0; i < schedule->events; i++) {
		event = &schedule->event[i];
		if (bpf_model__folio(event->folio) == walk->folio &&
		    event->level == incident->window.level && event->began > walk->leave &&
		    event->time <= incident->window.close + schedule->model->longest_run &&
		    (!event->ended || event->ended > walk->leave + THPRACE_ATTRIBUTION_NS))
			return true;
	}
	return false;
}

static void show_events(const struct schedule *schedule, const struct thprace_incident *incident)
{
	const struct event *event;
	size_t i;

	for (i = 0; i < schedule->events; i++) {
		event = &schedule->event[i];
		if (bpf_model__folio(event->folio) == incident->walk.folio &&
		    (!event->ended || event->ended + 1000000000 > incident->walk.enter))
			fprintf(stderr,
				"    pid %u took one at level %u at %" PRIu64 ", zap [%" PRIu64
				" %" PRIu64 "]\n",
				bpf_model__pid(event->who), event->level, event->time, event->began,
				event->ended);
	}
}

/* "Proved" is true: the named zap was the reason, whatever the order of steps was. */
static void check_truth(const struct schedule *schedule, const struct incidents *incidents,
			unsigned long *proved)
{
	const struct thprace_incident *incident;
	size_t i;

	for (i = 0; i < incidents->n; i++) {
		incident = &incidents->incident[i];
		if (!thprace_proved(incident->verdict, incident->attribution) ||
		    incident->walk.residual <= 0 || incident->walk.class == THPRACE_SPLIT_HEAD)
			continue;
		++*proved;
		if (took(schedule, incident) || untold(schedule, incident))
			continue;
		show("not true", incident);
		show_events(schedule, incident);
		fail_msg("THPRACE_TEST_SEED=%" PRIu64, schedule->seed);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct thprace_record *x = a, *y = b;

	return x->ts < y->ts ? -1 : x->ts > y->ts;
}

void correlator_schedule__check(struct schedule *schedule, unsigned long *sum)
{
	static struct incidents incidents;
	struct bpf_model *model = schedule->model;
	struct oracle_run run;
	size_t i;

	if (model->records)
		qsort(model->record, model->records, sizeof(model->record[0]), by_time);
	oracle__run(&run, model->record, model->records, model->options.mode, 1ULL << 60);
	bpf_model__check(model);
	assert_int_equal(run.stats.orphans, 0);
	settle_at_end(model, &incidents);
	if (!agree(&incidents, &run))
		fail_msg("settled at the end: THPRACE_TEST_SEED=%" PRIu64, schedule->seed);
	check_truth(schedule, &incidents, &sum[PROVED]);
	if (model->longest_window < 900000000ULL) {
		settle_progressively(schedule, &incidents);
		if (!agree(&incidents, &run))
			fail_msg("settled as it goes: THPRACE_TEST_SEED=%" PRIu64, schedule->seed);
		sum[AS_IT_GOES]++;
	}
	for (i = 0; i < run.incidents; i++) {
		sum[run.incident[i].verdict]++;
		sum[AT_PTE_LEVEL] += run.incident[i].window.level == THPRACE_LEVEL_PTE;
	}
	oracle_run__free(&run);
}
