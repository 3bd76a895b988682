// SPDX-License-Identifier: GPL-2.0-only
/* thprace incidents: what the daemon saw, one line each, from its memory and its spool. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "client.h"
#include "filter.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/layout.h"
#include "base/names.h"
#include "classes/race_class.h"
#include "base/number.h"
#include "base/output.h"
#include "report/render_json.h"
#include "trace/spool_dir.h"
#include "spool_read.h"
#include "when.h"

#define TASK_WIDTH 14
#define WIDTH_OF_LINE (71 + 2 * TASK_WIDTH) /* everything in one line */
#define COUNT_DEFAULT 100
#define COUNT_FOLLOW 10 /* before the new ones */
#define COUNT_ALL UINT64_MAX

enum incidents_option {
	OPT_SINCE = 's',
	OPT_CLASS = 'c',
	OPT_VERDICT = 'v',
	OPT_FOLLOW = 'F',
	OPT_FORMAT = 'f',
	OPT_COUNT = 'n',
	OPT_SOCKET = 256,
	OPT_SPOOL,
};

static const struct argp_option options[] = {
	{"since", OPT_SINCE, "WHEN", 0,
	 "not before WHEN: -10min, -2h, -1d, today, \"2026-11-21 19:00\"", 0},
	{"class", OPT_CLASS, "CLASS", 0, "only of this race class", 0},
	{"verdict", OPT_VERDICT, "VERDICT", 0,
	 "only with this verdict: contained, escape, remained, unattributed, unproven", 0},
	{"follow", OPT_FOLLOW, NULL, 0, "then print new ones as they come", 0},
	{"format", OPT_FORMAT, "FORMAT", 0, "text (default) or json (an object per line)", 0},
	{"count", OPT_COUNT, "N", 0,
	 "only the last N (default: 100; with --follow 10; with --since all)", 0},
	{"socket", OPT_SOCKET, "PATH", 0, "use this socket instead of " CLIENT_SOCKET, 0},
	{"spool", OPT_SPOOL, "DIR", 0, "read the files of DIR, and don't ask the daemon", 0},
	{0},
};

struct incidents {
	const char *socket;
	const char *spool; /* given by the user, or NULL */
	const char *class; /* names, or NULL */
	const char *verdict;
	struct filter filter; /* the same */
	uint64_t since; /* ns CLOCK_REALTIME, 0: no bound */
	uint64_t count; /* the last ones, this many */
	bool counted; /* count was given */
	bool follow;
	int json;
	int utf8;
	bool headed; /* the header was printed */
	/* If only the last ones are printed: a ring with these. */
	struct json_object **ring;
	uint64_t nr; /* number that came; the last are in the ring */
	/* The daemon's answer. */
	struct json_object *memory; /* array of its lines */
	struct json_object *end;
};

