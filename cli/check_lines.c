// SPDX-License-Identifier: GPL-2.0-only
#include "check_lines.h"

#include <stdio.h>
#include <json-c/json.h>

#include "base/json.h"
#include "base/layout.h"
#include "check/check_facts.h"
#include "cli.h"

#define LABEL 9 /* the width of the labels of lines about the kernel */
#define INDENT 2 /* of the evidence */
#define KIND 8 /* the width of its labels */

void check_lines__wrap(const char *text, size_t column)
{
	layout__wrap(stdout, (size_t)cli__width(stdout), text, column, column);
}

void check_lines__label(const char *label, const char *text)
{
	printf("%-*s", LABEL, label);
	check_lines__wrap(text, LABEL);
}

void check_lines__evidence(const char *kind, const char *text)
{
	printf("%*s%-*s", INDENT, "", KIND, kind);
	check_lines__wrap(text, INDENT + KIND);
}

void check_lines__fact(const struct check_fact *fact)
{
	static const char *const kinds[] = CHECK_KIND_NAMES;

	check_lines__evidence(fact->answer == CHECK_NOT_KNOWN ? "missing" : kinds[fact->kind],
			      fact->text);
}

struct json_object *check_lines__json(const struct check_fact *fact)
{
	static const char *const kinds[] = CHECK_KIND_NAMES;
	struct json_object *object = json_object_new_object();

	json__add_name(object, "kind", kinds[fact->kind]);
	json__add_name(object, "text", fact->text);
	return object;
}
