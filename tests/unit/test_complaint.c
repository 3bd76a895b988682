// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reader of complaints: which lines are the kernel's, which lines form a block, when it ends.
 */
#include "complaint_support.h"

#define MS 1000000ULL
#define START (1000000 * MS)
#define ANY 0xfeU /* the seven */

struct reader {
	struct found found;
	struct complaint_parser *parser;
	uint64_t now;
};

static void open_reader(struct reader *reader, const struct complaint_kernel *kernel)
{
	memset(reader, 0, sizeof(*reader));
	reader->now = START;
	reader->parser = complaint_parser__new(kernel, keep_found, &reader->found);
	assert_non_null(reader->parser);
}

static int begin(void **state)
{
	struct complaint_kernel kernel = {.known = true, .possible = ANY, .pmd_order = 9};
	struct reader *reader = calloc(1, sizeof(*reader));

	assert_non_null(reader);
	open_reader(reader, &kernel);
	*state = reader;
	return 0;
}

static int end(void **state)
{
	struct reader *reader = *state;

	complaint_parser__free(reader->parser);
	free(reader);
	return 0;
}

static void feed(struct reader *reader, const char *text, const char *caller)
{
	complaint_parser__record(reader->parser, text, strlen(text), caller, reader->now);
}

/* The result of a single line. */
static void expect_line(const char *text, uint32_t classes, uint32_t pid, const char *reason)
{
	struct complaint_kernel kernel = {.known = true, .possible = ANY, .pmd_order = 9};
	struct reader reader;
	const struct complaint *found = reader.found.complaint;

	open_reader(&reader, &kernel);
	feed(&reader, text, NULL);
	complaint_parser__finish(reader.parser);
	complaint_parser__free(reader.parser);
	if (!reason && !classes) {
		if (reader.found.nr)
			fail_msg("'%s' is a complaint", text);
		return;
	}
	if (reader.found.nr != 1)
		fail_msg("'%s' is no complaint", text);
	if (found->classes != classes || found->pid != pid ||
	    strcmp(found->reason, reason ? reason : ""))
		fail_msg("'%s': 0x%x, %u, '%s'", text, found->classes, found->pid, found->reason);
}

