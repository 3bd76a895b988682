// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's log: records in, complaints out, when their lines have come. Their content:
 * test_complaint.c.
 */
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
#include "class_ids.h"

#define C(name) (1U << THPRACE_##name)
#define S 1000000000ULL
#define PATIENCE_MS 10000

/* The error of the next read of the kernel's log; 0: none. */
static int next_errno;

/* Replaces libc's: only /dev/kmsg can fail with EPIPE. */
ssize_t read(int fd, void *buf, size_t size)
{
	if (next_errno && size > 1000) {
		errno = next_errno;
		next_errno = 0;
		return -1;
	}
	return syscall(SYS_read, fd, buf, size);
}

/* A source of records, one per read as from /dev/kmsg: a pipe in packet mode. */
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

static const struct complaint_kernel kernel = {
	.known = true,
	.possible = 0xfe,
	.pmd_order = 9,
};

static int begin(void **state)
{
	struct source *source = calloc(1, sizeof(*source));
	char path[64];

	assert_non_null(source);
	assert_int_equal(pipe2(source->pipe, O_DIRECT | O_CLOEXEC), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", source->pipe[0]);
	assert_int_equal(kmsg__open(&source->kmsg, path, &kernel, take, source), 0);
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

static void feed(struct source *source, const char *record)
{
	assert_int_equal(write(source->pipe[1], record, strlen(record)), strlen(record));
}

/* A line with the kernel's facility. */
static void feed_kernel(struct source *source, const char *line)
{
	static unsigned int seq;
	char record[512];

	snprintf(record, sizeof(record), "1,%u,123456789,-;%s\n", ++seq, line);
	feed(source, record);
}

/* Wait until it is readable. Returns false if it is not within ms. */
static bool readable(struct source *source, int ms)
{
	struct pollfd fd = {.fd = kmsg__fd(source->kmsg), .events = POLLIN};

	return poll(&fd, 1, ms) == 1;
}

/*
 * A complete complaint, its task some time after the rest; it is emitted a second after its last
 * line.
 */
static void whole(void **state)
{
	struct source *source = *state;

	assert_false(readable(source, 0));
	feed_kernel(source, "usb 1-1: new high-speed USB device number 2 using xhci_hcd\n"
			    " SUBSYSTEM=usb\n DEVICE=c189:1");
	feed_kernel(source, "BUG: Bad page cache in process thprace-stress  pfn:10a200");
	feed_kernel(
		source,
		"page:00000000c1b0f7a9 refcount:514 mapcount:1 mapping:0 index:0x0 pfn:0x10a200");
	feed_kernel(source, "head:00000000c1b0f7a9 order:9 compound_mapcount:1");
	feed_kernel(source, "page dumped because: still mapped when deleted");
	assert_true(readable(source, PATIENCE_MS));
	assert_int_equal(kmsg__read(source->kmsg, 77), 0);
	assert_int_equal(source->nr, 0);
	feed_kernel(source, "CPU: 1 PID: 4711 Comm: thprace-stress Not tainted 6.1.0 #1");
	assert_int_equal(kmsg__read(source->kmsg, 77 + S / 5), 0);
	assert_int_equal(source->nr, 0);
	assert_true(readable(source, PATIENCE_MS));
	assert_int_equal(kmsg__read(source->kmsg, 77 + S / 5 + S), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(source->got[0].pid, 4711);
	assert_int_equal(source->got[0].when, 77);
	assert_int_equal(source->got[0].pfn, 0x10a200);
	assert_int_equal(source->got[0].classes, C(TRUNCATE_UNMAP) | C(INVALIDATE_UNMAP));
	assert_string_equal(source->got[0].text,
			    "BUG: Bad page cache in process thprace-stress  pfn:10a200");
	assert_false(readable(source, 300));
}

/* Two CPUs at the same time, which the kernel names. */
static void callers(void **state)
{
	struct source *source = *state;

	feed(source, "2,1,2,-,caller=T12;kernel BUG at mm/truncate.c:7!\n");
	feed(source, "2,2,2,-,caller=C3;kernel BUG at mm/truncate.c:7!\n");
	feed(source, "2,3,2,-,caller=T12;---[ end trace 0 ]---\n KEY=CPU: 1 PID: 1\n");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(source->got[0].pid, 12);
	feed(source, "2,4,2,-,caller=C3;CPU: 3 PID: 8 Comm: x Not tainted 6.1.0 #1\n");
	feed(source, "2,5,2,-,caller=C3;---[ end trace 0 ]---\n");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 2);
	assert_int_equal(source->got[1].pid, 8);
}

/* The classes to which the kernel is open may become known later. */
static void another_kernel(void **state)
{
	struct complaint_kernel none = kernel;
	struct source *source = *state;

	none.possible = 0;
	kmsg__set_kernel(source->kmsg, &none);
	feed_kernel(source, "kernel BUG at mm/truncate.c:7!");
	feed_kernel(source, "---[ end trace 0 ]---");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(source->got[0].classes, 0);
	assert_string_equal(source->got[0].reason, "cannot happen on this kernel");
}

/* Processes may write there. Their facility is never the kernel's. */
static void not_the_kernels(void **state)
{
	struct source *source = *state;
	char record[128];
	unsigned int facility;

	for (facility = 1; facility < 256; facility++) {
		snprintf(record, sizeof(record), "%u,1,2,-;kernel BUG at mm/truncate.c:1!\n",
			 facility << 3 | 2);
		feed(source, record);
		feed(source, "12,2,3,-;CPU: 1 PID: 6 Comm: x\n");
		assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	}
	assert_false(readable(source, 300));
	assert_int_equal(source->nr, 0);
	/* Nor do their lines belong to a complaint of the kernel. */
	feed_kernel(source, "kernel BUG at mm/truncate.c:1!");
	feed(source, "12,2,3,-;CPU: 1 PID: 6 Comm: x\n");
	feed(source, "12,2,3,-;---[ end trace 0 ]---\n");
	feed_kernel(source, "CPU: 1 PID: 7 Comm: x");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 0);
	feed_kernel(source, "---[ end trace 0 ]---");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(source->got[0].pid, 7);
}

static void malformed(void **state)
{
	static const char *const records[] = {
		"kernel BUG at mm/truncate.c:1!",
		";kernel BUG at mm/truncate.c:1!",
		"x,1,2,-;kernel BUG at mm/truncate.c:1!",
		"2;kernel BUG at mm/truncate.c:1!",
		"-2,1,2,-;kernel BUG at mm/truncate.c:1!",
		",,,;kernel BUG at mm/truncate.c:1!",
		"2,1,2,-;",
		"2,1,2,-",
		"\n",
	};
	struct source *source = *state;
	size_t i;

	for (i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		feed(source, records[i]);
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_false(readable(source, 300));
	/* Additional fields of the head, and fields after the text, are skipped. */
	feed(source, "2,1,2,c,new=x,caller=;kernel BUG at mm/truncate.c:7!\n KEY=value\n");
	feed(source, "2,1,2,-,caller=T123456789012345678;---[ end trace 0 ]---\n KEY=value\n");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(source->got[0].pid, 0);
	assert_string_equal(source->got[0].text, "kernel BUG at mm/truncate.c:7!");
}

static void long_lines(void **state)
{
	struct source *source = *state;
	char record[4000] = "2,1,2,-;BUG: Bad page state in process ";

	memset(record + strlen(record), 'x', 600);
	strcat(record, "  pfn:1");
	feed(source, record);
	feed_kernel(source, "---[ end trace 0 ]---");
	/* Longer than any line of printk: what is cut off is no complaint. */
	memset(record + 40, 'x', sizeof(record) - 50);
	strcpy(record + sizeof(record) - 10, "  pfn:1");
	feed(source, record);
	feed_kernel(source, "---[ end trace 0 ]---");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
	assert_int_equal(strlen(source->got[0].text), sizeof(source->got[0].text) - 1);
}

/* Overwritten records: reading continues, and one message says so. */
static void gap(void **state)
{
	struct source *source = *state;
	char found[512] = "";
	int saved = dup(STDERR_FILENO), err[2];
	ssize_t length;

	assert_int_equal(pipe(err), 0);
	assert_return_code(dup2(err[1], STDERR_FILENO), errno);
	next_errno = EPIPE;
	feed_kernel(source, "kernel BUG at mm/truncate.c:7!");
	feed_kernel(source, "---[ end trace 0 ]---");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(next_errno, 0);
	next_errno = EPIPE;
	assert_int_equal(kmsg__read(source->kmsg, 6), 0);
	assert_int_equal(next_errno, 0);
	fflush(stderr);
	assert_return_code(dup2(saved, STDERR_FILENO), errno);
	close(err[1]);
	close(saved);
	length = read(err[0], found, 500);
	close(err[0]);
	assert_true(length > 0);
	assert_non_null(strstr(found, "overwritten"));
	assert_ptr_equal(strchr(found, '\n'), found + length - 1);
	assert_int_equal(source->nr, 1);
}

static void interrupted(void **state)
{
	struct source *source = *state;

	next_errno = EINTR;
	feed_kernel(source, "kernel BUG at mm/truncate.c:7!");
	feed_kernel(source, "---[ end trace 0 ]---");
	assert_int_equal(kmsg__read(source->kmsg, 5), 0);
	assert_int_equal(source->nr, 1);
}

/* Its end is an error, and what was waited for is emitted before. */
static void ends(void **state)
{
	struct source *source = *state;

	feed_kernel(source, "kernel BUG at mm/truncate.c:7!");
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
	assert_int_equal(kmsg__open(&source.kmsg, path, &kernel, take, &source), 0);
	feed_kernel(&source, "kernel BUG at mm/truncate.c:7!");
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
	assert_int_equal(kmsg__open(&kmsg, "/nonexistent/kmsg", &kernel, take, NULL), -ENOENT);
	assert_null(kmsg);
}

int main(void)
{
#define WITH_SOURCE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		WITH_SOURCE(whole),
		WITH_SOURCE(callers),
		WITH_SOURCE(another_kernel),
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
