// SPDX-License-Identifier: GPL-2.0-only
/* What the last boot left: read from a copy, reported once. */
#include "alert_support.h"
#include "last_boot.h"

#include <sys/mman.h>
#include <unistd.h>

#define BAD_PAGE                                                                             \
	"<1>[   20.000001] Memory failure: 0xc0bb: failed to unmap page (mapcount=1)\n"      \
	"[   20.000002] Memory failure: 0xc0bb: recovery action for unmapping failed page: " \
	"Ignored\n"
#define RELEASE "[    0.000000] Linux version 5.10.0-30-amd64 (x@y) #1 SMP Debian 5.10.218-1\n"

static char directory[] = "/tmp/test_last_boot.XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static void forget(void)
{
	char path[sizeof(directory) + 16];

	snprintf(path, sizeof(path), "%s/last-boot", directory);
	unlink(path);
	sent = 0;
}

static int remove_directory(void **state)
{
	(void)state;
	forget();
	return rmdir(directory);
}

/* Number of messages for a copy with this text. */
static int report(const char *text)
{
	int fd = memfd_create("copy", MFD_CLOEXEC), count;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	count = last_boot__report(fd, directory, fake_send);
	close(fd);
	return count;
}

static void died_of_a_class(void **state)
{
	(void)state;
	forget();
	assert_int_equal(report(RELEASE BAD_PAGE "pstore /var/lib/systemd/pstore/17\n"), 1);
	assert_string_equal(kept[0].id, LOG_ID_LAST_BOOT);
	assert_int_equal(kept[0].priority, LOG_WARNING);
	assert_non_null(strstr(kept[0].text, "the last boot ended in \""));
	assert_non_null(strstr(kept[0].text, "may belong to hwpoison-unmap"));
	assert_string_equal(field(&kept[0], "THPRACE_CLASS"), "hwpoison-unmap");
	assert_string_equal(field(&kept[0], "THPRACE_KERNEL"), "5.10.0-30-amd64");
	assert_string_equal(field(&kept[0], "THPRACE_LOG"), "/var/lib/systemd/pstore/17");
	assert_string_equal(field(&kept[0], "THPRACE_READ"),
			    "thprace explain /var/lib/systemd/pstore/17");
}

static void reported_once(void **state)
{
	const char *text = RELEASE BAD_PAGE "pstore /x\n";

	(void)state;
	forget();
	assert_int_equal(report(text), 1);
	assert_int_equal(report(text), 0);
	assert_int_equal(sent, 1);
	forget();
	assert_int_equal(report(text), 1);
}

static void a_journal(void **state)
{
	(void)state;
	forget();
	assert_int_equal(report(RELEASE BAD_PAGE "journal 0123456789abcdef0123456789abcdef\n"), 1);
	assert_non_null(strstr(kept[0].text, "in the last boot the kernel complained: \""));
	assert_string_equal(field(&kept[0], "THPRACE_READ"),
			    "journalctl -k -b 0123456789abcdef0123456789abcdef | thprace explain");
	forget();
	/* A boot that ended well is no message. */
	assert_int_equal(report(RELEASE "journal 0123456789abcdef0123456789abcdef\n"), 0);
	assert_int_equal(sent, 0);
}

static void died_of_something_else(void **state)
{
	(void)state;
	forget();
	assert_int_equal(report(RELEASE "[   30.0] Kernel panic - not syncing: x\npstore /y\n"), 1);
	assert_int_equal(kept[0].priority, LOG_NOTICE);
	assert_non_null(strstr(kept[0].text, "no complaint about pages is in it: /y"));
	assert_null(field(&kept[0], "THPRACE_CLASS"));
}

/* Of a log that is too long, the end is read. */
static void long_log(void **state)
{
	const size_t size = 5 << 20;
	char *text = malloc(size + 4096);
	size_t i;

	(void)state;
	forget();
	for (i = 0; i < size; i += 16)
		memcpy(text + i, "[    1.000000] \n", 16);
	memcpy(text + size, RELEASE BAD_PAGE "pstore /z\n", sizeof(RELEASE BAD_PAGE "pstore /z\n"));
	assert_int_equal(report(text), 1);
	assert_string_equal(field(&kept[0], "THPRACE_CLASS"), "hwpoison-unmap");
	free(text);
}

static void damaged(void **state)
{
	(void)state;
	forget();
	assert_int_equal(report(""), 0);
	forget();
	assert_int_equal(report("no source"), 0);
	forget();
	assert_int_equal(report("one line\nother /x\n"), 0);
	assert_int_equal(last_boot__report(-1, directory, fake_send), 0);
	assert_int_equal(sent, 0);
}

/* What this machine itself has, if anything: a descriptor, or nothing. */
static void copied(void **state)
{
	char why[256] = "";
	int fd = last_boot__copy(why, sizeof(why));

	(void)state;
	if (fd >= 0)
		close(fd);
	else
		assert_true(fd == -ENOENT || why[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(died_of_a_class), cmocka_unit_test(reported_once),
		cmocka_unit_test(a_journal),	   cmocka_unit_test(died_of_something_else),
		cmocka_unit_test(long_log),	   cmocka_unit_test(damaged),
		cmocka_unit_test(copied),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