static void lines_alone(void **state)
{
	static const char dump[] = "no huge page in the dump";

	(void)state;
	expect_line("kernel BUG at mm/truncate.c:757!", C(INVALIDATE_UNMAP), 0, NULL);
	expect_line("kernel BUG at ../../source/5.10/mm/truncate.c:757!", C(INVALIDATE_UNMAP), 0,
		    NULL);
	expect_line("kernel BUG at mm/huge_memory.c:2368!", 0, 0, dump);
	expect_line("kernel BUG at mm/filemap.c:173!", 0, 0, dump);
	expect_line("kernel BUG at fs/truncate.c:1!", 0, 0, "BUG in truncate.c");
	expect_line("kernel BUG at xmm/truncate.c:1!", 0, 0, "BUG in truncate.c");
	expect_line("kernel BUG at mm/slub.c:379!", 0, 0, "BUG in slub.c");
	expect_line("WARNING: CPU: 1 PID: 77 at mm/huge_memory.c:2368 unmap_page+0xb1/0xc0",
		    C(SPLIT_UNMAP) | C(SPLIT_MIGRATE), 77, NULL);
	expect_line(
		"WARNING: CPU: 1 PID: 77 at mm/huge_memory.c:2368 unmap_page.isra.0+0xb1/0xc0 [x]",
		C(SPLIT_UNMAP) | C(SPLIT_MIGRATE), 77, NULL);
	expect_line("WARNING: at mm/huge_memory.c:2368 unmap_page+0xb1/0xc0()",
		    C(SPLIT_UNMAP) | C(SPLIT_MIGRATE), 0, NULL);
	expect_line("WARNING: mm/huge_memory.c:2368 at unmap_folio+0xb1/0xc0, CPU#1: x/y/77",
		    C(SPLIT_UNMAP) | C(SPLIT_MIGRATE), 77, NULL);
	expect_line("WARNING: CPU: 1 PID: 77 at mm/huge_memory.c:99 other+0xb1/0xc0", 0, 77,
		    "WARNING in other");
	expect_line("WARNING: CPU: 1 PID: 77 at mm/memory.c:99 unmap_page_range+0xb1/0xc0", 0, 77,
		    "WARNING in unmap_page_range");
	expect_line("Memory failure: 0x10a200: failed to unmap page (mapcount=1)",
		    C(HWPOISON_UNMAP), 0, NULL);
	expect_line("Memory failure: 0x10a200: failed to unmap folio (folio mapcount=1)",
		    C(HWPOISON_UNMAP), 0, NULL);
	expect_line("Memory failure: 0x10a200: recovery action for unmapping failed page: Ignored",
		    C(HWPOISON_UNMAP), 0, NULL);
	expect_line("Memory failure: 0x10a200: clean LRU page still referenced by 2 users", 0, 0,
		    "references are left, no mapping");
	expect_line("Memory failure: 0x10a200: huge page still referenced by 2 users", 0, 0,
		    "hugetlb page");
	expect_line("Memory failure: 0x10a200: dax page still referenced by 2 users", 0, 0,
		    "device memory");
	expect_line("Memory failure: 0x10a200: kernel slab page still referenced by 2 users", 0, 0,
		    "slab");
	expect_line("BUG: Bad page cache in process x  pfn:10a200", 0, 0, dump);
	expect_line("BUG: Bad page map in process x  pte:80 pmd:81", 0, 0, dump);
	expect_line("BUG: Bad page map in process x  pmd:8000000012345678", 0, 0, dump);
	expect_line("BUG: Bad rss-counter state mm:00000000b4a60fca type:MM_ANONPAGES val:512", 0,
		    0, "a count of an address space, no page");
	expect_line(
		"BUG: Bad rss-counter state mm:00000000b4a60fca idx:1 val:512 Comm:x Pid:1 Pid:77",
		0, 77, "a count of an address space, no page");
	expect_line("page dumped because: VM_BUG_ON_PAGE(!PageHead(page))", C(SPLIT_HEAD), 0, NULL);
	expect_line("page dumped because: VM_BUG_ON_PAGE(!unmap_success)", 0, 0, dump);
	expect_line("page dumped because: bad pte", 0, 0, "bad pte: no check of these classes");
}

