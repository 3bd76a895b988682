// SPDX-License-Identifier: GPL-2.0-only
/* thprace reload: have the daemon read its configuration again. */
#include "cli.h"

#include <json-c/json.h>
#include "client.h"

static const char doc[] =
	"Have the daemon read its configuration again. With a fault in it, the daemon keeps "
	"what it has, and the fault is told."
	"\vExit status: 0 applied, 1 not applied, 2 wrong usage.";

int cmd_reload(int argc, char **argv)
{
	const char *path = cli__parse_socket(argc, argv, doc);
	struct json_object *answer;
	char why[4096];
	int err;

	err = client__ask_once(path, client__request("reload"), &answer, why, sizeof(why));
	if (err)
		fprintf(stderr, "thprace reload: not applied%s%s\n", answer ? ":\n" : ": ", why);
	json_object_put(answer);
	if (err)
		return CLI_FAILED;
	puts("applied");
	return CLI_DONE;
}