static error_t parse_count(struct incidents *incidents, const char *arg, struct argp_state *state)
{
	incidents->counted = true;
	if (number__parse(arg, 0, 1000000, &incidents->count))
		argp_error(state, "'%s' is not a number of incidents (at most 1000000)", arg);
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct incidents *incidents = state->input;

	switch (key) {
	case OPT_SINCE:
		if (when__parse(arg, clock__wall(), &incidents->since))
			argp_error(state, "'%s' is not " WHEN_WANTED, arg);
		break;
	case OPT_CLASS:
		incidents->class = arg;
		filter__set_class(&incidents->filter, cli__parse_class(arg, state));
		break;
	case OPT_VERDICT:
		incidents->verdict = arg;
		filter__set_verdict(&incidents->filter, cli__parse_verdict(arg, state));
		break;
	case OPT_FOLLOW:
		incidents->follow = true;
		break;
	case OPT_FORMAT:
		incidents->json = cli__parse_json(arg, state);
		break;
	case OPT_COUNT:
		return parse_count(incidents, arg, state);
	case OPT_SOCKET:
		incidents->socket = arg;
		break;
	case OPT_SPOOL:
		incidents->spool = arg;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is too many", arg);
		break;
	case ARGP_KEY_END:
		if (incidents->follow && incidents->spool)
			argp_error(state, "--follow asks the daemon, which --spool does not do");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "List the daemon's incidents, oldest first: the latest from its memory, older "
	       "ones from its spool files. If no daemon runs, only the files are read."
	       "\vExit status: 0 done, 1 failed, 2 wrong usage.",
};

static int fail(const char *why)
{
	fprintf(stderr, "thprace incidents: %s\n", why);
	return CLI_FAILED;
}

/* "comm/pid" in at most width columns: the comm is truncated. */
static const char *task(char *buf, size_t size, struct json_object *side, size_t width, int utf8)
{
	char comm[64], pid[16];
	const char *text = json__get_text(side, "comm");

	if (!side)
		return "-";
	names__clean(comm, sizeof(comm), text, strlen(text), utf8);
	snprintf(pid, sizeof(pid), "/%u", (unsigned int)json__get_number(side, "pid"));
	while (names__columns(comm) + strlen(pid) > width && comm[0]) {
		size_t end = strlen(comm) - 1;

		while (end && ((unsigned char)comm[end] & 0xc0) == 0x80)
			end--;
		comm[end] = '\0';
	}
	snprintf(buf, size, "%s%s", comm, pid);
	return buf;
}

/* What a line shows of an incident. */
struct shown {
	char number[NAMES_NUMBER_LEN];
	char when[WHEN_LEN];
	const char *class;
	const char *level;
	const char *verdict;
	char overlap[NAMES_NUMBER_LEN];
	struct json_object *window; /* NULL: not seen */
	struct json_object *walker;
};

static void print_wide(const struct incidents *incidents, const struct shown *shown)
{
	size_t columns = names__columns(shown->overlap);
	char opener[96], walker[96];

	if (!incidents->headed)
		printf("%7s %-14s %-16s %-5s %-12s %9s  %-15s %s\n", "number", "time", "class",
		       "level", "verdict", "overlap", "opener", "walker");
	printf("%7s %-14s %-16s %-5s %-12s %*s%s  %-*s %s\n", shown->number, shown->when,
	       shown->class, shown->level, shown->verdict, columns < 9 ? 9 - (int)columns : 0, "",
	       shown->overlap, TASK_WIDTH,
	       task(opener, sizeof(opener), shown->window, TASK_WIDTH, incidents->utf8),
	       task(walker, sizeof(walker), shown->walker, TASK_WIDTH, incidents->utf8));
}

/* In two lines. */
static void print_narrow(const struct incidents *incidents, const struct shown *shown)
{
	char opener[96], walker[96], text[320];

	printf("%7s %-14s %-16s %s\n%8s", shown->number, shown->when, shown->class, shown->verdict,
	       "");
	snprintf(text, sizeof(text), "%s%s%s%s%sopener %s, walker %s",
		 shown->window ? "level " : "", shown->window ? shown->level : "",
		 strcmp(shown->overlap, "-") ? ", overlap " : "",
		 strcmp(shown->overlap, "-") ? shown->overlap : "", shown->window ? ", " : "",
		 task(opener, sizeof(opener), shown->window, sizeof(opener), incidents->utf8),
		 task(walker, sizeof(walker), shown->walker, sizeof(walker), incidents->utf8));
	layout__wrap(stdout, (size_t)cli__width(stdout), text, 8, 8);
}

static void print_text(struct incidents *incidents, struct json_object *line)
{
	const char *verdict = json__get_text(line, "verdict"), *level;
	struct json_object *known = NULL;
	const char *class = json__get_text(line, "class");
	struct shown shown = {
		/* The daemon may know races from files that this machine's user does not. */
		.class = race_class__is_name(class) ? class : "?",
		.verdict = names__verdict((unsigned int)names__find_verdict(verdict)),
		.overlap = "-",
		.window = json__get_object(line, "window"),
		.walker = json__get_object(line, "walker"),
	};

	level = json__get_text(shown.window, "level");
	shown.level = *level ? names__level((unsigned int)names__find_level(level)) : "-";
	snprintf(shown.number, sizeof(shown.number), "%" PRIu64, json__get_number(line, "number"));
	when__short(shown.when, sizeof(shown.when), json__get_number(line, "wall_ns"));
	if (json_object_object_get_ex(line, "overlap_ns", &known) && known)
		names__duration(shown.overlap, sizeof(shown.overlap),
				json__get_number(line, "overlap_ns"), incidents->utf8);
	if (cli__width(stdout) < WIDTH_OF_LINE)
		print_narrow(incidents, &shown);
	else
		print_wide(incidents, &shown);
	incidents->headed = true;
}

/*
 * Print one; object is put. Returns 0, -ENOMEM, or -EPIPE: standard output cannot be written any
 * more.
 */
static int print(struct incidents *incidents, struct json_object *object)
{
	int err = object ? 0 : -ENOMEM;

	if (object && incidents->json)
		err = json__print(stdout, json_object_get(object));
	else if (object)
		print_text(incidents, object);
	json_object_put(object);
	return !err && ferror(stdout) ? -EPIPE : err;
}

/* One that matches: print it, or keep it because it may be among the last. */
static int take(struct incidents *incidents, struct json_object *object)
{
	struct json_object **place;

	if (!object)
		return -ENOMEM;
	if (incidents->count == COUNT_ALL)
		return print(incidents, object);
	if (!incidents->count) {
		json_object_put(object);
		return 0;
	}
	place = &incidents->ring[incidents->nr++ % incidents->count];
	json_object_put(*place);
	*place = object;
	return 0;
}

/* Print those that were kept. */
static int print_ring(struct incidents *incidents)
{
	uint64_t count = incidents->count, i;
	struct json_object **place;
	int err = 0;

	if (count == COUNT_ALL || !count)
		return 0;
	for (i = incidents->nr > count ? incidents->nr - count : 0; !err && i < incidents->nr;
	     i++) {
		place = &incidents->ring[i % count];
		err = print(incidents, *place);
		*place = NULL;
	}
	return err;
}

static int take_from_file(void *ctx, uint64_t number, uint64_t wall, const char *path,
			  const struct thprace_incident *incident)
{
	struct incidents *incidents = ctx;
	struct json_object *object;

	if (wall < incidents->since || !filter__incident(&incidents->filter, incident, 0))
		return 0;
	object = render_json__incident(NULL, number, incident, 0);
	if (object) {
		json__add_number(object, "wall_ns", wall);
		json__add_name(object, "file", path);
	}
	return take(incidents, object);
}

static struct json_object *request(const struct incidents *incidents, uint64_t since, bool follow)
{
	struct json_object *object = client__request("incidents");

	if (!object)
		return NULL;
	if (incidents->class)
		json__add_name(object, "class", incidents->class);
	if (incidents->verdict)
		json__add_name(object, "verdict", incidents->verdict);
	if (since)
		json__add_number(object, "since", since);
	if (follow)
		json__add_bool(object, "follow", 1);
	return object;
}

/* Ask for the incidents in the daemon's memory. */
static int request_memory(struct incidents *incidents, char *why, size_t why_size)
{
	struct client *client;
	struct json_object *line;
	int err;

	incidents->memory = json_object_new_array();
	err = client__call(&client, incidents->socket, request(incidents, 0, false),
			   CLIENT_PATIENCE, why, why_size);
	if (err)
		return err;
	while ((err = client__next(client, &line, why, why_size)) > 0) {
		if (json_object_array_add(incidents->memory, line))
			json_object_put(line);
	}
	if (!err)
		incidents->end = line;
	else
		json_object_put(line);
	client__close(client);
	return err;
}

/*
 * The incidents that are not in memory (any more). before: the lowest number that is, 0: none is.
 */
static int read_spool(struct incidents *incidents, const char *directory, uint64_t before)
{
	struct spool_range range = {.before = before, .since = incidents->since};
	size_t have = json_object_array_length(incidents->memory);
	const struct filter *filter = &incidents->filter;

	if (before == 1 || have >= incidents->count)
		return 0;
	/* If all match, it is known how far back the last ones are. */
	if (before && incidents->count != COUNT_ALL && !filter->by_class && !filter->by_verdict &&
	    before > incidents->count - have)
		range.from = before - (incidents->count - have);
	return spool_read__each(directory, &range, "incidents", take_from_file, incidents);
}

static int take_memory(struct incidents *incidents)
{
	size_t nr = json_object_array_length(incidents->memory), i;
	struct json_object *line;
	int err = 0;

	for (i = 0; !err && i < nr; i++) {
		line = json_object_array_get_idx(incidents->memory, i);
		if (json__get_number(line, "wall_ns") >= incidents->since)
			err = take(incidents, json_object_get(line));
	}
	return err;
}

/* Print incidents from number `next` on as they come, until the daemon or the reader ends. */
static int follow(struct incidents *incidents, uint64_t next)
{
	struct client *client;
	struct json_object *line;
	char why[512];
	int err;

	if (client__call(&client, incidents->socket, request(incidents, next, true), 0, why,
			 sizeof(why)))
		return fail(why);
	while ((err = client__next(client, &line, why, sizeof(why))) > 0) {
		err = print(incidents, line);
		output__flush();
		if (err || ferror(stdout))
			break;
	}
	client__close(client);
	if (err == 1 || ferror(stdout))
		return CLI_DONE;
	if (err == -EPIPE)
		return fail("the daemon has ended; see: systemctl status thpraced");
	json_object_put(line);
	return fail(err ? why : "the daemon ended the list, which it should not");
}

static int no_files(const char *directory, int err)
{
	char why[640];

	if (err == -EACCES)
		snprintf(why, sizeof(why),
			 "not allowed to read %s: root and members of the daemon's group are",
			 directory);
	else
		snprintf(why, sizeof(why), "cannot read %s: %s", directory, strerror(-err));
	return fail(why);
}

static int list(struct incidents *incidents, char *why, size_t why_size)
{
	const char *directory = incidents->spool ? incidents->spool : SPOOL_DIR_DEFAULT;
	uint64_t before = 0;
	int err = 0;

	incidents->memory = NULL;
	if (!incidents->spool) {
		err = request_memory(incidents, why, why_size);
		if (err && incidents->follow)
			return fail(why);
		if (err)
			fprintf(stderr,
				"thprace incidents: %s\nthprace incidents: from the files in %s:\n",
				why, directory);
	}
	if (incidents->end) {
		before = json__get_number(incidents->end, "first");
		directory = json__get_text(incidents->end, "directory");
	} else {
		/* Incidents that it returned before it failed are in the files, too. */
		json_object_put(incidents->memory);
		incidents->memory = json_object_new_array();
	}
	err = read_spool(incidents, directory, before);
	if (err == -EPIPE)
		return CLI_DONE;
	/* The daemon creates its folder when it has something to store. */
	if (err && !(err == -ENOENT && incidents->end)) {
		no_files(directory, err);
		if (!incidents->end)
			return CLI_FAILED;
	}
	if (!take_memory(incidents))
		print_ring(incidents);
	return CLI_DONE;
}

static void release(struct incidents *incidents)
{
	uint64_t i;

	for (i = 0; incidents->ring && i < incidents->count; i++)
		json_object_put(incidents->ring[i]);
	free(incidents->ring);
	json_object_put(incidents->memory);
	json_object_put(incidents->end);
}

int cmd_incidents(int argc, char **argv)
{
	struct incidents incidents = {.socket = CLIENT_SOCKET};
	int status = CLI_FAILED;
	char why[512];

	cli__parse(&argp, argc, argv, 0, &incidents);
	if (!incidents.counted)
		incidents.count = incidents.since    ? COUNT_ALL
				  : incidents.follow ? COUNT_FOLLOW
						     : COUNT_DEFAULT;
	incidents.utf8 = cli__utf8();
	if (incidents.count != COUNT_ALL && incidents.count) {
		incidents.ring = calloc(incidents.count, sizeof(struct json_object *));
		if (!incidents.ring)
			return fail("out of memory");
	}
	status = list(&incidents, why, sizeof(why));
	if (!status && incidents.follow && !ferror(stdout)) {
		output__flush();
		status = follow(&incidents, json__get_number(incidents.end, "next"));
	}
	release(&incidents);
	return status;
}
