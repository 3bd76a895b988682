// SPDX-License-Identifier: GPL-2.0-only
/* thprace dump: the records and incidents of a trace, or what the daemon has now, in file order. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client.h"
#include "filter.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/output.h"
#include "base/private_file.h"
#include "progress.h"
#include "report/record_lines.h"
#include "trace/record_order.h"
#include "report/render_record.h"
#include "report/summary.h"
#include "trace/trace_reader.h"
#include "when.h"

#define LIVE_LONGEST (3600 * TIMESPAN_SECOND) /* the daemon's limit */

enum dump_option {
	OPT_FORMAT = 'f',
	OPT_CLASS = 'c',
	OPT_VERDICT = 'v',
	OPT_PID = 'p',
	OPT_CPU = 'C',
	OPT_SINCE = 's',
	OPT_UNTIL = 'u',
	OPT_LIVE = 'l',
	OPT_DURATION = 'd',
	OPT_FROM_NOW = 'n',
	OPT_OUTPUT = 'o',
	OPT_SOCKET = 256,
};

static const struct argp_option options[] = {
	{"format", OPT_FORMAT, "FORMAT", 0,
	 "text (default), json (an object per line) or csv (with a line of names: thprace-dump(1) explains "
	 "the columns)",
	 0},
	{"class", OPT_CLASS, "CLASS", 0, "only records and incidents of this race class", 0},
	{"verdict", OPT_VERDICT, "VERDICT", 0,
	 "only incidents with this verdict: contained, escape, remained, unattributed, unproven",
	 0},
	{"pid", OPT_PID, "N", 0, "only of this thread or process; incidents: on either side", 0},
	{"cpu", OPT_CPU, "N", 0, "only of this CPU; incidents: on either side", 0},
	{"since", OPT_SINCE, "WHEN", 0,
	 "not before WHEN: 1.5, 500ms, 2min after the start of the recording; or as a time of day: "
	 "-2h (before now), today, \"2026-11-21 19:00\"",
	 0},
	{"until", OPT_UNTIL, "WHEN", 0, "not after WHEN", 0},
	{NULL, 0, NULL, 0, "Instead of a FILE:", 1},
	{"live", OPT_LIVE, NULL, 0, "what the daemon's flight recorder holds now", 0},
	{"duration", OPT_DURATION, "T", 0, "with --live: the last T only: 10, 500ms, 2min", 0},
	{"from-now", OPT_FROM_NOW, NULL, 0,
	 "with --live: what comes from now on, until "
	 "--duration is over",
	 0},
	{"output", OPT_OUTPUT, "FILE", 0, "with --live: write the trace to FILE, don't print it",
	 0},
	{"socket", OPT_SOCKET, "PATH", 0, "with --live: use this socket instead of " CLIENT_SOCKET,
	 0},
	{0},
};

/* Of --since or --until. */
struct bound {
	bool given;
	bool wall; /* ns CLOCK_REALTIME, else since the start of the recording */
	uint64_t ns;
};

struct dump {
	const char *path;
	bool live;
	bool from_now;
	uint64_t duration; /* ns, 0: not given */
	const char *output;
	const char *socket;
	struct bound since;
	struct bound until;
	struct filter filter;
	struct render_record render;
	struct summary *names; /* those of cgroups */
	struct record_lines *lines;
	struct record_place *places; /* of the records of one block, and the same again for sorting
				      * them */
	uint64_t incidents; /* read so far */
	unsigned int bad; /* messages about bad blocks */
	char why[256]; /* the first of them */
};

static const char *long_name(int key)
{
	const struct argp_option *option = options;

	while (option->key && option->key != key)
		option++;
	return option->name;
}

static void check_source(const struct dump *dump, struct argp_state *state)
{
	if (dump->live && dump->path)
		argp_error(state, "--live or FILE, not both");
	if (!dump->live && (dump->duration || dump->from_now || dump->output || dump->socket))
		argp_error(state, "--duration, --from-now, --output and --socket need --live");
	if (dump->from_now && !dump->duration)
		argp_error(state, "--from-now needs --duration: for how long");
}

