// SPDX-License-Identifier: GPL-2.0-only
/* thprace explain: what a pasted kernel log shows about the race classes. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>
#include "base/json.h"
#include "base/layout.h"
#include "base/names.h"
#include "check/check.h"
#include "check/check_source.h"
#include "classes/race_class.h"
#include "complaint/complaint.h"
#include "complaint/log_reader.h"
#include "complaint/pstore.h"
#include "progress.h"

#define COMPLAINTS_MAX 10000 /* that are explained; others are only counted */
#define LABEL 9

enum explain_option {
	OPT_KERNEL = 'k',
	OPT_FORMAT = 'f',
};

static const struct argp_option options[] = {
	{"kernel", OPT_KERNEL, "IMAGE", 0,
	 "the image of the kernel that wrote the log: report for each class whether it has the "
	 "fix",
	 0},
	{"format", OPT_FORMAT, "FORMAT", 0, "text (default) or json (an object per complaint)", 0},
	{0},
};

struct explain {
	const char *path; /* NULL: standard input */
	bool json;
	/* The files of the image. */
	struct check_files files;
	struct check_facts facts;
	struct check_result results[THPRACE_CLASS_MAX];
	/* The content of the log. */
	struct log_reader_counts counts;
	struct complaint *complaint;
	size_t nr;
	size_t more; /* for which there was no space */
	size_t naming; /* that name a class */
	size_t of_class[THPRACE_CLASS_MAX];
	bool no_memory;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct explain *explain = state->input;

	switch (key) {
	case OPT_KERNEL:
		explain->files.kernel = arg;
		break;
	case OPT_FORMAT:
		explain->json = cli__parse_json(arg, state);
		break;
	case ARGP_KEY_ARG:
		if (explain->path)
			argp_error(state, "one FILE only, '%s' is too many", arg);
		explain->path = arg;
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
	.doc = "Explain the kernel's complaints about pages in a log: which race class each of them "
	       "belongs to, or why it belongs to none, where that class is fixed, and what to do "
	       "next. FILE (standard input by default, or -) is the output of dmesg, a serial "
	       "console, syslog or journalctl -k (also -o export and -o json), or a folder of "
	       "pstore."
	       "\vNeeds no root.\n"
	       "Exit status: 0 done, 1 failed, 2 wrong usage, 3 done and a complaint names a class.",
};

static void found(void *ctx, const struct complaint *complaint)
{
	struct explain *explain = ctx;
	struct complaint *grown;
	unsigned int class;

	explain->naming += complaint->classes != 0;
	for (class = 1; class < race_class__end(); class ++)
		explain->of_class[class] += complaint->classes >> class & 1;
	if (explain->nr == COMPLAINTS_MAX) {
		explain->more++;
		return;
	}
	if (!(explain->nr & (explain->nr - 1))) { /* 0, 1, 2, 4, … */
		grown = realloc(explain->complaint,
				(explain->nr ? 2 * explain->nr : 1) * sizeof(*grown));
		if (!grown) {
			explain->no_memory = true;
			explain->more++;
			return;
		}
		explain->complaint = grown;
	}
	explain->complaint[explain->nr++] = *complaint;
}

/* Is a class fixed in the image? CHECK_UNKNOWN without one. */
static enum check_status status_of(const struct explain *explain, unsigned int class)
{
	return explain->files.kernel ? explain->results[class].status : CHECK_UNKNOWN;
}

/* In which releases a class is fixed: "5.13 and 5.10.47". */
static const char *fixed_in(char *text, size_t size, unsigned int class)
{
	const struct race_class *race = race_class__of(class);
	uint32_t stable = 0;
	size_t i;

	for (i = 0; i < RACE_RELEASES_MAX; i++)
		if (race->releases[i].stable)
			stable = race->releases[i].stable;
	if (stable)
		snprintf(text, size, "%s and 5.10.%" PRIu32, race->commit.version, stable);
	else
		snprintf(text, size, "%s", race->commit.version);
	return text;
}

static const char *next_step(const struct explain *explain, const struct complaint *complaint)
{
	bool vulnerable = false, unknown = false;
	unsigned int class;

	if (!complaint->classes)
		return "thprace knows no such race: report the whole block to "
		       "linux-mm@kvack.org or to your distribution.";
	for (class = 1; class < race_class__end(); class ++) {
		if (!(complaint->classes >> class & 1))
			continue;
		vulnerable |= status_of(explain, class) == CHECK_VULNERABLE;
		unknown |= status_of(explain, class) == CHECK_UNKNOWN;
	}
	if (vulnerable)
		return "Install a kernel with the fix. Until then thpraced records how often it "
		       "happens, and which tasks are involved.";
	if (unknown)
		return "Check the image of the kernel that wrote this: thprace explain --kernel "
		       "IMAGE, or thprace check --kernel IMAGE for the evidence.";
	return "This image has the fix. If it is the kernel that wrote the log, something else is "
	       "wrong: record it with thprace record, and report both.";
}

/* "pid 77, pfn 0x10a200, order 9": as far as known. */
static const char *describe(char *text, size_t size, const struct complaint *complaint)
{
	char *at = text, *past = text + size;

	*at = '\0';
	if (complaint->pid)
		at += snprintf(at, (size_t)(past - at), "pid %" PRIu32, complaint->pid);
	if (complaint->has_pfn)
		at += snprintf(at, (size_t)(past - at), "%spfn 0x%" PRIx64, at > text ? ", " : "",
			       complaint->pfn);
	if (complaint->order != COMPLAINT_ORDER_UNKNOWN)
		at += snprintf(at, (size_t)(past - at), "%sorder %d", at > text ? ", " : "",
			       complaint->order);
	if (complaint->when)
		snprintf(at, (size_t)(past - at), "%sat %.6f s", at > text ? ", " : "",
			 (double)complaint->when / 1e9);
	return text;
}

static void print_label(const char *label, const char *text)
{
	if (!*text)
		return;
	printf("  %-*s", LABEL, label);
	layout__wrap(stdout, (size_t)cli__width(stdout), text, 2 + LABEL, 2 + LABEL);
}

static void print_class(const struct explain *explain, const struct complaint *complaint,
			unsigned int class)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;
	const struct check_result *result = &explain->results[class];
	const struct check_commit *commit = check__commit(class);
	char text[512], where[64];

