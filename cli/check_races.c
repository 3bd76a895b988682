// SPDX-License-Identifier: GPL-2.0-only
#include "check_races.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "base/json.h"
#include "base/names.h"
#include "check/check.h"
#include "check/check_race.h"
#include "check/check_source.h"
#include "check_lines.h"
#include "classes/race_class.h"
#include "cli.h"
#include "race_find.h"

#define NAME_WIDTH 18
#define STATUS_WIDTH 15

struct judged {
	const char *name, *title, *origin;
	const char *first_fix; /* commit, or "" */
	const struct race *race; /* of a file; or NULL */
	enum check_status status;
	const struct check_fact *evidence[CHECK_RACE_EVIDENCE_MAX];
	size_t nr_evidence;
	struct check_race_result result; /* of a file */
};

_Static_assert(CHECK_EVIDENCE_MAX <= CHECK_RACE_EVIDENCE_MAX, "a class's evidence fits");

struct judging {
	const struct check_source *source;
	const struct check_races *asked;
	struct check_facts facts;
	struct race_files files;
	struct judged judged[THPRACE_CLASS_MAX + RACE_FILES_MAX];
	int count;
	int wrong; /* files */
};

static void judge_class(struct judging *judging, unsigned int class)
{
	struct judged *judged = &judging->judged[judging->count++];
	const struct race_class *race = race_class__of(class);
	struct check_result result;

	check__judge(&judging->facts, (enum thprace_class) class, &result);
	*judged = (struct judged){.name = race->name,
				  .title = race->title,
				  .origin = "built in",
				  .first_fix = race->commit.hash,
				  .status = result.status,
				  .nr_evidence = result.nr_evidence};
	memcpy(judged->evidence, result.evidence, sizeof(result.evidence));
}

static void judge_race(struct judging *judging, const struct race *race)
{
	struct judged *judged = &judging->judged[judging->count++];
	size_t i;

	*judged = (struct judged){.name = race->name,
				  .title = race->title,
				  .origin = race->path,
				  .first_fix = race->fixes ? race->fix[0] : "",
				  .race = race};
	check_race__judge(&judged->result, judging->source, race);
	judged->status = judged->result.status;
	judged->nr_evidence = judged->result.nr_evidence;
	for (i = 0; i < judged->nr_evidence; i++)
		judged->evidence[i] = &judged->result.evidence[i];
}

/* The built-in ones, and those in the folders. A wrong file hides no other race. */
static void judge_all(struct judging *judging)
{
	const struct race_file *file;
	unsigned int class;
	size_t i;

	check_facts__gather(&judging->facts, judging->source);
	for (class = 1; class < race_class__end(); class ++)
		judge_class(judging, class);
	for (i = 0; i < judging->files.count; i++) {
		file = &judging->files.file[i];
		if (file->race) {
			judge_race(judging, file->race);
			continue;
		}
		cli__fail_lines("check", NULL, file->why);
		judging->wrong++;
	}
}

static bool is_judged(const struct judging *judging, const struct race *race)
{
	int i;

	for (i = 0; i < judging->count; i++)
		if (judging->judged[i].race == race)
			return true;
	return false;
}

static int judge(struct judging *judging)
{
	const struct check_races *asked = judging->asked;
	const struct race *race;
	int i;

	if (race_files__read(&judging->files, ""))
		return cli__fail("check", NULL, "out of memory");
	if (judging->files.why[0])
		cli__fail("check", NULL, judging->files.why);
	if (asked->all)
		judge_all(judging);
	for (i = 0; i < asked->count; i++) {
		race = race_find("check", &judging->files, asked->given[i]);
		if (!race)
			return CLI_FAILED;
		if (!is_judged(judging, race))
			judge_race(judging, race);
	}
	return CLI_DONE;
}

static void print_text(const struct judging *judging)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;
	const struct check_source *source = judging->source;
	const struct judged *judged;
	char text[512];
	size_t j;
	int i, width;

	check_lines__label("kernel", source->banner[0]
					     ? cli__fit(text, sizeof(text), source->banner)
					     : "not named");
	check_lines__label("read", cli__fit(text, sizeof(text), source->from));
	printf("\n%-*s  %-*s%s\n", NAME_WIDTH, "race", STATUS_WIDTH, "here", "closed upstream by");
	for (i = 0; i < judging->count; i++) {
		judged = &judging->judged[i];
		width = printf("%-*s  %-*s", NAME_WIDTH, judged->name, STATUS_WIDTH,
			       statuses[judged->status]);
		snprintf(text, sizeof(text), "%.12s",
			 judged->first_fix[0] ? judged->first_fix : "not said");
		check_lines__wrap(text, (size_t)width);
	}
	for (i = 0; i < judging->count; i++) {
		judged = &judging->judged[i];
		printf("\n%s\n", judged->name);
		for (j = 0; j < judged->nr_evidence; j++)
			check_lines__fact(judged->evidence[j]);
	}
}

static void print_json(const struct judging *judging, const struct judged *judged)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;
	struct json_object *object = json_object_new_object();
	struct json_object *evidence = json_object_new_array(), *missing = json_object_new_array();
	const struct race *race = judged->race;
	const struct check_fact *fact;
	size_t i;

	json__add_name(object, "race", judged->name);
	json__add_name(object, "word", statuses[judged->status]);
	for (i = 0; i < judged->nr_evidence; i++) {
		fact = judged->evidence[i];
		json_object_array_add(fact->answer == CHECK_NOT_KNOWN ? missing : evidence,
				      check_lines__json(fact));
	}
	json__add(object, "evidence", evidence);
	json__add(object, "missing", missing);
	json__add_name(object, "commit", judged->first_fix);
	if (race)
		json__add_texts(object, "fix", race->fix[0], sizeof(race->fix[0]), race->fixes);
	else
		json__add_texts(object, "fix", judged->first_fix, 0, 1);
	json__add_texts(object, "cve", race ? race->cve[0] : "", sizeof(race->cve[0]),
			race ? race->cves : 0);
	json__add_name(object, "title", judged->title);
	json__add_name(object, "origin", judged->origin);
	json__add_name(object, "kernel", judging->source->banner);
	json__add_name(object, "image", judging->asked->image ? judging->asked->image : "");
	json__add_name(object, "build_id", judging->source->build_id);
	json__print(stdout, object);
}

/* What was found matters more than what was not. */
static int status_of(const struct judging *judging)
{
	int i, status = judging->wrong ? CLI_NO_STATEMENT : CLI_DONE;

	for (i = 0; i < judging->count; i++) {
		if (judging->judged[i].status == CHECK_VULNERABLE)
			return CLI_FOUND;
		if (judging->judged[i].status == CHECK_UNKNOWN)
			status = CLI_NO_STATEMENT;
	}
	return status;
}

int check_races__run(const struct check_source *source, const struct check_races *asked)
{
	struct judging *judging = calloc(1, sizeof(*judging));
	int i, status;

	if (!judging)
		return cli__fail("check", NULL, "out of memory");
	judging->source = source;
	judging->asked = asked;
	status = judge(judging);
	if (!status && !asked->json)
		print_text(judging);
	for (i = 0; i < judging->count && !status && asked->json; i++)
		print_json(judging, &judging->judged[i]);
	if (!status)
		status = status_of(judging);
	race_files__release(&judging->files);
	free(judging);
	return status;
}
