/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A race class: all that thprace knows about one race, in one file (core/classes/NAME.c). It is
 * data. The code that uses it is in the other rooms, which know no class by name.
 */
#ifndef THPRACE_RACE_CLASS_H
#define THPRACE_RACE_CLASS_H

#include <stdbool.h>
#include <stdint.h>
#include <thprace/race.h>
#include <thprace/race_slot.h>
#include <thprace/shared.h>
#include <thprace/watch.h>

/* How the two sides meet, which decides how an incident is recognised, judged and drawn. */
enum race_shape {
	RACE_WALK, /* a walker that must leave no mapping, while a zap removes one */
	RACE_SPLIT, /* a split that completes, while a zap is in its second phase */
	RACE_REUSE, /* the page of a failed collapse is used again while a holder waits for its
		     * lock */
	RACE_FILE, /* two sides that a file describes; programs in the kernel decide */
	RACE_SHAPE_MAX
};

#define RACE_SHAPE_NAMES                         \
	{                                        \
		"walk", "split", "reuse", "file" \
	}

enum race_event_name {
	RACE_EVENT_OPEN,
	RACE_EVENT_CLOSE,
	RACE_EVENT_ENTER,
	RACE_EVENT_LEAVE,
	RACE_EVENTS
};

#define RACE_EVENT_NAMES                          \
	{                                         \
		"open", "close", "enter", "leave" \
	}

/* Of a section. */
enum {
	RACE_PLACE_BEGIN,
	RACE_PLACE_END,
	RACE_PLACES
};

#define RACE_EVENT_TEXT 160 /* bytes of one, with the NUL */
#define RACE_SAVED_TEXT 256 /* the names of a section's values; longer ones are truncated */
#define RACE_WAYS_MAX 2
#define RACE_POINTS_MAX 5
#define RACE_NO_POINT (-1)
#define RACE_NAME_MAX 31 /* characters: letters, digits, '-' */
#define RACE_WALKERS_MAX 2
#define RACE_CHECKS_MAX 5

#define RACE_CALLERS_MAX 5

/*
 * Walkers that belong to the class: those of this origin at this point. The list ends with point 0,
 * which has none. If the calls of a point's function are probed (core/probe/probe_calls.c), these
 * are the functions whose calls count: at least one of them has one. None: the function itself must
 * be probed.
 */
struct race_walker {
	enum thprace_point point;
	enum thprace_walker_origin origin;
	const char *callers[RACE_CALLERS_MAX];
	const char *where; /* only on kernels that have this function; NULL: on all */
};

/* The function into which a split's unmap_folio (unmap_page until 5.15) was inlined, or itself. */
#define RACE_SPLITS                                                                     \
	"__folio_split", "split_huge_page_to_list_to_order", "split_huge_page_to_list", \
		"unmap_folio", "unmap_page"

/* The points of one way to observe it, all of which are needed; ends with RACE_NO_POINT. */
struct race_points {
	int point[RACE_POINTS_MAX];
	bool calls_alone; /* if the first is probed at its calls, the others are not needed */
};

/* --- facts about a kernel's code that show whether it has the fix (core/check) --- */

enum check_fact_id {
	FACT_THP, /* huge mappings are zapped: zap_huge_pmd */
	FACT_FLAG, /* enum ttu_flags has TTU_SYNC */
	FACT_SPLIT_PASSES, /* a split passes it to try_to_unmap */
	FACT_UNMAP_HONOURS, /* try_to_unmap_one walks with PVMW_SYNC then */
	FACT_MIGRATE, /* there is try_to_migrate */
	FACT_MIGRATE_PASSES, /* a split passes the flag to it */
	FACT_MIGRATE_HONOURS, /* try_to_migrate_one walks with PVMW_SYNC then */
	FACT_MIGRATE_ENDS, /* it ends its walk after it has split a huge pmd: a defect, not a race */
	FACT_FREEZES, /* a split freezes the reference count: seen in code */
	FACT_NEW_SPLIT, /* the split of 4.5, which does so, recognised by its functions */
	FACT_POISON, /* there is memory_failure */
	FACT_POISON_PASSES, /* it passes the flag to try_to_unmap */
	FACT_UNMAP_SINGLE, /* unmap_mapping_page or _folio */
	FACT_ZAP_SINGLE, /* struct zap_details names the one page that is unmapped */
	FACT_TRUNCATE_CALLS, /* truncation calls it */
	FACT_INVALIDATE_CALLS, /* invalidate_inode_pages2_range calls it */
	FACT_CARRIES, /* collapse_file gets a huge page from its caller */
	FACT_NUMA, /* CONFIG_NUMA */
	FACT_RELEASES, /* khugepaged gives up a page that others hold */
	FACT_MAX
};

