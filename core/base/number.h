/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers as text. No sign, no blank and no locale, unlike strtoull() and sscanf(): "-1" is not a
 * large number. timespan.h reads lengths of time.
 */
#ifndef THPRACE_NUMBER_H
#define THPRACE_NUMBER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* The value of a digit, below 16; or 16. */
static inline unsigned int number__digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (unsigned int)((c | 0x20) - 'a') + 10;
	return 16;
}

/*
 * Reads digits and moves *text past all of them. Returns 0; -EINVAL: there is none; or -ERANGE: too
 * large, and *value is UINT64_MAX.
 */
static inline int number__take(const char **text, unsigned int base, uint64_t *value)
{
	const char *at = *text;
	bool over = false;
	uint64_t sum = 0;

	for (; number__digit(*at) < base; at++)
		over = __builtin_mul_overflow(sum, base, &sum) ||
		       __builtin_add_overflow(sum, number__digit(*at), &sum) || over;
	if (at == *text)
		return -EINVAL;
	*text = at;
	*value = over ? UINT64_MAX : sum;
	return over ? -ERANGE : 0;
}

/* Text that is only a decimal number. Returns 0, -EINVAL, or -ERANGE: not from min to max. */
static inline int number__parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t number;
	int err = number__take(&text, 10, &number);

	if (err == -EINVAL || *text)
		return -EINVAL;
	if (err || number < min || number > max)
		return -ERANGE;
	*value = number;
	return 0;
}

/*
 * Text that is only a decimal number, or "0x" and a hexadecimal one. Returns 0, -EINVAL or -ERANGE.
 */
static inline int number__parse_any(const char *text, uint64_t *value)
{
	uint64_t number = 0;
	int err;

	if (text[0] != '0' || (text[1] | 0x20) != 'x')
		return number__parse(text, 0, UINT64_MAX, value);
	text += 2;
	err = number__take(&text, 16, &number);
	if (err != -EINVAL && *text)
		return -EINVAL;
	if (!err)
		*value = number;
	return err;
}

/*
 * A release of the kernel, "5.10.262-generic": its first two numbers. False: it does not begin with
 * numbers.
 */
static inline bool number__release(const char **text, uint64_t *major, uint64_t *minor)
{
	if (number__take(text, 10, major) || **text != '.')
		return false;
	++*text;
	return !number__take(text, 10, minor);
}

#endif