	snprintf(text, sizeof(text), "%s: fixed in %s by %.12s \"%s\"", names__class(class),
		 fixed_in(where, sizeof(where), class), commit->hash, commit->subject);
	print_label("class", text);
	if (complaint->doubtful >> class & 1)
		print_label("release", "the stock kernel of this version has the fix, but this is "
				       "a kernel of somebody's own build");
	if (!explain->files.kernel)
		return;
	snprintf(text, sizeof(text), "%s%s%s", statuses[result->status],
		 result->nr_evidence ? ": " : "",
		 result->nr_evidence ? result->evidence[0]->text : "");
	print_label("image", text);
}

static void print_complaint(const struct explain *explain, const struct complaint *complaint,
			    size_t number)
{
	unsigned int class;
	char text[128];

	printf("\n%zu. %s\n", number, complaint__kind_name(complaint->kind));
	print_label("line", complaint->text);
	print_label("page", describe(text, sizeof(text), complaint));
	print_label("kernel", complaint->release);
	for (class = 1; class < race_class__end(); class ++)
		if (complaint->classes >> class & 1)
			print_class(explain, complaint, class);
	if (!complaint->classes) {
		snprintf(text, sizeof(text), "none: %.100s", complaint->reason);
		print_label("class", text);
	}
	print_label("next", next_step(explain, complaint));
}

/* The answer. */
static void print_head(const struct explain *explain)
{
	size_t all = explain->nr + explain->more;
	const char *between = ": ";
	unsigned int class;

	if (!all) {
		printf("no complaint about pages in %zu line%s\n", explain->counts.lines,
		       explain->counts.lines == 1 ? "" : "s");
		return;
	}
	printf("%zu complaint%s about pages, ", all, all == 1 ? "" : "s");
	if (!explain->naming)
		printf("none of a race class");
	else
		printf("%zu of a race class", explain->naming);
	for (class = 1; class < race_class__end(); class ++) {
		if (!explain->of_class[class])
			continue;
		printf("%s%s %zu", between, names__class(class), explain->of_class[class]);
		between = ", ";
	}
	putchar('\n');
}

static void print_text(const struct explain *explain)
{
	size_t i;

	print_head(explain);
	for (i = 0; i < explain->nr; i++)
		print_complaint(explain, &explain->complaint[i], i + 1);
	if (explain->more)
		printf("\n%zu more are not explained\n", explain->more);
	if (explain->counts.unread)
		printf("\n%zu entr%s of the journal could not be read\n", explain->counts.unread,
		       explain->counts.unread == 1 ? "y" : "ies");
}

static struct json_object *class_to_json(const struct explain *explain,
					 const struct complaint *complaint, unsigned int class)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;
	const struct check_commit *commit = check__commit(class);
	struct json_object *object = json_object_new_object();
	char where[64];

	json__add_text(object, "class", names__class(class));
	json__add_text(object, "commit", commit->hash);
	json__add_text(object, "subject", commit->subject);
	json__add_text(object, "fixed_in", fixed_in(where, sizeof(where), class));
	json__add_bool(object, "doubtful", complaint->doubtful >> class & 1);
	json__add(object, "image",
		  explain->files.kernel ? json__optional(statuses[status_of(explain, class)])
					: NULL);
	return object;
}

