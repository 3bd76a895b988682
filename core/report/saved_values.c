// SPDX-License-Identifier: GPL-2.0-only
#include "saved_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <json-c/json.h>
#include "base/json.h"
#include "classes/race_class.h"

#define SMALL 4096 /* as error numbers, counts and orders are */

static const char *name_of(unsigned int class, const struct thprace_stack *stack,
			   unsigned int which, char buf[RACE_SAVED_TEXT])
{
	if (!race_class__value(class, stack->section, which, buf))
		snprintf(buf, RACE_SAVED_TEXT, "value-%u", which + 1);
	return buf;
}

static int print(char *buf, size_t size, uint64_t value)
{
	int64_t number = (int64_t)value;

	return snprintf(buf, size, number > -SMALL && number < SMALL ? "%" PRId64 : "0x%" PRIx64,
			number);
}

const char *saved_values__text(char *buf, size_t size, unsigned int class,
			       const struct thprace_stack *stack)
{
	const unsigned int values = thprace_stack_values(stack);
	char name[RACE_SAVED_TEXT];
	size_t used = 0;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; i < values && used < size; i++) {
		used += (size_t)snprintf(buf + used, size - used, "%s%s=", i ? " " : "",
					 name_of(class, stack, i, name));
		if (used < size)
			used += (size_t)print(buf + used, size - used,
					      thprace_stack_value(stack, i));
	}
	return buf;
}

struct json_object *saved_values__json(unsigned int class, const struct thprace_stack *stack)
{
	const unsigned int values = thprace_stack_values(stack);
	struct json_object *object = values ? json_object_new_object() : NULL;
	char name[RACE_SAVED_TEXT];
	unsigned int i;

	/* Not json__add(), which does not copy names. */
	for (i = 0; object && i < values; i++)
		json_object_object_add(object, name_of(class, stack, i, name),
				       json__address(thprace_stack_value(stack, i)));
	return object;
}
