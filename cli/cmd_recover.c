// SPDX-License-Identifier: GPL-2.0-only
/* thprace recover: a trace from a kernel's crash dump. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/names.h"
#include "dump/dump_file.h"
#include "dump/recovery.h"
#include "progress.h"

#define MEMORY_MAX (8UL << 30) /* address space */
/* CPU time. A GiB of memory took at most 2.5 s, but makedumpfile makes a fifth of it. */
#define SECONDS_MIN 60
#define SECONDS_PER_GIB 60 /* more, of the file */

enum recover_option {
	OPT_OUTPUT = 'o',
	OPT_KERNEL = 'k',
	OPT_MAP = 'm',
};

static const struct argp_option options[] = {
	{"output", OPT_OUTPUT, "FILE", 0, "the trace to write (default: " CLI_TRACE "; -: stdout)",
	 0},
	{"kernel", OPT_KERNEL, "VMLINUX", 0,
	 "the image of the kernel that died, for the names of functions in stacks: needed before "
	 "Linux 6.0",
	 0},
	{"map", OPT_MAP, "SYSTEM.MAP", 0, "the same from its System.map", 0},
	{0},
};

struct recover {
	const char *dump;
	const char *output;
	const char *kernel;
	const char *map;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct recover *recover = state->input;

	switch (key) {
	case OPT_OUTPUT:
		recover->output = arg;
		break;
	case OPT_KERNEL:
		recover->kernel = arg;
		break;
	case OPT_MAP:
		recover->map = arg;
		break;
	case ARGP_KEY_ARG:
		if (recover->dump)
			argp_error(state, "one VMCORE only, '%s' is too many", arg);
		recover->dump = arg;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "VMCORE is missing");
		break;
	case ARGP_KEY_END:
		if (recover->kernel && recover->map)
			argp_error(state, "--kernel and --map exclude each other");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "VMCORE",
	.doc = "Recover what thprace knew when the kernel died: reads its memory in a crash dump "
	       "(of kdump, makedumpfile or QEMU's dump-guest-memory) and writes a trace, which "
	       "'thprace report' draws."
	       "\vNeeds no root.\n"
	       "Exit status: 0 done, 1 failed, 2 wrong usage, 3 done and an escape is among the "
	       "incidents.",
};

static void print_result(FILE *out, const struct recover *recover, const struct recovery *result)
{
	fprintf(out, "%s: %s of recording, %s, ", result->kernel,
		COUNTED((uint64_t)result->seconds, "second"),
		COUNTED(result->incidents, "incident"));
	fprintf(out, "%s, %s\n", COUNTED(result->escapes, "escape"),
		COUNTED(result->records, result->all ? "record" : "flight record"));
	fprintf(out, "under way at the crash: %s, %s, ", COUNTED(result->windows, "window"),
		COUNTED(result->ranges, "range"));
	fprintf(out, "%s; %s waited\n", COUNTED(result->walkers, "walker"),
		COUNTED(result->waiting, "failed walker"));
	if (result->races)
		fprintf(out, "under way of races from files: %s\n",
			COUNTED(result->races, "interval"));
	if (result->log_error)
		fputs("the kernel's log was not found in the dump\n", out);
	else
		fprintf(out, "the kernel's log: %s, %zu of a race class\n",
			COUNTED(result->complaints, "complaint"), result->naming);
	if (!result->named)
		fputs("stacks have no names of functions: --map or --kernel gives them\n", out);
	if (strcmp(recover->output, "-"))
		fprintf(out, "See: thprace report %s\n", recover->output);
}

static int recover_dump(const struct recover *recover)
{
	struct recovery_options how;
	struct recovery result;
	struct dump_file *file;
	char why[512] = "";
	struct work work = {0};
	int err;

	work__begin(&work, "opening the dump", 0);
	progress__work(&work);
	err = dump_file__open(&file, recover->dump, why, sizeof(why));
	if (err) {
		progress__clear();
		return cli__fail("recover", recover->dump, why);
	}
	how = (struct recovery_options){
		.path = recover->output,
		.format = dump_file__format(file),
		.map = recover->map,
		.image = recover->kernel,
		.work = &work,
	};
	err = recovery__make(&result, dump_file__memory(file), &how, why, sizeof(why));
	dump_file__close(file);
	progress__clear();
	if (err)
		return cli__fail("recover", recover->dump, why);
	print_result(strcmp(recover->output, "-") ? stdout : stderr, recover, &result);
	return result.escapes ? CLI_FOUND : CLI_DONE;
}

/* What a limit was set to before holds if it is lower. */
static void set_limit(int resource, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) || limit.rlim_cur <= most)
		return;
	limit.rlim_cur = most;
	setrlimit(resource, &limit);
}

/* A file may claim to have terabytes, so what counts is what it takes on the disk. */
static rlim_t seconds_for(const char *path)
{
	struct stat stat_;

	if (stat(path, &stat_))
		return SECONDS_MIN;
	return SECONDS_MIN + (rlim_t)(stat_.st_blocks >> 21) * SECONDS_PER_GIB; /* of 512 bytes */
}

static void limit_reader(const char *path)
{
	set_limit(RLIMIT_AS, MEMORY_MAX);
	set_limit(RLIMIT_CPU, seconds_for(path));
	set_limit(RLIMIT_CORE, 0);
}

static void explain_end(char *why, size_t size, int signal)
{
	if (signal == SIGXCPU)
		snprintf(why, size,
			 "reading it took too much CPU time (the limit is a minute, and a minute "
			 "more for each GiB of the file): it is damaged");
	else
		snprintf(why, size, "it is damaged: its reader ended with \"%s\"",
			 strsignal(signal));
}

/*
 * In a process of its own, because libkdumpfile (0.5.1) was seen to crash, or to want memory or time
 * without end, on damaged dumps.
 */
int cmd_recover(int argc, char **argv)
{
	struct recover recover = {.output = CLI_TRACE};
	bool existed;
	char why[192];
	pid_t child;
	int status;

	cli__parse(&argp, argc, argv, 0, &recover);
	existed = !strcmp(recover.output, "-") || !access(recover.output, F_OK);
	fflush(NULL);
	child = fork();
	if (child < 0)
		return cli__fail("recover", NULL, strerror(errno));
	if (!child) {
		limit_reader(recover.dump);
		exit(recover_dump(&recover));
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return cli__fail("recover", NULL, strerror(errno));
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	progress__clear_child();
	if (!existed)
		unlink(recover.output);
	if (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM)
		raise(WTERMSIG(status));
	explain_end(why, sizeof(why), WTERMSIG(status));
	return cli__fail("recover", recover.dump, why);
}
