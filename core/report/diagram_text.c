// SPDX-License-Identifier: GPL-2.0-only
#include "diagram.h"

#include <stdbool.h>
#include <string.h>
#include <thprace/race.h>
#include <thprace/record.h>
#include <thprace/verdict.h>
#include "base/names.h"
#include "summary.h"
#include "classes/race_class.h"

static void reuse_proof(char *buf, size_t size, const struct thprace_incident *incident)
{
	bool again = !summary__has_window(incident) || incident->window.flags & THPRACE_WF_REUSED;

	if (again)
		snprintf(buf, size,
			 "references beyond the collapser's own when the page was used again: %d%s",
			 incident->walk.residual,
			 incident->window.flags & THPRACE_WF_LOCKED ? "; its lock was held" : "");
	else
		snprintf(buf, size, "the collapser's next call came without the page");
}

/* What a failed walker left: "2 mappings by PMDs, 1 by PTEs". */
static const char *left_text(char *buf, size_t size, const struct thprace_counts *left)
{
	snprintf(buf, size, "%d mapping%s by PMDs, %d by PTEs", left->entire,
		 left->entire == 1 ? "" : "s", left->small);
	return buf;
}

/* Of a race that a file describes. */
static void file_proof(char *buf, size_t size, const struct thprace_incident *incident)
{
	switch (incident->first_verdict) {
	case THPRACE_ESCAPE:
	case THPRACE_UNATTRIBUTED:
		snprintf(buf, size, "its escape holds");
		break;
	case THPRACE_CONTAINED:
		snprintf(buf, size, "its escape does not hold");
		break;
	case THPRACE_UNPROVEN:
		snprintf(buf, size, "none, a side was not seen to end");
		break;
	default:
		snprintf(buf, size, "its file has no escape");
	}
}

const char *diagram__proof(char *buf, size_t size, const struct thprace_incident *incident)
{
	const struct thprace_walk *walk = &incident->walk;
	const char *own = "";
	const char *check = "";
	char result[NAMES_NUMBER_LEN];

	if (race_class__shape(walk->class) == RACE_FILE) {
		file_proof(buf, size, incident);
		return buf;
	}
	if (walk->flags & THPRACE_KF_CRASH) {
		snprintf(buf, size, "none, the walker had not returned when the kernel died");
		return buf;
	}
	if (race_class__shape(walk->class) == RACE_SPLIT && (walk->flags & THPRACE_KF_RESULT)) {
		snprintf(buf, size, "the split's result, %s",
			 names__result(result, sizeof(result), walk->result));
		return buf;
	}
	if (race_class__shape(walk->class) == RACE_REUSE) {
		reuse_proof(buf, size, incident);
		return buf;
	}
	if (incident->type == THPRACE_MSG_CHECK) {
		snprintf(buf, size, "the kernel's own check point, mapcount %d", walk->residual);
		return buf;
	}
	if (walk->flags & THPRACE_RF_OWN_FAILED)
		own = ", its own result: still mapped";
	else if (walk->flags & THPRACE_RF_OWN)
		own = ", its own result: unmapped";
	if (walk->flags & THPRACE_KF_CHECK)
		check = ", and a check point of the kernel saw it mapped";
	if (walk->left.entire || walk->left.small) {
		char left[64];

		snprintf(buf, size, "residual mapcount %d at the walker's return (%s)%s%s",
			 walk->residual, left_text(left, sizeof(left), &walk->left), own, check);
	} else {
		snprintf(buf, size, "residual mapcount %d at the walker's return%s%s",
			 walk->residual, own, check);
	}
	return buf;
}

/* Time between two stamps, in either order. */
static const char *between(char *buf, size_t size, uint64_t a, uint64_t b, int utf8)
{
	return names__duration(buf, size, a > b ? a - b : b - a, utf8);
}

static void contained(char *buf, size_t size, const struct thprace_incident *incident, int utf8)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	uint64_t end = window->removed ? window->removed : window->close;
	char length[NAMES_NUMBER_LEN];

	between(length, sizeof(length), end, walk->leave, utf8);
	if (walk->residual > 0)
		snprintf(buf, size,
			 "contained: this mapping was gone %s before the walker returned; the "
			 "mapcount of %d is another mapping's",
			 length, walk->residual);
	else if (end && end <= walk->leave)
		snprintf(buf, size, "the walker waited: it returned %s after %s", length,
			 window->removed ? "phase 1 had closed" : "the window had closed");
	else if (window->removed)
		snprintf(buf, size,
			 "contained: the walker's return is stamped %s before the end of phase 1, "
			 "but nothing was mapped any more: the decrement was done",
			 length);
	else
		snprintf(
			buf, size,
			"contained: nothing was mapped any more at the walker's return, so phase 1 "
			"had closed by then, at a time not seen%s",
			incident->mode == THPRACE_LIGHT ? " (light mode)" : "");
}

