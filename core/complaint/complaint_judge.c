// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which classes a block can belong to. It starts with the classes of the failed check, then
 * excludes by: the kind of the page, the file of the BUG, the page's size, the call trace, the
 * kernel. The first step that leaves no class is the reason.
 */
#include "complaint_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "classes/race_class.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define ALL 0xffffffffU

/* The classes for which the kernel prints this (SAYS_*). */
static uint32_t said_of(unsigned int what)
{
	uint32_t classes = 0;
	unsigned int class;

	for (class = 1; class < race_class__end(); class ++)
		if (race_class__of(class)->says & what)
			classes |= 1U << class;
	return classes;
}

/* Names of functions, or their beginning; '$': the whole name. */
static const struct {
	const char *begins;
	unsigned int what;
} functions[] = {
	{"split_huge_page", FUNCTION_SPLIT},
	{"__split_huge_page", FUNCTION_SPLIT},
	{"split_folio", FUNCTION_SPLIT},
	{"__folio_split", FUNCTION_SPLIT},
	{"folio_split", FUNCTION_SPLIT},
	{"unmap_page$", FUNCTION_SPLIT},
	{"unmap_folio$", FUNCTION_SPLIT},
	{"freeze_page", FUNCTION_SPLIT},
	{"deferred_split_scan", FUNCTION_SPLIT},
	{"zap_huge_pmd", FUNCTION_ZAP},
	{"truncate_inode_page", FUNCTION_TRUNCATE},
	{"truncate_inode_folio", FUNCTION_TRUNCATE},
	{"truncate_pagecache", FUNCTION_TRUNCATE},
	{"truncate_cleanup_", FUNCTION_TRUNCATE},
	{"truncate_error_", FUNCTION_TRUNCATE},
	{"generic_error_remove_", FUNCTION_TRUNCATE},
	{"shmem_undo_range", FUNCTION_TRUNCATE},
	{"shmem_truncate_range", FUNCTION_TRUNCATE},
	{"shmem_evict_inode", FUNCTION_TRUNCATE},
	{"delete_from_page_cache_batch", FUNCTION_TRUNCATE},
	{"invalidate_inode_pages2", FUNCTION_INVALIDATE},
	{"invalidate_complete_", FUNCTION_INVALIDATE},
	{"folio_unmap_invalidate", FUNCTION_INVALIDATE},
	{"remove_inode_hugepages", FUNCTION_HUGETLB},
	{"hugetlbfs_", FUNCTION_HUGETLB},
	{"hugetlb_", FUNCTION_HUGETLB},
	{"do_syscall_64", FUNCTION_BOTTOM},
	{"entry_SYSCALL", FUNCTION_BOTTOM},
	{"system_call_fastpath", FUNCTION_BOTTOM},
	{"tracesys", FUNCTION_BOTTOM},
	{"ret_from_fork", FUNCTION_BOTTOM},
	{"asm_exc_page_fault", FUNCTION_BOTTOM},
	{"page_fault$", FUNCTION_BOTTOM},
	{"el0_svc", FUNCTION_BOTTOM},
	{"el0t_64_sync", FUNCTION_BOTTOM},
	{"el0_sync", FUNCTION_BOTTOM},
};

unsigned int complaint_judge__function(const char *name)
{
	size_t i, length;

	for (i = 0; i < SIZE(functions); i++) {
		length = strcspn(functions[i].begins, "$");
		if (!strncmp(name, functions[i].begins, length) &&
		    (!functions[i].begins[length] || !name[length]))
			return functions[i].what;
	}
	return 0;
}

/* Does a path end with this file: "/build/linux/mm/truncate.c" with "mm/truncate.c"? */
static bool in_file(const char *path, const char *file)
{
	size_t length = strlen(path), tail = strlen(file);

	if (length < tail || strcmp(path + length - tail, file) != 0)
		return false;
	return length == tail || path[length - tail - 1] == '/';
}

