// SPDX-License-Identifier: GPL-2.0-only
#include "observer.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "race_set.h"

#define BUSY_USEC 100000ULL /* between two readings while reports come */
#define IDLE_USEC 1000000ULL
#define GRACE_NS 2000000000ULL /* how long a replaced session is still followed */

/* One session and its place in the loop. */
struct run {
	struct observer *observer;
	struct race_set *races;
	struct session *session;
	sd_event_source *io;
	uint64_t replaced; /* when the next one started; 0: it is the present one */
	uint64_t lost[THPRACE_LOSS_SLOTS]; /* until then */
};

struct observer {
	sd_event *event;
	struct observer_hooks hooks;
	const struct fd_store *fd_store;
	enum thprace_mode mode; /* as configured */
	enum probe_attach attach;
	char btf[CONFIG_PATH_MAX];
	bool started;
	struct run *now;
	struct run *old;
	sd_event_source *timer;
	bool busy; /* the timer is set for BUSY_USEC */
	uint64_t checked; /* when the counters were read last */
	struct session_totals past; /* of the sessions before */
};

/*
 * After a replacement the old session reports what had begun before it, because the new one saw only
 * a part of that; the new one reports the rest. Both see what is in between, so each takes its own.
 */
static void on_incident(void *ctx, const struct thprace_incident *incident)
{
	uint64_t begun = incident->walk.enter;
	struct run *run = ctx;

	if (incident->window.pid && incident->window.open < begun)
		begun = incident->window.open;
	if (run->replaced) {
		if (begun >= run->replaced)
			return;
		correlator__count(run->observer->past.classes, incident);
		session__sum(&run->observer->past);
	}
	run->observer->hooks.incident(run->observer->hooks.ctx, incident);
}

static void on_record(void *ctx, const struct thprace_record *record)
{
	struct run *run = ctx;

	run->observer->hooks.record(run->observer->hooks.ctx, record, false);
}

static void on_context(void *ctx, const struct thprace_record *record)
{
	struct run *run = ctx;

	if (!run->replaced || record->ts < run->replaced)
		run->observer->hooks.record(run->observer->hooks.ctx, record, true);
}

static void arm(struct observer *observer, uint64_t usec)
{
	sd_event_source_set_time_relative(observer->timer, usec);
	sd_event_source_set_time_accuracy(observer->timer, usec / 4);
	sd_event_source_set_enabled(observer->timer, SD_EVENT_ONESHOT);
	observer->busy = usec == BUSY_USEC;
}

static void end_run(struct run *run)
{
	if (!run)
		return;
	sd_event_source_disable_unref(run->io);
	session__close(run->session);
	race_set__free(run->races);
	free(run);
}

/* What a session that was replaced lost since then: nothing else of that time is counted for it. */
static void add_late_losses(struct observer *observer, const struct run *old)
{
	struct thprace_counters *sum = &observer->past.counters.sum;
	struct session_totals totals;
	uint64_t more;
	int i;

	session__totals(old->session, &totals);
	for (i = 0; i < THPRACE_LOSS_MAX; i++) {
		more = totals.counters.sum.lost[i] - old->lost[i];
		sum->lost[i] += more;
		sum->seen += more;
	}
	session__sum(&observer->past);
}

static void drop_old(struct observer *observer)
{
	struct run *old = observer->old;

	if (!old)
		return;
	session__stop(old->session);
	add_late_losses(observer, old);
	observer->old = NULL;
	end_run(old);
	malloc_trim(0); /* what loading the new one took, and the old one */
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct observer *observer = ctx;
	bool busy;

	(void)source;
	(void)usec;
	session__poll(observer->now->session, 0);
	session__check(observer->now->session);
	observer->checked = clock__now();
	if (observer->old) {
		session__check(observer->old->session);
		if (clock__now() >= observer->old->replaced + GRACE_NS)
			drop_old(observer);
	}
	busy = observer->old || session__busy(observer->now->session);
	arm(observer, busy ? BUSY_USEC : IDLE_USEC);
	observer->hooks.checked(observer->hooks.ctx);
	return 0;
}

static int on_ring(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct run *run = ctx;

	(void)source;
	(void)fd;
	(void)events;
	session__poll(run->session, 0);
	if (!run->observer->busy)
		arm(run->observer, BUSY_USEC);
	return 0;
}

