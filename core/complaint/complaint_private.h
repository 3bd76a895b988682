/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internals of the reader of complaints: complaint_line.c and complaint_page.c (recognise one
 * line), complaint_prefix.c (the prefix of a pasted line), complaint.c (group lines into blocks),
 * complaint_judge.c (which classes a block can belong to), complaint_release.c (to which classes a
 * release is open).
 */
#ifndef THPRACE_COMPLAINT_PRIVATE_H
#define THPRACE_COMPLAINT_PRIVATE_H

#include <string.h>
#include "complaint.h"

#define LINE_MAX_BYTES 1024 /* printk's own limit; longer lines are truncated */
#define LINE_NAME_MAX 96 /* of a function, a check, a file */

enum line_kind {
	LINE_NOTHING, /* not a line of the kernel that matters here */
	LINE_FOREIGN, /* an oops of another kind begins */
	LINE_END, /* "---[ end trace … ]---" */
	LINE_BUG, /* name: file, number: line */
	LINE_WARNING, /* name: function; file: where it is */
	LINE_PAGE_CACHE, /* these four: comm; pfn, if there is one */
	LINE_PAGE_STATE,
	LINE_PAGE_MAP,
	LINE_RSS_COUNTER,
	LINE_MEMORY_FAILURE, /* pfn; failure; name: type of the page; marks */
	LINE_MAPCOUNTS, /* "mapcount 0 page_mapcount 1": found, counted */
	LINE_TOTAL_MAPCOUNT, /* "total_mapcount: 63, page_count(): 576" */
	LINE_PAGE, /* page, pfn, mapcount, order */
	LINE_HEAD, /* order */
	LINE_FLAGS, /* marks */
	LINE_OWNER, /* name: address space operations; marks */
	LINE_TYPE, /* name: type; marks */
	LINE_REASON, /* name: the check that failed */
	LINE_TASK, /* comm, pid, release */
	LINE_WHERE, /* name: function of the instruction pointer */
	LINE_TRACE, /* "Call Trace:" */
	LINE_FRAME, /* name: function */
	LINE_HISTORY, /* of the page: the frames after it do not belong to the complaint */
	LINE_VERSION, /* "Linux version …": release */
};

/* The result of a memory failure. */
enum line_failure {
	FAILURE_NEUTRAL,
	FAILURE_USERS, /* references were left */
	FAILURE_UNMAP, /* a mapping was left */
};

/* The kind of the page: a page with one of these belongs to no class. */
#define MARK_HUGETLB 0x1
#define MARK_SLAB 0x2
#define MARK_DEVICE 0x4
#define MARK_POOL 0x8
#define MARK_TYPED 0x10 /* another type */
#define MARK_COMPOUND 0x20 /* part of a compound page, of any order */

struct line {
	enum line_kind kind;
	enum line_failure failure;
	unsigned int marks;
	char name[LINE_NAME_MAX]; /* "": none */
	char file[LINE_NAME_MAX];
	char comm[THPRACE_COMM_LEN]; /* "": none */
	char release[64];
	uint32_t pid;
	bool has_pid;
	bool has_pfn;
	uint64_t pfn;
	uint64_t page; /* 0: none, or hidden by a hash */
	int64_t mapcount;
	int64_t counted;
	int order; /* or COMPLAINT_ORDER_UNKNOWN */
	bool complete; /* a page line that would show whether it is compound */
	bool guess; /* a frame with '?': it was found on the stack, and may be old */
};

/* Recognise this text. It ends with a NUL, is clean, and has no prefix. */
void complaint_line__read(struct line *line, const char *text);

/* Nothing is known about it yet. */
static inline void complaint_line__clear(struct line *line)
{
	memset(line, 0, sizeof(*line));
	line->order = COMPLAINT_ORDER_UNKNOWN;
}

/* Does it belong to a dumped page? */
bool complaint_page__read(struct line *line, const char *text);

/*
 * The prefix of a pasted line: where the kernel's text begins, who printed it ("" or "T12"), when.
 */
const char *complaint_prefix__strip(const char *text, char caller[16], uint64_t *when);

/* Functions of a call trace that matter. */

unsigned int complaint_judge__function(const char *name);

struct block {
	bool used;
	uint32_t caller; /* 0: not known */
	uint64_t last; /* of its last line */
	unsigned int lines;
	struct complaint complaint;
	bool bug; /* the BUG or WARNING was reached */
	bool contested; /* lines of the previous block may still come: a task line is ignored */
	bool dump; /* a page was dumped */
	bool strange; /* the page that is being dumped belongs to another block */
	bool traced; /* in its own call trace */
	bool where; /* the instruction pointer's function is known */
	bool complete; /* see struct line */
	bool mapcounts; /* LINE_MAPCOUNTS came: … */
	int64_t found, counted;
	int64_t mapcount; /* of the dumped page */
	unsigned int marks;
	unsigned int functions; /* FUNCTION_*, from the trace and the instruction pointer */
	unsigned int guesses; /* the same for frames with '?' */
	unsigned int frames; /* frames without '?' */
	enum line_failure failure;
	char comm[THPRACE_COMM_LEN];
	char check[LINE_NAME_MAX]; /* "page dumped because: …" */
	char file[LINE_NAME_MAX]; /* of BUG or WARNING */
	char function[LINE_NAME_MAX];
	char type[LINE_NAME_MAX]; /* of the page */
};

/* Which classes can this block belong to? Fills in classes and reason. */
void complaint_judge(struct block *block, const struct complaint_kernel *kernel);

#endif
