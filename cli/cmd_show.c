// SPDX-License-Identifier: GPL-2.0-only
/* thprace show: draws one of the daemon's incidents. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "client.h"
#include "incident_raw.h"
#include "report/diagram.h"
#include "trace/spool_dir.h"
#include "spool_read.h"
#include "report/summary.h"
#include "trace/trace_reader.h"
#include "when.h"

enum show_option {
	OPT_STACKS = 's',
	OPT_NO_STACKS = 'S',
	OPT_SOCKET = 256,
	OPT_SPOOL,
};

static const struct argp_option options[] = {
	{"stacks", OPT_STACKS, NULL, 0, "with both sides' kernel stacks (default)", 0},
	{"no-stacks", OPT_NO_STACKS, NULL, 0, "leave the kernel stacks out", 0},
	{"socket", OPT_SOCKET, "PATH", 0, "use this socket instead of " CLIENT_SOCKET, 0},
	{"spool", OPT_SPOOL, "DIR", 0, "read the files of DIR, and don't ask the daemon", 0},
	{0},
};

struct show {
	const char *socket;
	const char *spool; /* given by the user, or NULL */
	uint64_t number;
	struct diagram_options diagram;
	/* What was found. */
	bool found;
	uint64_t wall;
	char path[SPOOL_PATH_LEN]; /* of the file that contains it; "": none */
	struct thprace_incident incident;
};

static void parse_number(struct show *show, const char *arg, struct argp_state *state)
{
	if (show->number)
		argp_error(state, "one ID only, '%s' is too many", arg);
	if (number__parse(arg, 1, UINT64_MAX, &show->number))
		argp_error(state, "'%s' is not the number of an incident", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct show *show = state->input;

	switch (key) {
	case OPT_STACKS:
		show->diagram.stacks = 1;
		break;
	case OPT_NO_STACKS:
		show->diagram.stacks = 0;
		break;
	case OPT_SOCKET:
		show->socket = arg;
		break;
	case OPT_SPOOL:
		show->spool = arg;
		break;
	case ARGP_KEY_ARG:
		parse_number(show, arg, state);
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "ID is missing: 'thprace incidents' lists them");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "ID",
	.doc = "Draw the daemon's incident number ID: two columns, one per CPU, time downward. It is "
	       "read from the spool file, so this works without a daemon too."
	       "\vExit status: 0 done, 1 failed or there is no such incident, 2 wrong usage.",
};

static int fail(const char *why)
{
	fprintf(stderr, "thprace show: %s\n", why);
	return CLI_FAILED;
}

static int take_from_file(void *ctx, uint64_t number, uint64_t wall, const char *path,
			  const struct thprace_incident *incident)
{
	struct show *show = ctx;

	(void)number;
	show->found = true;
	show->wall = wall;
	show->incident = *incident;
	snprintf(show->path, sizeof(show->path), "%s", path);
	return 1; /* it is the only one */
}

/* Returns 0 if the folder could be read, else negative errno. */
static int look_in(struct show *show, const char *directory)
{
	struct spool_range range = {.from = show->number, .before = show->number + 1};
	int err = spool_read__each(directory, &range, "show", take_from_file, show);

	return err < 0 ? err : 0;
}

/* The struct from the daemon's memory. */
static void take_raw(struct show *show, struct json_object *answer)
{
	show->found = incident_raw__take(&show->incident, answer);
	show->wall = json__get_number(answer, "wall_ns");
}

static void draw(const struct show *show)
{
	char place[SPOOL_PATH_LEN];
	struct trace_reader *reader = NULL;
	struct summary *summary = NULL;
	char why[256], when[WHEN_LEN];

	/* The names of functions and of the stacks' addresses are in the file, too. */
	if (show->path[0] && !trace_reader__open(&reader, show->path, why, sizeof(why))) {
		summary__read(&summary, reader, why, sizeof(why));
		trace_reader__close(reader);
	}
	printf("%s   %s\n\n", when__long(when, sizeof(when), show->wall),
	       cli__fit(place, sizeof(place),
			show->path[0] ? show->path : "in the daemon's memory only"));
	diagram__incident(stdout, summary, show->number, &show->incident, &show->diagram);
	summary__free(summary);
}

static struct json_object *request(uint64_t number)
{
	struct json_object *object = client__request("incident");

	if (object)
		json__add_number(object, "id", number);
	return object;
}

/* Neither the daemon nor a file has it: print why. asked: the daemon's answer, "": none. */
static int not_found(const struct show *show, const char *directory, int err,
		     const char *daemon_why)
{
	char why[1280];

	if (err)
		snprintf(why, sizeof(why), "%s%scannot read %s: %s", daemon_why,
			 *daemon_why ? "\n" : "", directory, strerror(-err));
	else
		snprintf(why, sizeof(why),
			 "%s%sno incident %" PRIu64 " in %s: removed for age or size, only "
			 "counted, or not yet stored; 'thprace incidents' lists them",
			 daemon_why, *daemon_why ? "\n" : "", show->number, directory);
	return fail(why);
}

int cmd_show(int argc, char **argv)
{
	struct show show = {.socket = CLIENT_SOCKET, .diagram = {.stacks = 1}};
	struct json_object *answer = NULL;
	const char *directory = SPOOL_DIR_DEFAULT;
	char daemon_why[512] = "";
	int err = 0, status = CLI_DONE;

	cli__parse(&argp, argc, argv, 0, &show);
	show.diagram.utf8 = cli__utf8();
	show.diagram.colour = cli__colour(stdout);
	show.diagram.width = cli__width(stdout);
	/* When asked for it, the daemon also writes it out. */
	if (!show.spool)
		err = client__call_once(show.socket, request(show.number), &answer, daemon_why,
					sizeof(daemon_why));
	if (!err || err == -ENOENT)
		daemon_why[0] = '\0';
	if (*json__get_text(answer, "directory"))
		directory = json__get_text(answer, "directory");
	if (show.spool)
		directory = show.spool;
	err = look_in(&show, directory);
	if (!show.found)
		take_raw(&show, answer);
	if (show.found)
		draw(&show);
	else
		status = not_found(&show, directory, err, daemon_why);
	json_object_put(answer);
	return status;
}
