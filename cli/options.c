// SPDX-License-Identifier: GPL-2.0-only
/* Arguments of options that several verbs have. */
#include "cli.h"

#include <errno.h>
#include <string.h>
#include "base/names.h"
#include "classes/race_class.h"
#include "client.h"
#include "race/race_files.h"

int cli__parse_name(const char *what, const char *const *names, int first, int count,
		    const char *name, struct argp_state *state)
{
	char all[512] = "";
	size_t used = 0;
	int i;

	for (i = first; i < count; i++)
		if (!strcmp(names[i], name))
			return i;
	for (i = first; i < count && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
					 i == first	 ? ""
					 : i + 1 < count ? ", "
							 : " or ",
					 names[i]);
	argp_error(state, "no %s '%s': %s", what, name, all);
	return first;
}

#define FIND_NAME(what, names, first) \
	cli__parse_name(what, names, first, (int)(sizeof(names) / sizeof((names)[0])), arg, state)

enum thprace_mode cli__parse_mode(const char *arg, struct argp_state *state)
{
	static const char *const names[] = THPRACE_MODE_NAMES;

	return FIND_NAME("mode", names, 0);
}

enum probe_attach cli__parse_attach(const char *arg, struct argp_state *state)
{
	static const char *const names[] = PROBE_ATTACH_NAMES;

	return FIND_NAME("way to attach", names, 0);
}

/* Is it the name of a race from a file in the folders? Then it is a class from now on. */
static void find_race(const char *name)
{
	static const char *const event[RACE_EVENTS];
	struct race_files files;

	if (!race_class__is_name(name) || race_files__read(&files, ""))
		return;
	if (race_files__find(&files, name))
		race_class__add_file(name, event);
	race_files__release(&files);
}

enum thprace_class cli__parse_class(const char *arg, struct argp_state *state)
{
	const char *names[THPRACE_CLASS_MAX];
	unsigned int class;

	if (!race_class__find(arg))
		find_race(arg);
	for (class = 0; class < race_class__foreign_end(); class ++)
		names[class] = names__class(class);
	return cli__parse_name("race class", names, THPRACE_CLASS_NONE + 1,
			       (int)race_class__foreign_end(), arg, state);
}

enum thprace_verdict cli__parse_verdict(const char *arg, struct argp_state *state)
{
	static const char *const names[] = THPRACE_VERDICT_NAMES;

	return FIND_NAME("verdict", names, THPRACE_CLEAN + 1);
}

int cli__parse_json(const char *arg, struct argp_state *state)
{
	static const char *const names[] = {"text", "json"};

	return FIND_NAME("format", names, 0);
}

uint64_t cli__parse_span(const char *arg, uint64_t plain, uint64_t least, uint64_t most,
			 struct argp_state *state)
{
	char from[32], to[32];
	uint64_t ns = 0;
	int err = timespan__parse(arg, plain, &ns);

	if (err == -EINVAL)
		argp_error(state, "'%s' is not " TIMESPAN_WANTED, arg);
	if (err || ns < least || ns > most)
		argp_error(state, "'%s' is not between %s and %s", arg,
			   timespan__print(from, sizeof(from), least),
			   timespan__print(to, sizeof(to), most));
	return ns;
}

enum {
	OPT_COLOR = 512, /* not used by any verb */
};

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	static const char *const names[] = CLI_COLOUR_NAMES;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->input;
		break;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		break;
	case OPT_COLOR:
		cli__set_colour(FIND_NAME("colour", names, 0));
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void cli__parse(const struct argp *argp, int argc, char **argv, unsigned int flags, void *input)
{
	static const struct argp_option options[] = {
		{NULL, 'h', NULL, 0, "the same as --help", -1},
		{"color", OPT_COLOR, "WHEN", 0, "auto (default: on a terminal), always or never",
		 -1},
		{0},
	};
	const struct argp_child children[] = {{argp, 0, NULL, 0}, {0}};
	const struct argp all = {.options = options, .parser = parse_common, .children = children};

	argp_parse(&all, argc, argv, flags, NULL, input);
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
		{"socket", OPT_SOCKET, "PATH", 0, "use this socket instead of " CLIENT_SOCKET, 0},
		{0},
	};
	const struct argp argp = {.options = options, .parser = parse_socket, .doc = doc};
	const char *path = CLIENT_SOCKET;

	cli__parse(&argp, argc, argv, 0, &path);
	return path;
}
