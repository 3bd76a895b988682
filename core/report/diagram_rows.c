// SPDX-License-Identifier: GPL-2.0-only
/* The events of each side of a drawing, row by row. */
#include "diagram_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <thprace/race.h>
#include <thprace/record.h>
#include <thprace/verdict.h>
#include "base/names.h"
#include "saved_values.h"
#include "summary.h"
#include "classes/race_class.h"

static const char under_way[] = "under way at the crash";

__attribute__((format(printf, 6, 7))) static void add(struct diagram *diagram,
						      enum diagram_side side, uint64_t when,
						      int timed, int indent, const char *format,
						      ...)
{
	struct diagram_row *row;
	va_list args;

	if (diagram->nr == ROWS_MAX)
		return;
	row = &diagram->rows[diagram->nr];
	row->time = (int64_t)(when - diagram->base);
	row->timed = timed;
	row->seq = diagram->nr++;
	row->side = side;
	row->indent = indent;
	va_start(args, format);
	vsnprintf(row->text, sizeof(row->text), format, args);
	va_end(args);
}

static const char *rmap_function(const struct summary *summary, unsigned int level)
{
	const char *one = level == THPRACE_LEVEL_PTE ? "rmap-ptes" : "rmap-pmd";
	const char *special = summary__function(summary, one, NULL);

	return special ? special : summary__function(summary, "rmap", "page_remove_rmap");
}

/* What remained of the mappings that a failed walker left: ": 1 of 2 mappings by PMDs left". */
static const char *left_text(char *buf, size_t size, const struct thprace_window *window,
			     const struct thprace_walk *walk)
{
	int32_t before = thprace_count(&walk->left, window->level);

	if (before <= 0 || window->left < 0)
		return "";
	snprintf(buf, size, ": %d of %d mapping%s by %s left", window->left, before,
		 before == 1 ? "" : "s", window->level == THPRACE_LEVEL_PMD ? "PMDs" : "PTEs");
	return buf;
}

void diagram_rows__pmd_window(struct diagram *diagram, int whole)
{
	const struct thprace_window *window = diagram->window;
	const struct summary *summary = diagram->summary;
	const char *rmap = rmap_function(summary, THPRACE_LEVEL_PMD);
	char left[64];

	if (window->open) {
		add(diagram, OPENER, window->open, 0, 0, "%s()",
		    summary__function(summary, "zap", "zap_huge_pmd"));
		add(diagram, OPENER, window->open, 1, 2, "%s(): lock held",
		    summary__function(summary, "lock", "__pmd_trans_huge_lock"));
		add(diagram, OPENER, window->open, 0, 2, "clears the pmd (time not seen)");
	}
	if (window->removed)
		add(diagram, OPENER, window->removed, 1, 2, "%s(): mapcount decremented", rmap);
	else if (window->close && !(window->flags & THPRACE_WF_CRASH))
		add(diagram, OPENER, window->close, 0, 2, "%s() (time not seen)", rmap);
	if (window->flags & THPRACE_WF_CRASH)
		add(diagram, OPENER, window->close, 1, 0, "%s() under way at the crash",
		    summary__function(summary, "zap", "zap_huge_pmd"));
	else if (window->close)
		add(diagram, OPENER, window->close, 1, 0, "%s() returns%s",
		    summary__function(summary, "zap", "zap_huge_pmd"),
		    left_text(left, sizeof(left), window, diagram->walk));
	else if (whole)
		add(diagram, OPENER, diagram->base + INT64_MAX, 0, 0, "(return not seen)");
}

