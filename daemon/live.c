// SPDX-License-Identifier: GPL-2.0-only
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "session/stats_json.h"
#include "kernel/symbols.h"
#include "trace/trace_writer.h"

#define LIVES_MAX 16 /* the control socket allows fewer for each user */
#define READ_EVERY_USEC 100000ULL
#define PIECE_NS 2000000ULL /* of the event loop's time, before others are served */
#define BYTES_MAX (64u << 20) /* of a memory file: a longer trace is cut off there, and says so */

struct live {
	struct live *next;
	struct live_requests *requests;
	uint64_t id;
	uint64_t from; /* ns CLOCK_MONOTONIC: nothing older */
	uint64_t until; /* 0: at once */
	uint64_t read; /* when the flight recorder was last read … */
	uint64_t began; /* … and when the present reading of it began */
	struct session_totals before; /* with until: the counts at its start */
	int fd;
	struct trace_writer *writer;
	struct symbols *symbols;
	char *stats; /* JSON, once it is finished */
	bool finished; /* only names are missing */
	sd_event_source *timer;
	sd_event_source *work; /* reads, in pieces: */
	uint64_t past, past_end; /* numbers of incidents … */
	int cpu; /* … and CPUs that are still to be read */
	bool last; /* the last pass: then it is finished */
	uint64_t *position; /* per CPU, in the flight recorder */
	uint64_t overwritten; /* overwritten there before it could be read */
};

struct live_requests {
	sd_event *event;
	struct observer *observer;
	struct spool *spool;
	struct namer *namer;
	struct live_hooks hooks;
	struct live *list;
};

struct live_requests *live_requests__new(sd_event *event, struct observer *observer,
					 struct spool *spool, struct namer *namer,
					 const struct live_hooks *hooks)
{
	struct live_requests *requests = calloc(1, sizeof(*requests));

	if (!requests)
		return NULL;
	requests->event = event;
	requests->observer = observer;
	requests->spool = spool;
	requests->namer = namer;
	requests->hooks = *hooks;
	return requests;
}

static void drop(struct live *live)
{
	struct live **at = &live->requests->list;

	while (*at && *at != live)
		at = &(*at)->next;
	if (*at)
		*at = live->next;
	sd_event_source_disable_unref(live->timer);
	sd_event_source_disable_unref(live->work);
	if (live->writer)
		trace_writer__abandon(live->writer);
	if (live->symbols)
		namer__forget(live->requests->namer, live->symbols);
	symbols__free(live->symbols);
	free(live->stats);
	free(live->position);
	if (live->fd >= 0)
		close(live->fd);
	free(live);
}

static void write_record(void *ctx, const struct thprace_record *record)
{
	struct live *live = ctx;

	trace_writer__record(live->writer, THPRACE_BLOCK_RECORDS, record);
}

static void write_incident(struct live *live, const struct thprace_incident *incident)
{
	if (incident->walk.leave < live->from && incident->window.close < live->from)
		return;
	symbols__want(live->symbols, &incident->opener_stack);
	symbols__want(live->symbols, &incident->walker_stack);
	trace_writer__incident(live->writer, incident);
}

/* What the flight recorder has overwritten before it was read is reported as lost. */
static void report_overwritten(struct live *live)
{
	struct thprace_record lost = {.type = THPRACE_REC_LOST, .value = THPRACE_LOSS_STREAM};

	if (!live->overwritten)
		return;
	lost.entry = live->read;
	lost.ts = clock__now();
	lost.arg = live->overwritten;
	live->overwritten = 0;
	write_record(live, &lost);
}

static void write_past(struct live *live, uint64_t number)
{
	struct thprace_incident incident;

	if (!spool__recent(live->requests->spool, number, &incident))
		write_incident(live, &incident);
}

static int write_json(struct live *live, enum thprace_block_type type, char *text)
{
	int err = text ? trace_writer__json(live->writer, type, text) : -ENOMEM;

	free(text);
	return err;
}

static char *stats_of(struct live *live)
{
	struct session_totals totals;

	observer__refresh(live->requests->observer);
	observer__totals(live->requests->observer, &totals);
	session__subtract(&totals, &live->before);
	return stats_json__span(&totals, clock__now());
}

/* The names are known: complete the trace and send it. */
static void hand_over(void *ctx)
{
	struct live *live = ctx;
	struct live_requests *requests = live->requests;
	uint64_t id = live->id;
	int err, fd;

	err = trace_writer__flush(live->writer);
	if (!err)
		err = write_json(live, THPRACE_BLOCK_SYMBOLS, symbols__json_new(live->symbols));
	/* For the past only incidents and records are known; there are no counts for that time. */
	if (!err && live->until) {
		err = write_json(live, THPRACE_BLOCK_STATS, live->stats);
		live->stats = NULL;
	}
	if (!err)
		err = trace_writer__close(live->writer);
	else
		trace_writer__abandon(live->writer);
	live->writer = NULL;
	if (!err && lseek(live->fd, 0, SEEK_SET) < 0)
		err = -errno;
	fd = live->fd;
	live->fd = -1;
	drop(live);
	if (err) {
		close(fd);
		requests->hooks.done(requests->hooks.ctx, id, err, strerror(-err));
	} else {
		requests->hooks.done(requests->hooks.ctx, id, fd, NULL);
	}
}

