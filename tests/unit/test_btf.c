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

#include "bounded.h"
#include "kernel/btf_walk.h"
#include "check/check_source.h"
#include "probe/probe.h"
#include "kernel/target.h"
#include "kernel/target_btf.h"

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
	refused("cut off");
	write_btf(btf, 200);
	refused("cut off");
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

/* What each damages: the small kernel's BTF, before it is written. */
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

/* Many that are just within the bound each: together they are not. */
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
	{"not there", type_outside},
	{"not there", member_outside},
	{"cannot be printed", escape_name},
	{"cannot be printed", enumerator_name},
	{"longer than any", long_name},
};

/* By both readers of BTF files. Returns 0, or a number that says what went wrong. */
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

/* Of 20 GB there is nothing but the beginning. */
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

/* The running kernel's BTF is not checked: what walks it is bounded all the same. */
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

static void plan_with_trial(struct probe_plan *plan, enum probe_attach attach,
			    const struct probe_trial *trial)
{
	const struct target_options options = {.btf = path, .elsewhere = true};
	struct target *target;
	const char *names[NAMES];
	char why[512] = "";

	if (target__new(&target, &options, names, probe__names(names, NAMES), why, sizeof(why)))
		fail_msg("%s", why);
	assert_string_equal(target__btf_file(target), path);
	assert_true(target__elsewhere(target));
	probe__plan(plan, target, THPRACE_PRECISE, attach, trial);
	target__free(target);
}

static void plan_of_file(struct probe_plan *plan, enum probe_attach attach)
{
	plan_with_trial(plan, attach, NULL);
}