/* Takes ownership of races, also if it fails. */
static int open_run(struct observer *observer, struct run **result, const struct config *config,
		    struct race_set *races, char *why, size_t why_size)
{
	struct session_options options = {
		.mode = config->observe.mode,
		.attach = config->observe.attach,
		.btf = config->observe.btf[0] ? config->observe.btf : NULL,
		.stats_fd = observer->fd_store->stats_fd,
		.kprobe_fds = observer->fd_store->kprobes,
		.kprobe_fd_count = observer->fd_store->kprobe_count,
		.incident = on_incident,
		.record = on_record,
		.context = on_context,
	};
	struct run *run = calloc(1, sizeof(*run));
	int err;

	if (!run) {
		race_set__free(races);
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	run->observer = observer;
	run->races = races;
	options.races = race_set__list(races, &options.race_count);
	options.ctx = run;
	err = session__open(&run->session, &options, why, why_size);
	if (err)
		goto cleanup;
	err = sd_event_add_io(observer->event, &run->io, session__fd(run->session), EPOLLIN,
			      on_ring, run);
	if (err < 0) {
		snprintf(why, why_size, "cannot wait for the rings: %s", strerror(-err));
		goto cleanup;
	}
	*result = run;
	return 0;

cleanup:
	end_run(run);
	return err;
}

int observer__open(struct observer **result, sd_event *event, const struct config *config,
		   const struct fd_store *fd_store, const struct observer_hooks *hooks, char *why,
		   size_t why_size)
{
	struct observer *observer = calloc(1, sizeof(*observer));
	struct race_set *races;
	int err;

	if (!observer) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	observer->event = sd_event_ref(event);
	observer->hooks = *hooks;
	observer->fd_store = fd_store;
	observer->mode = config->observe.mode;
	observer->attach = config->observe.attach;
	memcpy(observer->btf, config->observe.btf, sizeof(observer->btf));
	err = race_set__read(&races, config->observe.races, why, why_size);
	if (!err)
		err = open_run(observer, &observer->now, config, races, why, why_size);
	if (err)
		goto cleanup;
	err = sd_event_add_time_relative(event, &observer->timer, CLOCK_MONOTONIC, IDLE_USEC,
					 IDLE_USEC / 4, on_timer, observer);
	if (err < 0) {
		snprintf(why, why_size, "cannot set a timer: %s", strerror(-err));
		goto cleanup;
	}
	*result = observer;
	return 0;

cleanup:
	observer__close(observer);
	return err;
}

uint64_t observer__start(struct observer *observer)
{
	observer->started = true;
	return session__start(observer->now->session);
}

int observer__configure(struct observer *observer, const struct config *config, char *why,
			size_t why_size)
{
	struct session_totals totals;
	struct race_set *races;
	struct run *run;
	int err;

	err = race_set__read(&races, config->observe.races, why, why_size);
	if (err)
		return err;
	if (config->observe.mode == observer->mode && config->observe.attach == observer->attach &&
	    !strcmp(config->observe.btf, observer->btf) &&
	    race_set__same(races, observer->now->races)) {
		race_set__free(races);
		return 0;
	}
	drop_old(observer);
	err = open_run(observer, &run, config, races, why, why_size);
	if (err)
		return err;
	observer->mode = config->observe.mode;
	observer->attach = config->observe.attach;
	memcpy(observer->btf, config->observe.btf, sizeof(observer->btf));
	observer->hooks.replacing(observer->hooks.ctx);
	observer->old = observer->now;
	observer->now = run;
	observer->old->replaced = session__start(run->session);
	/* What it counts from here on, the new one counts as well. */
	session__check(observer->old->session);
	session__totals(observer->old->session, &totals);
	session__add(&observer->past, &totals);
	memcpy(observer->old->lost, totals.counters.sum.lost, sizeof(observer->old->lost));
	arm(observer, BUSY_USEC);
	return 1;
}

void observer__refresh(struct observer *observer)
{
	uint64_t now = clock__now();

	if (now < observer->checked + BUSY_USEC * 1000)
		return;
	session__poll(observer->now->session, 0);
	session__check(observer->now->session);
	observer->checked = now;
}

void observer__totals(const struct observer *observer, struct session_totals *totals)
{
	struct session_totals now;

	*totals = observer->past;
	session__totals(observer->now->session, &now);
	session__add(totals, &now);
}

void observer__session_totals(const struct observer *observer, struct session_totals *totals)
{
	session__totals(observer->now->session, totals);
}

struct engine *observer__engine(const struct observer *observer)
{
	return session__engine(observer->now->session);
}

void observer__stop(struct observer *observer)
{
	if (!observer || !observer->started)
		return;
	drop_old(observer);
	session__stop(observer->now->session);
	observer->started = false;
}

void observer__close(struct observer *observer)
{
	if (!observer)
		return;
	end_run(observer->old);
	end_run(observer->now);
	sd_event_source_disable_unref(observer->timer);
	sd_event_unref(observer->event);
	free(observer);
}
