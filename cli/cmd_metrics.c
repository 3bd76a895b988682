// SPDX-License-Identifier: GPL-2.0-only
/* thprace metrics: the daemon's metrics, in Prometheus' text format. */
#include "cli.h"

#include <argp.h>
#include <json-c/json.h>
#include "answer.h"
#include "client.h"

enum metrics_option {
	OPT_SOCKET = 256,
};

static const struct argp_option options[] = {
	{"socket", OPT_SOCKET, "PATH", 0, "ask there instead of at " CLIENT_SOCKET, 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	const char **path = state->input;

	if (key == OPT_SOCKET)
		*path = arg;
	else if (key == ARGP_KEY_ARG)
		argp_error(state, "'%s' is too many", arg);
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Print the daemon's metrics in Prometheus' text format: what its textfile holds, as "
	       "of now."
	       "\vExit status: 0 done, 1 the daemon cannot be asked, 2 wrong usage.",
};

int cmd_metrics(int argc, char **argv)
{
	const char *path = CLIENT_SOCKET;
	struct json_object *answer;
	char why[512];
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, &path);
	cli__begin_output();
	err = client__ask_once(path, client__request("metrics"), &answer, why, sizeof(why));
	if (err)
		fprintf(stderr, "thprace metrics: %s\n", why);
	else
		fputs(answer__text(answer, "text"), stdout);
	json_object_put(answer);
	return err ? CLI_FAILED : cli__finish_output(CLI_DONE);
}