void diagram_rows__range(struct diagram *diagram)
{
	const struct thprace_window *window = diagram->window;
	const struct thprace_walk *walk = diagram->walk;
	const char *rmap = rmap_function(diagram->summary, THPRACE_LEVEL_PTE);
	const char *range = summary__function(diagram->summary, "range", "unmap_page_range");
	uint64_t began = window->open ? window->open : walk->enter;
	char left[64];

	add(diagram, OPENER, began, window->open != 0, 0, "%s()%s", range,
	    window->open		       ? ""
	    : window->flags & THPRACE_WF_VAGUE ? " (when it began was not seen)"
					       : " began before the walker");
	/*
	 * The time is not known; but it was before the return of the walker, which did not find the
	 * entry.
	 */
	add(diagram, OPENER, began, 0, 2, "clears the pte (time not seen)");
	if (window->removed)
		add(diagram, OPENER, window->removed, 1, 2, "%s(): the last of %u page%s", rmap,
		    window->pages, window->pages == 1 ? "" : "s");
	else if (!(window->flags & THPRACE_WF_CRASH))
		add(diagram, OPENER, window->close, 0, 2, "%s() (time not seen)", rmap);
	if (window->flags & THPRACE_WF_CRASH)
		add(diagram, OPENER, window->close, 1, 0, "%s() under way at the crash", range);
	else
		add(diagram, OPENER, window->close, 1, 0, "%s() returns%s", range,
		    left_text(left, sizeof(left), window, walk));
}

void diagram_rows__removal(struct diagram *diagram)
{
	const struct thprace_window *window = diagram->window;
	const struct thprace_walk *walk = diagram->walk;
	const char *rmap = rmap_function(diagram->summary, THPRACE_LEVEL_PTE);
	uint64_t last = window->removed ? window->removed : window->close;
	uint64_t cleared = window->open < walk->leave ? window->open : walk->leave;

	add(diagram, OPENER, cleared, 0, 0, "%s()",
	    summary__function(diagram->summary, "range", "unmap_page_range"));
	add(diagram, OPENER, cleared, 0, 2, "clears the pte (time not seen)");
	if (window->pages > 1 || last > window->open) {
		add(diagram, OPENER, window->open, 1, 2, "%s(): the first of %s", rmap,
		    COUNTED(window->pages, "page"));
		add(diagram, OPENER, last, 1, 2, "%s(): the last", rmap);
	} else {
		add(diagram, OPENER, window->open, 1, 2, "%s(): one page", rmap);
	}
}

static const char *walker_function(const struct summary *summary, const struct thprace_walk *walk)
{
	const struct race_class *race = race_class__of(walk->class);

	if (walk->flags & THPRACE_RF_MIGRATE)
		return summary__function(summary, "migrate", "try_to_migrate");
	if (!race || !race->point)
		return summary__function(summary, "unmap", "try_to_unmap");
	if (race->point2)
		return summary__function(summary, race->point,
					 summary__function(summary, race->point2, race->function));
	return summary__function(summary, race->point, race->function);
}

static void add_result(struct diagram *diagram)
{
	const struct thprace_walk *walk = diagram->walk;
	char result[NAMES_NUMBER_LEN];

	if (race_class__shape(walk->class) == RACE_SPLIT && !(walk->flags & THPRACE_KF_RESULT))
		add(diagram, WALKER, walk->leave, 1, 0, "its result was not seen");
	else if (race_class__shape(walk->class) == RACE_SPLIT)
		add(diagram, WALKER, walk->leave, 1, 0, "returns %s: %s",
		    names__result(result, sizeof(result), walk->result),
		    walk->result ? "not split" : "the folio is split");
	else if (walk->flags & THPRACE_RF_OWN_FAILED)
		add(diagram, WALKER, walk->leave, 1, 0, "returns: still mapped; mapcount %d",
		    walk->residual);
	else
		add(diagram, WALKER, walk->leave, 1, 0, "returns: mapcount %d", walk->residual);
}

void diagram_rows__split(struct diagram *diagram)
{
	const struct thprace_walk *walk = diagram->walk;

	add(diagram, WALKER, walk->enter, 0, 0, "%s()", walker_function(diagram->summary, walk));
	add(diagram, WALKER, walk->enter, 1, 2, "unmapped: mapcount 0, the split goes on");
	add_result(diagram);
}

