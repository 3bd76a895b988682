// SPDX-License-Identifier: GPL-2.0-only
#include "check_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/names.h"
#include "classes/race_class.h"

bool check_watch__of_class(const struct check_watch *watch, enum thprace_class class,
			   enum thprace_watch_function *function, enum thprace_watch_kind *kind)
{
	const struct race_class *race = race_class__of(class);

	if (!race || !race->watched)
		return false;
	*function = race->watch_function;
	*kind = race->watch_kind;
	return watch->there[*function] && (*kind != THPRACE_WATCH_POISON || watch->poison);
}

/* CHECK_YES: the observed walks wait, as on a fixed kernel; CHECK_NO: not all of them do. */
static enum check_answer judge_counts(const struct check_watch *watch,
				      const struct thprace_watch_count *count, const char *function,
				      const char *who, char *text)
{
	uint64_t silent = count->calls - count->with_ttu_sync;
	uint64_t without = count->walks - count->with_pvmw_sync;

	if (!count->calls) {
		snprintf(text, CHECK_TEXT_MAX, "nothing was seen: in %.1f s %s did not call %s",
			 watch->seconds, who, function);
		return CHECK_NOT_KNOWN;
	}
	if (watch->lost) {
		snprintf(text, CHECK_TEXT_MAX, "no evidence: %s could not be followed to the end",
			 COUNTED(watch->lost, "call"));
		return CHECK_NOT_KNOWN;
	}
	if (without || silent) {
		snprintf(text, CHECK_TEXT_MAX,
			 "%" PRIu64 " of %s of %s by %s without TTU_SYNC, %" PRIu64
			 " of %s in them without PVMW_SYNC",
			 silent, COUNTED(count->calls, "call"), function, who, without,
			 COUNTED(count->walks, "walk"));
		return CHECK_NO;
	}
	if (!count->walks) {
		snprintf(text, CHECK_TEXT_MAX,
			 "%s of %s by %s, all with TTU_SYNC, and no walk in any",
			 COUNTED(count->calls, "call"), function, who);
		return CHECK_NOT_KNOWN;
	}
	snprintf(text, CHECK_TEXT_MAX,
		 "%s of %s by %s, all with TTU_SYNC, and %s in them, all with PVMW_SYNC",
		 COUNTED(count->calls, "call"), function, who, COUNTED(count->walks, "walk"));
	return CHECK_YES;
}

static const char *status_name(enum check_status status)
{
	static const char *const names[] = CHECK_STATUS_NAMES;

	return names[status];
}

/* The facts that were unknown are not missing any more. */
static void drop_missing(struct check_result *result)
{
	size_t from, to = 0;

	for (from = 0; from < result->nr_evidence; from++)
		if (result->evidence[from]->answer != CHECK_NOT_KNOWN)
			result->evidence[to++] = result->evidence[from];
	result->nr_evidence = to;
}

static void weigh(struct check_fact *fact, struct check_result *result)
{
	enum check_status seen = fact->answer == CHECK_YES ? CHECK_FIXED : CHECK_VULNERABLE;
	size_t length = strlen(fact->text);

	if (fact->answer == CHECK_NOT_KNOWN)
		return;
	if (result->status == CHECK_UNKNOWN) {
		drop_missing(result);
		result->status = seen;
	} else if (result->status != seen) {
		snprintf(fact->text + length, sizeof(fact->text) - length,
			 "; this contradicts '%s', which the other facts say",
			 status_name(result->status));
		result->status = CHECK_UNKNOWN;
	}
	if (result->nr_evidence < CHECK_EVIDENCE_MAX)
		result->evidence[result->nr_evidence++] = fact;
}

void check_watch__judge(struct check_watch *watch, enum thprace_class class,
			struct check_result *result)
{
	static const char *const functions[] = THPRACE_WATCH_FUNCTION_NAMES;
	struct check_fact *fact = &watch->facts[class];
	enum thprace_watch_function function;
	enum thprace_watch_kind kind;

	if (!check_watch__of_class(watch, class, &function, &kind))
		return;
	fact->kind = CHECK_BY_WATCH;
	fact->answer = judge_counts(watch, &watch->counts[THPRACE_WATCH_WHICH(function, kind)],
				    functions[function],
				    kind == THPRACE_WATCH_POISON ? "memory_failure" : "splits",
				    fact->text);
	weigh(fact, result);
}

const struct check_fact *check_watch__ends(struct check_watch *watch, enum thprace_class class)
{
	static const char *const functions[] = THPRACE_WATCH_FUNCTION_NAMES;
	struct check_fact *ends = &watch->ends[class];
	const struct thprace_watch_count *count;
	enum thprace_watch_function function;
	enum thprace_watch_kind kind;
	size_t length;

	memset(ends, 0, sizeof(*ends));
	ends->kind = CHECK_BY_WATCH;
	if (!check_watch__of_class(watch, class, &function, &kind))
		return ends;
	count = &watch->counts[THPRACE_WATCH_WHICH(function, kind)];
	if (!count->shared || watch->lost)
		return ends;
	snprintf(ends->text, sizeof(ends->text),
		 "of %" PRIu64
		 " calls of %s on pages that are mapped whole more than once, %" PRIu64
		 " left a mapping without a look",
		 (uint64_t)count->shared, functions[function], (uint64_t)count->cut_short);
	length = strlen(ends->text);
	snprintf(ends->text + length, sizeof(ends->text) - length, " (%s in %s)",
		 COUNTED(count->walks, "walk"), COUNTED(count->calls, "call"));
	/* A kernel with the defect does so every time; a pinned page may end a walk once. */
	if (!count->cut_short)
		ends->answer = CHECK_NO;
	else if (2 * count->cut_short >= count->shared)
		ends->answer = CHECK_YES;
	return ends;
}
