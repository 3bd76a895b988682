// SPDX-License-Identifier: GPL-2.0-only
/* Numbers for `thprace top` without a daemon: from a session of its own, in light mode. */
#include "top_source.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/histogram.h"
#include "base/incident_time.h"
#include "base/names.h"
#include "classes/race_class.h"
#include "kernel/symbols.h"
#include "probe/probe.h"
#include "session/session.h"
#include "top.h"

#define CHECK_BUSY_NS 100000000ULL
#define CHECK_IDLE_NS 1000000000ULL
/* Lines of kallsyms per sample, after the first time: about 4 ms. */
#define SYMBOL_LINES 8192

struct session_source {
	struct top_source source;
	struct session *session;
	struct symbols *symbols;
	bool named; /* kallsyms was read once */
	uint64_t started;
	uint64_t checked;
	uint64_t asked;
	uint64_t run_ns; /* of all programs, when asked */
	/* Incidents since the last sample: a ring. */
	struct thprace_incident incidents[TOP_INCIDENTS];
	uint64_t nr_incidents; /* in all */
	uint64_t taken; /* of these */
};

static void on_incident(void *ctx, const struct thprace_incident *incident)
{
	struct session_source *own = ctx;

	symbols__want(own->symbols, &incident->opener_stack);
	symbols__want(own->symbols, &incident->walker_stack);
	own->incidents[own->nr_incidents++ % TOP_INCIDENTS] = *incident;
}

static struct top_phase phase_of(const struct thprace_phase_lengths *lengths)
{
	struct histogram histogram = {.sum = lengths->sum, .max = lengths->max};
	int i;

	for (i = 0; i < THPRACE_BUCKETS; i++) {
		histogram.buckets[i] = lengths->bucket[i];
		histogram.count += lengths->bucket[i];
	}
	return (struct top_phase){
		.count = histogram.count,
		.p50 = histogram__percentile(&histogram, 500),
		.p99 = histogram__percentile(&histogram, 990),
		.max = histogram.max,
	};
}

static void take_class(const struct session_source *own, struct top_class *class,
		       const struct session_totals *totals, unsigned int id)
{
	const struct probe_plan *plan = engine__plan(session__engine(own->session));
	const char *reason = probe__not_observable(plan, id);
	const struct verdict_counts *counts = &totals->classes[id];

	snprintf(class->name, sizeof(class->name), "%s", names__class(id));
	snprintf(class->reason, sizeof(class->reason), "%s", reason ? reason : "");
	class->observable = !reason;
	class->walkers = totals->counters.sum.walkers[id];
	class->overlaps = counts->overlaps;
	class->contained = counts->contained;
	class->escapes = counts->escapes;
	class->others = counts->remained + counts->unattributed + counts->unproven;
}

static void take_cost(struct session_source *own, struct top_sample *sample)
{
	static struct engine_program programs[ENGINE_PROGRAMS_MAX];
	struct engine *engine = session__engine(own->session);
	size_t nr = engine__programs(engine, programs, ENGINE_PROGRAMS_MAX), i;
	double time = (double)(sample->now - own->asked) * (double)sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t run_ns = 0;
	struct timespec cpu;

	for (i = 0; i < nr; i++)
		run_ns += programs[i].run_ns;
	sample->measured = engine__measured(engine) && time > 0;
	if (sample->measured && run_ns > own->run_ns)
		sample->share = (double)(run_ns - own->run_ns) / time;
	own->run_ns = run_ns;
	if (!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu))
		sample->cpu = (uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec;
}

static void take_sample(struct session_source *own, struct top *top)
{
	const struct engine *engine = session__engine(own->session);
	struct session_totals totals;
	struct top_sample sample = {.started = own->started, .now = clock__now()};
	unsigned int i;

	session__totals(own->session, &totals);
	snprintf(sample.kernel, sizeof(sample.kernel), "%s", engine__release(engine));
	snprintf(sample.mode, sizeof(sample.mode), "%s", names__mode(engine__mode(engine)));
	sample.escapes = totals.escapes;
	sample.likely = totals.likely;
	sample.seen = totals.counters.sum.seen;
	sample.lost = totals.lost;
	for (i = THPRACE_CLASS_NONE + 1; i < race_class__end(); i++)
		take_class(own, &sample.classes[sample.nr_classes++], &totals, i);
	for (i = 0; i < THPRACE_PHASE_MAX; i++)
		sample.phases[i] = phase_of(&totals.counters.sum.phase[i]);
	sample.closest = totals.counters.sum.closest.distance;
	take_cost(own, &sample);
	own->asked = sample.now;
	top__take(top, &sample);
}

