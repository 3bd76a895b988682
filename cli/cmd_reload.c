// SPDX-License-Identifier: GPL-2.0-only
/* thprace reload: make the daemon read its configuration again. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <json-c/json.h>

#include "base/number.h"
#include "client.h"

enum reload_option {
	OPT_PID = 'p',
	OPT_SOCKET = 256,
};

static const struct argp_option options[] = {
	{"pid", OPT_PID, "PID", 0,
	 "for the unit's ExecReload=: if nobody answers on the socket, send SIGHUP to PID", 0},
	{"socket", OPT_SOCKET, "PATH", 0, "use this socket instead of " CLIENT_SOCKET, 0},
	{0},
};

struct reload {
	const char *socket;
	pid_t pid; /* 0: not given */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct reload *reload = state->input;
	uint64_t pid = 0;

	switch (key) {
	case OPT_PID:
		if (number__parse(arg, 1, INT_MAX, &pid))
			argp_error(state, "'%s' is not a process", arg);
		reload->pid = (pid_t)pid;
		break;
	case OPT_SOCKET:
		reload->socket = arg;
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
	.doc = "Make the daemon reread its configuration. If it has an error, the error is printed, "
	       "and the daemon keeps its present settings."
	       "\vExit status: 0 applied, 1 not applied, 2 wrong usage.",
};

/* A daemon without a socket, or with another one: it logs the result. */
static int send_signal(const struct reload *reload)
{
	if (kill(reload->pid, SIGHUP)) {
		fprintf(stderr, "thprace reload: process %d: %s\n", (int)reload->pid,
			strerror(errno));
		return CLI_FAILED;
	}
	puts("requested by a signal: the daemon's log says whether it was applied");
	return CLI_DONE;
}

int cmd_reload(int argc, char **argv)
{
	struct reload reload = {.socket = CLIENT_SOCKET};
	struct json_object *answer;
	char why[4096];
	int err;

	cli__parse(&argp, argc, argv, 0, &reload);
	err = client__call_once(reload.socket, client__request("reload"), &answer, why,
				sizeof(why));
	if ((err == -ENOENT || err == -ECONNREFUSED) && !answer && reload.pid)
		return send_signal(&reload);
	if (err)
		fprintf(stderr, "thprace reload: not applied%s%s\n", answer ? ":\n" : ": ", why);
	json_object_put(answer);
	if (err)
		return CLI_FAILED;
	puts("applied");
	return CLI_DONE;
}
