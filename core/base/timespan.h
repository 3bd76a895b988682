/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lengths of time as users write them, with one grammar for all options and configuration keys:
 * "90", "1.5s", "500ms", "10min", "1h 30min", "2d".
 */
#ifndef THPRACE_TIMESPAN_H
#define THPRACE_TIMESPAN_H

#include <stddef.h>
#include <stdint.h>

#define TIMESPAN_SECOND 1000000000ULL

/* The expected text, for messages: "'TEXT' is not …". */
#define TIMESPAN_WANTED "a length of time: 90, 1.5s, 500ms, 10min, 2h, 1d"

/*
 * Read a text into *ns. A number without a unit must be alone and counts in units of `plain` ns
 * (mostly TIMESPAN_SECOND). Returns 0, -EINVAL (not a length of time) or -ERANGE (too long for
 * *ns). Independent of the locale; exact to the nanosecond, further digits are truncated.
 */
int timespan__parse(const char *text, uint64_t plain, uint64_t *ns);

/*
 * In the largest unit of d, h, min, s, ms, us and ns that gives a whole number; into buf, returns
 * it.
 */
const char *timespan__print(char *buf, size_t size, uint64_t ns);

#endif
