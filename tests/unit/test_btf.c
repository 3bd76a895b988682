// SPDX-License-Identifier: GPL-2.0-only
/* Files with a kernel's BTF: bad and hostile ones are refused with a reason, in bounded time. */
#include "btf_support.h"

#include "bounded.h"
#include "check/check_source.h"
#include "kernel/btf_walk.h"

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
	refused("has no BTF");
	write_file(not_elf, sizeof(not_elf));
	refused("has no BTF");
	write_btf(btf, 1);
	refused("cut off");
	write_btf(btf, 200);
	refused("cut off");
	btf__add_struct(other, "page", 64);
	write_btf(other, 0);
	refused("not of a kernel");
	btf__free(btf);
	btf__free(other);

	memcpy(whole, path, sizeof(path));
	snprintf(path, sizeof(path), "/tmp/thprace-no-such-file");
	refused("No such file");
	snprintf(path, sizeof(path), "/tmp");
	refused("not a regular file");
	memcpy(path, whole, sizeof(path));
}

/* How each damages the small kernel's BTF before it is written. */
struct hostile {
	const char *because;
	void (*damage)(struct btf *btf);
};

static struct btf_type *last(struct btf *btf)
{
	return (struct btf_type *)btf__type_by_id(btf, btf__type_cnt(btf) - 1);
}

static void own_typedef(struct btf *btf)
{
	add_function(btf, "page_add_file_rmap", "");
	btf__add_func_param(btf, "page", (int)btf__type_cnt(btf));
	btf__add_typedef(btf, "loop", (int)btf__type_cnt(btf));
}

static void own_pointer(struct btf *btf)
{
	btf__add_ptr(btf, (int)btf__type_cnt(btf));
}

static void circle_of_three(struct btf *btf)
{
	int id = (int)btf__type_cnt(btf);

	btf__add_const(btf, id + 1);
	btf__add_typedef(btf, "circle", id + 2);
	btf__add_ptr(btf, id);
}

static void own_member(struct btf *btf)
{
	int id = btf__add_struct(btf, "within", 8), i;

	for (i = 0; i < 64; i++)
		btf__add_field(btf, NULL, id, 0, 0);
}

/* Ten structures, each with the one before as its member, fifty times. */
static void wide(struct btf *btf)
{
	int before = type_struct, id, i, j;

	for (i = 0; i < 10; i++, before = id) {
		id = btf__add_struct(btf, NULL, 8);
		for (j = 0; j < 50; j++)
			btf__add_field(btf, NULL, before, 0, 0);
	}
}

/* Many that are each just within the limit: together they are not. */
static void many_wide(struct btf *btf)
{
	int inner = btf__add_struct(btf, NULL, 8), i, j;

	for (j = 0; j < 120; j++)
		btf__add_field(btf, "x", type_int, 0, 0);
	for (i = 0; i < 1200; i++) {
		btf__add_struct(btf, "outer", 8);
		for (j = 0; j < 130; j++)
			btf__add_field(btf, NULL, inner, 0, 0);
	}
}

static void name_outside(struct btf *btf)
{
	last(btf)->name_off = 0x7fffff;
}

static void param_outside(struct btf *btf)
{
	add_function(btf, "page_add_file_rmap", "page");
	btf_params(btf__type_by_id(btf, btf__type_cnt(btf) - 2))->name_off = 0x7fffff;
}

static void type_outside(struct btf *btf)
{
	btf__add_ptr(btf, 1);
	last(btf)->type = 0x7fffff;
}

static void member_outside(struct btf *btf)
{
	btf__add_struct(btf, "outside", 8);
	btf__add_field(btf, "member", 1, 0, 0);
	btf_members(last(btf))->type = 0x7fffff;
}

static void escape_name(struct btf *btf)
{
	btf__add_struct(btf, "x", 8);
	last(btf)->name_off = (__u32)btf__add_str(btf, "\033]0;x\007");
}

static void enumerator_name(struct btf *btf)
{
	btf__add_enum(btf, "x", 4);
	btf__add_enum_value(btf, "X", 1);
	btf_enum(last(btf))->name_off = (__u32)btf__add_str(btf, "\302\233 31m");
}

static void long_name(struct btf *btf)
{
	char name[600];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	btf__add_struct(btf, name, 8);
}

