// SPDX-License-Identifier: GPL-2.0-only
/* Links in the spool's folder are not followed, and only the group may read its files. */
#include "spool_support.h"

static char elsewhere[96];

static void point_at(const char *name)
{
	struct stat st;

	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", base);
	if (stat(elsewhere, &st)) {
		FILE *out = fopen(elsewhere, "w");

		assert_non_null(out);
		assert_int_equal(fputs("7\n", out) < 0, 0);
		fclose(out);
	}
	assert_int_equal(symlink(elsewhere, in_folder(name)), 0);
}

static void test_links(void **state)
{
	uint64_t next = 0;
	struct stat st;

	(void)state;
	assert_int_equal(mkdir(folder, 0750), 0);
	point_at("probe");
	assert_int_equal(spool_files__probe(folder), 0);
	assert_int_equal(lstat(in_folder("probe"), &st), -1);
	point_at("next-number");
	assert_int_equal(spool_files__note(folder, 5000), -ELOOP);
	assert_int_equal(spool_files__number(folder, &next), 0);
	assert_int_equal(next, 1);
	assert_int_equal(stat(elsewhere, &st), 0);
	assert_int_equal(st.st_size, 2);
}

static void test_modes(void **state)
{
	char name[SPOOL_NAME_LEN];
	struct spool *spool;
	struct stat st;
	mode_t before = umask(0);

	(void)state;
	spool = open_spool();
	spool_dir__name(name, add_incidents(spool, THPRACE_ESCAPE, 1));
	spool__close(spool);
	umask(before);
	assert_int_equal(stat(in_folder(name), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(stat(in_folder("next-number"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(test_links),
		SPOOL_TEST(test_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
