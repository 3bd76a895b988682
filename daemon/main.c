// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <thprace/version.h>
#include "commit.h"

#include "daemon.h"
#include "log.h"
#include "fd_store.h"
#include "race_set.h"
#include "base/output.h"

#define MMAP_ABOVE (64 << 10) /* bytes */

enum {
	OPT_CONFIG = 'c',
	OPT_TARGET = 0x100,
	OPT_TEST,
	OPT_PRINT,
	OPT_STORE_STATS,
	OPT_STORE_KPROBES,
	OPT_STORE_IMAGE,
	OPT_STORE_LAST_BOOT,
};

static const struct argp_option options[] = {
	{"config", OPT_CONFIG, "FILE", 0, "read this file only, no drop-ins", 0},
	{"log-target", OPT_TARGET, "TARGET", 0,
	 "where messages go: journal, syslog, stderr, auto; overrides the configuration", 0},
	{"test-config", OPT_TEST, NULL, 0, "check the configuration, and exit", 0},
	{"print-config", OPT_PRINT, NULL, 0, "print the configuration in force, and exit", 0},
	{"hold-bpf-stats", OPT_STORE_STATS, NULL, 0,
	 "for the unit's ExecStartPre=: open the kernel's BPF statistics, give them to systemd to "
	 "keep, and exit",
	 0},
	{"hold-kprobes", OPT_STORE_KPROBES, NULL, 0,
	 "the same for the kprobes that the service will use", 0},
	{"hold-kernel-image", OPT_STORE_IMAGE, NULL, 0,
	 "the same for the image that the kernel was booted from", 0},
	{"hold-last-boot", OPT_STORE_LAST_BOOT, NULL, 0,
	 "the same for a copy of the kernel's log that the last boot left, in pstore or in the "
	 "journal",
	 0},
	{NULL, 'h', NULL, 0, "the same as --help", -1},
	{0},
};

enum what {
	RUN,
	TEST_CONFIG,
	PRINT_CONFIG,
	STORE_STATS,
	STORE_KPROBES,
	STORE_IMAGE,
	STORE_LAST_BOOT,
};

struct arguments {
	struct daemon_options daemon;
	enum what what;
};

static enum log_target parse_target(const char *arg, struct argp_state *state)
{
	static const char *const names[] = LOG_TARGET_NAMES;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], arg))
			return i;
	argp_error(state, "'%s' is no log target: journal, syslog, stderr or auto", arg);
	return LOG_TARGET_AUTO;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case OPT_CONFIG:
		arguments->daemon.config = arg;
		break;
	case OPT_TARGET:
		arguments->daemon.target = parse_target(arg, state);
		arguments->daemon.target_set = true;
		break;
	case OPT_TEST:
		arguments->what = TEST_CONFIG;
		break;
	case OPT_PRINT:
		arguments->what = PRINT_CONFIG;
		break;
	case OPT_STORE_STATS:
		arguments->what = STORE_STATS;
		break;
	case OPT_STORE_KPROBES:
		arguments->what = STORE_KPROBES;
		break;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		break;
	case OPT_STORE_IMAGE:
		arguments->what = STORE_IMAGE;
		break;
	case OPT_STORE_LAST_BOOT:
		arguments->what = STORE_LAST_BOOT;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s': no arguments are taken", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Watch this kernel for races in its huge-page code, and report them. Runs in the "
	       "foreground: systemd starts it (thpraced.service).\vExit status: 0 ended normally, "
	       "1 failed, 2 wrong usage or an error in the configuration.",
};

static void print_version(FILE *out, struct argp_state *state)
{
	(void)state;
	fputs("thpraced " THPRACE_VERSION VERSION_COMMIT "\n", out);
}

static int look_at_config(const struct arguments *arguments)
{
	struct config config;
	char why[4096];

	if (config__load(&config, "", arguments->daemon.config, why, sizeof(why)) ||
	    race_set__check(config.observe.races, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		return DAEMON_USAGE;
	}
	if (arguments->what == PRINT_CONFIG)
		config__print(&config, stdout);
	else
		puts("the configuration is good");
	return 0;
}

static int add_stats(const struct arguments *arguments, char *why, size_t why_size)
{
	(void)arguments;
	return fd_store__add_stats(why, why_size);
}

static int add_kprobes(const struct arguments *arguments, char *why, size_t why_size)
{
	return fd_store__add_kprobes(arguments->daemon.config, why, why_size);
}

static int add_image(const struct arguments *arguments, char *why, size_t why_size)
{
	(void)arguments;
	return fd_store__add_image(why, why_size);
}

static int add_last_boot(const struct arguments *arguments, char *why, size_t why_size)
{
	(void)arguments;
	return fd_store__add_last_boot(why, why_size);
}

static int store_fd(int (*add)(const struct arguments *, char *why, size_t why_size),
		    const struct arguments *arguments)
{
	char why[4096];

	if (!add(arguments, why, sizeof(why)))
		return 0;
	fprintf(stderr, "thpraced: %s\n", why);
	return 1;
}

/*
 * Most of the daemon's tables are large, and little of them is used: the rest is to take no memory.
 * glibc raises these limits when a large block is freed, and the kernel's BTF is one; tables then come
 * from the heap, and are cleared. A huge page is there as a whole.
 */
static void limit_memory(void)
{
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	mallopt(M_MMAP_THRESHOLD, MMAP_ABOVE);
	mallopt(M_TRIM_THRESHOLD, MMAP_ABOVE);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {};

	output__guard("thpraced");
	argp_program_version_hook = print_version;
	argp_err_exit_status = DAEMON_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	switch (arguments.what) {
	case TEST_CONFIG:
	case PRINT_CONFIG:
		return look_at_config(&arguments);
	case STORE_STATS:
		return store_fd(add_stats, &arguments);
	case STORE_KPROBES:
		return store_fd(add_kprobes, &arguments);
	case STORE_IMAGE:
		return store_fd(add_image, &arguments);
	case STORE_LAST_BOOT:
		return store_fd(add_last_boot, &arguments);
	default:
		limit_memory();
		return daemon__run(&arguments.daemon);
	}
}
