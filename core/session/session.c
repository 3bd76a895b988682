// SPDX-License-Identifier: GPL-2.0-only
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thprace/verdict.h>

#include "base/clock.h"
#include "base/names.h"

#define SWEEP_EVERY_NS 100000000ULL
#define CONTEXT_NS 1000000ULL /* flight records this near an incident are kept */
#define CONTEXT_EVERY_NS 10000000ULL /* and read at most this often */

struct session {
	struct session_options options;
	struct engine *engine;
	struct correlator *correlator;
	uint64_t started;
	uint64_t stopped;
	uint64_t checked[2]; /* when the counters were read last, and before that */
	uint64_t context_read;
	uint64_t swept;
	struct engine_counters counters; /* as read last */
	uint64_t no_memory; /* messages for which there was no memory */
	/*
	 * Classes whose walkers fail with nobody unmapping. On such a kernel no count shows that an
	 * escape is not such a failure that coincides with a zap. Counts how many were lowered to
	 * likely.
	 */
	bool remained[THPRACE_CLASS_MAX];
	uint64_t lowered[THPRACE_CLASS_MAX];
};

static void emit_record(void *ctx, const struct thprace_record *record)
{
	struct session *session = ctx;

	if (session->options.record)
		session->options.record(session->options.ctx, record);
}

static void emit_incident(void *ctx, const struct thprace_incident *incident)
{
	struct session *session = ctx;

	const uint8_t class = incident->walk.class;
	struct thprace_incident lowered;

	if (incident->verdict == THPRACE_REMAINED)
		session->remained[class] = true;
	if (session->remained[class] && thprace_proved(incident->verdict, incident->attribution)) {
		lowered = *incident;
		lowered.attribution = THPRACE_LIKELY;
		session->lowered[class]++;
		incident = &lowered;
	}
	if (session->options.incident)
		session->options.incident(session->options.ctx, incident);
}

/*
 * The flight recorder around a report that was just made; for a storm of reports it is read once.
 */
static void read_context(struct session *session, uint64_t now)
{
	if (session->options.all || !session->options.context ||
	    now < session->context_read + CONTEXT_EVERY_NS)
		return;
	engine__flight(session->engine, now - CONTEXT_EVERY_NS - CONTEXT_NS, now,
		       session->options.context, session->options.ctx);
	session->context_read = now;
}

static void on_message(void *ctx, const void *message, size_t size)
{
	struct session *session = ctx;
	uint64_t now = clock__now();

	if (correlator__message(session->correlator, message, size, now) == -ENOMEM)
		session->no_memory++;
	if (*(const uint32_t *)message == THPRACE_MSG_INCIDENT ||
	    *(const uint32_t *)message == THPRACE_MSG_REUSE)
		read_context(session, now);
}

int session__open(struct session **result, const struct session_options *options, char *why,
		  size_t why_size)
{
	struct engine_options engine_options = {
		.mode = options->mode,
		.attach = options->attach,
		.btf = options->btf,
		.all = options->all,
		.widen = options->widen,
		.stats_fd = options->stats_fd,
		.kprobe_fds = options->kprobe_fds,
		.kprobe_fd_count = options->kprobe_fd_count,
		.races = options->races,
		.race_count = options->race_count,
		.message = on_message,
		.record = emit_record,
	};
	struct session *session = calloc(1, sizeof(*session));
	const struct clock_source *clock;
	int err;

	if (!session) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	session->options = *options;
	engine_options.ctx = session;
	err = engine__open(&session->engine, &engine_options, why, why_size);
	if (err)
		goto cleanup;
	session->options.mode = engine__mode(session->engine);
	clock = engine__clock(session->engine);
	names__set_resolution(clock->coarse ? clock->step : 1);
	session->correlator = correlator__new(session->options.mode, emit_incident, session);
	if (!session->correlator) {
		snprintf(why, why_size, "out of memory");
		err = -ENOMEM;
		goto cleanup;
	}
	*result = session;
	return 0;

cleanup:
	session__close(session);
	return err;
}

uint64_t session__start(struct session *session)
{
	session->started = engine__start(session->engine);
	session->checked[0] = session->started;
	session->checked[1] = session->started;
	engine__counters(session->engine, &session->counters);
	return session->started;
}

int session__poll(struct session *session, int timeout_ms)
{
	return engine__poll(session->engine, timeout_ms);
}

int session__fd(const struct session *session)
{
	return engine__fd(session->engine);
}

/*
 * Something was lost since the last reading of the counters. A program stamps its record before it
 * counts it as lost, so the interval begins one reading earlier.
 */
static void report_loss(struct session *session, int cause, uint64_t count, uint64_t now)
{
	struct thprace_record record = {
		.ts = now,
		.entry = session->checked[1],
		.arg = count,
		.value = cause,
		.type = THPRACE_REC_LOST,
	};

	emit_record(session, &record);
	if (cause != THPRACE_LOSS_STREAM && cause != THPRACE_LOSS_WRITE)
		correlator__lost(session->correlator, record.entry, record.ts);
}

