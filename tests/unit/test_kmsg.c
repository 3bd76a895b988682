// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's complaints: which lines they are, and what is made of the lines that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>
#include "kmsg.h"

#define C(name) (1U << THPRACE_##name)
#define PATIENCE_MS 10000

/* What a read of the kernel's log fails with next; 0: it does not. */
static int next_errno;

/* In place of libc's: /dev/kmsg alone can fail with EPIPE. */
ssize_t read(int fd, void *buf, size_t size)
{
	if (next_errno && size > 1000) {
		errno = next_errno;
		next_errno = 0;
		return -1;
	}
	return syscall(SYS_read, fd, buf, size);
}

static const struct {
	const char *line;
	uint32_t classes; /* 0: no complaint */
} lines[] = {
	{"BUG: Bad page cache in process thprace-stress  pfn:10a200",
	 C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP)},
	{"kernel BUG at mm/huge_memory.c:2368!", C(SPLIT_UNMAP) | C(SPLIT_MIGRATE) | C(SPLIT_HEAD)},
	{"kernel BUG at ../../source/5.10/mm/huge_memory.c:2368!",
	 C(SPLIT_UNMAP) | C(SPLIT_MIGRATE) | C(SPLIT_HEAD)},
	{"kernel BUG at mm/filemap.c:173!",
	 C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP) | C(COLLAPSE_REUSE)},
	{"kernel BUG at mm/truncate.c:757!", C(INVALIDATE_UNMAP)},
	{"page dumped because: VM_BUG_ON_PAGE(!unmap_success)", C(SPLIT_UNMAP) | C(SPLIT_MIGRATE)},
	{"page dumped because: VM_WARN_ON_ONCE_PAGE(page_mapped(page))",
	 C(SPLIT_UNMAP) | C(SPLIT_MIGRATE)},
	{"WARNING: CPU: 1 PID: 77 at mm/huge_memory.c:2368 unmap_page+0xb1/0xc0",
	 C(SPLIT_UNMAP) | C(SPLIT_MIGRATE)},
	{"page dumped because: VM_BUG_ON_PAGE(!PageHead(page))", C(SPLIT_HEAD)},
	{"page dumped because: VM_BUG_ON_PAGE(page_mapped(page))",
	 C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP)},
	{"page dumped because: VM_BUG_ON_FOLIO(folio_mapped(folio))",
	 C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP)},
	{"page dumped because: VM_BUG_ON_PAGE(page_to_pgoff(page) != offset)", C(COLLAPSE_REUSE)},
	{"page dumped because: VM_BUG_ON_PAGE(!thp_contains(page, index))", C(COLLAPSE_REUSE)},
	{"page dumped because: VM_BUG_ON_PAGE(!thp_contains(page, xas.xa_index))",
	 C(COLLAPSE_REUSE)},
	{"page dumped because: VM_BUG_ON_FOLIO(!folio_contains(folio, index))", C(COLLAPSE_REUSE)},
	{"Memory failure: 0x10a200: huge page still referenced by 2 users", C(HWPOISON_UNMAP)},
	{"Memory failure: 0x10a200: failed to unmap page (mapcount=1)", C(HWPOISON_UNMAP)},
	{"Memory failure: 0x10a200: failed to unmap folio (folio mapcount=1)", C(HWPOISON_UNMAP)},
	{"BUG: Bad page state in process x  pfn:10a200", 0x7e},
	{"BUG: Bad page map in process x  pte:80 pmd:81", 0x7e},
	{"BUG: Bad rss-counter state mm:00000000b4a60fca type:MM_ANONPAGES val:512", 0x7e},
	/* Others */
	{"", 0},
	{"page dumped because: still mapped when deleted", 0},
	{"page dumped because: VM_BUG_ON_PAGE(page_to_pgoff(page) != linear_page_index(vma, "
	 "address))",
	 0},
	{"BUG: Bad page map: 12 messages suppressed", 0},
	{"BUG: Bad page state: 12 messages suppressed", 0},
	{"kernel BUG at mm/slub.c:379!", 0},
	{"kernel BUG at fs/filemap.c:1!", 0},
	{"Memory failure: 0x10a200: recovery action for huge page: Recovered", 0},
	{"Memory failure: 0x10a200: already hardware poisoned", 0},
	{"WARNING: CPU: 1 PID: 77 at mm/huge_memory.c:99 other+0xb1/0xc0", 0},
	{"program says: kernel BUG at mm/huge_memory.c:2368!", 0},
	{" BUG: Bad page cache in process x", 0},
};

