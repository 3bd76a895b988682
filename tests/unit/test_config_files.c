// SPDX-License-Identifier: GPL-2.0-only
/* The configuration: lines, error messages, files and their order. */
#include "config_support.h"

#include "bounded.h"

static void complaints(void **state)
{
	struct tree *tree = *state;

	assert_int_equal(load_text(tree, "key=1\n"
					 "; a comment\n"
					 "[spool]\n"
					 "max_sise=1\n"
					 "max_size=1\n"
					 "\n"
					 "no key\n"
					 "[unknown]\n"
					 "fold=1s\n"
					 "[alerts\n"
					 "fold=nonsense\n"
					 "[alerts] fold=1\n"
					 "[ alerts ]\n"
					 "[alerts] ; a comment\n"
					 "mode=light\n"
					 "=x\n"
					 "last"),
			 -EINVAL);
	expect_why(tree,
		   "%R/x.conf:1: 'key' is before the first [section]\n"
		   "%R/x.conf:4: unknown key 'max_sise' in [spool]; thprace.conf(5) lists "
		   "them\n"
		   "%R/x.conf:5: max_size=: '1' is not between 1M and 64T\n"
		   "%R/x.conf:7: neither a [section] nor key = value\n"
		   "%R/x.conf:8: unknown section [unknown]; thprace.conf(5) lists them\n"
		   "%R/x.conf:10: the section's ']' is missing\n"
		   "%R/x.conf:12: only a comment may follow a section's name\n"
		   "%R/x.conf:13: unknown section [ alerts ]; thprace.conf(5) lists them\n"
		   "%R/x.conf:15: unknown key 'mode' in [alerts]; thprace.conf(5) lists them\n"
		   "%R/x.conf:16: unknown key '' in [alerts]; thprace.conf(5) lists them\n"
		   "%R/x.conf:17: neither a [section] nor key = value");
	expect_untouched(tree);
}

/* Text from a file goes to a terminal: no control characters, no endless lines. */
static void complaints_are_clean(void **state)
{
	struct tree *tree = *state;
	const char *c;

	assert_int_equal(load_text(tree, "[a\033[2J]\n[spool]\n\033]0;x=1\nmax_size=\033[2J\n"),
			 -EINVAL);
	for (c = tree->why; *c; c++)
		assert_true(*c == '\n' || (unsigned char)*c >= ' ');
}

static void too_many_complaints(void **state)
{
	struct tree *tree = *state;
	char text[8192] = "[spool]\n", why[300];
	size_t i, lines = 0;
	unsigned int more = 0;

	for (i = 0; i < 100; i++)
		strcat(text, "x=1\n");
	write_file(tree, "x.conf", text);
	assert_int_equal(config__load(&tree->config, "", tree->file, why, sizeof(why)), -EINVAL);
	for (i = 0; why[i]; i++)
		lines += why[i] == '\n';
	assert_int_equal(sscanf(strrchr(why, '\n'), "\n(and %u more)", &more), 1);
	assert_int_equal(lines + more, 100);
	assert_true(lines >= 2);
	/* Without any space for messages, everything else still works. */
	for (i = 0; i < 40; i++) {
		memset(why, 'x', sizeof(why));
		assert_int_equal(config__load(&tree->config, "", tree->file, why, i), -EINVAL);
		assert_int_equal(why[i], 'x');
		assert_true(!i || strnlen(why, i) < i);
	}
}

