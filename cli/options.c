// SPDX-License-Identifier: GPL-2.0-only
/* Arguments of options that several verbs have. */
#include "cli.h"

#include <argp.h>
#include <string.h>
#include "client.h"

static int find_name(const char *const *names, int count, const char *name)
{
	int i;

	for (i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

enum thprace_mode cli__parse_mode(const char *arg, struct argp_state *state)
{
	static const char *const names[] = THPRACE_MODE_NAMES;
	int found = find_name(names, THPRACE_MODE_MAX, arg);

	if (found < 0)
		argp_error(state, "no mode '%s': light or precise", arg);
	return found;
}

enum probe_attach cli__parse_attach(const char *arg, struct argp_state *state)
{
	static const char *const names[] = PROBE_ATTACH_NAMES;
	int found = find_name(names, sizeof(names) / sizeof(names[0]), arg);

	if (found < 0)
		argp_error(state, "cannot attach by '%s': auto, fentry or kprobe", arg);
	return found;
}

int cli__parse_json(const char *arg, struct argp_state *state)
{
	if (strcmp(arg, "json") && strcmp(arg, "text"))
		argp_error(state, "no format '%s': text or json", arg);
	return !strcmp(arg, "json");
}

enum {
	OPT_SOCKET = 256,
};

static error_t parse_socket(int key, char *arg, struct argp_state *state)
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

const char *cli__parse_socket(int argc, char **argv, const char *doc)
{
	static const struct argp_option options[] = {
		{"socket", OPT_SOCKET, "PATH", 0, "ask there instead of at " CLIENT_SOCKET, 0},
		{0},
	};
	const struct argp argp = {.options = options, .parser = parse_socket, .doc = doc};
	const char *path = CLIENT_SOCKET;

	argp_parse(&argp, argc, argv, 0, NULL, &path);
	return path;
}