/* Why it is only likely. */
static const char *doubt(const struct thprace_incident *incident)
{
	if (incident->walk.residual <= 0)
		return "which of the zaps of that time it met was not seen";
	if (incident->window.flags & THPRACE_WF_VAGUE)
		return "when the zap began was not seen";
	if (!incident->window.close || incident->window.left < 0)
		return "what was left at the zap's end was not seen";
	if (thprace_fell(&incident->window, &incident->walk) == THPRACE_FALL_HIDDEN)
		return "the split mapped again what it had taken, so when it went was not seen";
	return "other zaps were under way as well, or this kernel fails to unmap by itself too";
}

static void escape(char *buf, size_t size, const struct thprace_incident *incident, int utf8)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	const char *end = window->removed ? "it was removed" : "the zap's end";
	bool crash = window->flags & THPRACE_WF_CRASH && !window->removed;
	char length[NAMES_NUMBER_LEN];

	between(length, sizeof(length), thprace_end(window), walk->leave, utf8);
	if (walk->residual <= 0)
		snprintf(buf, size,
			 "ESCAPE: the walker found the folio still mapped and gave up; by its "
			 "return the mapcount was 0");
	else if (crash)
		snprintf(buf, size,
			 "ESCAPE: the walker returned while the mapping was still counted, %s "
			 "before the last that was seen of the kernel, and the zap was still under "
			 "way then",
			 length);
	else if (!window->close)
		snprintf(buf, size,
			 "ESCAPE: the walker returned while the mapping was still counted");
	else if (incident->close_call)
		snprintf(buf, size,
			 "ESCAPE: the walker returned and the mapping was still counted; its "
			 "removal is stamped %s earlier, too close to tell: the mapcount decides",
			 length);
	else
		snprintf(buf, size,
			 "ESCAPE: the walker returned while the mapping was still counted, %s "
			 "before %s%s",
			 length, end,
			 thprace_fell(window, walk) == THPRACE_FALL_SEEN
				 ? ", and the count had fallen by then"
				 : "");
	if (!thprace_proved(incident->verdict, incident->attribution)) {
		size_t used = strlen(buf);

		snprintf(buf + used, size - used, "; likely, not proved: %s", doubt(incident));
	}
}

static void remained(char *buf, size_t size, const struct thprace_incident *incident)
{
	const struct thprace_walk *walk = &incident->walk;
	char left[64];

	left_text(left, sizeof(left), &walk->left);
	if (walk->outer_at)
		snprintf(
			buf, size,
			"REMAINED: the walker left %s, nobody was unmapping, and nothing of it had "
			"gone when the function around it returned: the kernel failed to unmap by "
			"itself, this is no race",
			left);
	else
		snprintf(
			buf, size,
			"REMAINED: the walker left %s, and the zap that took a mapping later began "
			"only after its return: the kernel failed to unmap by itself, this is no "
			"race",
			left);
}

static void split_head(char *buf, size_t size, const struct thprace_incident *incident, int utf8)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	char length[NAMES_NUMBER_LEN];

	between(length, sizeof(length), window->close, walk->leave, utf8);
	if (incident->verdict == THPRACE_ESCAPE && window->close)
		snprintf(buf, size,
			 "ESCAPE: the split completed in phase 2, %s before the window closed",
			 length);
	else if (incident->verdict == THPRACE_ESCAPE)
		snprintf(buf, size, "ESCAPE: the split completed while the window was in phase 2");
	else if (!(walk->flags & THPRACE_KF_RESULT))
		snprintf(buf, size, "contained: the split did not complete in phase 2");
	else if (walk->result)
		snprintf(buf, size,
			 "contained: the split gave up, %s: the zap still held its reference",
			 names__result(length, sizeof(length), walk->result));
	else
		snprintf(buf, size, "contained: the split completed %s after the window had closed",
			 length);
}