static void forms(void **state)
{
	struct tree *tree = *state;
	static const char nul[] = "[alerts]\nfold=5s\0x\nper_minute=7\n";
	char text[1024];

	/* No newline at the end. */
	assert_int_equal(load_text(tree, "[alerts]\nfold=5s"), 0);
	assert_int_equal(tree->config.alerts.fold, 5);
	/* CRLF. */
	assert_int_equal(load_text(tree, "[alerts]\r\n\r\nfold=5s\r\n# x\r\nper_minute = 7\r\n"),
			 0);
	assert_int_equal(tree->config.alerts.fold, 5);
	assert_int_equal(tree->config.alerts.per_minute, 7);
	/* A byte order mark. */
	assert_int_equal(load_text(tree, "\xef\xbb\xbf[alerts]\nfold=5s\n"), 0);
	assert_int_equal(tree->config.alerts.fold, 5);
	/* Indented lines are lines of their own. */
	assert_int_equal(load_text(tree, "[alerts]\n  fold=5s\n\tper_minute=7\n   # x\n"), 0);
	assert_int_equal(tree->config.alerts.fold, 5);
	assert_int_equal(tree->config.alerts.per_minute, 7);
	assert_int_equal(load_text(tree, "[spool]\ndirectory=/a\n  /b\n"), -EINVAL);
	expect_why(tree, "%R/x.conf:3: neither a [section] nor key = value");
	/* Comments. */
	assert_int_equal(load_text(tree, "#x\n;x\n[alerts] # x\nfold = 5s ; x\n"), 0);
	assert_int_equal(tree->config.alerts.fold, 5);
	assert_int_equal(load_text(tree, "[alerts]\nfold = 5s # x\n"), -EINVAL);
	assert_int_equal(load_text(tree, "[alerts]\nfold=;5s\n"), -EINVAL);
	assert_int_equal(load_text(tree, "[alerts]\nfold ; = 5s\n"), -EINVAL);
	expect_why(tree, "%R/x.conf:2: neither a [section] nor key = value");
	/* A ':' does as well; the first of both ends the key. */
	assert_int_equal(load_text(tree, "[alerts]\nfold:7s\n[spool]\ndirectory : /a=b:c \t\n"), 0);
	assert_int_equal(tree->config.alerts.fold, 7);
	assert_string_equal(tree->config.spool.directory, "/a=b:c");
	/* A section without a name does not exist. */
	assert_int_equal(load_text(tree, "[]\nfold=1s\n"), -EINVAL);
	expect_why(tree, "%R/x.conf:1: unknown section []; thprace.conf(5) lists them");
	/* Nothing at all. */
	assert_int_equal(load_text(tree, ""), 0);
	assert_int_equal(load_text(tree, "\n\n"), 0);
	/* The later one counts. */
	assert_int_equal(load_text(tree, "[alerts]\nfold=5s\n[spool]\n[alerts]\nfold=6s\n"), 0);
	assert_int_equal(tree->config.alerts.fold, 6);
	/* A NUL byte. */
	write_bytes(tree, "x.conf", nul, sizeof(nul) - 1);
	assert_int_equal(config__load(&tree->config, "", tree->file, tree->why, WHY_MAX), -EINVAL);
	expect_why(tree, "%R/x.conf:2: a NUL byte: this is not a text file");
	/* A line is too long, with one byte; comments may have any length. */
	snprintf(text, sizeof(text), "[spool]\ndirectory=/%0*d\n", 197 - 11, 0);
	assert_int_equal(load_text(tree, text), 0);
	snprintf(text, sizeof(text), "[spool]\ndirectory=/%0*d\nmax_size=2M\n", 198 - 11, 0);
	assert_int_equal(load_text(tree, text), -EINVAL);
	expect_why(tree, "%R/x.conf:2: longer than 197 bytes");
	snprintf(text, sizeof(text), "[spool]\n# %0*d\n%*smax_age=2d ; x\n", 500, 0, 250, "");
	assert_int_equal(load_text(tree, text), 0);
	assert_int_equal(tree->config.spool.max_age, 2 * 86400);
	/* Continued lines are not supported, and the message says so. */
	assert_int_equal(load_text(tree, "[alerts]\nfold = 5s \\\n 6s\n"), -EINVAL);
	expect_why(tree, "%R/x.conf:2: fold=: a line cannot be continued by '\\'\n"
			 "%R/x.conf:3: neither a [section] nor key = value");
}

