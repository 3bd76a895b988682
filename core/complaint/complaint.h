/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's complaints: lines of its log become blocks, and each block is asked which race classes
 * it can belong to. Pure: lines in, complaints out; no file, no clock, no kernel.
 *
 * A complaint is a block of lines, which the kernel prints one by one, several CPUs at a time:
 *
 *	BUG: Bad page cache in process x  pfn:10a200		what it found
 *	page: refcount:515 mapcount:1 … pfn:0x10a200		the page: its state,
 *	head: order:9 mapcount:1 …				its size,
 *	aops:shmem_aops ino:1a dentry name(?):"x"		its owner,
 *	flags: 0x17ffffc00000c1(locked|head|…)			its flags,
 *	page_type: f4(hugetlb)					its type
 *	page dumped because: still mapped when deleted		the check that failed
 *	kernel BUG at mm/huge_memory.c:2368!			and where it is
 *	CPU: 1 UID: 0 PID: 395 Comm: x Not tainted 6.17.0 #1	the task, the kernel
 *	Call Trace:						how it came there
 *	---[ end trace 0000000000000000 ]---
 *
 * What a block says excludes classes; a class that nothing excludes is one that it may belong to.
 *
 * Lines are hostile: names of tasks and files are their owners', and may look like anything. A line counts
 * only in a shape that the kernel's own format strings have, from its first byte on, with such names in
 * their places only.
 */
#ifndef THPRACE_COMPLAINT_H
#define THPRACE_COMPLAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>

#define COMPLAINT_TEXT_MAX 256
#define COMPLAINT_REASON_MAX 128

/* The kind of a block: the source of the complaint. Alerts are also limited by kind. */
enum complaint_kind {
	COMPLAINT_OTHER, /* an oops of another kind: it only ends the block before it */
	COMPLAINT_BUG, /* "kernel BUG at FILE:LINE!", with the page that was dumped before it */
	COMPLAINT_WARNING, /* "WARNING: …", likewise */
	COMPLAINT_DUMP, /* a page was dumped, and nothing followed */
	COMPLAINT_PAGE_CACHE, /* "BUG: Bad page cache in process" */
	COMPLAINT_PAGE_STATE, /* "BUG: Bad page state in process" */
	COMPLAINT_PAGE_MAP, /* "BUG: Bad page map in process" */
	COMPLAINT_RSS_COUNTER, /* "BUG: Bad rss-counter state" */
	COMPLAINT_MEMORY_FAILURE, /* "Memory failure: 0x…" */
	COMPLAINT_KIND_MAX
};

/* A kind in words, "memory failure". */
const char *complaint__kind_name(unsigned int kind);

#define COMPLAINT_ORDER_UNKNOWN (-1)

struct complaint {
	enum complaint_kind kind;
	uint32_t classes; /* 1U << enum thprace_class: it may belong to these classes; 0: to none */
	uint32_t
		doubtful; /* of these: the stock kernel of this version has the fix, but this one is
			    * somebody's own build */
	char reason[COMPLAINT_REASON_MAX]; /* if classes is 0: why, "hugetlb page"; else "" */
	uint64_t
		when; /* time of its first line: as given; else the line's own stamp, ns; 0: none */
	uint32_t pid; /* thread that printed it; 0: not known */
	bool has_pfn;
	uint64_t pfn; /* of the page that it names, which may be a tail page */
	uint64_t page; /* address of its struct page, if the kernel did not hide it; else 0 */
	int order; /* of that page; 0: a small one; COMPLAINT_ORDER_UNKNOWN */
	char release[64]; /* of the kernel, from the block or from an earlier line; "": not known */
	char text[COMPLAINT_TEXT_MAX]; /* its most informative line, cleaned */
};

/* What is known about the kernel that printed the lines. */
struct complaint_kernel {
	bool known; /* possible is given; else it is derived from the release that the lines name */
	uint32_t possible; /* 1U << enum thprace_class: classes that can happen on it */
	unsigned int pmd_order; /* of a huge page; 0: not known (9, 11 and 13 are accepted) */
	char release[64]; /* if no line names one; "": not known */
};

/*
 * The classes to which a kernel of this release ("5.10.16-1-default") is open, as mainline and
 * stable were; in *closed those that it would have without their fix. A distribution's kernel may
 * have the fixes of a later release. A release that cannot be parsed counts as open to all.
 */
uint32_t complaint__possible(const char *release, uint32_t *closed);

/*
 * Does this release have a local version ("5.10.262-mine")? Then it was built by somebody, from
 * sources that may not be those of its version.
 */
bool complaint__own_build(const char *release);

/* complaint: valid until it returns. */
typedef void (*complaint_fn)(void *ctx, const struct complaint *complaint);

/* Maximum number of blocks under way: one for each task or CPU that prints, if lines name it. */
#define COMPLAINT_BLOCKS 8

struct complaint_parser;

/* Returns a parser, to be freed with complaint_parser__free(), or NULL. kernel is copied. */
struct complaint_parser *complaint_parser__new(const struct complaint_kernel *kernel,
					       complaint_fn found, void *ctx);

/* Valid from the next line on. */
void complaint_parser__set_kernel(struct complaint_parser *parser,
				  const struct complaint_kernel *kernel);

/*
 * One record of the kernel's log: only its text, length bytes, without stamp. caller: who printed
 * it, in printk's notation ("T123", "C1"), or NULL. now: ns, ascending. found is called for the
 * blocks that this record ends.
 */
void complaint_parser__record(struct complaint_parser *parser, const char *text, size_t length,
			      const char *caller, uint64_t now);

/*
 * One line as people paste it: from a console, dmesg, a journal or syslog, /dev/kmsg or pstore,
 * with the prefix of that source, or none. The stamp in it is its time.
 */
void complaint_parser__line(struct complaint_parser *parser, const char *line, size_t length);

/* When the next block ends if no line of it comes, ns as given; 0: none is under way. */
uint64_t complaint_parser__deadline(const struct complaint_parser *parser);

/* End the blocks whose time is over. */
void complaint_parser__expire(struct complaint_parser *parser, uint64_t now);

/* End all. */
void complaint_parser__finish(struct complaint_parser *parser);

/* Blocks under way are not reported. */
void complaint_parser__free(struct complaint_parser *parser);

#endif
