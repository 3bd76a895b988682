/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stable names of all enums, in both directions, and numbers for people.
 *
 * Every function accepts any value, even from a damaged file: a value out of range is named "?".
 */
#ifndef THPRACE_NAMES_H
#define THPRACE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/race.h>
#include <thprace/record.h>

/* Large enough for the output of names__duration(), names__count() and names__offset(). */
#define NAMES_NUMBER_LEN 32

/* Name of a value: a constant string, never NULL. */
const char *names__class(unsigned int value); /* enum thprace_class */
const char *names__verdict(unsigned int value); /* enum thprace_verdict */
const char *names__attribution(unsigned int value); /* enum thprace_attribution; "": none */
const char *names__origin(unsigned int value); /* enum thprace_walker_origin */
const char *names__level(unsigned int value); /* enum thprace_level */
const char *names__mode(unsigned int value); /* enum thprace_mode */
const char *names__loss(unsigned int value); /* enum thprace_loss */
const char *names__record(unsigned int value); /* enum thprace_record_type */

/* Value of a name (may be NULL), or -ENOENT. */
int names__find_class(const char *name);

/* Is it the name of one of thprace's own classes, which are not of files? */
bool names__own_class(const char *name);
int names__find_verdict(const char *name);
int names__find_origin(const char *name);
int names__find_level(const char *name);
int names__find_mode(const char *name);
int names__find_loss(const char *name);
int names__find_record(const char *name);

/*
 * The beginning of a reason that is no shortcoming of the observer: the kernel is not open to the
 * class.
 */
#define NAMES_CANNOT_HAPPEN "cannot happen here: "

/* The beginning of a reason that is neither: what was read does not tell. */
#define NAMES_NOT_KNOWN "not known: "
#define NAMES_NO_FUNCTIONS NAMES_NOT_KNOWN "this BTF has types only, and no functions"

/* The beginning of a temporary reason: a probe was detached for a while because of its cost. */
#define NAMES_SHED "shed: "

/*
 * The words before the reason why a class is not observed: "not observable: ", or "not observed
 * now: " if the reason begins with NAMES_SHED, or nothing if it begins with NAMES_CANNOT_HAPPEN
 * or NAMES_NOT_KNOWN.
 */
const char *names__blindness(const char *reason);

/*
 * A length of ns as "870 ns", "53.2 µs", "1.204 ms" or "61.000 s", truncated, not rounded; "us" for
 * "µs" unless utf8. Writes into buf (size bytes) and returns it.
 */
const char *names__duration(char *buf, size_t size, uint64_t ns, int utf8);

/*
 * Declares that the clock of the printed times ticks every ns nanoseconds (0 or 1: it is fine).
 * Lengths and drawings are then printed without the digits below a tick, and shorter lengths as "<4
 * ms".
 */
void names__set_resolution(uint64_t ns);

/*
 * A length of time in a unit (ns) with this many decimals; fewer decimals or a larger unit if the
 * clock does not have these digits: "12.345 ms", "12 ms". *unit: 1000 (us), 1000000 (ms),
 * 1000000000 (s).
 */
const char *names__in_unit(char *buf, size_t size, uint64_t ns, uint64_t unit, int decimals,
			   int utf8);

/* A count with separators, "1,234,567", into buf; returns it. */
const char *names__count(char *buf, size_t size, uint64_t count);

/*
 * A count of something: "1 walker", "0 walkers", "1,234 walkers". noun: singular; its plural must
 * end with s. Into buf; returns it.
 */
const char *names__counted(char *buf, size_t size, uint64_t count, const char *noun);

/* The same, in a buffer that lives as long as the surrounding block. */
#define NAMES_COUNTED_LEN 96
#define COUNTED(count, noun) \
	names__counted((char[NAMES_COUNTED_LEN]){0}, NAMES_COUNTED_LEN, count, noun)

/* Nanoseconds as seconds with nine decimals, "-0.000001500", into buf; returns it. */
const char *names__offset(char *buf, size_t size, int64_t ns);

/*
 * A function's result: "0", or "-16 (EBUSY)" for values that splits return, into buf; returns it.
 */
const char *names__result(char *buf, size_t size, int result);

/*
 * Makes text from outside (a task's comm, a member of a trace, a file name) safe for a terminal:
 * control characters, characters that change the direction of writing, and invalid UTF-8
 * (everything except ASCII unless utf8) become '?', one for each byte or character. Reads at most
 * length bytes of text (up to a NUL; text may be NULL), writes into buf, which may be text itself;
 * returns it.
 */
const char *names__clean(char *buf, size_t size, const char *text, size_t length, int utf8);

/* The same, but line feeds stay: for texts of several lines. */
const char *names__clean_lines(char *buf, size_t size, const char *text, size_t length, int utf8);

/*
 * Is it printable ASCII, as the names of all kernel functions and types are? Foreign names are
 * checked with it where they are read.
 */
int names__plain(const char *name);

/* Columns that UTF-8 text takes on a terminal, counting each character as one. */
size_t names__columns(const char *text);

#endif