static void no_complaints(void **state)
{
	static const char *const lines[] = {
		"",
		" BUG: Bad page cache in process x  pfn:10a200",
		"program says: kernel BUG at mm/truncate.c:2368!",
		"kernel BUG at mm/truncate.c:2368",
		"kernel BUG at mm/truncate.c:2368! or so",
		"kernel BUG at x mm/truncate.c:2368!",
		"kernel BUG at mm/truncate.c:!",
		"BUG: Bad page cache in process x",
		"BUG: Bad page cache in process  pfn:",
		"BUG: Bad page cache in process   pfn:",
		"BUG: Bad page map: 12 messages suppressed",
		"BUG: Bad page state: 12 messages suppressed",
		"BUG: soft lockup - CPU#1 stuck for 23s!",
		"WARNING: ",
		"WARNING: CPU: 1 PID: 77 at mm/huge_memory.c:2368",
		"WARNING: CPU: 1 PID: 77 at mm/huge_memory.c:2368 unmap_page+",
		"WARNING: CPU: 1 unmap_page+0x1/0x2",
		"Memory failure: 0x10a200: recovery action for clean LRU page: Recovered",
		"Memory failure: 0x10a200: already hardware poisoned",
		"Memory failure: 0x: failed to unmap page (mapcount=1)",
		"Memory failure: 0x10a200: forcibly killing failed to unmap x:7",
		"CPU: 1 PID: 77 Comm: x Not tainted 6.1.0 #1",
		"flags: 0x0(slab)",
		/* The forged lines, as the kernel prints them. */
		"WARNING: [4242]: segfault at 0 ip 0 sp 0 error 6 in x unmap_page+[55000+1000]",
		"WARNING: CPU: 1[42]: segfault at 0 ip 0 sp 0 error 6 in mm/huge_memory.c:1 unmap_page+0x1/0x2",
		"kernel BUG at m[42]: segfault at 0 ip 0 sp 0 error 6 in m/truncate.c:1!",
		"kernel BUG at m(42): x mm/truncate.c:1!",
		"traps: kernel BUG at[42] general protection fault ip:0 sp:0 error:0 in mm/truncate.c:1!",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect_line(lines[i], 0, 0, NULL);
}

/*
 * A whole complaint, with the task's line 200 ms after the others; nothing that follows belongs to
 * it.
 */
static void late_task(void **state)
{
	struct reader *reader = *state;
	const struct complaint *found = reader->found.complaint;

	assert_int_equal(complaint_parser__deadline(reader->parser), 0);
	feed(reader, "BUG: Bad page cache in process rm  pfn:10a200", NULL);
	feed(reader,
	     "page: refcount:515 mapcount:1 mapping:00000000f9820000 index:0x0 pfn:0x10a200", NULL);
	feed(reader, "head: order:9 mapcount:1 entire_mapcount:1 nr_pages_mapped:0 pincount:0",
	     NULL);
	feed(reader, "page dumped because: still mapped when deleted", NULL);
	reader->now += 600 * MS;
	assert_true(complaint_parser__deadline(reader->parser) > reader->now);
	feed(reader, "page_owner tracks the page as allocated", NULL);
	reader->now += 600 * MS;
	assert_int_equal(reader->found.nr, 0);
	feed(reader, "CPU: 1 UID: 0 PID: 4711 Comm: rm Not tainted 6.11.0 #1", NULL);
	assert_int_equal(reader->found.nr, 0);
	reader->now = complaint_parser__deadline(reader->parser);
	complaint_parser__expire(reader->parser, reader->now - 1);
	assert_int_equal(reader->found.nr, 0);
	complaint_parser__expire(reader->parser, reader->now);
	assert_int_equal(reader->found.nr, 1);
	assert_int_equal(found->pid, 4711);
	assert_int_equal(found->pfn, 0x10a200);
	assert_int_equal(found->order, 9);
	assert_int_equal(found->when, START);
	assert_int_equal(found->kind, COMPLAINT_PAGE_CACHE);
	assert_int_equal(found->classes, C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP));
	assert_string_equal(found->text, "BUG: Bad page cache in process rm  pfn:10a200");
	assert_string_equal(found->release, "6.11.0");
	assert_int_equal(complaint_parser__deadline(reader->parser), 0);
	feed(reader, "CPU: 0 UID: 0 PID: 1 Comm: init Not tainted", NULL);
	complaint_parser__finish(reader->parser);
	assert_int_equal(reader->found.nr, 1);
}

/* The end of the trace is the end of the block. */
static void ends_at_once(void **state)
{
	struct reader *reader = *state;

	feed(reader, "kernel BUG at mm/truncate.c:763!", NULL);
	feed(reader, "CPU: 1 PID: 12 Comm: x Not tainted 5.10.7 #1", NULL);
	feed(reader, "RIP: 0010:invalidate_inode_pages2_range+0x3f1/0x4a0", NULL);
	feed(reader, "Call Trace:", NULL);
	feed(reader, " ? __die+0x1/0x2", NULL);
	feed(reader, " entry_SYSCALL_64_after_hwframe+0x6e/0x76", NULL);
	assert_int_equal(reader->found.nr, 0);
	feed(reader, "---[ end trace 0000000000000000 ]---", NULL);
	assert_int_equal(reader->found.nr, 1);
	assert_int_equal(reader->found.complaint[0].pid, 12);
	assert_int_equal(reader->found.complaint[0].classes, C(INVALIDATE_UNMAP));
}

