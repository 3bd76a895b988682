// SPDX-License-Identifier: GPL-2.0-only
/* thprace export: a trace as a timeline, for viewers of other projects. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/output.h"
#include "base/private_file.h"
#include "export/timeline.h"
#include "progress.h"
#include "report/summary.h"
#include "trace/trace_reader.h"

#define BUFFER (256 << 10)

enum export_option {
	OPT_OUTPUT = 'o',
	OPT_PERFETTO = 'p',
	OPT_CHROME_JSON = 'j',
};

static const struct argp_option options[] = {
	{"perfetto", OPT_PERFETTO, NULL, 0, "Perfetto's format: for ui.perfetto.dev", 0},
	{"chrome-json", OPT_CHROME_JSON, NULL, 0,
	 "Chrome's JSON format: for chrome://tracing, and for other programs that read it", 0},
	{"output", OPT_OUTPUT, "FILE", 0, "write to FILE instead of standard output", 0},
	{0},
};

struct export
{
	const char *path;
	const char *output; /* NULL: standard output */
	bool chosen;
	enum timeline_format format;
	struct work work;
};

static void choose(struct export *export, enum timeline_format format, struct argp_state *state)
{
	if (export->chosen && export->format != format)
		argp_error(state, "--perfetto or --chrome-json, not both");
	export->chosen = true;
	export->format = format;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct export *export = state->input;

	switch (key) {
	case OPT_PERFETTO:
		choose(export, TIMELINE_PERFETTO, state);
		break;
	case OPT_CHROME_JSON:
		choose(export, TIMELINE_CHROME, state);
		break;
	case OPT_OUTPUT:
		export->output = strcmp(arg, "-") ? arg : NULL;
		break;
	case ARGP_KEY_ARG:
		if (export->path)
			argp_error(state, "one FILE only, '%s' is too many", arg);
		export->path = arg;
		break;
	case ARGP_KEY_END:
		if (!export->chosen)
			argp_error(state, "which format: --perfetto or --chrome-json?");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[FILE]",
	.doc = "Write a trace (FILE, " CLI_TRACE
	       " by default, or - for standard input) as a timeline for a viewer: a track for each "
	       "CPU and thread, windows, walkers, splits and collapses, the incidents with an arrow "
	       "between their two sides, and the loss."
	       "\vExit status: 0 done, 1 failed or FILE damaged, 2 wrong usage.",
};

static int fail(const struct export *export, const char *why)
{
	return cli__fail("export", export->path, why);
}

/* Both passes need the trace from its begin: a pipe is copied to a file without a name. */
static int copy_pipe(int fd)
{
	FILE *file = tmpfile();
	char buf[65536];
	ssize_t got = 0;
	int copy = -1;

	if (!file)
		return -1;
	while ((got = read(fd, buf, sizeof(buf))) > 0) {
		if (fwrite(buf, 1, (size_t)got, file) != (size_t)got)
			break;
	}
	if (!got && !fflush(file))
		copy = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
	fclose(file);
	if (copy >= 0 && lseek(copy, 0, SEEK_SET) < 0) {
		close(copy);
		copy = -1;
	}
	return copy;
}

/* A descriptor of the trace that can be read twice, from *start on; or -1 with errno. */
static int open_input(const struct export *export, off_t *start)
{
	int fd, copy, err;

	if (strcmp(export->path, "-"))
		fd = open(export->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	else
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	*start = lseek(fd, 0, SEEK_CUR);
	if (*start >= 0)
		return fd;
	*start = 0;
	copy = copy_pipe(fd);
	err = errno;
	close(fd);
	errno = err;
	return copy;
}

/* Says how far one of the two passes is; until progress__clear(). */
static void show_pass(struct export *export, const char *step, struct trace_reader *reader)
{
	work__begin(&export->work, step, 0);
	trace_reader__count(reader, &export->work);
	progress__work(&export->work);
}

static int read_summary(struct export *export, int fd, struct summary **summary, char *why,
			size_t size)
{
	struct trace_reader *reader;
	int err = trace_reader__open_fd(&reader, fd, why, size);

	if (err)
		return err;
	show_pass(export, "reading the trace", reader);
	err = summary__read(summary, reader, why, size);
	progress__clear();
	trace_reader__close(reader);
	if (err == -ENOMEM)
		snprintf(why, size, "%s", CLI_TOO_LARGE);
	return err;
}

static bool is_same_file(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Standard output, or the file, emptied. NULL: a message was printed. */
static FILE *open_output(const struct export *export, int input, bool *made)
{
	const char *name = export->output ? export->output : "standard output";
	struct stat st;
	FILE *out;
	int fd;

	*made = false;
	if (!export->output && (export->format == TIMELINE_CHROME || !isatty(STDOUT_FILENO)))
		return stdout;
	fd = export->output ? private_file__open(export->output, made) : -ENOTTY;
	if (fd < 0) {
		cli__fail("export", name, private_file__why(fd));
		return NULL;
	}
	if (is_same_file(fd, input)) {
		cli__fail("export", name, "this is the trace itself");
		close(fd);
		return NULL;
	}
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && ftruncate(fd, 0)) {
		cli__fail("export", name, strerror(errno));
		close(fd);
		return NULL;
	}
	out = fdopen(fd, "w");
	if (!out) {
		cli__fail("export", name, strerror(errno));
		close(fd);
	}
	return out;
}

/* One message about what the file lacks. */
static int damage(const struct export *export, const struct summary *summary)
{
	char why[sizeof(summary->notes[0]) + 32];

	if (!summary->bad_blocks && summary->ended)
		return CLI_DONE;
	if (!summary->bad_blocks)
		return fail(export, "the file has no end mark: the recording was interrupted, or "
				    "the file is cut off");
	if (summary->bad_blocks == 1)
		return fail(export, summary->notes[0]);
	snprintf(why, sizeof(why), "%s (and %u more)", summary->notes[0], summary->bad_blocks - 1);
	return fail(export, why);
}

static int write_timeline(struct export *export, int fd, FILE *out, const struct summary *summary)
{
	struct trace_reader *reader;
	char why[256];
	int err;

	if (trace_reader__open_fd(&reader, fd, why, sizeof(why)))
		return fail(export, why);
	setvbuf(out, NULL, _IOFBF, BUFFER);
	if (progress__beside(out))
		show_pass(export, "writing the timeline", reader);
	err = timeline__write(out, export->format, summary, reader);
	progress__clear();
	trace_reader__close(reader);
	if (err)
		return fail(export, CLI_TOO_LARGE);
	return CLI_DONE;
}

static int export_file(struct export *export, int fd, off_t start, const struct summary *summary)
{
	bool made;
	FILE *out = open_output(export, fd, &made);
	int status, failed;

	if (!out)
		return CLI_FAILED;
	status = lseek(fd, start, SEEK_SET) < 0 ? fail(export, strerror(errno))
						: write_timeline(export, fd, out, summary);
	if (out == stdout) {
		output__flush();
	} else {
		failed = ferror(out);
		failed |= fclose(out);
		if (failed && !status)
			status = cli__fail("export", export->output, strerror(errno));
		if (status && made)
			unlink(export->output);
	}
	return status ? status : damage(export, summary);
}

int cmd_export(int argc, char **argv)
{
	struct export export = {0};
	struct summary *summary = NULL;
	off_t start = 0;
	char why[256];
	int fd, status;

	cli__parse(&argp, argc, argv, 0, &export);
	if (!export.path)
		export.path = CLI_TRACE;
	cli__bound_memory();
	fd = open_input(&export, &start);
	if (fd < 0)
		return fail(&export, strerror(errno));
	if (read_summary(&export, fd, &summary, why, sizeof(why)))
		status = fail(&export, why);
	else
		status = export_file(&export, fd, start, summary);
	summary__free(summary);
	close(fd);
	return status;
}
