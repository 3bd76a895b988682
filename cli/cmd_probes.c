// SPDX-License-Identifier: GPL-2.0-only
/* thprace probes: which probes this kernel allows, and why the others are not available. */
#include "cli.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <json-c/json.h>
#include "engine/engine.h"
#include "base/json.h"
#include "base/layout.h"
#include "engine/kprobe_trial.h"
#include "base/names.h"
#include "probe/probe.h"
#include "race_find.h"
#include "report/render_text.h"
#include "classes/race_class.h"

enum probes_option {
	OPT_MODE = 'm',
	OPT_ATTACH = 'A',
	OPT_FORMAT = 'f',
	OPT_LOAD = 'l',
	OPT_RACE = 'r',
	OPT_BTF = 256,
};

static const struct argp_option options[] = {
	{"mode", OPT_MODE, "MODE", 0, "light or precise (default)", 0},
	{"attach", OPT_ATTACH, "HOW", 0, "auto (default), fentry or kprobe", 0},
	{"btf", OPT_BTF, "FILE", 0,
	 "show the probes of the kernel whose BTF is in FILE, on any machine: nothing is read "
	 "from the running kernel. With --load: use FILE for the running kernel",
	 0},
	{"format", OPT_FORMAT, "FORMAT", 0, "text (default) or json (an object per line)", 0},
	{"load", OPT_LOAD, NULL, 0,
	 "attach everything for a moment (needs root): shows what the kernel really accepts, and "
	 "each program's instructions and the verifier's count",
	 0},
	{"race", OPT_RACE, "FILE|NAME", 0,
	 "with --load: attach the events of this race too, which a file describes "
	 "(thprace.race(5)); may be repeated",
	 0},
	{0},
};

#define PROBES_RACES_MAX 16

struct probes {
	enum thprace_mode mode;
	enum probe_attach attach;
	const char *btf; /* file, or NULL */
	bool json;
	bool load;
	const char *given[PROBES_RACES_MAX];
	const struct race *race[PROBES_RACES_MAX];
	size_t races;
	struct race_files files;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct probes *probes = state->input;

