// SPDX-License-Identifier: GPL-2.0-only
/*
 * The prefix that a console, dmesg, a journal, syslog, pstore or a mail puts before the kernel's
 * text.
 */
#include "complaint_private.h"
#include "complaint_text.h"

#include <ctype.h>
#include <string.h>

#define HEAD_MAX 160 /* bytes of a date and a host name */

static const char *skip_quotes(const char *at)
{
	while (*at == '>' || *at == ' ' || *at == '\t' || *at == '|')
		at++;
	return at;
}

static void keep_caller(char caller[16], const char *from, size_t length)
{
	if (length >= 16)
		length = 15;
	memcpy(caller, from, length);
	caller[length] = '\0';
}

/* "6,1234,5678901,-,caller=T12;text", of /dev/kmsg. NULL: no such prefix. */
static const char *skip_kmsg(const char *at, char caller[16], uint64_t *when)
{
	const char *text = strchr(at, ';'), *field;
	uint64_t priority, sequence, us;

	if (!text || text - at > HEAD_MAX)
		return NULL;
	if (!take_number(&at, &priority) || !skip(&at, ",") || !take_number(&at, &sequence) ||
	    !skip(&at, ",") || !take_number(&at, &us) || *at != ',')
		return NULL;
	*when = us * 1000;
	field = strstr(at, ",caller=");
	if (field && field < text)
		keep_caller(caller, field + 8, (size_t)(text - field - 8));
	return text + 1;
}

/* "<4>" */
static const char *skip_priority(const char *at)
{
	size_t digits = *at == '<' ? strspn(at + 1, "0123456789") : 0;

	return digits && digits <= 3 && at[digits + 1] == '>' ? at + digits + 2 : at;
}

/* "kern  :warn  : ", of dmesg -x */
static const char *skip_facility(const char *at)
{
	const char *level = strchr(at, ':'), *end = level ? strchr(level + 1, ':') : NULL;

	if (strncmp(at, "kern", 4) || !end || end - at > 20 || end[1] != ' ')
		return at;
	return end + 2;
}

/* "Nov 28 23:30:01 host kernel: ", "kernel: ", "2026-11-28T23:30:01+01:00 host kernel: "; after a stamp "host kernel: ". */
static const char *skip_journal(const char *at, bool stamped)
{
	const char *tag = strstr(at, " kernel: ");
	size_t words = 0;
	const char *i;

	if (!strncmp(at, "kernel: ", 8))
		return at + 8;
	if (!tag || tag - at > HEAD_MAX)
		return at;
	for (i = at; i < tag; i++)
		words += *i == ' ' && i[1] != ' ';
	if (stamped ? words != 0 : words < 1 || words > 5)
		return at;
	if (!stamped && !isdigit((unsigned char)*at) && !isupper((unsigned char)*at))
		return at;
	if (!stamped && !memchr(at, ':', (size_t)(tag - at)))
		return at;
	return tag + 9;
}

/* "[  746.120000]", "[  +0.000675]", "[Sat Nov 28 23:30:01 2026]". */
static const char *skip_stamp(const char *at, uint64_t *when)
{
	const char *end = *at == '[' ? strchr(at, ']') : NULL;
	uint64_t seconds, fraction = 0;
	int digits;

	if (!end || end - at > 32)
		return at;
	at++;
	at += strspn(at, " ");
	if (*at == '+')
		return end + 1;
	if (isupper((unsigned char)*at) && memchr(at, ':', (size_t)(end - at)))
		return end + 1;
	if (!take_number(&at, &seconds) || !skip(&at, "."))
		return NULL;
	for (digits = 0; digits < 9; digits++)
		fraction = fraction * 10 +
			   (isdigit((unsigned char)*at) ? (unsigned long long)(*at++ - '0') : 0);
	if (at != end)
		return NULL;
	*when = seconds * 1000000000ULL + fraction;
	return end + 1;
}

/* "[ T8978]", "[    C1]" */
static const char *skip_caller(const char *at, char caller[16])
{
	const char *from = at + 1, *end;

	if (*at != '[')
		return at;
	from += strspn(from, " ");
	if (*from != 'T' && *from != 'C')
		return at;
	end = from + 1 + strspn(from + 1, "0123456789");
	if (end == from + 1 || *end != ']')
		return at;
	keep_caller(caller, from, (size_t)(end - from));
	return end + 1;
}

const char *complaint_prefix__strip(const char *text, char caller[16], uint64_t *when)
{
	const char *at = skip_quotes(text), *past;

	caller[0] = '\0';
	*when = 0;
	past = skip_kmsg(at, caller, when);
	if (past)
		return past;
	at = skip_facility(skip_priority(skip_journal(at, false)));
	past = skip_stamp(at, when);
	if (past && past != at) {
		at = skip_caller(past, caller);
		at += strspn(at, " ");
		at = skip_journal(at, true);
	} else {
		at = skip_caller(at, caller);
	}
	return at + strspn(at, " \t");
}
