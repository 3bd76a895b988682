// SPDX-License-Identifier: GPL-2.0-only
/* Files with a kernel's BTF: bad ones are refused with a reason, and a plan can rest on a good one alone. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/btf.h>

#include "probe.h"
#include "target.h"
#include "target_btf.h"

#define NAMES 96

static char path[64];
static int type_int, type_pointer, type_struct, type_reference;

static int make_path(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/thprace-btf-XXXXXX");
	close(mkstemp(path));
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_file(const void *data, size_t size)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* A function. Its parameters are pointers; *name is a pointer to one, !name a structure. */
static void add_function(struct btf *btf, const char *name, const char *params)
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
static struct btf *kernel_btf(void)
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

static void write_btf(const struct btf *btf, size_t less)
{
	__u32 size;
	const void *data = btf__raw_data(btf, &size);

	write_file(data, size - less);
}

static void refused(const char *because)
{
	char why[512] = "";

	assert_null(target_btf__read(path, why, sizeof(why)));
	if (!strstr(why, because))
		fail_msg("'%s' does not say '%s'", why, because);
	assert_non_null(strstr(why, path));
}

static void bad_files(void **state)
{
	static const char not_elf[] = "\x7f"
				      "ELF is not all of it";
	struct btf *btf = kernel_btf(), *other = btf__new_empty();
	char whole[sizeof(path)];

	(void)state;
	write_file("", 0);
	refused("holds no BTF");
	write_file(not_elf, sizeof(not_elf));
	refused("holds no BTF");
	write_btf(btf, 1);
	refused("cut off or damaged");
	write_btf(btf, 200);
	refused("cut off or damaged");
	btf__add_struct(other, "page", 64);
	write_btf(other, 0);
	refused("no kernel's");
	btf__free(btf);
	btf__free(other);

	memcpy(whole, path, sizeof(path));
	snprintf(path, sizeof(path), "/tmp/thprace-no-such-file");
	refused("No such file");
	snprintf(path, sizeof(path), "/tmp");
	refused("not a regular file");
	memcpy(path, whole, sizeof(path));
}

static void plan_of_file(struct probe_plan *plan, enum probe_attach attach)
{
	const struct target_options options = {.btf = path, .elsewhere = true};
	struct target *target;
	const char *names[NAMES];
	char why[512] = "";

	if (target__new(&target, &options, names, probe__names(names, NAMES), why, sizeof(why)))
		fail_msg("%s", why);
	assert_string_equal(target__btf_file(target), path);
	assert_true(target__elsewhere(target));
	probe__plan(plan, target, THPRACE_PRECISE, attach);
	target__free(target);
}

static void a_plan_without_the_kernel(void **state)
{
	struct btf *btf = kernel_btf();
	struct probe_plan plan;
	const struct probe *probe = plan.probe;
	char why[256];

	(void)state;
	write_btf(btf, 0);
	btf__free(btf);
	plan_of_file(&plan, PROBE_ATTACH_AUTO);
	assert_true(probe__usable(&plan, why, sizeof(why)));
	assert_int_equal(probe[THPRACE_POINT_ZAP].state, PROBE_PLANNED);
	assert_int_equal(probe[THPRACE_POINT_ZAP].kind, PROBE_FENTRY);
	assert_int_equal(probe[THPRACE_POINT_MIGRATE].state, PROBE_ABSENT);
	assert_non_null(strstr(probe[THPRACE_POINT_MIGRATE].reason, "not in this BTF"));
	assert_non_null(
		strstr(probe__not_observable(&plan, THPRACE_SPLIT_MIGRATE), "try_to_migrate"));
	assert_null(probe__not_observable(&plan, THPRACE_SPLIT_UNMAP));
	assert_null(probe__not_observable(&plan, THPRACE_COLLAPSE_REUSE));
	/* An argument that is a structure: no fentry. */
	assert_int_equal(probe[THPRACE_POINT_TRUNCATE].kind, PROBE_KPROBE);
	assert_non_null(strstr(probe[THPRACE_POINT_TRUNCATE].reason, "fentry cannot"));
	plan_of_file(&plan, PROBE_ATTACH_FENTRY);
	assert_int_equal(probe[THPRACE_POINT_TRUNCATE].state, PROBE_FAILED);
	assert_int_equal(probe[THPRACE_POINT_TRUNCATE].kind, PROBE_NONE);
}

static void each_name_once(void **state)
{
	const char *names[NAMES];
	size_t i, j, count = probe__names(names, NAMES);

	(void)state;
	assert_in_range(count, THPRACE_POINT_MAX, 63); /* what callers have room for */
	for (i = 0; i < count; i++)
		for (j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
}

static void nothing_in_the_search_path(void **state)
{
	char found[256] = "x";

	(void)state;
	assert_false(target_btf__search("0.0.0-no-such-release", found, sizeof(found)));
	assert_string_equal(found, "");
}

static void whose_functions(void **state)
{
	struct btf *btf = kernel_btf();
	struct btf_functions *functions = btf_functions__new(btf);
	const char *example;
	size_t count;

	(void)state;
	assert_non_null(functions);
	assert_int_equal(btf_functions__strange(functions, &count, &example), 9);
	assert_int_equal(count, 9);
	btf_functions__note(functions, "io_schedule");
	btf_functions__note(functions, "collapse_file.constprop.0");
	btf_functions__note(functions, "not_there");
	btf_functions__note(functions, "zap_huge_pmd");
	btf_functions__note(functions, "zap_huge_pmd");
	assert_int_equal(btf_functions__strange(functions, &count, &example), 6);
	assert_string_equal(example, "__pmd_trans_huge_lock");
	btf_functions__free(functions);
	btf__free(btf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bad_files, make_path, remove_path),
		cmocka_unit_test_setup_teardown(a_plan_without_the_kernel, make_path, remove_path),
		cmocka_unit_test(each_name_once),
		cmocka_unit_test(nothing_in_the_search_path),
		cmocka_unit_test(whose_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