static void every_pattern(void **state)
{
	uint32_t classes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		classes = 0;
		if (kmsg__match(lines[i].line, &classes) != !!lines[i].classes ||
		    classes != lines[i].classes)
			fail_msg("'%s': 0x%x, not 0x%x", lines[i].line, classes, lines[i].classes);
	}
}

/* Something to read records from, one per read as from /dev/kmsg: a pipe in packet mode. */
struct source {
	int pipe[2];
	struct kmsg *kmsg;
	struct complaint got[8];
	size_t nr;
};

static void take(void *ctx, const struct complaint *complaint)
{
	struct source *source = ctx;

	assert_true(source->nr < 8);
	source->got[source->nr++] = *complaint;
}

static int begin(void **state)
{
	struct source *source = calloc(1, sizeof(*source));
	char path[64];

	assert_non_null(source);
	assert_int_equal(pipe2(source->pipe, O_DIRECT | O_CLOEXEC), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", source->pipe[0]);
	assert_int_equal(kmsg__open(&source->kmsg, path, take, source), 0);
	*state = source;
	return 0;
}

static int end(void **state)
{
	struct source *source = *state;

	kmsg__close(source->kmsg);
	close(source->pipe[0]);
	if (source->pipe[1] >= 0)
		close(source->pipe[1]);
	free(source);
	return 0;
}

static void put(struct source *source, const char *record)
{
	assert_int_equal(write(source->pipe[1], record, strlen(record)), strlen(record));
}

/* A line with the kernel's facility. */
static void put_kernel(struct source *source, const char *line)
{
	static unsigned int seq;
	char record[512];

	snprintf(record, sizeof(record), "1,%u,123456789,-;%s\n", ++seq, line);
	put(source, record);
}

/* Wait until it is readable. Returns false when it is not within ms. */
static bool readable(struct source *source, int ms)
{
	struct pollfd fd = {.fd = kmsg__fd(source->kmsg), .events = POLLIN};

	return poll(&fd, 1, ms) == 1;
}

static void with_pid(void **state)
{
	struct source *source = *state;

	assert_false(readable(source, 0));
	put_kernel(source, "usb 1-1: new high-speed USB device number 2 using xhci_hcd\n"
			   " SUBSYSTEM=usb\n DEVICE=c189:1");
	put_kernel(source, "BUG: Bad page cache in process thprace-stress  pfn:10a200");
	put_kernel(source, "page:00000000c1b0f7a9 refcount:514 mapcount:1");
	put_kernel(source, "page dumped because: still mapped when deleted");
	assert_true(readable(source, PATIENCE_MS));
	assert_int_equal(kmsg__read(source->kmsg, 77), 0);
	assert_int_equal(source->nr, 0);
	put_kernel(source, "CPU: 1 PID: 4711 Comm: PID: 9 Not tainted 6.1.0 #1");
	assert_int_equal(kmsg__read(source->kmsg, 78), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(source->got[0].pid, 4711);
	assert_int_equal(source->got[0].when, 77);
	assert_int_equal(source->got[0].classes, C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP));
	assert_string_equal(source->got[0].text,
			    "BUG: Bad page cache in process thprace-stress  pfn:10a200");
	/* Told once, and the next line of a CPU is nobody's. */
	put_kernel(source, "CPU: 0 UID: 0 PID: 1 Comm: init Not tainted");
	assert_int_equal(kmsg__read(source->kmsg, 79), 0);
	assert_int_equal(source->nr, 1);
	assert_false(readable(source, 300));
}

/* A check that dumps its page and then calls BUG() is one complaint. */
static void several_lines(void **state)
{
	struct source *source = *state;

	put_kernel(source, "page dumped because: VM_BUG_ON_PAGE(!unmap_success)");
	put_kernel(source, "------------[ cut here ]------------");
	put_kernel(source, "kernel BUG at mm/huge_memory.c:2368!");
	put_kernel(source, "invalid opcode: 0000 [#1] SMP NOPTI");
	put_kernel(source, "CPU: 0 UID: 1000 PID: 12 Comm: x Not tainted");
	put_kernel(source, "kernel BUG at mm/filemap.c:1754!");
	put_kernel(source, "page dumped because: VM_BUG_ON_PAGE(!thp_contains(page, index))");
	put_kernel(source, "CPU: 1 PID: 13 Comm: y Not tainted");
	put_kernel(source, "page dumped because: VM_BUG_ON_FOLIO(!folio_contains(folio, index))");
	put_kernel(source, "kernel BUG at mm/truncate.c:692!");
	put_kernel(source, "CPU: 1 PID: 14 Comm: y Not tainted");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 3);
	assert_int_equal(source->got[0].pid, 12);
	assert_int_equal(source->got[0].classes, C(SPLIT_UNMAP) | C(SPLIT_MIGRATE));
	assert_int_equal(source->got[1].pid, 13);
	assert_int_equal(source->got[1].classes, C(COLLAPSE_REUSE));
	assert_int_equal(source->got[2].pid, 14);
	assert_int_equal(source->got[2].classes, C(COLLAPSE_REUSE));
}

