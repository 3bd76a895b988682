// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's messages while a class is provoked: to which class a complaint belongs, and its
 * lines.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <thprace/race.h>

#include "kernel_log.h"
#include "class_ids.h"

#define C(class) (1U << THPRACE_##class)

static int feed = -1;

/* A pipe of packets stands for /dev/kmsg, which gives a record at each read. */
static struct kernel_log *begin(void)
{
	struct kernel_log *log = NULL;
	char path[64];
	int ends[2];

	assert_int_equal(pipe2(ends, O_DIRECT | O_CLOEXEC), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	assert_int_equal(kernel_log__open(&log, path), 0);
	close(ends[0]);
	feed = ends[1];
	return log;
}

static void add_message(unsigned int priority, const char *text)
{
	char record[512];
	int length = snprintf(record, sizeof(record), "%u,123,4567,-;%s\n", priority, text);

	assert_int_equal(write(feed, record, (size_t)length), length);
}

static void end(struct kernel_log *log)
{
	kernel_log__close(log);
	close(feed);
}

static void nothing_wrong(void **state)
{
	struct kernel_log *log = begin();

	(void)state;
	kernel_log__read(log);
	add_message(6, "Memory failure: 0x10a200: recovery action for huge page: Recovered");
	add_message(4, "thprace-stress (77): drop_caches: 3");
	add_message(6, "x[12]: segfault at 0 ip 0 sp 0 error 4 in BUG: [0+1000]");
	kernel_log__finish(log);
	assert_false(kernel_log__messages(log)->struck);
	assert_int_equal(kernel_log__messages(log)->classes, 0);
	assert_int_equal(kernel_log__messages(log)->lines, 0);
	end(log);
}

/* From 5.10.7, when an invalidation finds the page still mapped. */
static void of_the_class(void **state)
{
	struct kernel_log *log = begin();
	const struct kernel_messages *messages = kernel_log__messages(log);

	(void)state;
	add_message(6, "before");
	add_message(2, "kernel BUG at mm/truncate.c:714!");
	add_message(4, "invalid opcode: 0000 [#1] SMP");
	kernel_log__read(log);
	assert_true(messages->struck);
	add_message(4, "CPU: 0 PID: 77 Comm: thprace-stress Not tainted 5.10.7 #1");
	add_message(4, "RIP: 0010:invalidate_inode_pages2_range+0x2f6/0x4b0");
	add_message(4, "---[ end trace 5de1d2d5b2a9d3b5 ]---");
	kernel_log__finish(log);
	assert_true(messages->classes & C(INVALIDATE_UNMAP));
	assert_false(messages->classes & C(SPLIT_UNMAP));
	assert_int_equal(messages->lines, 5);
	assert_string_equal(messages->line[0], "kernel BUG at mm/truncate.c:714!");
	end(log);
}

/* Also from 5.10.7, so early that it cannot hash addresses yet. */
static void without_addresses(void **state)
{
	struct kernel_log *log = begin();

	(void)state;
	add_message(1, "BUG: Bad page cache in process thprace-stress  pfn:01a00");
	add_message(
		4,
		"page:(____ptrval____) refcount:518 mapcount:0 mapping:(____ptrval____) index:0x200 "
		"pfn:0x1a00");
	add_message(4, "head:(____ptrval____) order:9 compound_mapcount:0 compound_pincount:0");
	add_message(4, "aops:shmem_aops ino:2 dentry name:\"#2\"");
	add_message(4, "page dumped because: still mapped when deleted");
	add_message(4, "CPU: 0 PID: 82 Comm: thprace-stress Not tainted 5.10.7 #2");
	kernel_log__finish(log);
	assert_true(kernel_log__messages(log)->classes & C(TRUNCATE_UNMAP));
	end(log);
}

static void of_something_else(void **state)
{
	struct kernel_log *log = begin();
	const struct kernel_messages *messages = kernel_log__messages(log);
	unsigned int i;

	(void)state;
	add_message(2, "kernel BUG at mm/slub.c:379!");
	for (i = 0; i < 2 * KERNEL_LOG_LINES; i++) {
		add_message(4, "\x1b[2J and more");
		kernel_log__read(log); /* a pipe has room for 16 packets */
	}
	kernel_log__finish(log);
	assert_true(messages->struck);
	assert_int_equal(messages->classes, 0);
	assert_int_equal(messages->lines, KERNEL_LOG_LINES);
	assert_null(strchr(messages->line[1], '\x1b'));
	end(log);
}

/* Processes that may write to /dev/kmsg have another facility there. */
static void not_the_kernels(void **state)
{
	struct kernel_log *log = begin();

	(void)state;
	add_message(8 + 2, "kernel BUG at mm/truncate.c:714!");
	add_message(8 + 2, "BUG: Bad page cache in process x  pfn:10a200");
	kernel_log__finish(log);
	assert_false(kernel_log__messages(log)->struck);
	assert_int_equal(kernel_log__messages(log)->classes, 0);
	end(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_wrong),     cmocka_unit_test(of_the_class),
		cmocka_unit_test(without_addresses), cmocka_unit_test(of_something_else),
		cmocka_unit_test(not_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