void diagram_rows__check(struct diagram *diagram)
{
	const struct thprace_walk *walk = diagram->walk;

	add(diagram, WALKER, walk->leave ? walk->leave : walk->enter, 1, 0,
	    "%s(): still mapped, mapcount %d",
	    summary__function(diagram->summary, "check", "filemap_unaccount_folio"),
	    walk->residual);
}

void diagram_rows__walk(struct diagram *diagram, int proof)
{
	const struct thprace_walk *walk = diagram->walk;
	const char *function = walker_function(diagram->summary, walk);
	char result[NAMES_NUMBER_LEN];

	if (walk->enter)
		add(diagram, WALKER, walk->enter, 1, 0, "%s()", function);
	if (walk->flags & THPRACE_KF_CRASH)
		add(diagram, WALKER, walk->leave, 1, 0, "%s", under_way);
	else if (walk->leave && proof)
		add_result(diagram);
	else if (walk->leave)
		add(diagram, WALKER, walk->leave, 1, 0, walk->enter ? "returns" : "%s() returns",
		    function);
	if (walk->flags & THPRACE_KF_RESULT)
		add(diagram, WALKER, walk->outer_at ? walk->outer_at : walk->leave,
		    walk->outer_at != 0, 0, "its %s() returns %s: %s",
		    summary__function(diagram->summary, "split", "split_huge_page_to_list"),
		    names__result(result, sizeof(result), walk->result),
		    walk->result ? "not split" : "split");
	if (walk->outer_at)
		add(diagram, WALKER, walk->outer_at, !(walk->flags & THPRACE_KF_RESULT), 2,
		    "mapped by %d PMD%s and %d PTE%s then", walk->outer.entire,
		    walk->outer.entire == 1 ? "" : "s", walk->outer.small,
		    walk->outer.small == 1 ? "" : "s");
	if (walk->flags & THPRACE_KF_CHECK)
		add(diagram, WALKER, walk->leave, 0, 0, "%s(): the folio is still mapped",
		    summary__function(diagram->summary, "check", "filemap_unaccount_folio"));
}

void diagram_rows__reuse(struct diagram *diagram)
{
	const struct thprace_window *window = diagram->window;
	const struct thprace_walk *walk = diagram->walk;
	const char *collapse = summary__function(diagram->summary, "collapse", "collapse_file");
	const char *hold = "lock_page";
	bool reused = window->flags & THPRACE_WF_REUSED;

	add(diagram, OPENER, window->open, 1, 0, "%s(): offset 0x%" PRIx64, collapse,
	    (uint64_t)window->address);
	add(diagram, OPENER, window->open, 0, 2, "the page is locked, and in the page cache");
	add(diagram, WALKER, walk->enter, 0, 0, "finds the page there");
	add(diagram, WALKER, walk->enter, 1, 0, "%s(): waits", hold);
	if (window->removed)
		add(diagram, OPENER, window->removed, 1, 0, "%s() fails: the page is revoked",
		    collapse);
	if (window->close && reused)
		add(diagram, OPENER, window->close, 1, 0,
		    "%s(): offset 0x%" PRIx64 ", the same page again, %s%s", collapse,
		    (uint64_t)window->mm, COUNTED(window->pages, "foreign reference"),
		    window->flags & THPRACE_WF_LOCKED ? ", locked" : "");
	else if (window->close)
		add(diagram, OPENER, window->close, 1, 0, "%s(): not with this page: released",
		    collapse);
	if (walk->leave)
		add(diagram, WALKER, walk->leave, 1, 0, "%s() returns", hold);
	else
		add(diagram, WALKER, diagram->base + INT64_MAX, 0, 0, "(return not seen)");
}

void diagram_rows__reuse_alone(struct diagram *diagram)
{
	const struct thprace_walk *walk = diagram->walk;
	const char *collapse = summary__function(diagram->summary, "collapse", "collapse_file");

	add(diagram, WALKER, walk->enter, 1, 0, "%s()", collapse);
	add(diagram, WALKER, walk->leave, 0, 0, "it fails: the page is revoked");
	add(diagram, WALKER, walk->leave, 1, 0, "%s(): another offset, the same page again, %s",
	    collapse, COUNTED((unsigned int)walk->residual, "foreign reference"));
}