static const struct hostile hostiles[] = {
	{"does not end", own_typedef},
	{"does not end", own_pointer},
	{"does not end", circle_of_three},
	{"too deeply", own_member},
	{"too widely", wide},
	{"too widely", many_wide},
	{"name lies outside", name_outside},
	{"name lies outside", param_outside},
	{"does not exist", type_outside},
	{"does not exist", member_outside},
	{"cannot be printed", escape_name},
	{"cannot be printed", enumerator_name},
	{"longer than any", long_name},
};

/* With both readers of BTF files. Returns 0, or a number that says what went wrong. */
static int read_hostile(void *ctx)
{
	const struct check_files files = {.btf = path};
	const struct hostile *hostile = ctx;
	struct check_source source;
	char why[512] = "";

	if (target_btf__read(path, why, sizeof(why)))
		return 1;
	if (!strstr(why, hostile->because) || !strstr(why, path))
		return 2;
	why[0] = '\0';
	if (!check_source__open(&source, &files, why, sizeof(why)))
		return 3;
	return !strstr(why, hostile->because) || !strstr(why, path) ? 4 : 0;
}

static void hostile_files(void **state)
{
	struct hostile *hostile;
	struct btf *btf;
	int failed;

	(void)state;
	for (hostile = (struct hostile *)hostiles;
	     hostile < hostiles + sizeof(hostiles) / sizeof(hostiles[0]); hostile++) {
		btf = kernel_btf();
		hostile->damage(btf);
		write_btf(btf, 0);
		btf__free(btf);
		failed = bounded(read_hostile, hostile);
		if (failed)
			fail_msg("hostile BTF %zu ('%s'): %d", (size_t)(hostile - hostiles),
				 hostile->because, failed);
	}
}

/* Only the beginning of 20 GB exists. */
static void a_file_without_end(void **state)
{
	static const struct hostile endless = {.because = "larger than"};
	struct btf *btf = kernel_btf();

	(void)state;
	write_btf(btf, 0);
	btf__free(btf);
	assert_int_equal(truncate(path, 20LL << 30), 0);
	assert_int_equal(bounded(read_hostile, (void *)&endless), 0);
}

/* The running kernel's BTF is not checked, but walks over it are bounded too. */
static void walks_are_bounded(void **state)
{
	struct btf *btf = kernel_btf();
	unsigned int pointers;
	uint32_t offset;
	int id;

	(void)state;
	id = btf__add_typedef(btf, "loop", (int)btf__type_cnt(btf));
	assert_null(btf_walk__resolve(btf, (uint32_t)id, NULL));
	own_pointer(btf);
	assert_null(btf_walk__resolve(btf, btf__type_cnt(btf) - 1, &pointers));
	assert_true(btf_walk__resolve(btf, (uint32_t)type_reference, &pointers) ==
		    btf__type_by_id(btf, (uint32_t)type_struct));
	assert_int_equal(pointers, 2);
	own_member(btf);
	assert_false(btf_walk__member(btf, last(btf), "not there", &offset));
	wide(btf);
	assert_false(btf_walk__member(btf, last(btf), "not there", &offset));
	assert_string_equal(btf_walk__name(btf, 0x7fffff), "");
	btf__free(btf);
}

/* A member at 8 within a nameless structure at 16 within a nameless structure at 4. */
static void nested_members(void **state)
{
	struct btf *btf = kernel_btf();
	int inner = btf__add_struct(btf, NULL, 16), middle;
	uint32_t offset = 0;

	(void)state;
	btf__add_field(btf, "deep", type_int, 64, 0);
	middle = btf__add_struct(btf, NULL, 32);
	btf__add_field(btf, "first", type_int, 0, 0);
	btf__add_field(btf, NULL, inner, 128, 0);
	btf__add_struct(btf, "outer", 64);
	btf__add_field(btf, NULL, middle, 32, 0);
	assert_true(btf_walk__member(btf, last(btf), "deep", &offset));
	assert_int_equal(offset, 28);
	assert_true(btf_walk__member(btf, last(btf), "first", &offset));
	assert_int_equal(offset, 4);
	assert_false(btf_walk__member(btf, last(btf), "none", &offset));
	btf__free(btf);
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
		cmocka_unit_test_setup_teardown(hostile_files, make_path, remove_path),
		cmocka_unit_test_setup_teardown(a_file_without_end, make_path, remove_path),
		cmocka_unit_test(walks_are_bounded),
		cmocka_unit_test(nested_members),
		cmocka_unit_test(whose_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