static void another_begins(void **state)
{
	struct source *source = *state;

	put_kernel(source, "Memory failure: 0x10a200: failed to unmap page (mapcount=1)");
	put_kernel(source, "page dumped because: VM_BUG_ON_PAGE(!thp_contains(page, index))");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(source->got[0].pid, 0);
	assert_int_equal(source->got[0].classes, C(HWPOISON_UNMAP));
	put_kernel(source, "CPU: 1 PID: 13 Comm: y Not tainted");
	assert_int_equal(kmsg__read(source->kmsg, 6), 0);
	assert_int_equal(source->nr, 2);
	assert_int_equal(source->got[1].pid, 13);
}

/* A line that names the task itself. */
static void warning(void **state)
{
	struct source *source = *state;

	put_kernel(source, "WARNING: CPU: 1 PID: 77 at mm/huge_memory.c:2368 unmap_page+0xb1/0xc0");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(source->got[0].pid, 77);
}

/* No line with a PID follows: it is given all the same, and the descriptor says when. */
static void without_pid(void **state)
{
	struct source *source = *state;

	put_kernel(source, "BUG: Bad rss-counter state mm:0 type:MM_ANONPAGES val:512");
	put_kernel(source, "BUG: Bad rss-counter state mm:0 type:MM_FILEPAGES val:-512");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 0);
	assert_true(readable(source, PATIENCE_MS));
	assert_int_equal(kmsg__read(source->kmsg, 6), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(source->got[0].pid, 0);
	assert_int_equal(source->got[0].when, 5);
	assert_false(readable(source, 0));
}

/* Processes may write there. Their facility is never the kernel's. */
static void not_the_kernels(void **state)
{
	struct source *source = *state;
	char record[128];
	unsigned int facility;

	for (facility = 1; facility < 256; facility++) {
		snprintf(record, sizeof(record), "%u,1,2,-;kernel BUG at mm/huge_memory.c:1!\n",
			 facility << 3 | 2);
		put(source, record);
		put(source, "12,2,3,-;CPU: 1 PID: 6 Comm: x\n");
		assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	}
	assert_false(readable(source, 300));
	assert_int_equal(source->nr, 0);
	/* Nor does their line end a complaint of the kernel's. */
	put_kernel(source, "kernel BUG at mm/huge_memory.c:1!");
	put(source, "12,2,3,-;CPU: 1 PID: 6 Comm: x\n");
	put_kernel(source, "CPU: 1 PID: 7 Comm: x");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(source->got[0].pid, 7);
}