/* A class to which this kernel is not open is never named; nor is one for another page size. */
static void by_the_kernel(void **state)
{
	struct complaint_kernel kernel = {
		.known = true, .possible = C(TRUNCATE_UNMAP), .pmd_order = 13};
	struct reader *reader = *state;
	const struct complaint *found = reader->found.complaint;

	complaint_parser__set_kernel(reader->parser, &kernel);
	feed(reader, "kernel BUG at mm/truncate.c:763!", NULL);
	feed(reader, "BUG: Bad page cache in process rm  pfn:10a200", NULL);
	feed(reader,
	     "page: refcount:515 mapcount:1 mapping:00000000f9820000 index:0x0 pfn:0x10a200", NULL);
	feed(reader, "head: order:9 mapcount:1", NULL);
	feed(reader, "BUG: Bad page cache in process rm  pfn:10a200", NULL);
	feed(reader, "head: order:13 mapcount:1", NULL);
	complaint_parser__finish(reader->parser);
	assert_int_equal(reader->found.nr, 3);
	assert_string_equal(found[0].reason, "cannot happen on this kernel");
	assert_string_equal(found[1].reason, "order 9");
	assert_int_equal(found[2].classes, C(TRUNCATE_UNMAP));
}

/* Each caller has its own block, as many as there is space for; one more ends the oldest. */
static void callers(void **state)
{
	char caller[16], line[64];
	struct reader *reader = *state;
	unsigned int i;

	for (i = 1; i <= COMPLAINT_BLOCKS + 1; i++) {
		snprintf(caller, sizeof(caller), "T%u", i);
		reader->now++;
		assert_int_equal(reader->found.nr, 0);
		feed(reader, "kernel BUG at mm/truncate.c:763!", caller);
	}
	assert_int_equal(reader->found.nr, 1);
	assert_int_equal(reader->found.complaint[0].pid, 1);
	/* Another caller's task and end do not belong to this block. */
	feed(reader, "CPU: 1 PID: 4711 Comm: x Not tainted 5.10.7 #1", "T99");
	feed(reader, "---[ end trace 0000000000000000 ]---", "C1");
	feed(reader, "---[ end trace 0000000000000000 ]---", NULL);
	assert_int_equal(reader->found.nr, 1);
	for (i = 2; i <= COMPLAINT_BLOCKS + 1; i++) {
		snprintf(caller, sizeof(caller), "T%u", i);
		snprintf(line, sizeof(line), "CPU: 1 PID: %u Comm: x Not tainted 5.10.7 #1", i);
		feed(reader, line, caller);
		feed(reader, "---[ end trace 0000000000000000 ]---", caller);
		assert_int_equal(reader->found.nr, i);
		assert_int_equal(reader->found.complaint[i - 1].pid, i);
	}
}

/* In an interrupt the CPU prints, and the task is the interrupted one. */
static void interrupt(void **state)
{
	struct reader *reader = *state;

	feed(reader, "kernel BUG at mm/truncate.c:763!", "C3");
	feed(reader, "CPU: 3 PID: 12 Comm: x Not tainted 5.10.7 #1", "C3");
	complaint_parser__finish(reader->parser);
	assert_int_equal(reader->found.nr, 1);
	assert_int_equal(reader->found.complaint[0].pid, 12);
}

