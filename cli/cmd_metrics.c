// SPDX-License-Identifier: GPL-2.0-only
/* thprace metrics: the daemon's metrics, in Prometheus' text format. */
#include "cli.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include "client.h"
#include "base/json.h"
#include "base/names.h"

static const char doc[] =
	"Print the daemon's metrics in Prometheus' text format: the contents of its textfile, "
	"with current values.\vExit status: 0 done, 1 the daemon cannot be asked, 2 wrong usage.";

static int print(const char *text)
{
	size_t length = strlen(text);
	char *clean = malloc(length + 1);

	if (!clean) {
		fputs("thprace metrics: out of memory\n", stderr);
		return CLI_FAILED;
	}
	fputs(names__clean_lines(clean, length + 1, text, length, 1), stdout);
	free(clean);
	return CLI_DONE;
}

int cmd_metrics(int argc, char **argv)
{
	const char *path = cli__parse_socket(argc, argv, doc);
	struct json_object *answer;
	char why[512];
	int err;

	err = client__call_once(path, client__request("metrics"), &answer, why, sizeof(why));
	if (err)
		fprintf(stderr, "thprace metrics: %s\n", why);
	else
		err = print(json__get_text(answer, "text"));
	json_object_put(answer);
	return err ? CLI_FAILED : CLI_DONE;
}
