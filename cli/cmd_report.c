// SPDX-License-Identifier: GPL-2.0-only
/* thprace report: summarise a trace, or many; or compare the kernel's incidents with the detector's. */
#include "cli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <thprace/version.h>
#include <unistd.h>

#include "base/number.h"
#include "base/private_file.h"
#include "image_check.h"
#include "page/page.h"
#include "progress.h"
#include "replay/crosscheck.h"
#include "report/render_json.h"
#include "report/render_sum.h"
#include "report/render_text.h"
#include "report/summary.h"
#include "report_many.h"
#include "trace/trace_reader.h"

#define INCIDENTS_MAX (THPRACE_CLASS_MAX * THPRACE_VERDICT_MAX * SUMMARY_KEEP)

enum report_option {
	OPT_FORMAT = 'f',
	OPT_OUTPUT = 'o',
	OPT_INCIDENTS = 'n',
	OPT_CROSSCHECK = 'x',
	OPT_NO_STACKS = 'S',
	OPT_VERBOSE = 'v',
	OPT_KERNEL = 'k',
};

static const struct argp_option options[] = {
	{"format", OPT_FORMAT, "FORMAT", 0,
	 "text (default), json (an object per line) or html (a page for a browser, in one file)",
	 0},
	{"output", OPT_OUTPUT, "FILE", 0, "write to FILE, not to standard output", 0},
	{"incidents", OPT_INCIDENTS, "N", 0,
	 "draw at most N incidents (default 5; html: 2000); of many traces: list at most N pairs of "
	 "stacks for each class and kernel (default 5)",
	 0},
	{"no-stacks", OPT_NO_STACKS, NULL, 0, "leave the kernel stacks out", 0},
	{"kernel", OPT_KERNEL, "FILE", 0,
	 "the image of the kernel that was recorded: also say what thprace check says of it", 0},
	{"verbose", OPT_VERBOSE, NULL, 0,
	 "print histograms, groups of incidents, probes and programs in full", 0},
	{"crosscheck", OPT_CROSSCHECK, NULL, 0,
	 "replay the records of a recording with --all through the detector and compare its "
	 "incidents with the kernel's",
	 0},
	{0},
};

enum report_format {
	FORMAT_TEXT,
	FORMAT_JSON,
	FORMAT_HTML,
	FORMAT_MAX
};

static const char *const formats[FORMAT_MAX] = {"text", "json", "html"};

struct report {
	const char *path; /* the first, or the default */
	char **paths; /* all that were given */
	size_t nr_paths;
	const char *kernel; /* an image, or NULL */
	struct image_check check;
	const char *output; /* NULL: standard output */
	FILE *out;
	enum report_format format;
	int crosscheck;
	bool has_incidents; /* --incidents was given */
	struct render_options render;
	struct work work;
};

static void parse_incidents(struct report *report, const char *arg, struct argp_state *state)
{
	uint64_t nr = 0;

	if (number__parse(arg, 0, UINT64_MAX, &nr))
		argp_error(state, "'%s' is not a number of incidents", arg);
	report->has_incidents = true;
	report->render.incidents = nr > INCIDENTS_MAX ? INCIDENTS_MAX : (unsigned int)nr;
}

/* A folder, or several files? */
static bool is_many(const struct report *report)
{
	return report->nr_paths > 1 || (report->path && report_many__is_folder(report->path));
}