static void check_losses(struct session *session, uint64_t now)
{
	struct engine_counters counters;
	uint64_t more, lost_until = 0;
	int cause;

	engine__counters(session->engine, &counters);
	counters.sum.lost[THPRACE_LOSS_MEMORY] = session->no_memory;
	for (cause = 0; cause < THPRACE_LOSS_MAX; cause++) {
		more = counters.sum.lost[cause] - session->counters.sum.lost[cause];
		if (!more)
			continue;
		report_loss(session, cause, more, now);
		lost_until = now;
	}
	engine__note_losses(session->engine, &counters.sum, session->checked[0], lost_until);
	session->counters = counters;
	session->checked[1] = session->checked[0];
	session->checked[0] = now;
}

void session__check(struct session *session)
{
	uint64_t now = clock__now();

	check_losses(session, now);
	/* A loss that is counted later may be as old as the reading before the last. */
	correlator__settle(session->correlator, now, session->checked[1]);
	if (now >= session->swept + SWEEP_EVERY_NS) {
		engine__sweep(session->engine, now);
		session->swept = now;
	}
}

bool session__busy(const struct session *session)
{
	return correlator__unsettled(session->correlator);
}

void session__context(struct session *session)
{
	read_context(session, clock__now());
}

uint64_t session__stop(struct session *session)
{
	session->stopped = engine__stop(session->engine);
	check_losses(session, clock__now());
	correlator__finish(session->correlator);
	return session->stopped;
}

void session__sum(struct session_totals *totals)
{
	int i;

	totals->walkers = 0;
	totals->overlaps = 0;
	totals->contained = 0;
	totals->escapes = 0;
	totals->likely = 0;
	totals->remained = 0;
	totals->unattributed = 0;
	totals->unproven = 0;
	totals->lost = 0;
	totals->windows = engine__windows(&totals->counters);
	for (i = 0; i < THPRACE_CLASS_MAX; i++) {
		totals->walkers += totals->counters.sum.walkers[i];
		totals->overlaps += totals->classes[i].overlaps;
		totals->contained += totals->classes[i].contained;
		totals->escapes += totals->classes[i].escapes;
		totals->likely += totals->classes[i].likely;
		totals->remained += totals->classes[i].remained;
		totals->unattributed += totals->classes[i].unattributed;
		totals->unproven += totals->classes[i].unproven;
	}
	for (i = 0; i < THPRACE_LOSS_MAX; i++)
		totals->lost += totals->counters.sum.lost[i];
}

void session__totals(const struct session *session, struct session_totals *totals)
{
	uint64_t end = session->stopped ? session->stopped : clock__now();
	int i;

	memset(totals, 0, sizeof(*totals));
	totals->counters = session->counters;
	totals->counters.sum.touching += correlator__touching(session->correlator);
	memcpy(totals->classes, correlator__classes(session->correlator), sizeof(totals->classes));
	for (i = 0; i < THPRACE_CLASS_MAX; i++)
		totals->classes[i].likely += session->lowered[i];
	totals->seconds = (end - session->started) / 1e9;
	session__sum(totals);
}

/* sign: 1 or -1. */
static void add_classes(struct session_totals *sum, const struct session_totals *totals, int sign)
{
	const struct verdict_counts *from;
	struct verdict_counts *to;
	int i;

	for (i = 0; i < THPRACE_CLASS_MAX; i++) {
		from = &totals->classes[i];
		to = &sum->classes[i];
		to->overlaps += sign * from->overlaps;
		to->contained += sign * from->contained;
		to->escapes += sign * from->escapes;
		to->likely += sign * from->likely;
		to->remained += sign * from->remained;
		to->unattributed += sign * from->unattributed;
		to->unproven += sign * from->unproven;
	}
}

void session__add(struct session_totals *sum, const struct session_totals *totals)
{
	bool identity = !sum->seconds || sum->counters.identity;

	engine__add_counters(&sum->counters, &totals->counters);
	sum->counters.identity = identity && totals->counters.identity;
	add_classes(sum, totals, 1);
	sum->records += totals->records;
	sum->bytes += totals->bytes;
	sum->seconds += totals->seconds;
	session__sum(sum);
}

void session__subtract(struct session_totals *sum, const struct session_totals *before)
{
	engine__subtract_counters(&sum->counters, &before->counters);
	add_classes(sum, before, -1);
	sum->records -= before->records;
	sum->bytes -= before->bytes;
	sum->seconds -= before->seconds;
	session__sum(sum);
}

struct engine *session__engine(const struct session *session)
{
	return session->engine;
}

void session__close(struct session *session)
{
	if (!session)
		return;
	engine__close(session->engine);
	correlator__free(session->correlator);
	free(session);
}