/* Without names of callers: after a block was cut off by another, a task may belong to either. */
static void contested(void **state)
{
	struct reader *reader = *state;

	feed(reader, "kernel BUG at mm/truncate.c:763!", NULL);
	feed(reader, "kernel BUG at mm/truncate.c:763!", NULL);
	feed(reader, "CPU: 1 PID: 11 Comm: x Not tainted 5.10.7 #1", NULL);
	feed(reader, "CPU: 2 PID: 12 Comm: y Not tainted 5.10.7 #1", NULL);
	complaint_parser__finish(reader->parser);
	assert_int_equal(reader->found.nr, 2);
	assert_int_equal(reader->found.complaint[0].pid, 0);
	assert_int_equal(reader->found.complaint[1].pid, 0);
}

/* A BUG belongs to the page dumped before it only if the check says so. */
static void dump_and_bug(void **state)
{
	struct reader *reader = *state;
	const struct complaint *found = reader->found.complaint;

	feed(reader,
	     "page:ffffea0001328000 refcount:513 mapcount:0 mapping:0 index:0x0 pfn:0x4ca00", NULL);
	feed(reader, "head:ffffea0001328000 order:9 compound_mapcount:0", NULL);
	feed(reader, "page dumped because: VM_BUG_ON_PAGE(page_mapped(page))", NULL);
	feed(reader, "kernel BUG at mm/khugepaged.c:1817!", NULL);
	complaint_parser__finish(reader->parser);
	assert_int_equal(reader->found.nr, 1);
	assert_string_equal(found[0].reason, "BUG in khugepaged.c");
	assert_true(found[0].page == 0xffffea0001328000ULL);
	/* This one does not. */
	feed(reader, "page: refcount:513 mapcount:0 mapping:0 index:0x0 pfn:0x4ca00", NULL);
	feed(reader, "page dumped because: migration failure", NULL);
	feed(reader, "kernel BUG at mm/truncate.c:763!", NULL);
	complaint_parser__finish(reader->parser);
	assert_int_equal(reader->found.nr, 3);
	assert_string_equal(found[1].reason, "migration failure: no check of these classes");
	assert_int_equal(found[2].classes, C(INVALIDATE_UNMAP));
	assert_false(found[2].has_pfn);
}

/* A page freed with a mapcount may come from a truncation; one freed with flags does not. */
static void page_state(void **state)
{
	struct reader *reader = *state;
	const struct complaint *found = reader->found.complaint;
	static const char *const reasons[] = {"nonzero mapcount", "nonzero entire_mapcount",
					      "PAGE_FLAGS_CHECK_AT_FREE flag(s) set"};
	char line[128];
	size_t i;

	for (i = 0; i < 3; i++) {
		feed(reader, "BUG: Bad page state in process x  pfn:4ca00", NULL);
		feed(reader, "page: refcount:0 mapcount:-1 mapping:0 index:0x0 pfn:0x4ca00", NULL);
		feed(reader, "head: order:9 mapcount:0", NULL);
		snprintf(line, sizeof(line), "page dumped because: %s", reasons[i]);
		feed(reader, line, NULL);
	}
	complaint_parser__finish(reader->parser);
	assert_int_equal(reader->found.nr, 3);
	assert_int_equal(found[0].classes, C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP));
	assert_int_equal(found[1].classes, C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP));
	assert_string_equal(found[2].reason, "PAGE_FLAGS_CHECK_AT_FREE flag(s) set: no mapcount");
}

