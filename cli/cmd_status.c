// SPDX-License-Identifier: GPL-2.0-only
/* thprace status: what the daemon watches, what it saw, and what it costs. */
#include "cli.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "client.h"
#include "base/json.h"
#include "base/layout.h"
#include "base/names.h"
#include "when.h"

#define LABEL 11
#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define RESET "\033[0m"

enum status_option {
	OPT_FORMAT = 'f',
	OPT_SOCKET = 256,
};

static const struct argp_option options[] = {
	{"format", OPT_FORMAT, "FORMAT", 0,
	 "text (default) or json (the daemon's answer, one object)", 0},
	{"socket", OPT_SOCKET, "PATH", 0, "use this socket instead of " CLIENT_SOCKET, 0},
	{0},
};

struct status {
	const char *socket;
	int json;
	int colour;
	int utf8;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct status *status = state->input;

	switch (key) {
	case OPT_FORMAT:
		status->json = cli__parse_json(arg, state);
		break;
	case OPT_SOCKET:
		status->socket = arg;
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
	.doc = "Print what the daemon watches, what it has seen since it started, and what it costs."
	       "\vExit status: 0 done, 1 the daemon cannot be asked, 2 wrong usage, 3 done, and it "
	       "saw an escape.",
};

/* "label      text". */
__attribute__((format(printf, 2, 3))) static void line(const char *label, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("%-*s", LABEL, label);
	layout__wrap(stdout, (size_t)cli__width(stdout), text, LABEL, LABEL);
}

static const char *count(char *buf, struct json_object *object, const char *name)
{
	return names__count(buf, NAMES_NUMBER_LEN, json__get_number(object, name));
}

#define counted(object, name, noun) COUNTED(json__get_number(object, name), noun)

/* "3 h 12 min". */
static const char *span(char *buf, size_t size, uint64_t ns)
{
	uint64_t seconds = ns / 1000000000;

	if (seconds < 60)
		snprintf(buf, size, "%" PRIu64 " s", seconds);
	else if (seconds < 3600)
		snprintf(buf, size, "%" PRIu64 " min", seconds / 60);
	else if (seconds < 86400)
		snprintf(buf, size, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600,
			 seconds / 60 % 60);
	else
		snprintf(buf, size, "%" PRIu64 " d %" PRIu64 " h", seconds / 86400,
			 seconds / 3600 % 24);
	return buf;
}

static const char *bytes(char *buf, size_t size, uint64_t number)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)number;
	size_t unit = 0;

	while (value >= 1024 && unit < 4) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return buf;
}

/* A text from the answer, made safe for this terminal. */
static const char *clean(char *buf, size_t size, const char *text, const struct status *status)
{
	return names__clean(buf, size, text, strlen(text), status->utf8);
}

static void print_headline(struct json_object *answer, const struct status *status)
{
	uint64_t now = json__get_number(answer, "now_ns");
	uint64_t started = json__get_number(answer, "started_ns");
	uint64_t escapes = json__get_number(json__get_object(answer, "totals"), "escapes");
	char version[32], kernel[96], up[48], text[320];
	const char *mode = json__get_text(answer, "mode");

	snprintf(text, sizeof(text), "thpraced %s on %s, %s mode, up %s: ",
		 clean(version, sizeof(version), json__get_text(answer, "version"), status),
		 clean(kernel, sizeof(kernel), json__get_text(answer, "kernel"), status),
		 names__mode((unsigned int)names__find_mode(mode)),
		 span(up, sizeof(up), now > started ? now - started : 0));
	fputs(text, stdout);
	/* The answer is not broken into two lines. */
	if (names__columns(text) + strlen("1,000,000 escapes") > (size_t)cli__width(stdout))
		fputs("\n  ", stdout);
	printf("%s%s%s\n\n",
	       !status->colour ? ""
	       : escapes       ? RED
			       : BOLD,
	       escapes ? COUNTED(escapes, "escape") : "no escapes", status->colour ? RESET : "");
}

/* A number per day with two significant digits. */
static const char *rate(char *buf, size_t size, double value)
{
	if (value >= 1e6)
		snprintf(buf, size, "%.1e", value);
	else if (value >= 100)
		names__count(buf, size, (uint64_t)value);
	else if (value >= 0.01)
		snprintf(buf, size, "%.2f", value);
	else if (value > 0)
		snprintf(buf, size, "%.0e", value);
	else
		snprintf(buf, size, "0");
	return buf;
}

