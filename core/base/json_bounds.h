/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks JSON from outside before a parser makes objects of it, because a few kilobytes of "{},"
 * become a gigabyte of objects. docs/trace-format.md ("Bounds") has the limits.
 */
#ifndef THPRACE_JSON_BOUNDS_H
#define THPRACE_JSON_BOUNDS_H

#include <stddef.h>

#define JSON_VALUES_MAX 131072 /* of all kinds, including containers */
#define JSON_CONTAINERS_MAX 20480 /* objects and arrays */
#define JSON_DEPTH_MAX 16
#define JSON_NAME_MAX 255 /* bytes of a key */

/*
 * NULL, or the exceeded limit, in plain words. values: the number of values is added to it, unless
 * NULL. Within the limits json-c uses less than 32 MiB. Text that is not JSON may pass, but no
 * comments and no quotes that only json-c accepts, after which anything could hide.
 */
const char *json_bounds__check(const char *text, size_t size, size_t *values);

#endif
