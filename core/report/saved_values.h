/* SPDX-License-Identifier: GPL-2.0-only */
/* The values that a side of a race from a file has saved at its beginning. */
#ifndef THPRACE_SAVED_VALUES_H
#define THPRACE_SAVED_VALUES_H

#include <stddef.h>
#include <thprace/incident.h>

struct json_object;

/* Large enough for eight with names of usual length. */
#define SAVED_VALUES_LEN 512

/*
 * "NAME=VALUE NAME=VALUE", into buf; "" if the stack has none. Small numbers are decimal, others
 * hexadecimal. Returns buf.
 */
const char *saved_values__text(char *buf, size_t size, unsigned int class,
			       const struct thprace_stack *stack);

/* The same as an object of addresses by name; NULL: there are none. */
struct json_object *saved_values__json(unsigned int class, const struct thprace_stack *stack);

#endif