static int print_json(const struct explain *explain)
{
	const struct complaint *complaint;
	struct json_object *object, *classes;
	unsigned int class;
	size_t i;
	int err = 0;

	for (i = 0; i < explain->nr && !err; i++) {
		complaint = &explain->complaint[i];
		object = json__new("complaint");
		classes = json_object_new_array();
		if (!object || !classes)
			return -ENOMEM;
		for (class = 1; class < race_class__end(); class ++)
			if (complaint->classes >> class & 1)
				json_object_array_add(classes,
						      class_to_json(explain, complaint, class));
		json__add_text(object, "kind", complaint__kind_name(complaint->kind));
		json__add(object, "classes", classes);
		json__add_text(object, "reason", complaint->reason);
		json__add_text(object, "text", complaint->text);
		json__add(object, "time_ns",
			  complaint->when ? json__number(complaint->when) : NULL);
		json__add(object, "pid", complaint->pid ? json__number(complaint->pid) : NULL);
		json__add(object, "pfn", complaint->has_pfn ? json__address(complaint->pfn) : NULL);
		json__add(object, "order",
			  complaint->order >= 0 ? json__number((uint64_t)complaint->order) : NULL);
		json__add_text(object, "release", complaint->release);
		json__add_text(object, "next", next_step(explain, complaint));
		err = json__print(stdout, object);
	}
	object = err ? NULL : json__new("summary");
	if (!object)
		return err ? err : -ENOMEM;
	json__add_number(object, "complaints", explain->nr + explain->more);
	json__add_number(object, "naming_a_class", explain->naming);
	json__add_number(object, "not_explained", explain->more);
	json__add_number(object, "lines", explain->counts.lines);
	json__add_number(object, "unread", explain->counts.unread);
	return json__print(stdout, object);
}

/* The result for each class from the image, and which classes can happen on it. */
static int ask_image(struct explain *explain, struct complaint_kernel *kernel, char *why,
		     size_t why_size)
{
	struct check_source source;
	unsigned int class;
	int err;

	progress__step(PROGRESS_IMAGE);
	err = check_source__open(&source, &explain->files, why, why_size);
	progress__clear();
	if (err)
		return err;
	check_facts__gather(&explain->facts, &source);
	check_source__release(&source);
	kernel->known = true;
	for (class = 1; class < race_class__end(); class ++) {
		check__judge(&explain->facts, class, &explain->results[class]);
		if (explain->results[class].status != CHECK_CANNOT_HAPPEN)
			kernel->possible |= 1U << class;
	}
	return 0;
}

struct reading {
	struct complaint_parser *parser;
	struct log_reader_counts *counts;
};

static int read_part(void *ctx, FILE *file)
{
	const struct reading *reading = ctx;

	return log_reader__read(file, reading->parser, reading->counts);
}

static int read_log(struct explain *explain, struct complaint_parser *parser, char *why,
		    size_t why_size)
{
	struct reading reading = {parser, &explain->counts};
	FILE *in = stdin;
	int err;

	if (explain->path && strcmp(explain->path, "-")) {
		err = pstore__read(explain->path, read_part, &reading, why, why_size);
		if (err != -ENOTDIR)
			return err;
		in = fopen(explain->path, "r");
		if (!in) {
			err = -errno;
			snprintf(why, why_size, "%s", strerror(-err));
			return err;
		}
	}
	err = log_reader__read(in, parser, &explain->counts);
	if (err)
		snprintf(why, why_size, "%s", strerror(-err));
	if (in != stdin)
		fclose(in);
	return err;
}

static int explain_log(struct explain *explain)
{
	struct complaint_kernel kernel = {0};
	struct complaint_parser *parser;
	char why[512] = "";
	int err;

	if (explain->files.kernel && ask_image(explain, &kernel, why, sizeof(why)))
		return cli__fail("explain", NULL, why);
	parser = complaint_parser__new(&kernel, found, explain);
	if (!parser)
		return cli__fail("explain", NULL, strerror(ENOMEM));
	err = read_log(explain, parser, why, sizeof(why));
	complaint_parser__finish(parser);
	complaint_parser__free(parser);
	if (!err && explain->no_memory)
		snprintf(why, sizeof(why), "%s", strerror(ENOMEM));
	if (err || explain->no_memory)
		return cli__fail("explain", explain->path ? explain->path : "standard input", why);
	if (explain->json)
		err = print_json(explain);
	else
		print_text(explain);
	if (err)
		return cli__fail("explain", NULL, strerror(-err));
	return explain->naming ? CLI_FOUND : CLI_DONE;
}

int cmd_explain(int argc, char **argv)
{
	struct explain explain = {0};
	int status;

	cli__parse(&argp, argc, argv, 0, &explain);
	status = explain_log(&explain);
	free(explain.complaint);
	return status;
}