enum check_answer {
	CHECK_NOT_KNOWN = 0,
	CHECK_NO,
	CHECK_YES,
};

enum check_status {
	CHECK_FIXED, /* the kernel closes the race */
	CHECK_VULNERABLE, /* the kernel does not close it */
	CHECK_CANNOT_HAPPEN, /* the kernel lacks one of the two sides */
	CHECK_UNKNOWN, /* facts are missing */
	CHECK_STATUS_MAX
};

#define CHECK_STATUS_NAMES                                        \
	{                                                         \
		"fixed", "vulnerable", "cannot happen", "unknown" \
	}

#define CHECK_CONDITIONS_MAX 4
#define CHECK_RULES_MAX 7

struct check_condition {
	enum check_fact_id fact;
	enum check_answer answer;
};

#define IS(id)                       \
	{                            \
		FACT_##id, CHECK_YES \
	}
#define NOT(id)                     \
	{                           \
		FACT_##id, CHECK_NO \
	}

/*
 * A status, and what must hold for it; a list ends with a condition that requires CHECK_NOT_KNOWN.
 */
struct check_rule {
	enum check_status status;
	struct check_condition condition[CHECK_CONDITIONS_MAX];
};

/* A commit upstream. */
struct check_commit {
	const char *hash;
	const char *subject;
	const char *version; /* the first release with it */
};

/*
 * A defect of a kernel that makes walkers of a class fail although nobody unmaps. It is not a race,
 * and the class's status does not depend on it; but users who see walkers fail on such a kernel
 * need to know about it.
 */
struct check_defect {
	const char *text; /* what the kernel does */
	enum check_fact_id fact; /* that proves it */
	struct check_commit cause; /* with the first release that has the defect */
	struct check_commit mend;
	const char *stable; /* releases of stable series that contain the mend */
};

/* --- how the kernel's own complaints about it look (core/complaint) --- */

/* Functions in a call trace, one of which is the class's walker. */
#define FUNCTION_SPLIT 0x1
#define FUNCTION_ZAP 0x2
#define FUNCTION_TRUNCATE 0x4
#define FUNCTION_INVALIDATE 0x8
#define FUNCTION_HUGETLB 0x10
#define FUNCTION_BOTTOM 0x20 /* the end of a trace: nothing is missing */

/* One of the kernel's own checks for it. */
struct race_check {
	const char *text; /* as dump_page() prints it; a '*' at the end stands for any text */
	const char *file; /* in this file, the check is about this class */
	bool huge; /* the page is still a huge one */
};

/* What else the kernel prints about it, if it prints no check. */
#define SAYS_SPLIT_WARNING 0x1 /* unmap_page() of a split warns, without a dump */
#define SAYS_SPLIT_COUNTS 0x2 /* a split found fewer mappings than it had counted (3.13 to 4.10) */
#define SAYS_MAPPED 0x4 /* "BUG: Bad page cache", or later a mapcount that does not fit */
#define SAYS_FAILURE 0x8 /* memory_failure could not unmap a page */
#define SAYS_BUG_TRUNCATE 0x10 /* a BUG in mm/truncate.c, without a dump */
#define SAYS_BUG_HUGE 0x20 /* one in mm/huge_memory.c, before 3.16 */

#define RACE_VERSION(major, minor) ((major) << 8 | (minor))
#define RACE_FOREVER 0xffffffff
#define RACE_RELEASES_MAX 3

/*
 * Releases of mainline and stable that are open to it, for logs of kernels that are not available
 * any more.
 */
struct race_releases {
	uint32_t since, until; /* open from `since` on, until `until` has it fixed; since 0: none */
	uint32_t gone; /* from this release on it cannot happen; before, it is closed */
	uint32_t stable; /* the last release of the stable series 5.10 that is open, plus 1; 0: all
			 * are */
};

struct race_class {
	/*
	 * Its id, also in traces that name no classes: those have seven, 1 to 7. 0: a later class,
	 * whose id is a value of the run.
	 */
	unsigned int number;
	const char *
		name; /* in output, alerts, metrics: stable. At most RACE_NAME_MAX of a-z, 0-9, '-' */
	const char *title; /* what happens, in one line */
	enum race_shape shape;
	struct race_walker walkers[RACE_WALKERS_MAX];