static bool same_check(const char *text, const char *check)
{
	size_t length = strcspn(check, "*");

	return !strncmp(text, check, length) && (check[length] == '*' || !text[length]);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Keep only these classes. If none is left, this is the reason, and the result is false. */
__attribute__((format(printf, 3, 4))) static bool keep(struct complaint *complaint,
						       uint32_t classes, const char *why, ...)
{
	va_list args;

	complaint->classes &= classes;
	if (complaint->classes)
		return true;
	va_start(args, why);
	vsnprintf(complaint->reason, sizeof(complaint->reason), why, args);
	va_end(args);
	return false;
}

/* No class is about such a page, whatever check failed. */
static bool judge_page(struct block *block)
{
	struct complaint *complaint = &block->complaint;

	if (block->marks & MARK_HUGETLB || block->functions & FUNCTION_HUGETLB)
		return keep(complaint, 0, "hugetlb page");
	if (block->marks & MARK_SLAB)
		return keep(complaint, 0, "slab");
	if (block->marks & MARK_POOL)
		return keep(complaint, 0, "network page pool");
	if (block->marks & MARK_DEVICE)
		return keep(complaint, 0, "device memory");
	if (block->marks & MARK_TYPED)
		return keep(complaint, 0, "page of type %s", block->type);
	return true;
}

/* A kernel whose dump_page() would have shown a compound page. */
static bool shows_compound(const struct block *block)
{
	const char *release = block->complaint.release;
	uint64_t major, minor;

	if (block->complete)
		return true;
	/* "count:" until 5.1; compound_mapcount came with 4.6. */
	return number__release(&release, &major, &minor) &&
	       (major > 4 || (major == 4 && minor >= 6));
}

static bool is_pmd_order(int order, const struct complaint_kernel *kernel)
{
	if (kernel->pmd_order)
		return order == (int)kernel->pmd_order;
	return order == 9 || order == 11 || order == 13; /* pages of 4, 16, 64 KiB */
}

/* The page must be a huge one. */
static bool judge_size(struct block *block, const struct complaint_kernel *kernel)
{
	struct complaint *complaint = &block->complaint;

	if (complaint->order < 0 && block->dump && !(block->marks & MARK_COMPOUND) &&
	    shows_compound(block))
		complaint->order = 0;
	if (complaint->order >= 0 && !is_pmd_order(complaint->order, kernel))
		return keep(complaint, 0, "order %d", complaint->order);
	if (complaint->order < 0 && !block->dump)
		return keep(complaint, 0, "no huge page in the dump");
	return true;
}

/* If the trace is complete, it must contain the class's walker. */
static bool judge_trace(struct block *block)
{
	bool whole = block->functions & FUNCTION_BOTTOM;
	const struct race_class *race;
	unsigned int class;

	/* Some unwinders only make guesses. */
	if (!block->frames) {
		block->functions |= block->guesses;
		whole = block->guesses & FUNCTION_BOTTOM;
	}
	for (class = 1; class < race_class__end(); class ++) {
		race = race_class__of(class);
		if (race->trace && !(block->functions & race->trace) &&
		    (whole || (race->trace_itself && block->where)) &&
		    !keep(&block->complaint, ~(1U << class), "no %s in the call trace",
			  race->trace_name))
			return false;
	}
	return true;
}

/*
 * Somebody's own build may lack a fix that its version has. Its dumped page and failed check count
 * for more than the version; a bare BUG, which any defect may cause, does not.
 */
static bool judge_kernel(struct block *block, const struct complaint_kernel *kernel)
{
	struct complaint *complaint = &block->complaint;
	uint32_t possible, closed = 0;

	possible = kernel->known ? kernel->possible
				 : complaint__possible(complaint->release, &closed);
	if (block->dump && *block->check && complaint__own_build(complaint->release)) {
		possible |= closed;
		complaint->doubtful = complaint->classes & closed;
		closed = 0;
	}
	if (complaint->classes & closed)
		return keep(complaint, possible, "closed in this kernel");
	return keep(complaint, possible, "cannot happen on this kernel");
}

/* "VM_BUG_ON_PAGE(…)" and its BUG: one of the classes' checks, in the file of the class. */
static bool judge_check(struct block *block, bool *huge)
{
	struct complaint *complaint = &block->complaint;
	const struct race_check *check;
	uint32_t named = 0, here = 0;
	unsigned int class, i;

	*huge = false;
	for (class = 1; class < race_class__end(); class ++) {
		check = race_class__of(class)->checks;
		for (i = 0; i < RACE_CHECKS_MAX && check[i].text; i++) {
			if (!same_check(block->check, check[i].text))
				continue;
			named |= 1U << class;
			*huge |= check[i].huge;
			if (!block->bug || in_file(block->file, check[i].file))
				here |= 1U << class;
		}
	}
	complaint->classes = named;
	if (!named)
		return keep(complaint, 0, "%.80s: no check of these classes", block->check);
	return keep(complaint, here, "BUG in %.80s", base_name(block->file));
}

/*
 * A BUG() without a dumped page. 3.13 to 4.10: a split counted mappings before its BUG. Before 3.16
 * VM_BUG_ON_PAGE() had no reason. invalidate_inode_pages2_range() has BUG_ON(page_mapped(page)).
 */
static bool judge_bare_bug(struct block *block)
{
	struct complaint *complaint = &block->complaint;
	const char *release = complaint->release;
	uint64_t major, minor;

	complaint->classes = race_class__all();
	if (block->mapcounts) {
		if (block->counted <= block->found)
			return keep(complaint, 0, "more mappings found than counted");
		return keep(complaint, said_of(SAYS_SPLIT_COUNTS), "-") &&
		       keep(complaint, in_file(block->file, "mm/huge_memory.c") ? ALL : 0,
			    "BUG in %.80s", base_name(block->file));
	}
	if (in_file(block->file, "mm/truncate.c"))
		return keep(complaint, said_of(SAYS_BUG_TRUNCATE), "-");
	if (in_file(block->file, "mm/huge_memory.c")) {
		if (number__release(&release, &major, &minor) && major == 3 && minor < 16)
			return keep(complaint, said_of(SAYS_BUG_HUGE), "-");
		return keep(complaint, 0, "no huge page in the dump");
	}
	if (in_file(block->file, "mm/filemap.c"))
		return keep(complaint, 0, "no huge page in the dump");
	return keep(complaint, 0, "BUG in %.80s", base_name(block->file));
}

/* A WARNING without a dump: unmap_page() of a split. */
static bool judge_warning(struct block *block)
{
	bool split =
		in_file(block->file, "mm/huge_memory.c") &&
		(!strcmp(block->function, "unmap_page") || !strcmp(block->function, "unmap_folio"));

	block->complaint.classes = said_of(SAYS_SPLIT_WARNING);
	return keep(&block->complaint, split ? ALL : 0, "WARNING in %.80s", block->function);
}

/*
 * A page that was freed, or found mapped, with a mapcount that does not fit: the result of a failed
 * truncation. The other complaints of bad_page() and print_bad_pte() are not about a mapcount.
 */
static bool judge_counts(struct block *block, bool *huge)
{
	struct complaint *complaint = &block->complaint;

	*huge = true;
	complaint->classes = said_of(SAYS_MAPPED);
	if (!block->dump && complaint->order < 0)
		return keep(complaint, 0, "no huge page in the dump");
	if (complaint->kind == COMPLAINT_PAGE_STATE)
		return keep(complaint, strstr(block->check, "mapcount") ? ALL : 0,
			    "%.80s: no mapcount", *block->check ? block->check : "no reason");
	return keep(complaint, block->mapcount < 0 ? ALL : 0, "its mapcount is not below 0");
}

static bool judge_failure(struct block *block)
{
	static const char *const others[] = {"reserved", "kernel", "buddy", "dax", "slab", "free"};
	struct complaint *complaint = &block->complaint;
	size_t i;

	complaint->classes = said_of(SAYS_FAILURE);
	if (strstr(block->type, "huge page") || strstr(block->type, "hugetlb"))
		return keep(complaint, 0, "hugetlb page");
	if (strstr(block->type, "dax page"))
		return keep(complaint, 0, "device memory");
	if (strstr(block->type, "slab"))
		return keep(complaint, 0, "slab");
	for (i = 0; i < SIZE(others); i++) {
		if (strstr(block->type, others[i]))
			return keep(complaint, 0, "%.80s", block->type);
	}
	return keep(complaint, block->failure == FAILURE_UNMAP ? ALL : 0,
		    "references are left, no mapping");
}

/* Decided by the first line, before anything else. huge: the page must be huge. */
static bool judge_kind(struct block *block, bool *huge)
{
	struct complaint *complaint = &block->complaint;

	*huge = false;
	switch (complaint->kind) {
	case COMPLAINT_BUG:
	case COMPLAINT_DUMP:
		if (*block->check)
			return judge_check(block, huge);
		if (block->bug)
			return judge_bare_bug(block);
		return keep(complaint, 0, "a dump without a reason");
	case COMPLAINT_WARNING:
		if (*block->check)
			return judge_check(block, huge);
		return judge_warning(block);
	case COMPLAINT_PAGE_CACHE:
		*huge = true;
		complaint->classes = said_of(SAYS_MAPPED);
		return true;
	case COMPLAINT_PAGE_STATE:
	case COMPLAINT_PAGE_MAP:
		return judge_counts(block, huge);
	case COMPLAINT_RSS_COUNTER:
		return keep(complaint, 0, "a count of an address space, no page");
	case COMPLAINT_MEMORY_FAILURE:
		return judge_failure(block);
	default:
		return keep(complaint, 0, "no complaint about a page");
	}
}

void complaint_judge(struct block *block, const struct complaint_kernel *kernel)
{
	struct complaint *complaint = &block->complaint;
	bool huge;

	complaint->classes = race_class__all();
	complaint->reason[0] = '\0';
	if (!judge_page(block) || !judge_kind(block, &huge) ||
	    (huge && !judge_size(block, kernel)) || !judge_trace(block))
		return;
	judge_kernel(block, kernel);
}