/* A user's lines in the middle of a complaint end nothing and add nothing. */
static void users_lines(void **state)
{
	static const char *const lines[] = {
		"BUG: x[42]: segfault at 0 ip 0 sp 0 error 6 in x[55000+1000]",
		"---[ end trace [42]: segfault at 0 ip 0 sp 0 error 6 in 0 ]---",
		"---[ end trace  invoked oom-killer: gfp_mask=0x100cca, order=0 ]---",
		"BUG: KASAN: invoked oom-killer: gfp_mask=0x100cca, order=0",
		"sysrq: x/42: potentially unexpected fatal signal 11.",
		"INFO: task (42): drop_caches: 3",
		"CPU: 1 PID: 42 invoked oom-killer: gfp_mask=0x100cca, order=0",
		"x[42]: segfault at 0 ip 0 sp 0 error 6 in page_type: f4(hugetlb)",
	};
	struct reader *reader = *state;
	size_t i;

	feed(reader, "BUG: Bad page cache in process rm  pfn:10a200", NULL);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		feed(reader, lines[i], NULL);
	feed(reader,
	     "page: refcount:515 mapcount:1 mapping:00000000f9820000 index:0x0 pfn:0x10a200", NULL);
	feed(reader, "head: order:9 mapcount:1", NULL);
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		feed(reader, lines[i], NULL);
	assert_int_equal(reader->found.nr, 0);
	feed(reader, "CPU: 1 UID: 0 PID: 4711 Comm: rm Not tainted 6.11.0 #1", NULL);
	complaint_parser__finish(reader->parser);
	assert_int_equal(reader->found.nr, 1);
	assert_int_equal(reader->found.complaint[0].pid, 4711);
	assert_int_equal(reader->found.complaint[0].classes,
			 C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP));
}

/* A block of endless lines ends. */
static void endless(void **state)
{
	struct reader *reader = *state;
	unsigned int i;

	feed(reader, "kernel BUG at mm/truncate.c:763!", NULL);
	for (i = 0; i < 1000 && !reader->found.nr; i++)
		feed(reader, "Call Trace:", NULL);
	assert_int_equal(reader->found.nr, 1);
	assert_true(i < 1000);
}

/* Random bytes with any prefix: nothing is written where it should not be. */
static void noise(void **state)
{
	static const char *const parts[] = {
		"BUG: Bad page cache in process ",
		"  pfn:",
		"page: refcount:",
		"head: order:",
		"9",
		"kernel BUG at ",
		"mm/truncate.c:",
		"!",
		"page dumped because: ",
		"CPU: ",
		" PID: ",
		"[",
		"]",
		"<4>",
		"WARNING: ",
		" at ",
		"+0x1/0x2",
		";",
		"kernel: ",
		"\\x0a",
		"\n",
		"T12",
		"caller=",
		"Memory failure: 0x",
		": ",
		"0",
		"unmap_page",
	};
	struct reader *reader = *state;
	char line[4096];
	unsigned int i, n;
	size_t length;

	srand(1);
	for (i = 0; i < 200000; i++) {
		line[0] = '\0';
		for (n = (unsigned int)rand() % 8; n; n--)
			strcat(line,
			       parts[(unsigned int)rand() % (sizeof(parts) / sizeof(parts[0]))]);
		length = strlen(line);
		if (rand() % 4 == 0) {
			memset(line + length, rand() % 256, sizeof(line) - length);
			length = (unsigned int)rand() % sizeof(line);
		}
		reader->found.nr = 0;
		reader->now += (uint64_t)rand() % (400 * MS);
		if (rand() % 2)
			complaint_parser__line(reader->parser, line, length);
		else
			complaint_parser__record(reader->parser, line, length,
						 rand() % 2 ? "T1" : "", reader->now);
	}
	reader->found.nr = 0;
	complaint_parser__finish(reader->parser);
	assert_true(reader->found.nr <= COMPLAINT_BLOCKS);
}