/* The source of the trace. */
static error_t parse_source(struct dump *dump, int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case OPT_LIVE:
		dump->live = true;
		break;
	case OPT_DURATION:
		dump->duration = cli__parse_span(arg, TIMESPAN_SECOND, 1, LIVE_LONGEST, state);
		break;
	case OPT_FROM_NOW:
		dump->from_now = true;
		break;
	case OPT_OUTPUT:
		dump->output = arg;
		break;
	case OPT_SOCKET:
		dump->socket = arg;
		break;
	case ARGP_KEY_ARG:
		if (dump->path)
			argp_error(state, "one FILE only, '%s' is too many", arg);
		dump->path = arg;
		break;
	case ARGP_KEY_END:
		check_source(dump, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* A length of time counts from the start of the recording; anything else is a time of day. */
static void parse_bound(struct bound *bound, const char *arg, struct argp_state *state)
{
	bound->given = true;
	if (!timespan__parse(arg, TIMESPAN_SECOND, &bound->ns))
		return;
	bound->wall = true;
	if (when__parse(arg, clock__wall(), &bound->ns))
		argp_error(state, "'%s' is neither " TIMESPAN_WANTED ", nor " WHEN_WANTED, arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const formats[] = RENDER_FORMAT_NAMES;
	struct dump *dump = state->input;
	int err = 0;

	switch (key) {
	case OPT_FORMAT:
		dump->render.format =
			cli__parse_name("format", formats, 0, RENDER_CSV + 1, arg, state);
		break;
	case OPT_CLASS:
		filter__set_class(&dump->filter, cli__parse_class(arg, state));
		break;
	case OPT_VERDICT:
		filter__set_verdict(&dump->filter, cli__parse_verdict(arg, state));
		break;
	case OPT_PID:
		err = filter__set_pid(&dump->filter, arg);
		break;
	case OPT_CPU:
		err = filter__set_cpu(&dump->filter, arg);
		break;
	case OPT_SINCE:
		parse_bound(&dump->since, arg, state);
		break;
	case OPT_UNTIL:
		parse_bound(&dump->until, arg, state);
		break;
	default:
		return parse_source(dump, key, arg, state);
	}
	if (err)
		argp_error(state, "'%s' is not a valid --%s", arg, long_name(key));
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[FILE]\n--live",
	.doc = "Print the records and incidents of a trace (FILE, " CLI_TRACE
	       " by default, or - for standard input; with "
	       "--live, what the daemon has) in the order of the file. Records are sorted by time "
	       "within each block."
	       "\vExit status: 0 done, 1 failed or FILE damaged, 2 wrong usage.",
};

static void dump_records(struct dump *dump, const struct trace_block *block)
{
	const struct thprace_record *records = block->data;
	struct record_place *places = dump->places;
	size_t nr = 0;
	uint32_t i;

	for (i = 0; i < block->count; i++) {
		if (filter__record(&dump->filter, &records[i], dump->render.started))
			places[nr++] = (struct record_place){records[i].ts, &records[i]};
	}
	places = record_order__sort(places, &places[nr], nr);
	record_lines__print(dump->lines, dump->render.out, places, nr,
			    block->type == THPRACE_BLOCK_CONTEXT);
}

static int dump_incidents(struct dump *dump, const struct trace_block *block)
{
	const struct thprace_incident *incidents = block->data;
	uint32_t i;
	int err = 0;

	for (i = 0; i < block->count && !err && !ferror(dump->render.out); i++) {
		dump->incidents++;
		if (filter__incident(&dump->filter, &incidents[i], dump->render.started))
			err = render_record__incident(&dump->render, dump->incidents,
						      &incidents[i]);
	}
	return err;
}

static void bad(struct dump *dump, const char *why)
{
	if (!dump->bad++)
		snprintf(dump->why, sizeof(dump->why), "%s", why);
}

/* Show how far the reader has come, until progress__clear(). */
static void show_work(struct dump *dump, struct trace_reader *reader, struct work *work)
{
	work__begin(work, "reading the trace", 0);
	trace_reader__count(reader, work);
	if (progress__beside(dump->render.out))
		progress__work(work);
}

static int dump_blocks(struct dump *dump, struct trace_reader *reader)
{
	struct work work = {0};
	struct trace_block block;
	int err = 0, got;

	show_work(dump, reader, &work);
	while (!err && !ferror(dump->render.out) &&
	       (got = trace_reader__next(reader, &block)) != 0) {
		if (got < 0)
			bad(dump, trace_reader__why(reader));
		else if (block.type == THPRACE_BLOCK_RECORDS || block.type == THPRACE_BLOCK_CONTEXT)
			dump_records(dump, &block);
		else if (block.type == THPRACE_BLOCK_INCIDENTS)
			err = dump_incidents(dump, &block);
	}
	progress__clear();
	/* Now, while errno still has the reason, and before anything goes to stderr. */
	output__flush();
	if (!err && !ferror(dump->render.out) && !dump->bad && !trace_reader__ended(reader))
		bad(dump, "the file has no end mark: the recording was interrupted, or the file "
			  "is cut off");
	return err;
}

/* A bound in ns since the start of the recording. */
static uint64_t resolve(const struct bound *bound, const struct thprace_trace_header *header)
{
	if (!bound->wall)
		return bound->ns;
	return bound->ns > header->started_wall ? bound->ns - header->started_wall : 0;
}

static int begin(struct dump *dump, const struct thprace_trace_header *header)
{
	const size_t most = THPRACE_BLOCK_MAX / sizeof(struct thprace_record);

	dump->render.started = header->started;
	dump->filter.since = resolve(&dump->since, header);
	dump->filter.until = resolve(&dump->until, header);
	/* 0 means no bound, but here the bound is the first instant. */
	if (dump->until.given && !dump->filter.until)
		dump->filter.until = 1;
	dump->lines = record_lines__new(&dump->render);
	dump->places = calloc(2 * most, sizeof(*dump->places));
	if (!dump->lines || !dump->places)
		return -ENOMEM;
	return render_record__header(&dump->render, header);
}

/*
 * The names of cgroups, which are at the end of a file: read first, from an input that can be read
 * twice. Without them, incidents have the numbers alone.
 */
static void read_names(struct dump *dump, const char *path, int fd)
{
	struct trace_reader *reader = NULL;
	off_t at = lseek(fd, 0, SEEK_CUR);
	struct work work = {0};
	char why[256];
	struct stat st;

	if (path ? stat(path, &st) : fstat(fd, &st) || at < 0)
		return;
	if (!S_ISREG(st.st_mode))
		return;
	if (!(path ? trace_reader__open(&reader, path, why, sizeof(why))
		   : trace_reader__open_fd(&reader, fd, why, sizeof(why)))) {
		trace_reader__only(reader, THPRACE_BLOCK_SYMBOLS);
		show_work(dump, reader, &work);
		summary__read(&dump->names, reader, why, sizeof(why));
		progress__clear();
		dump->render.names = dump->names;
		trace_reader__close(reader);
	}
	if (!path)
		lseek(fd, at, SEEK_SET);
}

/* Print the content of reader, and close it. */
static int dump_trace(struct dump *dump, struct trace_reader *reader)
{
	char more[sizeof(dump->why) + 32];
	int err;

	err = begin(dump, trace_reader__header(reader));
	if (!err)
		err = dump_blocks(dump, reader);
	free(dump->places);
	record_lines__free(dump->lines);
	summary__free(dump->names);
	trace_reader__close(reader);
	if (err)
		return cli__fail("dump", dump->path, strerror(-err));
	if (dump->bad > 1)
		snprintf(more, sizeof(more), "%s (and %u more)", dump->why, dump->bad - 1);
	if (dump->bad)
		return cli__fail("dump", dump->path, dump->bad > 1 ? more : dump->why);
	return CLI_DONE;
}

static int fail(const struct dump *dump, const char *why)
{
	return cli__fail("dump", dump->path, why);
}

static int dump_file(struct dump *dump)
{
	struct trace_reader *reader = NULL;
	char why[256];

	if (strcmp(dump->path, "-") == 0)
		read_names(dump, NULL, STDIN_FILENO);
	else
		read_names(dump, dump->path, -1);
	if (trace_reader__open(&reader, dump->path, why, sizeof(why)))
		return fail(dump, why);
	return dump_trace(dump, reader);
}

/* Write all of fd, from its position on, to out. Returns 0 or errno. */
static int copy(int fd, int out)
{
	char buf[65536];
	ssize_t got, written, done;
	struct stat st;
	int err = 0;

	/* Standard output may append to another file. */
	if (!fstat(out, &st) && S_ISREG(st.st_mode) && !(fcntl(out, F_GETFL) & O_APPEND) &&
	    !lseek(out, 0, SEEK_CUR) && ftruncate(out, 0))
		err = errno;
	while (!err && (got = read(fd, buf, sizeof(buf))) != 0) {
		if (got < 0)
			err = errno;
		for (done = 0; !err && done < got; done += written) {
			written = write(out, buf + done, (size_t)(got - done));
			if (written < 0)
				err = errno;
		}
	}
	return err;
}

/*
 * The daemon empties the trace after a minute, and printing, for example to a pager, may be slower.
 */
static int take_over(int fd)
{
	int own = memfd_create("thprace-dump", MFD_CLOEXEC);

	if (own >= 0 && (copy(fd, own) || lseek(own, 0, SEEK_SET) < 0)) {
		close(own);
		own = -1;
	}
	close(fd);
	return own;
}

static struct json_object *live_request(const struct dump *dump)
{
	struct json_object *request = client__request("live");

	if (request && dump->duration)
		json__add_real(request, "seconds", (double)dump->duration / 1e9);
	if (request && dump->from_now)
		json__add_bool(request, "from_now", 1);
	return request;
}

/* Returns the descriptor of a trace, or -1 with why. */
static int request_live(const struct dump *dump, char *why, size_t why_size)
{
	unsigned int patience = CLIENT_PATIENCE + (unsigned int)(dump->duration / 1000000000);
	struct json_object *line = NULL;
	struct client *client;
	int fd = -1;

	if (client__call(&client, dump->socket ? dump->socket : CLIENT_SOCKET, live_request(dump),
			 patience, why, why_size))
		return -1;
	if (client__next(client, &line, why, why_size) >= 0) {
		fd = client__take_fd(client);
		if (fd < 0)
			snprintf(why, why_size, "the daemon sent no trace");
		else if ((fd = take_over(fd)) < 0)
			snprintf(why, why_size, "no memory for the trace: %s", strerror(errno));
	}
	json_object_put(line);
	client__close(client);
	return fd;
}

static int dump_live(struct dump *dump)
{
	struct trace_reader *reader = NULL;
	int fd, status, err, out = -1;
	char why[1024];
	bool made = false;

	/* First, so that a file that cannot be written is reported before the daemon is asked. */
	if (dump->output)
		out = private_file__open(dump->output, &made);
	if (dump->output && out < 0)
		return cli__fail("dump", dump->output, private_file__why(out));
	if (dump->from_now)
		progress__show("recording for %.1f s", (double)dump->duration / 1e9);
	fd = request_live(dump, why, sizeof(why));
	progress__clear();
	if (fd < 0 && out >= 0)
		close(out);
	if (fd < 0 && made)
		unlink(dump->output);
	if (fd < 0)
		return fail(dump, why);
	if (dump->output) {
		err = copy(fd, out);
		if (close(out) && !err)
			err = errno;
		/* It is no failure if a reader exits: core/base/output.h. */
		status = err && err != EPIPE ? cli__fail("dump", dump->output, strerror(err))
					     : CLI_DONE;
	} else {
		read_names(dump, NULL, fd);
		status = trace_reader__open_fd(&reader, fd, why, sizeof(why))
				 ? fail(dump, why)
				 : dump_trace(dump, reader);
	}
	close(fd);
	return status;
}

int cmd_dump(int argc, char **argv)
{
	struct dump dump = {0};

	cli__parse(&argp, argc, argv, 0, &dump);
	if (!dump.path)
		dump.path = dump.live ? "live" : CLI_TRACE;
	dump.render.out = stdout;
	dump.render.utf8 = cli__utf8();
	if (dump.live)
		return dump_live(&dump);
	cli__bound_memory();
	return dump_file(&dump);
}
