/* SPDX-License-Identifier: GPL-2.0-only */
/* thprace: the command. Each verb is in cmd_VERB.c; main.c finds it. */
#ifndef THPRACE_CLI_H
#define THPRACE_CLI_H

#include <argp.h>
#include <stdint.h>
#include <stdio.h>
#include <thprace/race.h>
#include "probe/probe.h"
#include "base/timespan.h"

/* Exit statuses of all verbs. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2, /* wrong usage; argp exits with it too */
	CLI_FOUND = 3, /* done, and an escape or a vulnerable kernel was found */
	CLI_NO_STATEMENT = 4, /* done, but no statement can be made about a part of the request */
	CLI_STATUS_MAX
};

/*
 * A verb: argv[0] is "thprace VERB", options follow. Returns enum cli_exit. The verb prints a
 * failure once, on stderr.
 */
int cmd_record(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_probes(int argc, char **argv);
int cmd_provoke(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_races(int argc, char **argv);
int cmd_recover(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_incidents(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_metrics(int argc, char **argv);

/* The trace that record writes, and report reads, by default. */
#define CLI_TRACE "thprace.thpr"

/* Help of --btf. */
#define CLI_BTF_HELP                                                                \
	"file with this kernel's BTF, if the kernel has none of its own (default: " \
	"/usr/lib/thprace/btf/RELEASE.btf); probes are then kprobes"

/*
 * Read the arguments of options that several verbs have. A wrong one ends the program with a
 * message and status 2 (argp_error).
 */
enum thprace_mode cli__parse_mode(const char *arg, struct argp_state *state);
enum probe_attach cli__parse_attach(const char *arg, struct argp_state *state);
enum thprace_class cli__parse_class(const char *arg, struct argp_state *state);
enum thprace_verdict cli__parse_verdict(const char *arg, struct argp_state *state);
/*
 * The value of a name from a table, whose first `first` names are not for users. The message about
 * an unknown name lists the known ones: "no WHAT 'NAME': …".
 */
int cli__parse_name(const char *what, const char *const *names, int first, int count,
		    const char *name, struct argp_state *state);
int cli__parse_json(const char *arg, struct argp_state *state); /* json: 1, text: 0 */

/*
 * Read a length of time between least and most, ns, see timespan.h; a number without a unit counts
 * in units of `plain` ns.
 */
uint64_t cli__parse_span(const char *arg, uint64_t plain, uint64_t least, uint64_t most,
			 struct argp_state *state);

/* The longest duration: far below any overflow. */
#define CLI_LONGEST (10000 * 86400 * TIMESPAN_SECOND)

/* argp_parse(), with the options that every verb has: -h and --color. */
void cli__parse(const struct argp *argp, int argc, char **argv, unsigned int flags, void *input);

/*
 * Parse the arguments of a verb that has no option except --socket: the daemon's socket. doc:
 * argp's.
 */
const char *cli__parse_socket(int argc, char **argv, const char *doc);

/*
 * For verbs that read files of other users: from now on, allocations that would bring the program
 * above 64 MiB fail. The message for such a file is CLI_TOO_LARGE.
 */
void cli__bound_memory(void);
#define CLI_TOO_LARGE "reading it takes more memory than the 64 MiB that a file may use"

/* Does the user's terminal use UTF-8, according to the locale? */
int cli__utf8(void);

/*
 * What failed, in one line on stderr, whatever path (NULL: none) and why contain: "thprace VERB:
 * PATH: WHY". Returns CLI_FAILED.
 */
int cli__fail(const char *verb, const char *path, const char *why);

/* The same for each line of why. */
int cli__fail_lines(const char *verb, const char *path, const char *why);

/*
 * Text from outside, made safe for standard output (names__clean()), in buf, which may be text
 * itself; returns it.
 */
const char *cli__fit(char *buf, size_t size, const char *text);

/* --color */
enum cli_colour {
	CLI_COLOUR_AUTO,
	CLI_COLOUR_ALWAYS,
	CLI_COLOUR_NEVER,
};

#define CLI_COLOUR_NAMES                  \
	{                                 \
		"auto", "always", "never" \
	}

/*
 * Columns of out: from COLUMNS, or the terminal, or, if neither is known, CLI_COLUMNS. At least
 * CLI_COLUMNS_LEAST.
 */
#define CLI_COLUMNS 100
#define CLI_COLUMNS_LEAST 40
int cli__columns(FILE *out);

/* The same, but limited to a width that is good to read: CLI_COLUMNS. */
int cli__width(FILE *out);

void cli__set_colour(enum cli_colour when);

/*
 * May out be coloured? According to --color; auto: if it is a terminal, and NO_COLOR is unset or
 * empty.
 */
int cli__colour(FILE *out);

#endif