static void releases(void **state)
{
	static const struct {
		const char *release;
		uint32_t possible, closed;
	} of[] = {
		{"2.6.32-71.el6", C(HWPOISON_UNMAP), 0},
		{"3.12.0", C(HWPOISON_UNMAP), 0},
		{"3.14.0-rc3-next", C(SPLIT_UNMAP) | C(SPLIT_HEAD) | C(HWPOISON_UNMAP), 0},
		{"3.16.0-4-amd64", C(HWPOISON_UNMAP), C(SPLIT_UNMAP) | C(SPLIT_HEAD)},
		{"4.5.0", C(SPLIT_UNMAP) | C(HWPOISON_UNMAP), 0},
		{"4.19.0",
		 C(SPLIT_UNMAP) | C(HWPOISON_UNMAP) | C(TRUNCATE_UNMAP) | C(COLLAPSE_REUSE), 0},
		{"5.10.16-1-default",
		 C(SPLIT_UNMAP) | C(HWPOISON_UNMAP) | C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP),
		 C(COLLAPSE_REUSE)},
		{"5.10.218", C(HWPOISON_UNMAP),
		 C(SPLIT_UNMAP) | C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP) | C(COLLAPSE_REUSE)},
		{"5.13.0-rc3",
		 C(SPLIT_UNMAP) | C(HWPOISON_UNMAP) | C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP),
		 C(COLLAPSE_REUSE)},
		{"6.1.0-13-amd64", 0,
		 C(SPLIT_UNMAP) | C(SPLIT_MIGRATE) | C(HWPOISON_UNMAP) | C(TRUNCATE_UNMAP) |
			 C(INVALIDATE_UNMAP)},
		{"", ANY, 0},
		{"next", ANY, 0},
		{"5", ANY, 0},
		{"99999999999999999999.1", ANY, 0},
	};
	uint32_t possible, closed;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		possible = complaint__possible(of[i].release, &closed);
		if (possible != of[i].possible || closed != of[i].closed)
			fail_msg("%s: 0x%x, 0x%x", of[i].release, possible, closed);
	}
}

static void own_builds(void **state)
{
	static const char *const own[] = {
		"5.10.262-thprace-racy-debug",
		"6.5.13-debug-v1",
		"6.0.0-rc1-v8",
		"6.1.0-gdeadbeef",
		"5.10-mine",
	};
	static const char *const others[] = {
		"",
		"next",
		"5.10",
		"5.10.262",
		"2.6.32.61",
		"2.6.32-71.el6",
		"5.8.0-0.rc1",
		"5.13.0-rc3",
		"6.6.0-rc2+",
		"6.1.0-56-cloud-amd64",
		"5.10.16-1-default",
		"5.19.4-200.fc36.x86_64",
		"6.13.0-rc3-next-20241220-syzkaller",
		"6.11.0-rc6-syzkaller-00183-gb831f83e40a2",
		"6.12.0-rc1-00044-gaef25be35d23",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!complaint__own_build(own[i]))
			fail_msg("%s has a local version", own[i]);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (complaint__own_build(others[i]))
			fail_msg("%s has no local version", others[i]);
}

/*
 * Of somebody's own build, the version excludes no class that the kernel's own check is about. A
 * bare BUG is less than that. The kernel is the log's, or the one that the caller knows.
 */
static void by_an_own_build(void **state)
{
	static const struct {
		const char *task, *known;
		uint32_t classes, bare;
	} of[] = {
		{"5.10.262-mine", "", C(SPLIT_UNMAP), 0},
		{NULL, "5.10.262-mine", C(SPLIT_UNMAP), 0},
		{"5.10.262", "5.10.7-mine", 0, 0},
		{NULL, "5.10.262", 0, 0},
		{"5.10.7", "", C(SPLIT_UNMAP), C(INVALIDATE_UNMAP)},
	};
	struct reader *reader = *state;
	struct complaint_kernel kernel = {0};
	const struct complaint *found = reader->found.complaint;
	char task[128];
	size_t i;

	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		snprintf(kernel.release, sizeof(kernel.release), "%s", of[i].known);
		complaint_parser__free(reader->parser);
		open_reader(reader, &kernel);
		snprintf(task, sizeof(task), "CPU: 1 PID: 12 Comm: x%s%s #1",
			 of[i].task ? " Not tainted " : "", of[i].task ? of[i].task : "");
		feed(reader,
		     "page:00000000acb8c5cd refcount:514 mapcount:0 mapping:00000000fbbb40d6 "
		     "index:0x0 pfn:0x31e00",
		     NULL);
		feed(reader,
		     "head:00000000acb8c5cd order:9 compound_mapcount:0 compound_pincount:0", NULL);
		feed(reader, "page dumped because: VM_BUG_ON_PAGE(!unmap_success)", NULL);
		feed(reader, "kernel BUG at mm/huge_memory.c:2368!", NULL);
		feed(reader, task, NULL);
		feed(reader, "---[ end trace 0000000000000000 ]---", NULL);
		feed(reader, "kernel BUG at mm/truncate.c:763!", NULL);
		feed(reader, task, NULL);
		complaint_parser__finish(reader->parser);
		assert_int_equal(reader->found.nr, 2);
		assert_int_equal(found[0].classes, of[i].classes);
		assert_int_equal(found[0].doubtful,
				 strstr(found[0].release, "-mine") ? C(SPLIT_UNMAP) : 0);
		assert_int_equal(found[1].classes, of[i].bare);
		assert_int_equal(found[1].doubtful, 0);
	}
}