/* The trace has everything except names. */
static void finish(struct live *live)
{
	struct live_requests *requests = live->requests;
	uint64_t id = live->id;
	int err;

	live->finished = true;
	if (live->until)
		live->stats = stats_of(live);
	err = namer__want(requests->namer, live->symbols, hand_over, live);
	if (err) {
		drop(live);
		requests->hooks.done(requests->hooks.ctx, id, err, strerror(-err));
	}
}

/* Begin to read what came since the last time. */
static void begin_pass(struct live *live)
{
	live->cpu = 0;
	live->began = clock__now();
	sd_event_source_set_enabled(live->work, SD_EVENT_ON);
}

static void pass_done(struct live *live)
{
	report_overwritten(live);
	live->read = live->began;
	if (live->last) {
		finish(live);
		return;
	}
	sd_event_source_set_time_relative(live->timer, READ_EVERY_USEC);
	sd_event_source_set_enabled(live->timer, SD_EVENT_ONESHOT);
}

/* Read a piece; continue after others had their turn. */
static int on_work(sd_event_source *source, void *ctx)
{
	struct live *live = ctx;
	struct engine *engine = observer__engine(live->requests->observer);
	uint64_t now = clock__now(), end = now + PIECE_NS;

	for (; now < end; now = clock__now()) {
		if (live->past < live->past_end) {
			write_past(live, live->past++);
		} else if (live->cpu < engine__cpus(engine)) {
			engine__flight_follow(engine, live->cpu, &live->position[live->cpu],
					      live->from, write_record, live, &live->overwritten);
			live->cpu++;
		} else {
			sd_event_source_set_enabled(source, SD_EVENT_OFF);
			pass_done(live);
			return 0;
		}
	}
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct live *live = ctx;

	(void)source;
	(void)usec;
	live->last = clock__now() >= live->until || trace_writer__bytes(live->writer) >= BYTES_MAX;
	begin_pass(live);
	return 0;
}

static int open_trace(struct live *live)
{
	struct live_requests *requests = live->requests;
	uint64_t now = clock__now();
	int err;

	live->fd = memfd_create("thprace-live", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (live->fd < 0)
		return -errno;
	/* The trace begins at the earliest time of its records. */
	err = trace_writer__open_fd(&live->writer, live->fd, live->from,
				    clock__wall() - (now - live->from), 0);
	if (!err)
		err = write_json(live, THPRACE_BLOCK_META,
				 requests->hooks.meta(requests->hooks.ctx));
	return err;
}

static int begin(struct live_requests *requests, struct live *live, double seconds, bool from_now)
{
	uint64_t now, span = seconds * 1e9;
	struct engine *engine = observer__engine(requests->observer);
	struct spool_state state;
	int err;

	live->symbols = symbols__new();
	live->position = calloc(engine__cpus(engine), sizeof(*live->position));
	if (!live->symbols || !live->position)
		return -ENOMEM;
	if (from_now)
		engine__flight_skip(engine, live->position);
	now = clock__now();
	live->read = now;
	live->from = from_now ? now : 0;
	if (!from_now)
		live->from = seconds > 0 && span < now ? now - span : 1;
	live->until = from_now ? now + span : 0;
	err = open_trace(live);
	if (!err)
		err = sd_event_add_defer(requests->event, &live->work, on_work, live);
	if (err < 0)
		return err;
	if (!from_now) {
		spool__state(requests->spool, &state);
		live->past = spool__recent_first(requests->spool);
		live->past_end = state.next_id;
		live->last = true;
		begin_pass(live);
		return 0;
	}
	sd_event_source_set_enabled(live->work, SD_EVENT_OFF);
	observer__refresh(requests->observer);
	observer__totals(requests->observer, &live->before);
	return sd_event_add_time_relative(requests->event, &live->timer, CLOCK_MONOTONIC,
					  READ_EVERY_USEC, READ_EVERY_USEC / 4, on_timer, live);
}

int live_requests__begin(struct live_requests *requests, uint64_t id, double seconds, bool from_now,
			 char *why, size_t why_size)
{
	struct live *live;
	int err, count = 0;

	for (live = requests->list; live; live = live->next)
		count++;
	if (count >= LIVES_MAX) {
		snprintf(why, why_size, "%d live traces are under way already", count);
		return -EBUSY;
	}
	live = calloc(1, sizeof(*live));
	if (!live) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	live->requests = requests;
	live->id = id;
	live->fd = -1;
	live->next = requests->list;
	requests->list = live;
	err = begin(requests, live, seconds, from_now);
	if (err < 0) {
		snprintf(why, why_size, "cannot make a trace: %s", strerror(-err));
		drop(live);
		return err;
	}
	return 0;
}

void live_requests__cancel(struct live_requests *requests, uint64_t id)
{
	struct live *live, *next;

	for (live = requests->list; live; live = next) {
		next = live->next;
		if (live->id == id)
			drop(live);
	}
}

void live_requests__incident(struct live_requests *requests,
			     const struct thprace_incident *incident)
{
	struct live *live;

	for (live = requests->list; live; live = live->next)
		if (!live->finished)
			write_incident(live, incident);
}

void live_requests__free(struct live_requests *requests)
{
	struct live *live, *next;

	if (!requests)
		return;
	for (live = requests->list; live; live = next) {
		next = live->next;
		drop(live);
	}
	free(requests);
}