static void check_options(const struct report *report, struct argp_state *state)
{
	if (report->kernel && report->crosscheck)
		argp_error(state, "--kernel cannot be combined with --crosscheck");
	if (report->crosscheck && report->format == FORMAT_HTML)
		argp_error(state, "--crosscheck has no page: its formats are text and json");
	if (!is_many(report))
		return;
	if (report->kernel || report->crosscheck)
		argp_error(state, "--kernel and --crosscheck are for one FILE");
	if (report->format == FORMAT_HTML)
		argp_error(state, "many traces have no page: their formats are text and json");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct report *report = state->input;

	switch (key) {
	case OPT_FORMAT:
		report->format = cli__parse_name("format", formats, 0, FORMAT_MAX, arg, state);
		break;
	case OPT_OUTPUT:
		report->output = arg;
		break;
	case OPT_INCIDENTS:
		parse_incidents(report, arg, state);
		break;
	case OPT_NO_STACKS:
		report->render.stacks = 0;
		break;
	case OPT_KERNEL:
		report->kernel = arg;
		break;
	case OPT_VERBOSE:
		report->render.verbose = 1;
		break;
	case OPT_CROSSCHECK:
		report->crosscheck = 1;
		break;
	case ARGP_KEY_END:
		check_options(report, state);
		break;
	case ARGP_KEY_ARG:
		report->paths[report->nr_paths++] = arg;
		report->path = report->paths[0];
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[FILE]\nDIR|FILE...",
	.doc = "Summarise a trace (FILE, " CLI_TRACE
	       " by default, or - for standard input): whether something escaped, race "
	       "classes, incidents in groups with one of each drawn, window lengths, the "
	       "busiest tasks, what is wrong with probes, and loss. As a page for a browser: "
	       "thprace report --format html -o FILE. Several files, or a folder with files named "
	       "*.thpr, are summed up by class, kernel and pair of stacks."
	       "\vExit status: 0 done, 1 failed or the crosscheck differs, 2 wrong usage, 3 done "
	       "and an escape was found, 4 done, but of many traces some were damaged and skipped.",
};

static int fail(const struct report *report, const char *why)
{
	return cli__fail("report", report->path, why);
}

/* Says how far the reading of a trace is; until progress__clear(). */
static void show_reading(struct report *report, struct trace_reader *reader)
{
	work__begin(&report->work, "reading the trace", 0);
	trace_reader__count(reader, &report->work);
	progress__work(&report->work);
}

static int crosscheck(struct report *report, struct trace_reader *reader)
{
	struct crosscheck *check = NULL;
	char why[256];
	int err, same;

	show_reading(report, reader);
	err = crosscheck__run(&check, reader, why, sizeof(why));
	progress__clear();
	if (err)
		return fail(report, err == -ENOMEM ? CLI_TOO_LARGE : why);
	if (report->format == FORMAT_JSON)
		err = crosscheck__print_json(check, report->out);
	else
		crosscheck__print(check, report->out);
	same = crosscheck__result(check)->same;
	crosscheck__free(check);
	if (err)
		return fail(report, strerror(-err));
	return same ? CLI_DONE : CLI_FAILED;
}

static int write_page(const struct report *report, const struct summary *summary)
{
	const struct page_options page = {
		.incidents = report->has_incidents ? report->render.incidents : PAGE_INCIDENTS,
		.stacks = report->render.stacks,
		.program = "thprace " THPRACE_VERSION,
	};

	return page__write(report->out, summary, &page);
}

static int report_file(struct report *report, struct trace_reader *reader)
{
	struct summary *summary = NULL;
	char why[256];
	int err, found;

	show_reading(report, reader);
	err = summary__read(&summary, reader, why, sizeof(why));
	progress__clear();
	if (err)
		return fail(report, err == -ENOMEM ? CLI_TOO_LARGE : why);
	if (report->kernel && image_check__add(&report->check, summary, why, sizeof(why))) {
		summary__free(summary);
		return fail(report, why);
	}
	if (report->format == FORMAT_HTML)
		err = write_page(report, summary);
	else if (report->format == FORMAT_JSON)
		err = render_json__report(report->out, summary, &report->render);
	else
		render_text__report(report->out, summary, &report->render);
	found = summary__total(summary, THPRACE_ESCAPE) != 0;
	summary__free(summary);
	if (err)
		return fail(report, strerror(-err));
	return found ? CLI_FOUND : CLI_DONE;
}

static int read_image(struct report *report)
{
	char why[512];
	int err;

	progress__step(PROGRESS_IMAGE);
	err = image_check__read(&report->check, report->kernel, why, sizeof(why));
	progress__clear();
	return err ? cli__fail("report", NULL, why) : CLI_DONE;
}

/* Open what --output names. Returns 0, or negative errno; *made: it did not exist. */
static int open_output(struct report *report, bool *made)
{
	int fd = private_file__open(report->output, made), err = 0;
	struct stat st;

	if (fd < 0)
		return fd;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && strcmp(report->output, "-") &&
	    ftruncate(fd, 0))
		err = -errno;
	report->out = err ? NULL : fdopen(fd, "w");
	if (!report->out) {
		err = err ? err : -errno;
		close(fd);
	}
	return err;
}

/* The rest of what was written goes out here, so a full disk shows here. */
static int close_output(struct report *report, int status)
{
	int err = ferror(report->out) ? EIO : 0;

	errno = 0;
	if (fclose(report->out) || err)
		return cli__fail("report", report->output, strerror(errno ? errno : EIO));
	return status;
}

static int sum_up(const struct report *report)
{
	const struct report_many many = {
		.paths = report->paths,
		.nr = report->nr_paths,
		.out = report->out,
		.json = report->format == FORMAT_JSON,
		.render = report->render,
	};

	return report_many__run(&many);
}

/* One trace is opened before the output, so that a wrong name leaves no empty file. */
static int run(struct report *report)
{
	struct trace_reader *reader = NULL;
	bool made = false, many = is_many(report);
	char why[256];
	int status, err;

	if (!many && trace_reader__open(&reader, report->path, why, sizeof(why)))
		return fail(report, why);
	err = report->output ? open_output(report, &made) : 0;
	if (err) {
		trace_reader__close(reader);
		return cli__fail("report", report->output, private_file__why(err));
	}
	report->render.colour = cli__colour(report->out);
	report->render.width = cli__width(report->out);
	if (many)
		status = sum_up(report);
	else
		status = report->crosscheck ? crosscheck(report, reader)
					    : report_file(report, reader);
	trace_reader__close(reader);
	if (report->output)
		status = close_output(report, status);
	if (report->output && made && status == CLI_FAILED && !report->crosscheck)
		unlink(report->output);
	return status;
}

int cmd_report(int argc, char **argv)
{
	struct report report = {
		.out = stdout,
		.render = {.incidents = RENDER_INCIDENTS, .stacks = 1},
	};

	int status;

	report.paths = calloc((size_t)argc, sizeof(*report.paths));
	if (!report.paths)
		return fail(&report, strerror(ENOMEM));
	cli__parse(&argp, argc, argv, 0, &report);
	if (!report.path)
		report.path = CLI_TRACE;
	report.render.utf8 = cli__utf8();
	/* Before memory is bounded: an image takes more of it than a trace may. */
	status = report.kernel ? read_image(&report) : CLI_DONE;
	if (!status) {
		cli__bound_memory();
		status = run(&report);
	}
	free(report.paths);
	return status;
}