	switch (key) {
	case OPT_MODE:
		probes->mode = cli__parse_mode(arg, state);
		break;
	case OPT_ATTACH:
		probes->attach = cli__parse_attach(arg, state);
		break;
	case OPT_FORMAT:
		probes->json = cli__parse_json(arg, state);
		break;
	case OPT_BTF:
		probes->btf = arg;
		break;
	case OPT_LOAD:
		probes->load = true;
		break;
	case OPT_RACE:
		if (probes->races == PROBES_RACES_MAX)
			argp_error(state, "more than %d races", PROBES_RACES_MAX);
		probes->given[probes->races++] = arg;
		break;
	case ARGP_KEY_END:
		if (probes->races && !probes->load)
			argp_error(state, "--race goes with --load; thprace races shows what is "
					  "planned");
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is too many", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Show which probes this kernel, or the kernel of a BTF file, allows, and why the others "
	       "are not available."
	       "\vExit status: 0 done, 1 failed or nothing can be observed here, 2 wrong usage.",
};

static const char *state_name(const struct probe *probe)
{
	static const char *const names[] = PROBE_STATE_NAMES;

	return names[probe->state];
}

/* Classes first: users want to know about them, and the probes are the reason. */
static void print_text(const struct probe_plan *plan)
{
	const struct layout_table table = {
		.out = stdout, .width = (size_t)cli__width(stdout), .name_width = 18};
	const struct probe *probe;
	const char *reason;
	char text[512];
	unsigned int i;

	for (i = 1; i < race_class__end(); i++) {
		reason = probe__not_observable(plan, i);
		snprintf(text, sizeof(text), "%s%s",
			 reason ? names__blindness(reason) : "observable", reason ? reason : "");
		layout__row_text(&table, names__class((unsigned int)i), text);
	}
	putchar('\n');
	for (i = 0; i < THPRACE_POINT_MAX; i++) {
		probe = &plan->probe[i];
		render_text__probe(stdout, table.width, 0,
				   &(const struct render_probe){
					   .point = probe->point->name,
					   .function = probe->function ? probe->function
								       : probe->point->functions[0],
					   .kind = probe__kind_name(probe),
					   .state = state_name(probe),
					   .reason = probe->reason[0] ? probe->reason
								      : probe->point->what,
				   });
	}
}

static void print_json(const struct probe_plan *plan)
{
	const struct probe *probe;
	struct json_object *object;
	const char *reason;
	unsigned int i;

	for (i = 0; i < THPRACE_POINT_MAX; i++) {
		probe = &plan->probe[i];
		object = json_object_new_object();
		json__add_name(object, "type", "probe");
		json__add_name(object, "point", probe->point->name);
		json__add_name(object, "function",
			       probe->function ? probe->function : probe->point->functions[0]);
		json__add_name(object, "kind", probe__kind_name(probe));
		json__add_name(object, "state", state_name(probe));
		json__add_name(object, "reason", probe->reason);
		json__print(stdout, object);
	}
	for (i = 1; i < race_class__end(); i++) {
		reason = probe__not_observable(plan, i);
		object = json_object_new_object();
		json__add_name(object, "type", "class");
		json__add_name(object, "class", names__class((unsigned int)i));
		json__add_bool(object, "observable", !reason);
		json__add_name(object, "reason", reason ? reason : "");
		json__print(stdout, object);
	}
}

static void print_programs(struct engine *engine, bool json)
{
	struct engine_program programs[ENGINE_PROGRAMS_MAX];
	static const struct layout_column columns[] = {
		{"function", 32}, {"kind", 9}, {"instructions", 12}, {"verified", 9}};
	const struct layout_table table = {
		.out = stdout,
		.width = (size_t)cli__width(stdout),
		.name_width = 26,
		.columns = columns,
		.nr = sizeof(columns) / sizeof(columns[0]),
	};
	size_t i, count = engine__programs(engine, programs, ENGINE_PROGRAMS_MAX);
	char insns[16], verified[16];
	struct json_object *object;

	if (!json) {
		putchar('\n');
		layout__head(&table, "program");
	}
	for (i = 0; i < count; i++) {
		if (!json) {
			snprintf(insns, sizeof(insns), "%u", programs[i].insns);
			snprintf(verified, sizeof(verified), "%u", programs[i].verified);
			layout__row(&table, programs[i].name,
				    (const char *const[]){programs[i].function, programs[i].kind,
							  insns, verified},
				    table.nr, "", "");
			continue;
		}
		object = json_object_new_object();
		json__add_name(object, "type", "program");
		json__add_name(object, "name", programs[i].name);
		json__add_name(object, "kind", programs[i].kind);
		json__add_name(object, "function", programs[i].function);
		json__add(object, "instructions", json_object_new_int64(programs[i].insns));
		json__add(object, "verified", json_object_new_int64(programs[i].verified));
		json__print(stdout, object);
	}
}

static void print_race_json(const char *name, const struct engine_race_event *event)
{
	struct json_object *object = json_object_new_object();

	json__add_name(object, "type", "event");
	json__add_name(object, "race", name);
	json__add_name(object, "side", event->side);
	json__add_name(object, "event", event->moment);
	json__add_name(object, "place", event->place);
	json__add_name(object, "kind", event->how);
	json__print(stdout, object);
}

/* The events of each race; returns how many of the races are not recorded here. */
static size_t print_races(const struct probes *probes, const struct engine *engine)
{
	struct engine_race_event event;
	size_t i, number, refused = 0;
	const char *name;

	for (i = 0; i < probes->races; i++) {
		name = probes->race[i]->name;
		if (engine__race_why(engine, i)) {
			cli__fail("probes", name, engine__race_why(engine, i));
			refused++;
			continue;
		}
		if (!probes->json)
			printf("\n%s\n", name);
		for (number = 0; engine__race_event(engine, i, number, &event); number++) {
			if (probes->json)
				print_race_json(name, &event);
			else
				printf("  %-6s  %-8s  %-18s  %s\n", event.side, event.moment,
				       event.how, event.place);
		}
	}
	return refused;
}

static void print(const struct probe_plan *plan, bool json)
{
	if (json)
		print_json(plan);
	else
		print_text(plan);
}

static void no_message(void *ctx, const void *message, size_t size)
{
	(void)ctx;
	(void)message;
	(void)size;
}

static int load(struct probes *probes)
{
	struct engine_options engine_options = {.stats_fd = -1,
						.mode = probes->mode,
						.attach = probes->attach,
						.btf = probes->btf,
						.message = no_message};
	struct engine *engine;
	char why[512];
	size_t i, refused;

	if (probes->races && race_files__read(&probes->files, ""))
		return cli__fail("probes", NULL, "out of memory");
	for (i = 0; i < probes->races; i++) {
		probes->race[i] = race_find("probes", &probes->files, probes->given[i]);
		if (!probes->race[i])
			return CLI_FAILED;
	}
	engine_options.races = probes->race;
	engine_options.race_count = probes->races;
	if (engine__open(&engine, &engine_options, why, sizeof(why)))
		return cli__fail("probes", NULL, why);
	print(engine__plan(engine), probes->json);
	print_programs(engine, probes->json);
	refused = print_races(probes, engine);
	engine__close(engine);
	race_files__release(&probes->files);
	return refused ? CLI_FAILED : CLI_DONE;
}

/* For a kernel elsewhere: the source of the plan. */
static void print_source(const struct probes *probes)
{
	struct json_object *object;
	char path[PATH_MAX];

	if (!probes->json) {
		printf("The kernel of %s.\n", cli__fit(path, sizeof(path), probes->btf));
		layout__wrap(
			stdout, (size_t)cli__width(stdout),
			"Its functions are those in this BTF; its symbols, and which functions "
			"can be traced, are not known.",
			0, 0);
		putchar('\n');
		return;
	}
	object = json_object_new_object();
	json__add_name(object, "type", "source");
	json__add_name(object, "btf", probes->btf);
	json__add_name(object, "symbols", "btf");
	json__print(stdout, object);
}

static int plan(const struct probes *probes)
{
	const struct target_options where = {.btf = probes->btf, .elsewhere = !!probes->btf};
	struct probe_trial trial = {.calls = true, .functions = true};
	const char *names[PROBE_NAMES_MAX];
	struct probe_plan plan;
	struct target *target;
	char why[512];
	int status = CLI_DONE;

	if (target__new(&target, &where, names, probe__names(names, PROBE_NAMES_MAX), why,
			sizeof(why)))
		return cli__fail("probes", NULL, why);
	if (!target__elsewhere(target) && probes->attach != PROBE_ATTACH_FENTRY)
		kprobe_trial__run(&trial, target, NULL, 0);
	probe__plan(&plan, target, probes->mode, probes->attach, &trial);
	if (target__elsewhere(target))
		print_source(probes);
	print(&plan, probes->json);
	if (!probe__usable(&plan, why, sizeof(why)))
		status = cli__fail("probes", NULL, why);
	target__free(target);
	return status;
}

int cmd_probes(int argc, char **argv)
{
	static struct probes probes = {.mode = THPRACE_PRECISE};

	cli__parse(&argp, argc, argv, 0, &probes);
	return probes.load ? load(&probes) : plan(&probes);
}
