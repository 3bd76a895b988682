// SPDX-License-Identifier: GPL-2.0-only
/* thprace dump: the records and incidents of a trace, in file order. */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "filter.h"
#include "render_record.h"
#include "trace_reader.h"

enum dump_option {
	OPT_FORMAT = 'f',
	OPT_CLASS = 'c',
	OPT_VERDICT = 'v',
	OPT_PID = 'p',
	OPT_CPU = 'C',
	OPT_SINCE = 's',
	OPT_UNTIL = 'u',
};

static const struct argp_option options[] = {
	{"format", OPT_FORMAT, "FORMAT", 0, "text (default), json (an object per line) or csv", 0},
	{"class", OPT_CLASS, "CLASS", 0, "only records and incidents of this race class", 0},
	{"verdict", OPT_VERDICT, "VERDICT", 0,
	 "only incidents with this verdict: contained, escape, unattributed, unproven", 0},
	{"pid", OPT_PID, "N", 0, "only of this thread or process; incidents: on either side", 0},
	{"cpu", OPT_CPU, "N", 0, "only of this CPU; incidents: on either side", 0},
	{"since", OPT_SINCE, "T", 0, "not before T after the start: 1.5, 1.5s, 500ms, 20us", 0},
	{"until", OPT_UNTIL, "T", 0, "not after T after the start", 0},
	{0},
};

struct dump {
	const char *path;
	struct filter filter;
	struct render_record render;
	struct thprace_record *sorted; /* a copy of one block */
	uint64_t incidents; /* read so far */
	unsigned int bad; /* messages that were due */
	char why[256]; /* the first of them */
};

static const char *long_name(int key)
{
	const struct argp_option *option = options;

	while (option->key && option->key != key)
		option++;
	return option->name;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct dump *dump = state->input;
	int err = 0;

	switch (key) {
	case OPT_FORMAT:
		err = render_record__find_format(arg);
		if (err >= 0) {
			dump->render.format = (enum render_format)err;
			err = 0;
		}
		break;
	case OPT_CLASS:
		err = filter__set_class(&dump->filter, arg);
		break;
	case OPT_VERDICT:
		err = filter__set_verdict(&dump->filter, arg);
		break;
	case OPT_PID:
		err = filter__set_pid(&dump->filter, arg);
		break;
	case OPT_CPU:
		err = filter__set_cpu(&dump->filter, arg);
		break;
	case OPT_SINCE:
		err = filter__time(arg, &dump->filter.since);
		break;
	case OPT_UNTIL:
		err = filter__time(arg, &dump->filter.until);
		/* 0 means no bound; nothing but the first instant is what was asked for. */
		if (!err && !dump->filter.until)
			dump->filter.until = 1;
		break;
	case ARGP_KEY_ARG:
		if (dump->path)
			argp_error(state, "one FILE only, '%s' is too many", arg);
		dump->path = arg;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "FILE is missing");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (err)
		argp_error(state, "'%s' is not a valid --%s", arg, long_name(key));
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Print the records and incidents of a trace (FILE, or - for standard input) in the "
	       "order of the file; records are sorted by time within each block."
	       "\vExit status: 0 done, 1 failed or FILE damaged, 2 wrong usage.",
};

static int by_time(const void *a, const void *b)
{
	const struct thprace_record *x = a, *y = b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int dump_records(struct dump *dump, const struct trace_block *block)
{
	int context = block->type == THPRACE_BLOCK_CONTEXT;
	uint32_t i;
	int err = 0;

	if (!block->count)
		return 0;
	memcpy(dump->sorted, block->data, (size_t)block->count * sizeof(*dump->sorted));
	qsort(dump->sorted, block->count, sizeof(*dump->sorted), by_time);
	for (i = 0; i < block->count && !err && !ferror(dump->render.out); i++) {
		if (filter__record(&dump->filter, &dump->sorted[i], dump->render.started))
			err = render_record__record(&dump->render, &dump->sorted[i], context);
	}
	return err;
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

static int dump_blocks(struct dump *dump, struct trace_reader *reader)
{
	struct trace_block block;
	int err = 0, got;

	while (!err && !ferror(dump->render.out) &&
	       (got = trace_reader__next(reader, &block)) != 0) {
		if (got < 0)
			bad(dump, trace_reader__why(reader));
		else if (block.type == THPRACE_BLOCK_RECORDS || block.type == THPRACE_BLOCK_CONTEXT)
			err = dump_records(dump, &block);
		else if (block.type == THPRACE_BLOCK_INCIDENTS)
			err = dump_incidents(dump, &block);
	}
	/* Now, while errno still tells why, and before what goes to stderr. */
	cli__flush_output();
	if (!err && !ferror(dump->render.out) && !dump->bad && !trace_reader__ended(reader))
		bad(dump, "the file has no end mark: the recording was interrupted, or the file "
			  "is cut off");
	return err;
}

static int dump_file(struct dump *dump)
{
	struct trace_reader *reader = NULL;
	char why[256];
	int err;

	err = trace_reader__open(&reader, dump->path, why, sizeof(why));
	if (err) {
		fprintf(stderr, "thprace dump: %s: %s\n", dump->path, why);
		return CLI_FAILED;
	}
	dump->render.started = trace_reader__header(reader)->started;
	dump->sorted = malloc(THPRACE_BLOCK_MAX);
	err = dump->sorted ? render_record__header(&dump->render, trace_reader__header(reader))
			   : -ENOMEM;
	if (!err)
		err = dump_blocks(dump, reader);
	free(dump->sorted);
	trace_reader__close(reader);
	if (err) {
		fprintf(stderr, "thprace dump: %s: %s\n", dump->path, strerror(-err));
		return CLI_FAILED;
	}
	if (dump->bad == 1)
		fprintf(stderr, "thprace dump: %s: %s\n", dump->path, dump->why);
	else if (dump->bad)
		fprintf(stderr, "thprace dump: %s: %s (and %u more)\n", dump->path, dump->why,
			dump->bad - 1);
	return dump->bad ? CLI_FAILED : CLI_DONE;
}

int cmd_dump(int argc, char **argv)
{
	struct dump dump = {0};

	argp_parse(&argp, argc, argv, 0, NULL, &dump);
	dump.render.out = stdout;
	dump.render.utf8 = cli__utf8();
	cli__begin_output();
	return cli__finish_output(dump_file(&dump));
}
