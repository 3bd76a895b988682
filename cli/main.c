// SPDX-License-Identifier: GPL-2.0-only
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <thprace/version.h>

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct verb verbs[] = {
	{"record", cmd_record, "watch this kernel and write a trace"},
	{"report", cmd_report, "sum up a trace and draw its incidents"},
	{"dump", cmd_dump, "print the records and incidents of a trace"},
	{"probes", cmd_probes, "show what would be attached on this kernel, and how"},
	{"provoke", cmd_provoke, "bring races out, on a test machine, and judge the kernel"},
};

#define NR_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int output_error; /* errno of the first write to stdout that failed */

int cli__utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

int cli__colour(FILE *out)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fileno(out)) && !(no && *no);
}

void cli__begin_output(void)
{
	signal(SIGPIPE, SIG_IGN);
}

/* Is standard output a pipe or socket that nobody reads any more? */
static int reader_gone(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP));
}

void cli__flush_output(void)
{
	int error = errno;

	/* stdio keeps that a write failed, but not why: that is still in errno, if anywhere. */
	if (ferror(stdout) && !output_error)
		output_error = error ? error : EIO;
	if (fflush(stdout) && !output_error)
		output_error = errno;
}

int cli__finish_output(int status)
{
	cli__flush_output();
	if (!output_error || output_error == EPIPE || reader_gone())
		return status;
	fprintf(stderr, "thprace: cannot write to standard output: %s\n", strerror(output_error));
	return CLI_FAILED;
}

static void usage(FILE *out)
{
	size_t i;

	fputs("Usage: thprace VERB [OPTION...]\n"
	      "Observes races in the kernel's transparent-huge-page code.\n\n",
	      out);
	for (i = 0; i < NR_VERBS; i++)
		fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].help);
	fputs("\n'thprace VERB --help' tells more about a verb, 'thprace --version' the version.\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 done and an escape was found.\n",
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
	char *words[] = {argv[0], option, NULL};
	const struct verb *verb;

	if (argc < 2) {
		usage(stdout);
		return cli__finish_output(CLI_DONE);
	}
	verb = find(argv[1]);
	if (verb)
		return run(verb, 2, words);
	fprintf(stderr, "thprace: no verb '%s'; 'thprace --help' lists them\n", argv[1]);
	return CLI_USAGE;
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	setlocale(LC_CTYPE, "");
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
		puts("thprace " THPRACE_VERSION);
		return cli__finish_output(CLI_DONE);
	}
	verb = find(argv[1]);
	if (!verb) {
		fprintf(stderr, "thprace: no %s '%s'; 'thprace --help' lists them\n",
			argv[1][0] == '-' ? "option" : "verb", argv[1]);
		return CLI_USAGE;
	}
	return run(verb, argc - 1, argv + 1);
}
