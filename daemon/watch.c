// SPDX-License-Identifier: GPL-2.0-only
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define BUSY_USEC 100000ULL /* between two readings while reports come */
#define IDLE_USEC 1000000ULL
#define GRACE_NS 2000000000ULL /* a session that was replaced is followed so long */

/* One session and its place in the loop. */
struct run {
	struct watch *watch;
	struct session *session;
	sd_event_source *io;
	uint64_t replaced; /* when the next one started; 0: it is the present one */
	uint64_t lost[THPRACE_LOSS_SLOTS]; /* until then */
};

struct watch {
	sd_event *event;
	struct watch_hooks hooks;
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
 * After a replacement the old session tells what had begun before it, since the new one saw but a part
 * of that; the new one tells the rest. Both see what lies between, so each takes its own.
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
		correlator__count(run->watch->past.classes, incident);
		session__sum(&run->watch->past);
	}
	run->watch->hooks.incident(run->watch->hooks.ctx, incident);
}

static void on_record(void *ctx, const struct thprace_record *record)
{
	struct run *run = ctx;

	run->watch->hooks.record(run->watch->hooks.ctx, record, false);
}

static void on_context(void *ctx, const struct thprace_record *record)
{
	struct run *run = ctx;

	if (!run->replaced || record->ts < run->replaced)
		run->watch->hooks.record(run->watch->hooks.ctx, record, true);
}

static void arm(struct watch *watch, uint64_t usec)
{
	sd_event_source_set_time_relative(watch->timer, usec);
	sd_event_source_set_time_accuracy(watch->timer, usec / 4);
	sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
	watch->busy = usec == BUSY_USEC;
}

static void end_run(struct run *run)
{
	if (!run)
		return;
	sd_event_source_disable_unref(run->io);
	session__close(run->session);
	free(run);
}

/* What a session that was replaced lost since then: nothing else of that time is counted for it. */
static void add_late_losses(struct watch *watch, const struct run *old)
{
	struct thprace_counters *sum = &watch->past.counters.sum;
	struct session_totals totals;
	uint64_t more;
	int i;

	session__totals(old->session, &totals);
	for (i = 0; i < THPRACE_LOSS_MAX; i++) {
		more = totals.counters.sum.lost[i] - old->lost[i];
		sum->lost[i] += more;
		sum->seen += more;
	}
	session__sum(&watch->past);
}

static void drop_old(struct watch *watch)
{
	struct run *old = watch->old;

	if (!old)
		return;
	session__stop(old->session);
	add_late_losses(watch, old);
	watch->old = NULL;
	end_run(old);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct watch *watch = ctx;
	bool busy;

	(void)source;
	(void)usec;
	session__poll(watch->now->session, 0);
	session__check(watch->now->session);
	watch->checked = clock__now();
	if (watch->old) {
		session__check(watch->old->session);
		if (clock__now() >= watch->old->replaced + GRACE_NS)
			drop_old(watch);
	}
	busy = watch->old || session__busy(watch->now->session);
	arm(watch, busy ? BUSY_USEC : IDLE_USEC);
	watch->hooks.checked(watch->hooks.ctx);
	return 0;
}

static int on_ring(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct run *run = ctx;

	(void)source;
	(void)fd;
	(void)events;
	session__poll(run->session, 0);
	if (!run->watch->busy)
		arm(run->watch, BUSY_USEC);
	return 0;
}

static int open_run(struct watch *watch, struct run **result, const struct config *config,
		    char *why, size_t why_size)
{
	struct session_options options = {
		.mode = config->observe.mode,
		.attach = config->observe.attach,
		.btf = config->observe.btf[0] ? config->observe.btf : NULL,
		.stats_fd = watch->fd_store->stats_fd,
		.kprobe_fds = watch->fd_store->kprobes,
		.kprobe_fd_count = watch->fd_store->kprobe_count,
		.incident = on_incident,
		.record = on_record,
		.context = on_context,
	};
	struct run *run = calloc(1, sizeof(*run));
	int err;

	if (!run) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	run->watch = watch;
	options.ctx = run;
	err = session__open(&run->session, &options, why, why_size);
	if (err)
		goto cleanup;
	err = sd_event_add_io(watch->event, &run->io, session__fd(run->session), EPOLLIN, on_ring,
			      run);
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

int watch__open(struct watch **result, sd_event *event, const struct config *config,
		const struct fd_store *fd_store, const struct watch_hooks *hooks, char *why,
		size_t why_size)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	watch->event = sd_event_ref(event);
	watch->hooks = *hooks;
	watch->fd_store = fd_store;
	watch->mode = config->observe.mode;
	watch->attach = config->observe.attach;
	memcpy(watch->btf, config->observe.btf, sizeof(watch->btf));
	err = open_run(watch, &watch->now, config, why, why_size);
	if (err)
		goto cleanup;
	err = sd_event_add_time_relative(event, &watch->timer, CLOCK_MONOTONIC, IDLE_USEC,
					 IDLE_USEC / 4, on_timer, watch);
	if (err < 0) {
		snprintf(why, why_size, "cannot set a timer: %s", strerror(-err));
		goto cleanup;
	}
	*result = watch;
	return 0;

cleanup:
	watch__close(watch);
	return err;
}

uint64_t watch__start(struct watch *watch)
{
	watch->started = true;
	return session__start(watch->now->session);
}

int watch__configure(struct watch *watch, const struct config *config, char *why, size_t why_size)
{
	struct session_totals totals;
	struct run *run;
	int err;

	if (config->observe.mode == watch->mode && config->observe.attach == watch->attach &&
	    !strcmp(config->observe.btf, watch->btf))
		return 0;
	drop_old(watch);
	err = open_run(watch, &run, config, why, why_size);
	if (err)
		return err;
	watch->mode = config->observe.mode;
	watch->attach = config->observe.attach;
	memcpy(watch->btf, config->observe.btf, sizeof(watch->btf));
	watch->hooks.replacing(watch->hooks.ctx);
	watch->old = watch->now;
	watch->now = run;
	watch->old->replaced = session__start(run->session);
	/* What it counts from here on, the new one counts as well. */
	session__check(watch->old->session);
	session__totals(watch->old->session, &totals);
	session__add(&watch->past, &totals);
	memcpy(watch->old->lost, totals.counters.sum.lost, sizeof(watch->old->lost));
	arm(watch, BUSY_USEC);
	return 1;
}

void watch__refresh(struct watch *watch)
{
	uint64_t now = clock__now();

	if (now < watch->checked + BUSY_USEC * 1000)
		return;
	session__poll(watch->now->session, 0);
	session__check(watch->now->session);
	watch->checked = now;
}

void watch__totals(const struct watch *watch, struct session_totals *totals)
{
	struct session_totals now;

	*totals = watch->past;
	session__totals(watch->now->session, &now);
	session__add(totals, &now);
}

void watch__session_totals(const struct watch *watch, struct session_totals *totals)
{
	session__totals(watch->now->session, totals);
}

struct engine *watch__engine(const struct watch *watch)
{
	return session__engine(watch->now->session);
}

void watch__stop(struct watch *watch)
{
	if (!watch || !watch->started)
		return;
	drop_old(watch);
	session__stop(watch->now->session);
	watch->started = false;
}

void watch__close(struct watch *watch)
{
	if (!watch)
		return;
	end_run(watch->old);
	end_run(watch->now);
	sd_event_source_disable_unref(watch->timer);
	sd_event_unref(watch->event);
	free(watch);
}