/* The same line after every prefix. */
static void prefixes(void **state)
{
	static const struct {
		const char *prefix;
		uint64_t when;
		uint32_t pid;
	} before[] = {
		{"", 0, 0},
		{"<2>", 0, 0},
		{"[   10.500000] ", 10500 * MS, 0},
		{"<2>[   10.500000] ", 10500 * MS, 0},
		{"[   10.500000][  T123] ", 10500 * MS, 123},
		{"[   10.500000][    C1] ", 10500 * MS, 0},
		{"[  T123] ", 0, 123},
		{"[  +0.000675] ", 0, 0},
		{"[Sat Nov 28 23:30:01 2026] ", 0, 0},
		{"kern  :crit  : [   10.500000] ", 10500 * MS, 0},
		{"kernel: ", 0, 0},
		{"Nov 28 23:30:01 host kernel: ", 0, 0},
		{"Nov  8 23:30:01 host kernel: [   10.500000] ", 10500 * MS, 0},
		{"2026-11-28T23:30:01+01:00 host kernel: ", 0, 0},
		{"[   10.500000] host kernel: ", 10500 * MS, 0},
		{"> > [   10.500000] ", 10500 * MS, 0},
		{"2,1234,10500000,-;", 10500 * MS, 0},
		{"2,1234,10500000,-,caller=T123;", 10500 * MS, 123},
	};
	struct reader *reader = *state;
	const struct complaint *found = reader->found.complaint;
	char line[256];
	size_t i;

	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		reader->found.nr = 0;
		snprintf(line, sizeof(line), "%skernel BUG at mm/truncate.c:763!\r\n",
			 before[i].prefix);
		complaint_parser__line(reader->parser, line, strlen(line));
		complaint_parser__finish(reader->parser);
		if (reader->found.nr != 1)
			fail_msg("not found after '%s'", before[i].prefix);
		if (found->when != before[i].when || found->pid != before[i].pid)
			fail_msg("'%s': %" PRIu64 ", %u", before[i].prefix, found->when,
				 found->pid);
		assert_string_equal(found->text, "kernel BUG at mm/truncate.c:763!");
	}
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(complaint__kind_name(COMPLAINT_BUG), "BUG");
	assert_string_equal(complaint__kind_name(COMPLAINT_KIND_MAX), "?");
}

int main(void)
{
#define WITH_READER(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_alone),
		cmocka_unit_test(no_complaints),
		WITH_READER(late_task),
		WITH_READER(ends_at_once),
		WITH_READER(by_the_kernel),
		WITH_READER(callers),
		WITH_READER(interrupt),
		WITH_READER(contested),
		WITH_READER(dump_and_bug),
		WITH_READER(page_state),
		WITH_READER(users_lines),
		WITH_READER(endless),
		WITH_READER(noise),
		cmocka_unit_test(releases),
		cmocka_unit_test(own_builds),
		cmocka_unit_test_setup_teardown(by_an_own_build, begin, end),
		WITH_READER(prefixes),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
