/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON from outside, before a parser makes objects of it: a few kilobytes of "{}," become a gigabyte of
 * them. docs/trace-format.md ("Bounds") states the figures.
 */
#ifndef THPRACE_JSON_BOUNDS_H
#define THPRACE_JSON_BOUNDS_H

#include <stddef.h>

#define JSON_VALUES_MAX 131072 /* of all kinds, containers as well */
#define JSON_CONTAINERS_MAX 20480 /* objects and arrays */
#define JSON_DEPTH_MAX 16
#define JSON_NAME_MAX 255 /* bytes of a key */

/*
 * NULL, or what goes beyond the bounds, in plain words. values: how many there are is added, unless NULL. Within the bounds json-c takes less than 32 MiB. Text that is
 * no JSON may pass, but no comments and no quotes that json-c alone knows, behind which anything could hide.
 */
const char *json_bounds__check(const char *text, size_t size, size_t *values);

#endif
