// SPDX-License-Identifier: GPL-2.0-only
#include "banner.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "base/names.h"
#include "classes/race_class.h"
#include "summary.h"

#define CLASSES_NAMED 4 /* of a list; the others are counted */

void banner__add(struct banner *banner, const char *format, ...)
{
	size_t used = strlen(banner->text);
	va_list args;

	va_start(args, format);
	vsnprintf(banner->text + used, sizeof(banner->text) - used, format, args);
	va_end(args);
}

typedef bool (*class_is)(const struct summary_class *class);

static bool is_proved(const struct summary_class *class)
{
	return class->escapes > class->likely;
}

static bool is_likely(const struct summary_class *class)
{
	return class->likely;
}

static bool is_remained(const struct summary_class *class)
{
	return class->remained;
}

static bool is_unattributed(const struct summary_class *class)
{
	return class->unattributed;
}

/* It can happen on this kernel, and was not seen, or not all the time. */
static bool is_blind(const struct summary_class *class)
{
	return class->not_observable[0] && !class->cannot_happen;
}

static bool is_fixed(const struct summary_class *class)
{
	return class->checked && class->check == CHECK_FIXED;
}

static bool is_vulnerable(const struct summary_class *class)
{
	return class->checked && class->check == CHECK_VULNERABLE;
}

static unsigned int count(const struct summary *summary, class_is is)
{
	unsigned int c, nr = 0;

	for (c = THPRACE_CLASS_NONE + 1; c < race_class__foreign_end(); c++)
		nr += is(&summary->class[c]);
	return nr;
}

/* Their names; beyond CLASSES_NAMED, how many more there are. */
static void add_classes(struct banner *banner, const struct summary *summary, class_is is)
{
	unsigned int c, nr = 0, all = count(summary, is);

	for (c = THPRACE_CLASS_NONE + 1; c < race_class__foreign_end() && nr < CLASSES_NAMED; c++) {
		if (is(&summary->class[c]))
			banner__add(banner, "%s%s", nr++ ? ", " : "", names__class(c));
	}
	if (all > nr)
		banner__add(banner, " and %u more", all - nr);
}

/* The same in parentheses, after a blank; nothing if there are none. */
static void add_of(struct banner *banner, const struct summary *summary, class_is is)
{
	if (!count(summary, is))
		return;
	banner__add(banner, " (");
	add_classes(banner, summary, is);
	banner__add(banner, ")");
}

/* A full ring of the stream loses records, but no incident: those have a ring of their own. */
static uint64_t lost(const struct summary *summary)
{
	return summary->lost_total - summary->lost[THPRACE_LOSS_STREAM];
}

/* What the answer rests on. */
static void add_basis(struct banner *banner, const struct summary *summary)
{
	unsigned int fixed = count(summary, is_fixed);

	banner__add(banner, "%s contained",
		    COUNTED(summary__total(summary, THPRACE_CONTAINED), "overlap"));
	if (fixed)
		banner__add(banner, ", kernel has the fix%s of %u class%s", fixed == 1 ? "" : "es",
			    fixed, fixed == 1 ? "" : "es");
	if (!summary->has_stats)
		return;
	if (lost(summary))
		banner__add(banner, ", %s lost", COUNTED(lost(summary), "record"));
	else if (summary->lost_total)
		banner__add(banner, ", %s lost", COUNTED(summary->lost_total, "stream record"));
	else if (summary__identity(summary))
		banner__add(banner, ", nothing lost");
}

/* A defect of the kernel, which looks like an escape where a zap happens to be under way. */
static void add_defect(struct banner *banner, const struct summary *summary)
{
	banner__add(banner, "this kernel fails to unmap by itself, %s",
		    COUNTED(summary__total(summary, THPRACE_REMAINED), "time"));
	add_of(banner, summary, is_remained);
}

/* The reasons why "no escape" cannot be said, separated by commas. Adds nothing if there are none. */
static void add_reasons(struct banner *banner, const struct summary *summary)
{
	uint64_t remained = summary__total(summary, THPRACE_REMAINED);
	uint64_t unattributed = summary__total(summary, THPRACE_UNATTRIBUTED);
	uint64_t unproven = summary__total(summary, THPRACE_UNPROVEN);
	const char *next = "";

#define REASON(...) (banner__add(banner, "%s", next), banner__add(banner, __VA_ARGS__), next = ", ")
	if (count(summary, is_vulnerable)) {
		REASON("this kernel is vulnerable");
		add_of(banner, summary, is_vulnerable);
	}
	if (unattributed) {
		REASON("%s unattributed", COUNTED(unattributed, "failed walker"));
		add_of(banner, summary, is_unattributed);
	}
	if (remained) {
		REASON("%s", "");
		add_defect(banner, summary);
	}
	if (unproven)
		REASON("%s unproven", COUNTED(unproven, "incident"));
	if (lost(summary))
		REASON("%s lost", COUNTED(lost(summary), "record"));
	if (summary->has_stats && !summary__identity(summary))
		REASON("records went missing uncounted");
	if (count(summary, is_blind)) {
		REASON("%s", "");
		add_classes(banner, summary, is_blind);
		banner__add(banner, " not observed");
	}
	if (summary->bad_blocks)
		REASON("%s of the file cannot be read", COUNTED(summary->bad_blocks, "part"));
	if (!summary->ended)
		REASON("the file has no end mark");
	if (!summary->has_stats)
		REASON("the file has no counters");
	else if (!summary__overlaps(summary))
		REASON("nothing overlapped");
#undef REASON
}

void banner__of(struct banner *banner, const struct summary *summary)
{
	uint64_t escapes = summary__total(summary, THPRACE_ESCAPE);
	uint64_t likely = 0;
	unsigned int c;

	for (c = 0; c < THPRACE_CLASS_MAX; c++)
		likely += summary->class[c].likely;
	if (likely > escapes)
		likely = escapes;
	memset(banner, 0, sizeof(*banner));
	if (escapes > likely) {
		banner->kind = BANNER_ESCAPE;
		banner__add(banner, "%s proved", COUNTED(escapes - likely, "escape"));
		add_of(banner, summary, is_proved);
		if (likely)
			banner__add(banner, ", %s more likely",
				    names__count((char[NAMES_NUMBER_LEN]){0}, NAMES_NUMBER_LEN,
						 likely));
	} else if (likely) {
		banner->kind = BANNER_LIKELY;
		banner__add(banner, "no escape proved, %s likely",
			    names__count((char[NAMES_NUMBER_LEN]){0}, NAMES_NUMBER_LEN, likely));
		add_of(banner, summary, is_likely);
		if (summary__total(summary, THPRACE_REMAINED)) {
			banner__add(banner, ", and ");
			add_defect(banner, summary);
		}
	}
	if (escapes) {
		banner__add(banner, "; ");
		add_basis(banner, summary);
		return;
	}
	banner->kind = BANNER_NOT_TOLD;
	banner__add(banner, "not told: ");
	c = (unsigned int)strlen(banner->text);
	add_reasons(banner, summary);
	if (banner->text[c]) {
		if (summary__total(summary, THPRACE_CONTAINED))
			banner__add(banner, "; %s contained",
				    COUNTED(summary__total(summary, THPRACE_CONTAINED), "overlap"));
		return;
	}
	banner->kind = BANNER_NO_ESCAPE;
	banner->text[0] = '\0';
	banner__add(banner, "no escape: ");
	add_basis(banner, summary);
}

const char *banner__name(enum banner_kind kind)
{
	static const char *const names[] = BANNER_NAMES;

	return kind < BANNER_MAX ? names[kind] : "?";
}
