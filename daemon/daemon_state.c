// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <unistd.h>

#include "daemon_private.h"
#include "base/clock.h"
#include "usage.h"

#define NOT_MEASURED                                                                            \
	"the kernel's BPF statistics are off: they need CAP_SYS_ADMIN, or the descriptor that " \
	"thpraced --hold-bpf-stats gives to systemd (ExecStartPre= of the unit)"

void daemon__read_programs(struct daemon *daemon)
{
	struct engine_program programs[ENGINE_PROGRAMS_MAX];
	size_t count =
		engine__programs(observer__engine(daemon->observer), programs, ENGINE_PROGRAMS_MAX);

	program_totals__read(daemon->programs, programs, count);
}

static void fill_overhead(struct daemon *daemon, struct overhead_state *state)
{
	size_t i;

	state->measured = engine__measured(observer__engine(daemon->observer));
	state->reason = state->measured ? NULL : NOT_MEASURED;
	state->share = daemon->overhead.share;
	state->budget = daemon->config.overhead.budget;
	state->over = daemon->overhead.helpless;
	state->zappers = daemon->over_budget.zappers;
	state->nr_zappers = state->over ? daemon->over_budget.nr_zappers : 0;
	state->sheds = daemon->sheds;
	state->restores = daemon->restores;
	state->loop_longest_ns = daemon->loop.longest_ns;
	state->loop_over = daemon->loop.over;
	state->run_ns = 0;
	for (i = 0; i < daemon->state.nr_programs; i++)
		state->run_ns += daemon->state.programs[i].run_ns;
}

static void fill_races(const struct engine *engine, struct state *state)
{
	const struct race *race;
	size_t i;

	for (i = 0; i < engine__races(engine) && i < RACE_SET_MAX; i++) {
		race = engine__race(engine, i);
		state->races[state->nr_races++] = (struct race_state){
			.name = race->name,
			.title = race->title,
			.file = race->path,
			.class = engine__race_class(engine, i),
			.reason = engine__race_why(engine, i),
		};
	}
}

static void fill_exposure(struct daemon *daemon)
{
	const struct exposure_sample *from;
	bool observable[THPRACE_CLASS_MAX];
	struct exposure_sample now;
	int class;

	for (class = 0; class < THPRACE_CLASS_MAX; class ++)
		observable[class] = class && !state__not_observable(&daemon->state, class);
	from = &daemon->samples[daemon->nr_samples < SAMPLES ? 0 : daemon->nr_samples % SAMPLES];
	exposure__sample(&now, &daemon->totals, daemon->state.now);
	exposure__between(&daemon->state.exposure, from, &now, exposure__folios("/proc/meminfo"),
			  observable);
}

const struct state *daemon__state(struct daemon *daemon)
{
	struct engine *engine = observer__engine(daemon->observer);
	struct state *state = &daemon->state;

	memset(state, 0, sizeof(*state));
	observer__totals(daemon->observer, &daemon->totals);
	daemon__read_programs(daemon);
	state->config = &daemon->config;
	state->kernel = engine__release(engine);
	state->machine = engine__machine(engine);
	state->cpus = engine__cpus(engine);
	state->pid = getpid();
	state->now = clock__now();
	state->now_wall = clock__wall();
	state->started = daemon->started;
	state->mode = engine__mode(engine);
	state->plan = engine__plan(engine);
	fill_races(engine, state);
	state->totals = &daemon->totals;
	state->programs = program_totals__list(daemon->programs, &state->nr_programs);
	state->own_cpu_ns = usage__cpu_ns();
	state->own_rss = usage__rss();
	state->bpf_memory = daemon->bpf_memory;
	state->reloads = daemon->reloads;
	state->reloads_failed = daemon->reloads_failed;
	state->clock_steps = daemon->clock_steps;
	if (daemon->check)
		state->check = kernel_check__state(daemon->check);
	fill_overhead(daemon, &state->overhead);
	spool__state(daemon->spool, &state->spool);
	alert__state(daemon->alert, &state->alert);
	if (daemon->control)
		control__state(daemon->control, &state->control);
	fill_exposure(daemon);
	return state;
}
