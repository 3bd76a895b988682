/* SPDX-License-Identifier: GPL-2.0-only */
/* Times of day as users write and read them: local time. All in ns CLOCK_REALTIME. */
#ifndef THPRACE_WHEN_H
#define THPRACE_WHEN_H

#include <stddef.h>
#include <stdint.h>

#define WHEN_LEN 48

/* The expected text, for messages: "'TEXT' is not …". */
#define WHEN_WANTED "a time: -10min, -2h, today, 2026-11-21, \"2026-11-21 19:00\""

/*
 * Read a WHEN: a span before now ("-2h", "2h" or "2h ago"; see timespan.h), "now", "today",
 * "yesterday", or a time of day: "2026-11-21", "2026-11-21 19:00", "2026-11-21 19:00:30". Returns 0,
 * or -EINVAL.
 */
int when__parse(const char *text, uint64_t now, uint64_t *ns);

/* "11-21 19:00:30", "2026-11-21 19:00", "2026-11-21 19:00:30.123456 +0100" into buf; returns it. */
const char *when__short(char *buf, size_t size, uint64_t ns);
const char *when__minute(char *buf, size_t size, uint64_t ns);
const char *when__long(char *buf, size_t size, uint64_t ns);

#endif