/* As PREEMPT_RT: no huge pages. One class needs none, where the kernel has memory_failure. */
static void a_kernel_without_huge_pages(void **state)
{
	struct btf *btf;
	struct probe_plan plan;
	const char *reason;
	char why[512];
	int poison, class;

	(void)state;
	for (poison = 0; poison < 2; poison++) {
		btf = btf__new_empty();
		type_int = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
		type_struct = btf__add_struct(btf, "page", 64);
		type_pointer = btf__add_ptr(btf, type_struct);
		add_function(btf, "io_schedule", "");
		add_function(btf, "try_to_unmap", "page flags");
		add_function(btf, "truncate_cleanup_page", "page");
		add_function(btf, "page_remove_rmap", "page compound");
		if (poison)
			add_function(btf, "memory_failure", "pfn flags");
		write_btf(btf, 0);
		btf__free(btf);
		plan_of_file(&plan, PROBE_ATTACH_AUTO);
		assert_int_equal(probe__usable(&plan, why, sizeof(why)), poison);
		for (class = 1; class < THPRACE_CLASS_MAX; class ++) {
			reason = probe__not_observable(&plan, class);
			if (class == THPRACE_HWPOISON_UNMAP && poison)
				assert_null(reason);
			else
				assert_non_null(strstr(
					reason, class == THPRACE_HWPOISON_UNMAP
							? "needs CONFIG_MEMORY_FAILURE"
							: "needs CONFIG_TRANSPARENT_HUGEPAGE"));
		}
		/* What serves the others alone is left out. */
		assert_int_equal(plan.probe[THPRACE_POINT_TRUNCATE].state, PROBE_SKIPPED);
		assert_int_equal(plan.probe[THPRACE_POINT_UNMAP].state, PROBE_PLANNED);
		assert_int_equal(plan.probe[THPRACE_POINT_RMAP].state, PROBE_PLANNED);
	}
	plan.probe[THPRACE_POINT_POISON].state = PROBE_FAILED;
	assert_false(probe__usable(&plan, why, sizeof(why)));
	assert_non_null(strstr(why, "needs CONFIG_TRANSPARENT_HUGEPAGE; and hwpoison-unmap: "));
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

/* Where a kprobe's program was seen not to run, none is planned, and the reason is told. */
static void kprobes_that_do_not_run(void **state)
{
	const struct probe_trial trial = {.why = "no program runs there"};
	struct btf *btf = kernel_btf();
	struct probe_plan plan;
	const struct probe *probe = plan.probe;

	(void)state;
	write_btf(btf, 0);
	btf__free(btf);
	plan_with_trial(&plan, PROBE_ATTACH_AUTO, &trial);
	assert_int_equal(probe[THPRACE_POINT_ZAP].kind, PROBE_FENTRY);
	assert_int_equal(probe[THPRACE_POINT_TRUNCATE].state, PROBE_FAILED);
	assert_int_equal(probe[THPRACE_POINT_TRUNCATE].kind, PROBE_NONE);
	assert_string_equal(probe__not_observable(&plan, THPRACE_TRUNCATE_UNMAP),
			    "kprobe: no program runs there");
	plan_with_trial(&plan, PROBE_ATTACH_KPROBE, &trial);
	assert_int_equal(probe[THPRACE_POINT_ZAP].state, PROBE_FAILED);
	/* A return needs no breakpoint. */
	assert_int_equal(probe[THPRACE_POINT_LOCK].state, PROBE_PLANNED);
}

/* What the verifier said is the reason, and not that permission was denied; whoever did not, has the errno's. */
static void refused_by_the_verifier(void **state)
{
	const struct target_options options = {.btf = path, .elsewhere = true};
	struct btf *btf = kernel_btf();
	const char *names[NAMES];
	struct target *target;
	struct probe_plan plan;
	char why[512];

	(void)state;
	write_btf(btf, 0);
	btf__free(btf);
	assert_int_equal(target__new(&target, &options, names, probe__names(names, NAMES), why,
				     sizeof(why)),
			 0);
	probe__plan(&plan, target, THPRACE_PRECISE, PROBE_ATTACH_KPROBE, NULL);
	assert_false(probe__refused(&plan, target, THPRACE_POINT_RMAP, 13,
				    "R1 invalid mem access 'inv'"));
	assert_string_equal(probe__imprecise(&plan),
			    "kprobe refused: its program, by the verifier: "
			    "R1 invalid mem access 'inv'");
	assert_false(probe__refused(&plan, target, THPRACE_POINT_ZAP, 22, ""));
	assert_null(strstr(plan.probe[THPRACE_POINT_ZAP].reason, "verifier"));
	target__free(target);
}

/* An entry that never runs while its return does sees nothing: its classes are not observed. */
static void an_entry_that_stays_silent(void **state)
{
	struct btf *btf = kernel_btf();
	struct probe_plan plan;
	struct probe *unmap = &plan.probe[THPRACE_POINT_UNMAP];

	(void)state;
	write_btf(btf, 0);
	btf__free(btf);
	plan_of_file(&plan, PROBE_ATTACH_AUTO);
	unmap->state = PROBE_ATTACHED;
	probe__ran(unmap, 0, 0);
	assert_null(probe__not_observable(&plan, THPRACE_SPLIT_UNMAP));
	probe__ran(unmap, 0, 2); /* calls that were under way at the start */
	assert_null(probe__not_observable(&plan, THPRACE_SPLIT_UNMAP));
	probe__ran(unmap, 0, 45);
	assert_int_equal(unmap->silent, 45);
	assert_non_null(strstr(probe__not_observable(&plan, THPRACE_SPLIT_UNMAP), "never ran"));
	assert_non_null(strstr(unmap->silence, "45 times"));
	probe__ran(unmap, 1, 46);
	assert_null(probe__not_observable(&plan, THPRACE_SPLIT_UNMAP));
}

/* What README promises and what is refused meet: 5.10. */
static void the_oldest_kernel(void **state)
{
	static const char *const old[] = {"4.19.0-27-amd64", "5.8.1", "5.9.16"};
	static const char *const new[] = {"5.10.7", "5.10.0-33-amd64", "5.15.1", "6.1.0", "10.0"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		assert_true(target__too_old(old[i]));
	for (i = 0; i < sizeof(new) / sizeof(new[0]); i++)
		assert_false(target__too_old(new[i]));
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
		cmocka_unit_test_setup_teardown(a_kernel_without_huge_pages, make_path,
						remove_path),
		cmocka_unit_test_setup_teardown(hostile_files, make_path, remove_path),
		cmocka_unit_test_setup_teardown(a_file_without_end, make_path, remove_path),
		cmocka_unit_test(walks_are_bounded),
		cmocka_unit_test(nested_members),
		cmocka_unit_test_setup_teardown(kprobes_that_do_not_run, make_path, remove_path),
		cmocka_unit_test_setup_teardown(refused_by_the_verifier, make_path, remove_path),
		cmocka_unit_test_setup_teardown(an_entry_that_stays_silent, make_path, remove_path),
		cmocka_unit_test(the_oldest_kernel),
		cmocka_unit_test(each_name_once),
		cmocka_unit_test(nothing_in_the_search_path),
		cmocka_unit_test(whose_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