static void contradictions(void **state)
{
	struct tree *tree = *state;

	assert_int_equal(load_text(tree, "[spool]\nfile_size=300M\n"), -EINVAL);
	expect_why(tree, "%R/x.conf:2: file_size=, which is 300M, is above max_size=, which is "
			 "256M: set both");
	assert_int_equal(load_text(tree, "[spool]\nmax_size=15M\n\nmax_age=1h\n"), -EINVAL);
	expect_why(tree, "%R/x.conf:2: file_size=, which is 16M, is above max_size=, which is 15M: "
			 "set both\n"
			 "%R/x.conf:4: file_age=, which is 1d, is above max_age=, which is 1h: set "
			 "both");
	expect_untouched(tree);
	assert_int_equal(load_text(tree, "[spool]\nmax_size=1M\nfile_size=1M\nmax_age=1\n"
					 "file_age=1s\n"),
			 0);
}

static void main_file(void **state)
{
	struct tree *tree = *state;

	/* None at all. */
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 60);
	write_file(tree, "usr/lib/thprace/thprace.conf", "[alerts]\nfold=3\nper_minute=3\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 3);
	/* One hides the other completely. */
	write_file(tree, "run/thprace/thprace.conf", "[alerts]\nfold=2\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 2);
	assert_int_equal(tree->config.alerts.per_minute, 10);
	write_file(tree, "etc/thprace/thprace.conf", "[alerts]\nfold=1\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 1);
	/* Also when it is empty. */
	write_file(tree, "etc/thprace/thprace.conf", "");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 60);
}

static void drop_ins(void **state)
{
	struct tree *tree = *state;

	write_file(tree, "etc/thprace/thprace.conf",
		   "[alerts]\nfold=1\nper_minute=1\n[spool]\nmax_age=2d\n");
	/* Sorted by name, from all places; each overrides the main file. */
	write_file(tree, "etc/thprace/thprace.conf.d/10-a.conf", "[alerts]\nfold=10\n");
	write_file(tree, "usr/lib/thprace/thprace.conf.d/20-b.conf",
		   "[alerts]\nfold=20\nper_minute=20\n");
	write_file(tree, "run/thprace/thprace.conf.d/15-c.conf",
		   "[alerts]\nfold=15\nper_minute=15\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 20);
	assert_int_equal(tree->config.alerts.per_minute, 20);
	assert_int_equal(tree->config.spool.max_age, 2 * 86400);
	/* Of two with the same name, the one in /etc counts, then the one in /run. */
	write_file(tree, "run/thprace/thprace.conf.d/20-b.conf", "[alerts]\nfold=21\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 21);
	assert_int_equal(tree->config.alerts.per_minute, 15);
	write_file(tree, "etc/thprace/thprace.conf.d/20-b.conf", "[alerts]\nfold=22\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 22);
	/* An empty value sets the default. */
	write_file(tree, "etc/thprace/thprace.conf.d/30.conf", "[alerts]\nfold=\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 60);
	/* Other names are not read. */
	write_file(tree, "etc/thprace/thprace.conf.d/99.conf.dpkg-new", "nonsense");
	write_file(tree, "etc/thprace/thprace.conf.d/.99.conf", "nonsense");
	write_file(tree, "etc/thprace/thprace.conf.d/README", "nonsense");
	assert_int_equal(load(tree), 0);
}

static void masked(void **state)
{
	struct tree *tree = *state;
	char path[256];

	write_file(tree, "usr/lib/thprace/thprace.conf", "[alerts]\nfold=1\n");
	write_file(tree, "usr/lib/thprace/thprace.conf.d/10.conf", "[alerts]\nper_minute=2\n");
	write_file(tree, "usr/lib/thprace/thprace.conf.d/11.conf", "[spool]\nmax_age=3d\n");
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 1);
	assert_int_equal(tree->config.alerts.per_minute, 2);
	assert_int_equal(tree->config.spool.max_age, 3 * 86400);
	snprintf(path, sizeof(path), "%s/run/thprace/thprace.conf.d/10.conf", tree->root);
	assert_int_equal(symlink("/dev/null", path), 0);
	write_file(tree, "etc/thprace/thprace.conf.d/11.conf", "");
	snprintf(path, sizeof(path), "%s/etc/thprace/thprace.conf", tree->root);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(load(tree), 0);
	assert_int_equal(tree->config.alerts.fold, 60);
	assert_int_equal(tree->config.alerts.per_minute, 10);
	assert_int_equal(tree->config.spool.max_age, 30 * 86400);
}

/* The errors of all files together; a contradiction is reported where it was caused. */
static void complaints_of_files(void **state)
{
	struct tree *tree = *state;

	write_file(tree, "etc/thprace/thprace.conf", "[spool]\n\nx=1\n");
	write_file(tree, "run/thprace/thprace.conf.d/5.conf", "[x]\n");
	write_file(tree, "etc/thprace/thprace.conf.d/6.conf", "[alerts]\nfold=x\n");
	assert_int_equal(load(tree), -EINVAL);
	expect_why(tree, "%R/etc/thprace/thprace.conf:3: unknown key 'x' in [spool]; "
			 "thprace.conf(5) lists them\n"
			 "%R/run/thprace/thprace.conf.d/5.conf:1: unknown section [x]; "
			 "thprace.conf(5) lists them\n"
			 "%R/etc/thprace/thprace.conf.d/6.conf:2: fold=: 'x' is not a length "
			 "of time: 90, 1.5s, 500ms, 10min, 2h, 1d");
	expect_untouched(tree);
	write_file(tree, "etc/thprace/thprace.conf", "[spool]\nfile_size=32M\n");
	write_file(tree, "run/thprace/thprace.conf.d/5.conf",
		   "[spool]\n\nfile_size=64M\nmax_size=128M\n");
	write_file(tree, "etc/thprace/thprace.conf.d/6.conf", "[spool]\nmax_size=48M\n");
	assert_int_equal(load(tree), -EINVAL);
	expect_why(tree, "%R/run/thprace/thprace.conf.d/5.conf:3: file_size=, which is 64M, is "
			 "above max_size=, which is 48M: set both");
}

static void bad_files(void **state)
{
	struct tree *tree = *state;
	char path[256];

	snprintf(path, sizeof(path), "%s/etc/thprace/thprace.conf", tree->root);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(load(tree), -EISDIR);
	expect_why(tree, "%R/etc/thprace/thprace.conf: is a directory, not a file");
	assert_int_equal(rmdir(path), 0);
	/* open() would wait forever for it. */
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_int_equal(load(tree), -EINVAL);
	expect_why(tree, "%R/etc/thprace/thprace.conf: is something special, not a file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/nonexistent/x", path), 0);
	assert_int_equal(load(tree), -ENOENT);
	expect_why(tree,
		   "%R/etc/thprace/thprace.conf: cannot be opened: No such file or directory");
	expect_untouched(tree);
	/* --config: only that one, and it must exist. */
	assert_int_equal(load_text(tree, "[alerts]\nfold=5s\n"), 0);
	assert_int_equal(unlink(tree->file), 0);
	assert_int_equal(config__load(&tree->config, "", tree->file, tree->why, WHY_MAX), -ENOENT);
	expect_why(tree, "%R/x.conf: cannot be opened: No such file or directory");
	/* A folder of drop-ins that is not a folder. */
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/run/thprace/thprace.conf.d", tree->root);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(load(tree), 0);
	write_file(tree, "run/thprace/thprace.conf.d", "");
	assert_int_equal(load(tree), -ENOTDIR);
	expect_why(tree, "%R/run/thprace/thprace.conf.d: cannot be listed: Not a directory");
}

static int load_large(void *ctx)
{
	struct tree *tree = ctx;
	int err = config__load(&tree->config, "", tree->file, tree->why, WHY_MAX);

	return err == -EFBIG && strstr(tree->why, "x.conf: is larger than 1024 KiB: ") ? 0 : 1;
}

/* A valid file of the maximum size, and larger ones: by a byte, and by 20 GB, in one line. */
static void large_files(void **state)
{
	static const char line[] = "# comment\n", last[] = "[alerts]\nfold=5s\n#";
	const size_t largest = 1 << 20;
	struct tree *tree = *state;
	char *text = malloc(largest + 1);
	size_t i;

	assert_non_null(text);
	for (i = 0; i < largest; i++)
		text[i] = line[i % (sizeof(line) - 1)];
	memset(text + largest - sizeof(last) - 10, '\n', sizeof(last) + 10);
	memcpy(text + largest - sizeof(last) + 1, last, sizeof(last) - 1);
	text[largest] = '\n';
	write_bytes(tree, "x.conf", text, largest);
	assert_int_equal(config__load(&tree->config, "", tree->file, tree->why, WHY_MAX), 0);
	assert_int_equal(tree->config.alerts.fold, 5);
	write_bytes(tree, "x.conf", text, largest + 1);
	assert_int_equal(bounded(load_large, tree), 0);
	assert_int_equal(truncate(tree->file, 0), 0);
	assert_int_equal(truncate(tree->file, 20LL << 30), 0);
	assert_int_equal(bounded(load_large, tree), 0);
	free(text);
}

/* root may read anything, so this runs as another user. */
static void not_readable(void **state)
{
	struct tree *tree = *state;
	char path[256];
	int err;

	write_file(tree, "etc/thprace/thprace.conf", "[alerts]\nfold=5s\n");
	snprintf(path, sizeof(path), "%s/etc/thprace/thprace.conf", tree->root);
	assert_int_equal(chmod(path, 0), 0);
	if (!geteuid())
		assert_return_code(seteuid(65534), errno);
	err = load(tree);
	if (!getuid())
		assert_return_code(seteuid(0), errno);
	assert_int_equal(err, -EACCES);
	expect_why(tree,
		   "%R/etc/thprace/thprace.conf: cannot be opened: Permission denied; thpraced's "
		   "account has to be able to read it");
	/* A folder that cannot be searched must not pass for an empty one. */
	assert_int_equal(chmod(path, 0644), 0);
	snprintf(path, sizeof(path), "%s/etc/thprace", tree->root);
	assert_int_equal(chmod(path, 0), 0);
	if (!geteuid())
		assert_return_code(seteuid(65534), errno);
	err = load(tree);
	if (!getuid())
		assert_return_code(seteuid(0), errno);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(err, -EACCES);
}

/* Random bytes: it never crashes, and each failure has a message. */
static void garbage(void **state)
{
	static const char alphabet[] =
		"[]=;#\\ \n\n\r\tabfoldspoolalerts0159kMGs%./\x80\xef\xbb\xbf";
	struct tree *tree = *state;
	char bytes[600];
	unsigned int round;
	size_t i, size;

	srand(1);
	for (round = 0; round < 3000; round++) {
		size = (size_t)rand() % sizeof(bytes);
		for (i = 0; i < size; i++)
			bytes[i] = alphabet[(size_t)rand() % sizeof(alphabet)];
		write_bytes(tree, "x.conf", bytes, size);
		if (config__load(&tree->config, "", tree->file, tree->why, WHY_MAX))
			assert_true(tree->why[0]);
		else
			assert_string_equal(tree->why, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TREE(complaints),
		WITH_TREE(complaints_are_clean),
		WITH_TREE(too_many_complaints),
		WITH_TREE(forms),
		WITH_TREE(contradictions),
		WITH_TREE(main_file),
		WITH_TREE(drop_ins),
		WITH_TREE(masked),
		WITH_TREE(complaints_of_files),
		WITH_TREE(bad_files),
		WITH_TREE(large_files),
		WITH_TREE(not_readable),
		WITH_TREE(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
