// SPDX-License-Identifier: GPL-2.0-only
/* thprace reload: have the daemon read its configuration again. */
#include "cli.h"

#include <argp.h>
#include <json-c/json.h>
#include "client.h"

enum reload_option {
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
	.doc = "Have the daemon read its configuration again. With a fault in it, the daemon keeps "
	       "what it has, and the fault is told."
	       "\vExit status: 0 applied, 1 not applied, 2 wrong usage.",
};

int cmd_reload(int argc, char **argv)
{
	const char *path = CLIENT_SOCKET;
	struct json_object *answer;
	char why[4096];
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, &path);
	cli__begin_output();
	err = client__ask_once(path, client__request("reload"), &answer, why, sizeof(why));
	if (err)
		fprintf(stderr, "thprace reload: not applied%s%s\n", answer ? ":\n" : ": ", why);
	json_object_put(answer);
	if (err)
		return CLI_FAILED;
	puts("applied");
	return cli__finish_output(CLI_DONE);
}