/* Of the section that the side's report names, of which a race may have several. */
static const char *place_text(const struct race_class *race, const struct thprace_stack *stack,
			      enum race_event_name event)
{
	const bool at_end = event == RACE_EVENT_CLOSE || event == RACE_EVENT_LEAVE;

	if (!stack || stack->section >= THPRACE_RACE_SECTIONS_MAX)
		return NULL;
	return race->place[stack->section][at_end ? RACE_PLACE_END : RACE_PLACE_BEGIN];
}

static const char *event_text(const struct diagram *diagram, enum race_event_name event)
{
	const enum diagram_side side =
		event == RACE_EVENT_OPEN || event == RACE_EVENT_CLOSE ? OPENER : WALKER;
	static const char *const unknown[] = {"the window opens", "it closes", "the walker enters",
					      "it leaves"};
	const struct race_class *race = race_class__of(diagram->walk->class);
	const char *place = race ? place_text(race, diagram->stacks[side], event) : NULL;

	if (place)
		return place;
	return race && race->event[event] ? race->event[event] : unknown[event];
}

void diagram_rows__death(struct diagram *diagram)
{
	const struct thprace_walk *walk = diagram->walk;

	if (walk->flags & THPRACE_KF_DIED)
		add(diagram, WALKER, walk->leave ? walk->leave : walk->enter, 0, 0,
		    "the kernel died in this task");
}

/* The beginning of a side, with the values that it saved there. */
static void add_beginning(struct diagram *diagram, enum diagram_side side, uint64_t when,
			  enum race_event_name event)
{
	char values[SAVED_VALUES_LEN] = "";

	if (diagram->stacks[side])
		saved_values__text(values, sizeof(values), diagram->walk->class,
				   diagram->stacks[side]);
	add(diagram, side, when, 1, 0, "%s%s%s", event_text(diagram, event), *values ? ": " : "",
	    values);
}

void diagram_rows__file(struct diagram *diagram)
{
	const struct thprace_window *window = diagram->window;
	const struct thprace_walk *walk = diagram->walk;

	if (window) {
		add_beginning(diagram, OPENER, window->open, RACE_EVENT_OPEN);
		add(diagram, OPENER, window->close, 1, 0, "%s",
		    window->flags & THPRACE_WF_CRASH ? under_way
						     : event_text(diagram, RACE_EVENT_CLOSE));
	}
	add_beginning(diagram, WALKER, walk->enter, RACE_EVENT_ENTER);
	if (walk->flags & THPRACE_KF_CRASH)
		add(diagram, WALKER, walk->leave, 1, 0, "%s", under_way);
	else if (walk->leave != walk->enter)
		add(diagram, WALKER, walk->leave, 1, 0, "%s",
		    event_text(diagram, RACE_EVENT_LEAVE));
}

/* The walker may be an instant, which has one event. */
void diagram_rows__file_pass(struct diagram *diagram)
{
	const struct thprace_window *window = diagram->window;
	const struct thprace_walk *walk = diagram->walk;
	const struct race_class *race = race_class__of(walk->class);
	const bool instant = race && race->event[RACE_EVENT_ENTER] &&
			     !race->event[RACE_EVENT_LEAVE];

	if (window->open)
		add(diagram, OPENER, window->open, 1, 0, "%s",
		    event_text(diagram, RACE_EVENT_OPEN));
	if (window->close)
		add(diagram, OPENER, window->close, 1, 0, "%s",
		    event_text(diagram, RACE_EVENT_CLOSE));
	if (walk->enter)
		add(diagram, WALKER, walk->enter, 1, 0, "%s",
		    event_text(diagram, RACE_EVENT_ENTER));
	if (walk->leave)
		add(diagram, WALKER, walk->leave, 1, 0, "%s",
		    event_text(diagram, instant ? RACE_EVENT_ENTER : RACE_EVENT_LEAVE));
}