static const struct layout_column class_columns[] = {
	{"kernel", 10},	 {"walkers", 8}, {"overlaps", 8}, {"contained", 9}, {"escapes", 7},
	{"remained", 8}, {"unattr.", 7}, {"unproven", 8}, {"exp./day", 8},
};

enum {
	COLUMN_KERNEL = 0,
	COLUMN_ESCAPES = 4,
};

/* What the kernel's code says about a class, in a column. */
static const char *check_column(const char *check)
{
	if (!strcmp(check, "cannot happen"))
		return "impossible";
	if (!strcmp(check, "fixed") || !strcmp(check, "vulnerable") || !strcmp(check, "unknown"))
		return check;
	return "-";
}

/* Why a class is not observed, on its line. */
static void print_blindness(const struct layout_table *table, const char *name, const char *check,
			    struct json_object *class, const struct status *status)
{
	char why[512], text[640];

	clean(why, sizeof(why), json__get_text(class, "reason"), status);
	snprintf(text, sizeof(text), "%s%s%s%s%s", strcmp(check, "-") ? "kernel " : "",
		 strcmp(check, "-") ? check : "", strcmp(check, "-") ? "; " : "",
		 names__blindness(why), why);
	layout__row_text(table, name, text);
}

static void print_class(const struct layout_table *table, struct json_object *class,
			const struct status *status)
{
	char n[7][NAMES_NUMBER_LEN], expected[NAMES_NUMBER_LEN] = "-", name[64];
	const char *check = check_column(json__get_text(class, "check"));
	bool observable = json__get_bool(class, "observable");
	struct json_object *known = NULL;
	size_t marked = table->nr;

	clean(name, sizeof(name), json__get_text(class, "class"), status);
	if (!observable) {
		print_blindness(table, name, check, class, status);
		if (!json__get_number(class, "walkers") && !json__get_number(class, "overlaps"))
			return;
		snprintf(name, sizeof(name), "  before that");
	}
	if (observable && json_object_object_get_ex(class, "expected_per_day", &known) && known)
		rate(expected, sizeof(expected), json__get_real(class, "expected_per_day"));
	if (status->colour && json__get_number(class, "escapes"))
		marked = COLUMN_ESCAPES;
	else if (status->colour && !strcmp(check, "vulnerable"))
		marked = COLUMN_KERNEL;
	layout__row(table, name,
		    (const char *const[]){
			    check,
			    count(n[0], class, "walkers"),
			    count(n[1], class, "overlaps"),
			    count(n[2], class, "contained"),
			    count(n[3], class, "escapes"),
			    count(n[4], class, "remained"),
			    count(n[5], class, "unattributed"),
			    count(n[6], class, "unproven"),
			    expected,
		    },
		    marked, RED, RESET);
}

static void print_classes(struct json_object *answer, const struct status *status)
{
	const struct layout_table table = {
		.out = stdout,
		.width = (size_t)cli__width(stdout),
		.indent = 2,
		.name_width = 16,
		.columns = class_columns,
		.nr = sizeof(class_columns) / sizeof(class_columns[0]),
	};
	size_t i, nr = json__length(json__get_array(answer, "classes"));

	layout__head(&table, "class");
	for (i = 0; i < nr; i++)
		print_class(&table, json__at(json__get_array(answer, "classes"), i), status);
	putchar('\n');
}

/* The evidence for the column "kernel", if it needs a word. */
static void print_check(struct json_object *answer, const struct status *status)
{
	struct json_object *check = json__get_object(answer, "check"), *class;
	const char *state = json__get_text(check, "state");
	size_t i, nr = json__length(json__get_array(answer, "classes"));
	char why[512], name[64];

	if (!strcmp(state, "running"))
		line("kernel",
		     "its code is being read: thprace check says whether it has the fixes");
	if (!strcmp(state, "failed"))
		line("kernel", "whether it has the fixes is not known: %s",
		     clean(why, sizeof(why), json__get_text(check, "reason"), status));
	for (i = 0; i < nr; i++) {
		class = json__at(json__get_array(answer, "classes"), i);
		if (!strcmp(json__get_text(class, "check"), "vulnerable"))
			line("kernel", "vulnerable, %s: %s; see: thprace check",
			     clean(name, sizeof(name), json__get_text(class, "class"), status),
			     clean(why, sizeof(why), json__get_text(class, "check_evidence"),
				   status));
	}
}