static void malformed(void **state)
{
	static const char *const records[] = {
		"kernel BUG at mm/huge_memory.c:1!",
		";kernel BUG at mm/huge_memory.c:1!",
		"x,1,2,-;kernel BUG at mm/huge_memory.c:1!",
		"2;kernel BUG at mm/huge_memory.c:1!",
		"-2,1,2,-;kernel BUG at mm/huge_memory.c:1!",
		",,,;kernel BUG at mm/huge_memory.c:1!",
		"2,1,2,-;",
		"2,1,2,-",
		"\n",
	};
	struct source *source = *state;
	size_t i;

	for (i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		put(source, records[i]);
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_false(readable(source, 300));
	/* Further fields of the head, and fields behind the text, are passed over. */
	put(source, "2,1,2,c,caller=T12;kernel BUG at mm/truncate.c:7!\n KEY=value\n");
	put(source, "2,1,2,-,caller=T12;CPU: 3 PID: 8 Comm: x\n KEY=CPU: 1 PID: 1\n");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(source->got[0].pid, 8);
	assert_string_equal(source->got[0].text, "kernel BUG at mm/truncate.c:7!");
}

static void long_lines(void **state)
{
	struct source *source = *state;
	char record[4000] = "2,1,2,-;BUG: Bad page state in process ";

	memset(record + strlen(record), 'x', sizeof(record) - strlen(record) - 1);
	record[sizeof(record) - 1] = '\0';
	put(source, record);
	put_kernel(source, "CPU: 3 PID: 8 Comm: x");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(strlen(source->got[0].text), sizeof(source->got[0].text) - 1);
}

/* Overwritten records: reading goes on, and one message says so. */
static void gap(void **state)
{
	struct source *source = *state;
	char said[512] = "";
	int saved = dup(STDERR_FILENO), err[2];
	ssize_t length;

	assert_int_equal(pipe(err), 0);
	assert_return_code(dup2(err[1], STDERR_FILENO), errno);
	next_errno = EPIPE;
	put_kernel(source, "kernel BUG at mm/truncate.c:7!");
	put_kernel(source, "CPU: 3 PID: 8 Comm: x");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(next_errno, 0);
	next_errno = EPIPE;
	assert_int_equal(kmsg__read(source->kmsg, 6), 0);
	assert_int_equal(next_errno, 0);
	fflush(stderr);
	assert_return_code(dup2(saved, STDERR_FILENO), errno);
	close(err[1]);
	close(saved);
	length = read(err[0], said, 500);
	close(err[0]);
	assert_true(length > 0);
	assert_non_null(strstr(said, "overwritten"));
	assert_ptr_equal(strchr(said, '\n'), said + length - 1);
	assert_int_equal(source->nr, 1);
}

static void interrupted(void **state)
{
	struct source *source = *state;

	next_errno = EINTR;
	put_kernel(source, "WARNING: CPU: 1 PID: 77 at mm/huge_memory.c:2368 unmap_page+0xb1/0xc0");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
}

/* The end of it is an error, and what was waited for is given before. */
static void ends(void **state)
{
	struct source *source = *state;

	put_kernel(source, "kernel BUG at mm/truncate.c:7!");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	next_errno = EIO;
	assert_int_equal(kmsg__read(source->kmsg, 6), -EIO);
	assert_int_equal(source->nr, 1);
	close(source->pipe[1]);
	source->pipe[1] = -1;
	assert_true(kmsg__read(source->kmsg, 7) < 0);
}

static void closed_while_waiting(void **state)
{
	struct source source = {0};
	char path[64];

	(void)state;
	assert_int_equal(pipe2(source.pipe, O_DIRECT | O_CLOEXEC), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", source.pipe[0]);
	assert_int_equal(kmsg__open(&source.kmsg, path, take, &source), 0);
	put_kernel(&source, "kernel BUG at mm/truncate.c:7!");
	assert_int_equal(kmsg__read(source.kmsg, 5), 0);
	kmsg__close(source.kmsg);
	assert_int_equal(source.nr, 1);
	close(source.pipe[0]);
	close(source.pipe[1]);
	kmsg__close(NULL);
}

static void cannot_open(void **state)
{
	struct kmsg *kmsg = NULL;

	(void)state;
	assert_int_equal(kmsg__open(&kmsg, "/nonexistent/kmsg", take, NULL), -ENOENT);
	assert_null(kmsg);
}

int main(void)
{
#define WITH_SOURCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pattern),
		WITH_SOURCE(with_pid),
		WITH_SOURCE(several_lines),
		WITH_SOURCE(another_begins),
		WITH_SOURCE(warning),
		WITH_SOURCE(without_pid),
		WITH_SOURCE(not_the_kernels),
		WITH_SOURCE(malformed),
		WITH_SOURCE(long_lines),
		WITH_SOURCE(gap),
		WITH_SOURCE(interrupted),
		WITH_SOURCE(ends),
		cmocka_unit_test(closed_while_waiting),
		cmocka_unit_test(cannot_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
