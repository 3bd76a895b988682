// SPDX-License-Identifier: GPL-2.0-only
/* The lines of a page dump: __dump_page(), since 6.10 __dump_folio(), and dump_page(). */
#include "complaint_private.h"
#include "complaint_text.h"

#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

/*
 * An address printed with %p: 0 if it is not shown. Until there is randomness to hash it with, the
 * kernel prints "(____ptrval____)" instead (since 4.15).
 */
static uint64_t take_pointer(const char **at)
{
	uint64_t address = 0;

	if (!skip(at, "(____ptrval____)") && !skip(at, "(ptrval)"))
		take_hex(at, &address);
	return address;
}

/*
 * "page:ffffea0001328000 refcount:1 mapcount:0 …". Before 4.15 the address is the real one, later a
 * hash, if it is there at all.
 */
static bool read_page(struct line *line, const char *at)
{
	const char *pfn;
	int64_t order;

	if (!skip(&at, "page:"))
		return false;
	line->page = take_pointer(&at);
	if (line->page < 0xffff000000000000ULL)
		line->page = 0;
	line->complete = starts(at, " refcount:");
	if (!line->complete && !starts(at, " count:"))
		return false;
	line->kind = LINE_PAGE;
	find_number(at, " mapcount:", &line->mapcount);
	if (strstr(at, " compound_mapcount:"))
		line->marks |= MARK_COMPOUND;
	if (find_number(at, " order:", &order) && order >= 0 && order < 64)
		line->order = (int)order;
	pfn = strstr(at, " pfn:0x");
	if (pfn) {
		pfn += 7;
		line->has_pfn = take_hex(&pfn, &line->pfn);
	}
	return true;
}

/* "head:00000000091c0000 order:9 …", "head: order:9 …"; without an order it is a hex dump. */
static bool read_head(struct line *line, const char *at)
{
	uint64_t ignored;

	if (!skip(&at, "head:"))
		return false;
	take_pointer(&at);
	if (!skip(&at, " order:") || !take_number(&at, &ignored) || ignored >= 64)
		return false;
	line->kind = LINE_HEAD;
	line->order = (int)ignored;
	line->marks |= MARK_COMPOUND;
	return true;
}

static unsigned int mark_of_flag(const char *flag, size_t length)
{
	if (length == 4 && !strncmp(flag, "slab", length))
		return MARK_SLAB;
	if ((length == 4 && (!strncmp(flag, "head", length) || !strncmp(flag, "tail", length))) ||
	    (length == 8 && !strncmp(flag, "compound", length)))
		return MARK_COMPOUND;
	/* ZONE_DEVICE is the last of five, if all exist: DMA, DMA32, NORMAL, MOVABLE. */
	if (length == 6 && !strncmp(flag, "zone=", 5) && flag[5] >= '4')
		return MARK_DEVICE;
	return 0;
}

/* "flags: 0x17ffffc00000c1(locked|waiters|head|node=0|zone=2)", "anon flags: …", "page flags: …" */
static bool read_flags(struct line *line, const char *at)
{
	uint64_t ignored;
	size_t length;

	if (!skip(&at, "anon ") && !skip(&at, "ksm "))
		skip(&at, "page ");
	if (!skip(&at, "flags: 0x") || !take_hex(&at, &ignored) || !skip(&at, "("))
		return false;
	line->kind = LINE_FLAGS;
	while (*at && *at != ')') {
		length = strcspn(at, "|)");
		line->marks |= mark_of_flag(at, length);
		at += length;
		skip(&at, "|");
	}
	return true;
}

/*
 * "aops:shmem_aops ino:3c04 …", "mapping->aops:…"; 4.20 to 5.4 only the name. A file's name follows
 * and is ignored.
 */
static bool read_owner(struct line *line, const char *at)
{
	bool named = skip(&at, "aops:") || skip(&at, "mapping->aops:") ||
		     skip(&at, "mapping->a_ops:");
	size_t length = 0;

	while (isalnum((unsigned char)at[length]) || at[length] == '_')
		length++;
	if (!length || (at[length] && at[length] != ' '))
		return false;
	copy(line->name, sizeof(line->name), at, length);
	if (!named &&
	    ((!ends(line->name, "aops") && !ends(line->name, "_operations")) ||
	     (at[length] && !starts(at + length, " [") && !starts(at + length, " name:"))))
		return false;
	line->kind = LINE_OWNER;
	if (starts(line->name, "hugetlbfs_"))
		line->marks |= MARK_HUGETLB;
	else if (strstr(line->name, "_dax_"))
		line->marks |= MARK_DEVICE;
	return true;
}

/* "page_type: f4(hugetlb)", "page_type: 0xffffff7f(buddy)" */
static bool read_type(struct line *line, const char *at)
{
	uint64_t ignored;

	if (!skip(&at, "page_type: "))
		return false;
	skip(&at, "0x");
	if (!take_hex(&at, &ignored) || !skip(&at, "("))
		return false;
	line->kind = LINE_TYPE;
	copy(line->name, sizeof(line->name), at, strcspn(at, ")"));
	if (!strcmp(line->name, "hugetlb"))
		line->marks |= MARK_HUGETLB;
	else if (!strcmp(line->name, "slab"))
		line->marks |= MARK_SLAB;
	else if (!strcmp(line->name, "net_pp") || !strcmp(line->name, "netpp"))
		line->marks |= MARK_POOL;
	else if (*line->name)
		line->marks |= MARK_TYPED;
	return true;
}

static bool read_reason(struct line *line, const char *at)
{
	if (!skip(&at, "page dumped because: "))
		return false;
	line->kind = LINE_REASON;
	copy(line->name, sizeof(line->name), at, strlen(at));
	if (starts(at, "page_pool leak"))
		line->marks |= MARK_POOL;
	return true;
}

bool complaint_page__read(struct line *line, const char *text)
{
	static bool (*const readers[])(struct line *, const char *) = {
		read_page, read_head, read_flags, read_type, read_reason, read_owner,
	};
	size_t i;

	for (i = 0; i < SIZE(readers); i++) {
		if (readers[i](line, text))
			return true;
		complaint_line__clear(line);
	}
	return false;
}
