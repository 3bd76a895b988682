// SPDX-License-Identifier: GPL-2.0-only
#include "calc_helper.h"

#include <stddef.h>
#include <string.h>

#include "calc.h"

/*
 * Page-table entries of x86-64: frame numbers in bits 12 to 51; in a swap entry the type in the
 * upper 5 bits and the offset, inverted, from bit 9 on. A swp_entry_t has the type from bit 58 on.
 * Of arm64, with pages of 4 KiB: frame numbers in bits 12 to 49; its swap entries have changed
 * often.
 */
static const struct calc_helper helpers[] = {
	/* Tail pages point to their head, with bit 0 set; until 6.19. */
	{"head",
	 "page",
	 {"((struct page *)page)->compound_head & 1 ? "
	  "(struct page *)(((struct page *)page)->compound_head - 1) : (struct page *)page"},
	 TYPES_OTHER,
	 NULL},
	{"pfn",
	 "page",
	 {"((unsigned long)page - vmemmap) / sizeof(struct page)"},
	 TYPES_OTHER,
	 NULL},
	{"page",
	 "pfn",
	 {"(struct page *)(vmemmap + pfn * sizeof(struct page))"},
	 TYPES_OTHER,
	 NULL},
	{"refcount", "page", {"((struct page *)page)->_refcount.counter"}, TYPES_OTHER, NULL},
	/* 6.9 counts all mappings of a large folio in one place. */
	{"mapcount",
	 "folio",
	 {"((struct page *)folio)->flags >> PG_head & 1 ? "
	  "((struct folio *)folio)->_large_mapcount.counter + 1 : "
	  "((struct page *)folio)->_mapcount.counter + 1",
	  "((struct page *)folio)->flags >> PG_head & 1 ? entire_mapcount(folio) : "
	  "((struct page *)folio)->_mapcount.counter + 1"},
	 TYPES_OTHER,
	 NULL},
	/* Until 6.1 it is in the first tail page. */
	{"entire_mapcount",
	 "folio",
	 {"((struct folio *)folio)->_entire_mapcount.counter + 1",
	  "((struct page *)folio + 1)->compound_mapcount.counter + 1"},
	 TYPES_OTHER,
	 NULL},
	{"pmd_page",
	 "pmd",
	 {"page((unsigned long)pmd >> 12 & 0xfffffffe00)"},
	 TYPES_X86_64,
	 "page((unsigned long)pmd >> 12 & 0x3ffffffe00)"},
	{"pte_page",
	 "pte",
	 {"page((unsigned long)pte >> 12 & 0xffffffffff)"},
	 TYPES_X86_64,
	 "page((unsigned long)pte >> 12 & 0x3fffffffff)"},
	{"swap_entry",
	 "pte",
	 {"(unsigned long)pte >> 59 << 58 | ~(unsigned long)pte << 5 >> 14"},
	 TYPES_X86_64,
	 NULL},
	/* Since 6.1 the bits above the frame number are the young and dirty bits. */
	{"migration_page",
	 "pte",
	 {"page(~(unsigned long)pte << 5 >> 14 & 0x3ffffffff)"},
	 TYPES_X86_64,
	 NULL},
};

#define NR_HELPERS (sizeof(helpers) / sizeof(helpers[0]))

const struct calc_helper *calc_helper__find(const char *name, struct nearest *nearest)
{
	size_t i;

	for (i = 0; i < NR_HELPERS; i++) {
		if (!strcmp(helpers[i].name, name))
			return &helpers[i];
		nearest__consider(nearest, helpers[i].name);
	}
	return NULL;
}

const char *calc__helper(unsigned int index)
{
	return index < NR_HELPERS ? helpers[index].name : NULL;
}