static void print_loss(struct json_object *answer)
{
	struct json_object *loss = json__get_object(answer, "loss");
	char lost[NAMES_NUMBER_LEN], seen[NAMES_NUMBER_LEN], n[NAMES_NUMBER_LEN], causes[512] = "";
	unsigned int cause;
	size_t used = 0;
	const char *name;

	for (cause = 0; cause < THPRACE_LOSS_MAX; cause++) {
		name = names__loss(cause);
		if (!json__get_number(json__get_object(loss, "causes"), name))
			continue;
		used += (size_t)snprintf(causes + used, sizeof(causes) - used, "%s%s %s",
					 used ? ", " : ": ",
					 count(n, json__get_object(loss, "causes"), name), name);
	}
	if (json__get_number(loss, "lost"))
		line("loss", "%s of %s%s", count(lost, loss, "lost"), count(seen, loss, "seen"),
		     causes);
	else
		line("loss", "none of %s", count(seen, loss, "seen"));
}

/* "2 probes shed: hold, check". */
static const char *shed(char *buf, size_t size, struct json_object *answer,
			const struct status *status)
{
	size_t i, nr = json__length(json__get_array(answer, "probes")), found = 0, used = 0;
	char names[512] = "", point[32];
	struct json_object *probe;

	for (i = 0; i < nr && used < sizeof(names); i++) {
		probe = json__at(json__get_array(answer, "probes"), i);
		if (strcmp(json__get_text(probe, "state"), "shed"))
			continue;
		clean(point, sizeof(point), json__get_text(probe, "point"), status);
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s %s",
					 found++ ? "," : "", point);
	}
	if (found)
		snprintf(buf, size, "%s shed:%s", COUNTED(found, "probe"), names);
	else
		snprintf(buf, size, "nothing is shed");
	return buf;
}

/* Over budget: who causes most of the zaps. */
static void print_zapper(struct json_object *overhead, const struct status *status)
{
	struct json_object *zapper;
	char comm[64], unit[160];

	if (!json__length(json__get_array(overhead, "zappers")))
		return;
	zapper = json__at(json__get_array(overhead, "zappers"), 0);
	clean(unit, sizeof(unit), json__get_text(zapper, "unit"), status);
	line("", "%.0f%% of the %s are those of uid %" PRIu64 ", %s%s%s/%" PRIu64,
	     100 * json__get_real(zapper, "part"),
	     json__get_number(zapper, "zaps") * 2 >= json__get_number(zapper, "calls")
		     ? "zaps"
		     : "calls of __pmd_trans_huge_lock",
	     json__get_number(zapper, "uid"), unit, *unit ? ", " : "",
	     clean(comm, sizeof(comm), json__get_text(zapper, "comm"), status),
	     json__get_number(zapper, "tgid"));
}

static void print_overhead(struct json_object *answer, const struct status *status)
{
	struct json_object *overhead = json__get_object(answer, "overhead");
	char why[256], limit[64] = "no budget", share[64], gone[600];
	double budget = json__get_real(overhead, "budget");

	if (json__get_bool(overhead, "measured"))
		snprintf(share, sizeof(share), "%.3f%% of all CPUs' time",
			 100 * json__get_real(overhead, "share"));
	else
		snprintf(share, sizeof(share), "not measured");
	if (budget > 0)
		snprintf(limit, sizeof(limit), "budget %.3g%%", 100 * budget);
	clean(why, sizeof(why), json__get_text(overhead, "reason"), status);
	line("overhead", "%s%s%s%s, %s; %s%s", share, *why ? " (" : "", why, *why ? ")" : "", limit,
	     shed(gone, sizeof(gone), answer, status),
	     json__get_bool(overhead, "over") ? "; over budget, and shedding more would not help"
					      : "");
	print_zapper(overhead, status);
}

/* The number of probes, and those that the kernel refused. */
static void print_probes(struct json_object *answer, const struct status *status)
{
	size_t i, nr = json__length(json__get_array(answer, "probes")), attached = 0, failed = 0;
	struct json_object *probe;
	char point[32], why[256];

	for (i = 0; i < nr; i++) {
		probe = json__at(json__get_array(answer, "probes"), i);
		attached += !strcmp(json__get_text(probe, "state"), "attached");
		failed += !strcmp(json__get_text(probe, "state"), "failed");
	}
	line("probes", "%zu of %zu points attached%s", attached, nr,
	     failed ? "; refused by the kernel:" : "");
	for (i = 0; i < nr && failed; i++) {
		probe = json__at(json__get_array(answer, "probes"), i);
		if (!strcmp(json__get_text(probe, "state"), "failed"))
			line("", "%s: %s",
			     clean(point, sizeof(point), json__get_text(probe, "point"), status),
			     clean(why, sizeof(why), json__get_text(probe, "reason"), status));
	}
	for (i = 0; i < nr; i++) {
		probe = json__at(json__get_array(answer, "probes"), i);
		if (json__get_number(probe, "silent"))
			line("", "silent: %s: %s",
			     clean(point, sizeof(point), json__get_text(probe, "point"), status),
			     clean(why, sizeof(why), json__get_text(probe, "reason"), status));
	}
}