static void collapse_reuse(char *buf, size_t size, const struct thprace_incident *incident,
			   int utf8)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	char length[NAMES_NUMBER_LEN];

	between(length, sizeof(length), window->close, walk->leave, utf8);
	if (incident->verdict == THPRACE_UNATTRIBUTED)
		snprintf(buf, size,
			 "UNATTRIBUTED: the page was used again while somebody held a reference, "
			 "and no task was seen that waits for it");
	else if (incident->verdict == THPRACE_CONTAINED && window->flags & THPRACE_WF_REUSED)
		snprintf(buf, size,
			 "contained: the page was used again for the same offset or for another "
			 "file, which the holder's own check detects");
	else if (incident->verdict == THPRACE_CONTAINED)
		snprintf(buf, size, "contained: the page was released instead");
	else if (!walk->leave)
		snprintf(buf, size,
			 "ESCAPE: the page was used again for another offset while the holder "
			 "waited for its lock");
	else if (walk->leave > window->close)
		snprintf(buf, size,
			 "ESCAPE: the page was used again for another offset while the holder "
			 "waited for its lock, which it got %s later",
			 length);
	else
		snprintf(buf, size,
			 "ESCAPE: the page was used again for another offset while the holder, "
			 "which had its lock for %s, was checking it",
			 length);
}

static void unattributed(char *buf, size_t size, const struct thprace_incident *incident)
{
	if (incident->type == THPRACE_MSG_CHECK)
		snprintf(buf, size,
			 "UNATTRIBUTED: the kernel took the folio out of the page cache while it "
			 "was mapped (\"BUG: Bad page cache\"), and no window was seen");
	else
		snprintf(buf, size,
			 "UNATTRIBUTED: the walker failed, and no zap was seen that explains it");
}

static void file_verdict(char *buf, size_t size, const struct thprace_incident *incident)
{
	const char *text = "OVERLAP: both sides were at work on the same object at the same time";

	if (incident->verdict == THPRACE_UNATTRIBUTED)
		text = "UNATTRIBUTED: its escape holds, and nobody of the other side was seen";
	else if (incident->verdict == THPRACE_ESCAPE && incident->attribution == THPRACE_LIKELY)
		text = "ESCAPE: both sides were at work on the same object at the same time, and "
		       "its escape holds; others were there too";
	else if (incident->verdict == THPRACE_ESCAPE)
		text = "ESCAPE: both sides were at work on the same object at the same time, and "
		       "its escape holds";
	else if (incident->verdict == THPRACE_CONTAINED)
		text = "CONTAINED: both sides were at work on the same object at the same time, "
		       "and its escape does not hold";
	snprintf(buf, size, "%s", text);
}

const char *diagram__verdict(char *buf, size_t size, const struct thprace_incident *incident,
			     int utf8)
{
	if (incident->verdict == THPRACE_UNPROVEN && incident->walk.flags & THPRACE_KF_CRASH)
		snprintf(buf, size,
			 "UNPROVEN: the walker was under way when the kernel died, so no statement "
			 "is made");
	else if (incident->first_verdict == THPRACE_UNPROVEN &&
		 incident->window.flags & THPRACE_WF_CRASH)
		snprintf(buf, size,
			 "UNPROVEN: the window was under way when the kernel died, so no statement "
			 "is made");
	else if (incident->verdict == THPRACE_UNPROVEN)
		snprintf(buf, size,
			 "UNPROVEN: a record was lost in this interval, so no statement "
			 "is made");
	else if (race_class__shape(incident->walk.class) == RACE_FILE)
		file_verdict(buf, size, incident);
	else if (race_class__shape(incident->walk.class) == RACE_REUSE)
		collapse_reuse(buf, size, incident, utf8);
	else if (incident->verdict == THPRACE_UNATTRIBUTED)
		unattributed(buf, size, incident);
	else if (race_class__shape(incident->walk.class) == RACE_SPLIT)
		split_head(buf, size, incident, utf8);
	else if (incident->verdict == THPRACE_ESCAPE)
		escape(buf, size, incident, utf8);
	else if (incident->verdict == THPRACE_REMAINED)
		remained(buf, size, incident);
	else if (incident->verdict == THPRACE_CONTAINED)
		contained(buf, size, incident, utf8);
	else
		snprintf(buf, size, "%s", names__verdict(incident->verdict));
	return buf;
}
