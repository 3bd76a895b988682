// SPDX-License-Identifier: GPL-2.0-only
/* What a kernel image adds to the report of a trace of that kernel, and of no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "image_check.h"
#include "report/summary.h"
#include "class_ids.h"
#include "tiny_kernel.h"

static char path[] = "/tmp/thprace-image-XXXXXX";

/* A 5.10.0-tiny without the fixes of truncation. */
static int make_image(void **state)
{
	static const struct tiny_kernel kernel = {
		.flag = true, .split_flags = 0x9c, .poison_flags = 0x38, .honours = true};
	struct tiny *tiny = tiny__new();
	size_t btf_size, size;
	void *btf = tiny__btf(&kernel, &btf_size), *data;
	int fd = mkstemp(path);
	ssize_t written;

	(void)state;
	tiny__fill(tiny, &kernel);
	data = tiny__vmlinux(tiny, TINY_SYMTAB, btf, btf_size, &size);
	written = write(fd, data, size);
	tiny__free(tiny);
	free(data);
	free(btf);
	return fd < 0 || close(fd) || written != (ssize_t)size;
}

static int remove_image(void **state)
{
	(void)state;
	return unlink(path);
}

static struct image_check check_of(const char *file)
{
	struct image_check check;
	char why[512] = "";

	if (image_check__read(&check, file, why, sizeof(why)))
		fail_msg("%s", why);
	return check;
}

static void of_this_kernel(void **state)
{
	struct image_check check = check_of(path);
	struct summary *summary = calloc(1, sizeof(*summary));
	char why[512] = "";

	(void)state;
	assert_string_equal(check.release, "5.10.0-tiny");
	strcpy(summary->kernel, "5.10.0-tiny");
	assert_int_equal(image_check__add(&check, summary, why, sizeof(why)), 0);
	assert_true(summary->class[THPRACE_SPLIT_UNMAP].checked);
	assert_int_equal(summary->class[THPRACE_SPLIT_UNMAP].check, CHECK_FIXED);
	assert_int_equal(summary->class[THPRACE_TRUNCATE_UNMAP].check, CHECK_VULNERABLE);
	assert_false(summary->class[THPRACE_TRUNCATE_UNMAP].cannot_happen);
	assert_int_equal(summary->class[THPRACE_SPLIT_MIGRATE].check, CHECK_CANNOT_HAPPEN);
	assert_true(summary->class[THPRACE_SPLIT_MIGRATE].cannot_happen);
	assert_false(summary->class[THPRACE_CLASS_NONE].checked);
	free(summary);
}

static void of_another_kernel(void **state)
{
	static const char *const others[] = {"", "5.10.0", "5.10.0-tiny2", "6.1.0"};
	struct image_check check = check_of(path);
	struct summary *summary = calloc(1, sizeof(*summary));
	char why[512] = "";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		strcpy(summary->kernel, others[i]);
		assert_true(image_check__add(&check, summary, why, sizeof(why)) < 0);
		assert_non_null(strstr(why, "the image is Linux 5.10.0-tiny"));
		assert_false(summary->class[THPRACE_SPLIT_UNMAP].checked);
	}
	free(summary);
}

static void no_image(void **state)
{
	struct image_check check;
	char why[512] = "";

	(void)state;
	assert_true(image_check__read(&check, "/nowhere/vmlinux", why, sizeof(why)) < 0);
	assert_non_null(strstr(why, "/nowhere/vmlinux"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_this_kernel),
		cmocka_unit_test(of_another_kernel),
		cmocka_unit_test(no_image),
	};

	return cmocka_run_group_tests_name("image check", tests, make_image, remove_image);
}
