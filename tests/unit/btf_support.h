/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of BTF: a file under /tmp, and the BTF of a small kernel. */
#ifndef TESTS_BTF_SUPPORT_H
#define TESTS_BTF_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <bpf/btf.h>
#include "kernel/target_btf.h"

static char path[64];
static int type_int, type_pointer, type_struct, type_reference;

static inline int make_path(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/thprace-btf-XXXXXX");
	close(mkstemp(path));
	return 0;
}

static inline int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static inline void write_file(const void *data, size_t size)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* A function. Its parameters are pointers; *name is a pointer to one, !name a structure. */
static inline void add_function(struct btf *btf, const char *name, const char *params)
{
	char words[128], *word, *rest = words;
	int proto = btf__add_func_proto(btf, type_int);

	snprintf(words, sizeof(words), "%s", params);
	while ((word = strtok_r(rest, " ", &rest))) {
		if (word[0] == '*')
			btf__add_func_param(btf, word + 1, type_reference);
		else if (word[0] == '!')
			btf__add_func_param(btf, word + 1, type_struct);
		else
			btf__add_func_param(btf, word, type_pointer);
	}
	assert_true(btf__add_func(btf, name, BTF_FUNC_STATIC, proto) > 0);
}

/* The BTF of a small kernel: 5.10's collapse_file, no try_to_migrate, an argument that fentry refuses. */
static inline struct btf *kernel_btf(void)
{
	struct btf *btf = btf__new_empty();

	type_int = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	type_struct = btf__add_struct(btf, "page", 64);
	type_pointer = btf__add_ptr(btf, type_struct);
	type_reference = btf__add_ptr(btf, type_pointer);
	add_function(btf, "io_schedule", "");
	add_function(btf, "finish_wait", "wq_head wq_entry");
	add_function(btf, "wake_page_function", "wait mode");
	add_function(btf, "zap_huge_pmd", "tlb vma pmd addr");
	add_function(btf, "__pmd_trans_huge_lock", "pmd vma");
	add_function(btf, "page_remove_rmap", "page compound");
	add_function(btf, "try_to_unmap", "page flags");
	add_function(btf, "truncate_cleanup_page", "!page");
	add_function(btf, "collapse_file", "mm file start *hpage node");
	return btf;
}

static inline void write_btf(const struct btf *btf, size_t less)
{
	__u32 size;
	const void *data = btf__raw_data(btf, &size);

	write_file(data, size - less);
}

#endif