static void print_own(struct json_object *answer)
{
	struct json_object *overhead = json__get_object(answer, "overhead");
	char rss[32], bpf[32];

	line("memory", "%s resident, %s in the kernel; %.1f s of CPU time of its own",
	     bytes(rss, sizeof(rss), json__get_number(overhead, "rss_bytes")),
	     bytes(bpf, sizeof(bpf), json__get_number(overhead, "bpf_bytes")),
	     (double)json__get_number(overhead, "cpu_ns") / 1e9);
}

static void print_spool(struct json_object *answer, const struct status *status)
{
	struct json_object *spool = json__get_object(answer, "spool");
	uint64_t oldest = json__get_number(spool, "oldest_wall_ns");
	char size[32], max[32], since[WHEN_LEN + 8] = "", when[WHEN_LEN], n[NAMES_NUMBER_LEN];
	char directory[320], why[256], skipped[64] = "";

	if (oldest)
		snprintf(since, sizeof(since), " since %s",
			 when__minute(when, sizeof(when), oldest));
	if (json__get_number(spool, "skipped"))
		snprintf(skipped, sizeof(skipped), ", %s counted only", count(n, spool, "skipped"));
	line("spool", "%s: %s of %s in %s%s; %s stored%s",
	     clean(directory, sizeof(directory), json__get_text(spool, "directory"), status),
	     bytes(size, sizeof(size), json__get_number(spool, "bytes")),
	     bytes(max, sizeof(max), json__get_number(spool, "max_bytes")),
	     counted(spool, "files", "file"), since, counted(spool, "stored", "incident"), skipped);
	if (!strcmp(json__get_text(spool, "health"), "degraded"))
		line("", "degraded: %s; in memory only: %s",
		     clean(why, sizeof(why), json__get_text(spool, "reason"), status),
		     counted(spool, "memory", "incident"));
	if (json__get_number(spool, "dropped"))
		line("", "%s could not be kept", counted(spool, "dropped", "incident"));
}

static void print_alerts(struct json_object *answer, const struct status *status)
{
	struct json_object *alerts = json__get_object(answer, "alerts");
	char target[32], n[NAMES_NUMBER_LEN], failed[96] = "";

	if (json__get_number(alerts, "failed"))
		snprintf(failed, sizeof(failed), ", %s not taken", count(n, alerts, "failed"));
	line("alerts", "%s to the %s%s, %s folded; %s of the kernel, %" PRIu64 " confirmed",
	     counted(alerts, "sent", "message"),
	     clean(target, sizeof(target), json__get_text(alerts, "target"), status), failed,
	     counted(alerts, "folded", "incident"),
	     counted(alerts, "kernel_complaints", "complaint"),
	     json__get_number(alerts, "kernel_confirmed"));
}

static void print_text(struct json_object *answer, const struct status *status)
{
	print_headline(answer, status);
	print_classes(answer, status);
	print_check(answer, status);
	print_loss(answer);
	print_probes(answer, status);
	print_overhead(answer, status);
	print_own(answer);
	print_spool(answer, status);
	print_alerts(answer, status);
}

int cmd_status(int argc, char **argv)
{
	struct status status = {.socket = CLIENT_SOCKET};
	struct json_object *answer;
	char why[512];
	int found;

	cli__parse(&argp, argc, argv, 0, &status);
	status.colour = cli__colour(stdout);
	status.utf8 = cli__utf8();
	if (client__call_once(status.socket, client__request("status"), &answer, why,
			      sizeof(why))) {
		fprintf(stderr, "thprace status: %s\n", why);
		json_object_put(answer);
		return CLI_FAILED;
	}
	found = json__get_number(json__get_object(answer, "totals"), "escapes") != 0;
	if (status.json)
		json__print(stdout, json_object_get(answer));
	else
		print_text(answer, &status);
	json_object_put(answer);
	return found ? CLI_FOUND : CLI_DONE;
}
