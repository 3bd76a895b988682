// SPDX-License-Identifier: GPL-2.0-only
/* What the conditions of a [check] share: facts, lists of names, types. */
#include "check_race_private.h"

#include <stdarg.h>
#include <stdio.h>

#include <bpf/btf.h>

#include "base/names.h"
#include "race/types.h"

void check_race__set(struct check_fact *fact, enum check_answer answer, enum check_kind kind,
		     const char *format, ...)
{
	va_list list;

	fact->answer = answer;
	fact->kind = kind;
	va_start(list, format);
	vsnprintf(fact->text, sizeof(fact->text), format, list);
	va_end(list);
	names__clean(fact->text, sizeof(fact->text), fact->text, sizeof(fact->text), 0);
}

const char *check_race__list(const struct race_rule_names *names, char buf[CHECK_RACE_LIST_MAX])
{
	size_t used = 0;
	int i;

	buf[0] = '\0';
	for (i = 0; i < names->count && used < CHECK_RACE_LIST_MAX; i++)
		used += (size_t)snprintf(buf + used, CHECK_RACE_LIST_MAX - used, "%s%.40s",
					 !i			 ? ""
					 : i + 1 == names->count ? " or "
								 : ", ",
					 names->name[i]);
	return buf;
}

bool check_race__no_btf(const struct check_race_judging *judging, struct check_fact *fact,
			const char *question)
{
	if (judging->types)
		return false;
	check_race__set(fact, CHECK_NOT_KNOWN, CHECK_BY_BTF,
			"%s? BTF is needed (--btf, or an image with BTF)", question);
	return true;
}

uint32_t check_race__type(const struct types *types, const char *name)
{
	static const int kinds[] = {BTF_KIND_STRUCT, BTF_KIND_UNION, BTF_KIND_TYPEDEF,
				    BTF_KIND_ENUM, BTF_KIND_ENUM64};
	uint32_t id = 0;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !id; i++)
		id = types__find(types, name, kinds[i]);
	return id;
}
