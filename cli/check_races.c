// SPDX-License-Identifier: GPL-2.0-only
#include "check_races.h"

#include <stdio.h>
#include <string.h>
#include <json-c/json.h>

#include "base/json.h"

#include "check/check_race.h"
#include "check/check_source.h"
#include "check_lines.h"
#include "cli.h"
#include "race_find.h"

#define NAME_WIDTH 18
#define STATUS_WIDTH 15

struct judged {
	const struct race *race;
	struct check_race_result result;
};

static void print_text(const struct check_source *source, const struct judged *judged, int count)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;
	const struct check_race_result *result;
	const struct race *race;
	char text[512];
	size_t j;
	int i, width;

	check_lines__label("kernel", source->banner[0]
					     ? cli__fit(text, sizeof(text), source->banner)
					     : "not named");
	check_lines__label("read", cli__fit(text, sizeof(text), source->from));
	printf("\n%-*s  %-*s%s\n", NAME_WIDTH, "race", STATUS_WIDTH, "here", "closed upstream by");
	for (i = 0; i < count; i++) {
		race = judged[i].race;
		width = printf("%-*s  %-*s", NAME_WIDTH, race->name, STATUS_WIDTH,
			       statuses[judged[i].result.status]);
		cli__fit(text, sizeof(text), race->fixes ? race->fix[0] : "not said");
		check_lines__wrap(text, (size_t)width);
	}
	for (i = 0; i < count; i++) {
		result = &judged[i].result;
		printf("\n%s\n", judged[i].race->name);
		for (j = 0; j < result->nr_evidence; j++)
			check_lines__fact(&result->evidence[j]);
	}
}

static void print_json(const struct check_source *source, const struct judged *judged)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;
	struct json_object *object = json_object_new_object();
	struct json_object *evidence = json_object_new_array(), *missing = json_object_new_array();
	const struct check_fact *fact;
	size_t i;

	json__add_name(object, "race", judged->race->name);
	json__add_name(object, "word", statuses[judged->result.status]);
	for (i = 0; i < judged->result.nr_evidence; i++) {
		fact = &judged->result.evidence[i];
		json_object_array_add(fact->answer == CHECK_NOT_KNOWN ? missing : evidence,
				      check_lines__json(fact));
	}
	json__add(object, "evidence", evidence);
	json__add(object, "missing", missing);
	json__add_name(object, "commit", judged->race->fixes ? judged->race->fix[0] : "");
	json__add_name(object, "title", judged->race->title);
	json__add_name(object, "kernel", source->banner);
	json__print(stdout, object);
}

/* What was found matters more than what was not. */
static int status_of(const struct judged *judged, int count)
{
	int i, status = CLI_DONE;

	for (i = 0; i < count; i++) {
		if (judged[i].result.status == CHECK_VULNERABLE)
			return CLI_FOUND;
		if (judged[i].result.status == CHECK_UNKNOWN)
			status = CLI_NO_STATEMENT;
	}
	return status;
}

int check_races__run(const struct check_source *source, const char *const *given, int count,
		     bool json)
{
	struct judged judged[CHECK_RACES_MAX];
	struct race_files files;
	int i, status = CLI_DONE;

	if (race_files__read(&files, ""))
		return cli__fail("check", NULL, "out of memory");
	for (i = 0; i < count && !status; i++) {
		judged[i].race = race_find("check", &files, given[i]);
		if (judged[i].race)
			check_race__judge(&judged[i].result, source, judged[i].race);
		else
			status = CLI_FAILED;
	}
	if (!status && !json)
		print_text(source, judged, count);
	for (i = 0; i < count && !status && json; i++)
		print_json(source, &judged[i]);
	if (!status)
		status = status_of(judged, count);
	race_files__release(&files);
	return status;
}