	/* --- observing it --- */
	bool by_zap; /* its window is a zap at PMD level */
	bool deletes; /* its walker is followed by the kernel's check point for pages that it
		       * removes */
	/*
	 * Ways to observe the walker's side: the first one whose first point this kernel has, else
	 * the last one.
	 */
	struct race_points points[RACE_WAYS_MAX];
	const char
		*needs_symbol; /* it can happen only if the kernel has this function; or NULL … */
	const char *gone_symbol; /* … and only if it lacks this one */
	const char *point,
		*function; /* the walker in drawings: a point, and the function that it usually
			    * stands for */
	const char *point2; /* if the first is not attached; or NULL */
	/* RACE_FILE: the events as in its file, for drawings: open, close, enter, leave; or NULL */
	const char *event[RACE_EVENTS];
	/* RACE_FILE: where each section begins and ends, in the same words; or NULL */
	const char *place[THPRACE_RACE_SECTIONS_MAX][RACE_PLACES];
	/* RACE_FILE: the names of each section's saved values, with a blank between; or NULL */
	const char *saved[THPRACE_RACE_SECTIONS_MAX];

	/* --- provoking it --- */
	enum thprace_widen widen; /* where its windows are held open */

	/* --- how many to expect (daemon/exposure.c) --- */
	enum race_windows {
		RACE_WINDOWS_ZAP, /* zaps, whole */
		RACE_WINDOWS_PHASE_2, /* the second phases of zaps, in which the walker begins */
		RACE_WINDOWS_COLLAPSE, /* failed collapses, which last until their task's next call */
		RACE_WINDOWS_UNCOUNTED, /* only their ends are known */
	} windows;

	/* --- checking a kernel --- */
	struct check_rule rule[CHECK_RULES_MAX]; /* the first rule that holds gives the status */
	struct check_commit commit; /* that closed it */
	const struct check_defect *defect; /* or NULL */
	bool watched; /* its walks can be watched, as calls of this function for this kind: */
	enum thprace_watch_function watch_function;
	enum thprace_watch_kind watch_kind;

	/* --- the kernel's complaints --- */
	unsigned int says; /* SAYS_* */
	struct race_check checks[RACE_CHECKS_MAX]; /* ends at text NULL */
	unsigned int trace; /* FUNCTION_*: one of these is in the call trace; 0: not looked for */
	bool trace_itself; /* the check is in one of these functions, and not in one that they call */
	const char *trace_name; /* for messages: the functions that the trace lacks */
	struct race_releases releases[RACE_RELEASES_MAX];
};

/* The class of an id; NULL for NONE and for ids of no class. */
const struct race_class *race_class__of(unsigned int class);

/* The last id plus 1: the classes of this run start at 1. */
unsigned int race_class__end(void);

/* Their bits, 1U << id. */
uint32_t race_class__all(void);

/* The id of a name; 0: unknown. */
unsigned int race_class__find(const char *name);

/* Is it a name that a class may have? */
bool race_class__is_name(const char *name);

/*
 * Classes that a trace names and that this build does not have. Drawings and counts need, and have:
 * name, shape, deletes, point, point2, function, event, place, saved. Their ids follow those of the run.
 *
 * Adds one, with truncated copies of these texts. Returns its id, or 0: it has no name, or there is
 * no space. A class that is already known by this name is not changed.
 */
unsigned int race_class__add_foreign(const struct race_class *class);

/* The last of these ids plus 1, or race_class__end(). */
unsigned int race_class__foreign_end(void);

/*
 * The same for a race from a file, which this run records: with shape RACE_FILE. 0 also if the name
 * is that of another class.
 */
unsigned int race_class__add_file(const char *name, const char *const event[RACE_EVENTS]);

/* Such a class gets the names of a section's saved values, see struct race_class.saved. */
void race_class__save(unsigned int class, unsigned int section, const char *names);

/* Such a class learns where a section begins and ends; NULL: not known. */
void race_class__locate(unsigned int class, unsigned int section,
			const char *const place[RACE_PLACES]);

/* How many values a section of a class saves, 0 if that is not known. */
unsigned int race_class__values(unsigned int class, unsigned int section);

/* The name of one of them, into buf. Returns it, or NULL: it has none. */
const char *race_class__value(unsigned int class, unsigned int section, unsigned int which,
			      char buf[RACE_SAVED_TEXT]);

/* For programs that read many traces and keep nothing of the previous one. */
void race_class__forget_foreign(void);

/* Fill in, for the BPF programs, the class of a walker, by its point and origin. */
void race_class__walkers(uint8_t table[THPRACE_POINT_MAX][THPRACE_ORIGIN_SLOTS]);

/* The class of a shape that only one class has: RACE_SPLIT, RACE_REUSE. */
enum thprace_class race_class__with(enum race_shape shape);

/* See `deletes`; false for ids of no class. */
bool race_class__deletes(unsigned int class);

/* RACE_WALK for ids of no class. */
enum race_shape race_class__shape(unsigned int class);

#endif
