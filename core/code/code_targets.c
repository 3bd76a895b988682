// SPDX-License-Identifier: GPL-2.0-only
/* Where calls of a function go. */
#include "code_private.h"

#include <string.h>

#include "image/image.h"

/* Adds those of one name: functions that have it, or, if none has, the compiler's variants. */
static void add_name(const struct code *code, const char *name, struct code_targets *targets)
{
	const struct image_symbol *symbols;
	size_t count = image__symbols(code->image, &symbols), length = strlen(name), i;
	bool exact = image__symbol(code->image, name) != NULL;

	for (i = 0; i < count && targets->count < CODE_TARGETS_MAX; i++)
		if (exact ? !strcmp(symbols[i].name, name)
			  : code_symbol__is_variant(symbols[i].name, name, length))
			targets->address[targets->count++] = symbols[i].address;
}

bool code_targets__find(const struct code *code, const char *const *names,
			struct code_targets *targets)
{
	int i;

	targets->count = 0;
	for (i = 0; names && i < CODE_NAMES_MAX && names[i]; i++)
		add_name(code, names[i], targets);
	return targets->count > 0;
}

bool code_targets__of(const struct code *code, const char *name, struct code_targets *targets)
{
	const char *const names[] = {name, NULL};

	return code_targets__find(code, names, targets);
}

bool code_targets__have(const struct code_targets *targets, const struct code_insn *insn)
{
	size_t i;

	if (insn->flow != CODE_CALL && !code_insn__jumps(insn))
		return false;
	for (i = 0; i < targets->count; i++)
		if (insn->target == targets->address[i])
			return true;
	return false;
}
