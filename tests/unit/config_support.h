/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of the configuration: a folder that stands for the root. */
#ifndef THPRACE_CONFIG_SUPPORT_H
#define THPRACE_CONFIG_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include <cmocka.h>
#include "config_private.h"

#define WHY_MAX 16384

/* A folder that stands for the root, and the result of config__load() there. */
struct tree {
	char root[64];
	char file[96]; /* for a separate file */
	struct config config;
	char why[WHY_MAX];
};

static inline int begin(void **state)
{
	static const char *const folders[] = {"etc",
					      "etc/thprace",
					      "etc/thprace/thprace.conf.d",
					      "run",
					      "run/thprace",
					      "run/thprace/thprace.conf.d",
					      "usr",
					      "usr/lib",
					      "usr/lib/thprace",
					      "usr/lib/thprace/thprace.conf.d"};
	struct tree *tree = calloc(1, sizeof(*tree));
	char path[256];
	size_t i;

	assert_non_null(tree);
	strcpy(tree->root, "/tmp/test_config.XXXXXX");
	assert_non_null(mkdtemp(tree->root));
	assert_int_equal(chmod(tree->root, 0755), 0);
	snprintf(tree->file, sizeof(tree->file), "%s/x.conf", tree->root);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", tree->root, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	*state = tree;
	return 0;
}

static inline int drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int end(void **state)
{
	struct tree *tree = *state;

	nftw(tree->root, drop, 16, FTW_DEPTH | FTW_PHYS);
	free(tree);
	return 0;
}

static inline void write_bytes(const struct tree *tree, const char *path, const void *bytes,
			       size_t size)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", tree->root, path);
	file = fopen(full, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static inline void write_file(const struct tree *tree, const char *path, const char *text)
{
	write_bytes(tree, path, text, strlen(text));
}

static inline int load(struct tree *tree)
{
	memset(&tree->config, 0xa5, sizeof(tree->config));
	return config__load(&tree->config, tree->root, NULL, tree->why, sizeof(tree->why));
}

/* Of one file with this text. */
static inline int load_text(struct tree *tree, const char *text)
{
	write_file(tree, "x.conf", text);
	memset(&tree->config, 0xa5, sizeof(tree->config));
	return config__load(&tree->config, "", tree->file, tree->why, sizeof(tree->why));
}

/*
 * Only "ROOT/path:line: text", lines separated by newlines; %R is the folder that stands for the
 * root.
 */
static inline void expect_why(const struct tree *tree, const char *what)
{
	char wanted[WHY_MAX];
	size_t length = 0;

	for (; *what; what++) {
		if (what[0] == '%' && what[1] == 'R') {
			length += (size_t)sprintf(wanted + length, "%s", tree->root);
			what++;
		} else {
			wanted[length++] = *what;
		}
	}
	wanted[length] = '\0';
	assert_string_equal(tree->why, wanted);
}

static inline void expect_untouched(const struct tree *tree)
{
	const unsigned char *bytes = (const unsigned char *)&tree->config;
	size_t i;

	for (i = 0; i < sizeof(tree->config); i++)
		assert_int_equal(bytes[i], 0xa5);
}

static inline char *text_of(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	config__print(config, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static inline void expect_equal(const struct config *a, const struct config *b)
{
	char *a_text = text_of(a), *b_text = text_of(b);

	assert_string_equal(a_text, b_text);
	free(a_text);
	free(b_text);
}

#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