static void take_incidents(struct session_source *own, struct top *top)
{
	uint64_t wall = clock__wall() - clock__now();

	if (own->nr_incidents - own->taken > TOP_INCIDENTS) {
		top->missed += own->nr_incidents - own->taken - TOP_INCIDENTS;
		own->taken = own->nr_incidents - TOP_INCIDENTS;
	}
	for (; own->taken < own->nr_incidents; own->taken++) {
		const struct thprace_incident *incident =
			&own->incidents[own->taken % TOP_INCIDENTS];

		top__incident(top, own->taken + 1, wall + incident_time__of(incident), incident);
	}
}

/* All at once the first time, then in pieces: new stacks come one by one. */
static void find_names(struct session_source *own)
{
	if (!symbols__any_untried(own->symbols))
		return;
	symbols__step(own->symbols, own->named ? SYMBOL_LINES : UINT_MAX);
	own->named = true;
}

static int session_step(struct top_source *source, char *why, size_t size)
{
	struct session_source *own = (struct session_source *)source;
	int err = session__poll(own->session, 0);
	uint64_t now = clock__now();

	if (err)
		snprintf(why, size, "reading the rings failed: %s", strerror(-err));
	if (now - own->checked >= (session__busy(own->session) ? CHECK_BUSY_NS : CHECK_IDLE_NS)) {
		session__check(own->session);
		own->checked = now;
	}
	return err;
}

static int session_ask(struct top_source *source, struct top *top, char *why, size_t size)
{
	struct session_source *own = (struct session_source *)source;
	int err = session_step(source, why, size);

	find_names(own);
	take_sample(own, top);
	take_incidents(own, top);
	return err;
}

static void name_stack(const struct session_source *own, struct top *top,
		       const struct thprace_stack *stack)
{
	char name[SYMBOLS_NAME_LEN];
	const char *path;
	uint32_t i;

	for (i = 0; i < stack->nr && i < THPRACE_STACK_MAX; i++) {
		if (symbols__name(own->symbols, stack->ip[i], name))
			top__name(top, stack->ip[i], name);
	}
	path = symbols__cgroup(own->symbols, stack->cgroup);
	if (path)
		top__cgroup(top, stack->cgroup, path);
}

static void session_name(struct top_source *source, struct top *top,
			 const struct top_incident *incident)
{
	const struct session_source *own = (const struct session_source *)source;

	name_stack(own, top, &incident->incident.opener_stack);
	name_stack(own, top, &incident->incident.walker_stack);
}

static void session_close(struct top_source *source)
{
	struct session_source *own = (struct session_source *)source;

	session__close(own->session);
	symbols__free(own->symbols);
	free(own);
}

static void take_functions(const struct session_source *own, struct top *top)
{
	const struct probe_plan *plan = engine__plan(session__engine(own->session));
	int i;

	for (i = 0; i < THPRACE_POINT_MAX; i++) {
		if (plan->probe[i].point && plan->probe[i].function)
			top__function(top, plan->probe[i].point->name, plan->probe[i].function);
	}
}

int top_source__session(struct top_source **result, struct top *top, char *why, size_t size)
{
	struct session_source *own = calloc(1, sizeof(*own));
	const struct session_options options = {
		.mode = THPRACE_LIGHT, .stats_fd = -1, .incident = on_incident, .ctx = own};
	int err = -ENOMEM;

	snprintf(why, size, "out of memory");
	if (!own)
		return err;
	own->symbols = symbols__new();
	if (own->symbols)
		err = session__open(&own->session, &options, why, size);
	if (err) {
		session_close(&own->source);
		return err;
	}
	own->source = (struct top_source){
		.ask = session_ask,
		.name = session_name,
		.step = session_step,
		.fd = session__fd(own->session),
		.close = session_close,
	};
	take_functions(own, top);
	own->started = session__start(own->session);
	own->checked = own->started;
	own->asked = own->started;
	*result = &own->source;
	return 0;
}
