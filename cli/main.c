// SPDX-License-Identifier: GPL-2.0-only
#include "cli.h"

#include <argp.h>
#include <locale.h>
#include <string.h>
#include <thprace/version.h>
#include "base/names.h"
#include "commit.h"
#include "base/output.h"
#include "classes/race_class.h"

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct verb verbs[] = {
	{"record", cmd_record, "watch this kernel and write a trace"},
	{"report", cmd_report, "summarise a trace and draw its incidents"},
	{"dump", cmd_dump, "print the records and incidents of a trace"},
	{"export", cmd_export, "write a trace as a timeline, for Perfetto or Chrome"},
	{"probes", cmd_probes, "show which probes this kernel allows"},
	{"provoke", cmd_provoke,
	 "provoke races on a test machine, and report whether the kernel closes them"},
	{"check", cmd_check, "report which fixes a kernel contains"},
	{"races", cmd_races, "list the races that are known, and check race files"},
	{"recover", cmd_recover, "make a trace from a kernel's crash dump"},
	{"explain", cmd_explain, "explain the kernel's complaints in a log"},
	{"status", cmd_status, "print the daemon's state, counts and cost"},
	{"incidents", cmd_incidents, "list the daemon's incidents"},
	{"show", cmd_show, "draw one of the daemon's incidents"},
	{"top", cmd_top, "show on a terminal what is observed now"},
	{"reload", cmd_reload, "make the daemon reread its configuration"},
	{"metrics", cmd_metrics, "print the daemon's metrics"},
};

#define NR_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void usage(FILE *out)
{
	size_t i;

	fputs("Usage: thprace VERB [OPTION...]\n"
	      "Observes races in the kernel's transparent-huge-page code.\n\n",
	      out);
	for (i = 0; i < NR_VERBS; i++)
		fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].help);
	fputs("\n'thprace VERB --help' describes a verb, 'thprace help classes' lists the race "
	      "classes, 'thprace --version' prints the version.\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 done and an escape\n"
	      "or a vulnerable kernel was found, 4 done, but no statement can be made\n"
	      "about a part of the request.\n",
	      out);
}

static const struct verb *find(const char *name)
{
	size_t i;

	for (i = 0; i < NR_VERBS; i++) {
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	}
	return NULL;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "thprace %s", verb->name);
	argv[0] = name;
	return verb->run(argc, argv);
}

/* "thprace help VERB" is "thprace VERB --help". */
static int help(int argc, char **argv)
{
	char option[] = "--help";
	char *args[] = {argv[0], option, NULL};
	const struct verb *verb;
	unsigned int class;

	if (argc < 2) {
		usage(stdout);
		return CLI_DONE;
	}
	if (!strcmp(argv[1], "classes")) {
		for (class = 1; class < race_class__end(); class ++)
			puts(names__class(class));
		return CLI_DONE;
	}
	verb = find(argv[1]);
	if (verb)
		return run(verb, 2, args);
	fprintf(stderr, "thprace: no verb '%s'; 'thprace --help' lists them\n", argv[1]);
	return CLI_USAGE;
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	setlocale(LC_CTYPE, "");
	output__guard("thprace");
	argp_err_exit_status = CLI_USAGE;
	if (argc < 2) {
		usage(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "-?"))
		return help(1, argv + 1);
	if (!strcmp(argv[1], "help"))
		return help(argc - 1, argv + 1);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("thprace " THPRACE_VERSION VERSION_COMMIT);
		return CLI_DONE;
	}
	verb = find(argv[1]);
	if (!verb) {
		fprintf(stderr, "thprace: no %s '%s'; 'thprace --help' lists them\n",
			argv[1][0] == '-' ? "option" : "verb", argv[1]);
		return CLI_USAGE;
	}
	return run(verb, argc - 1, argv + 1);
}
