// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plan of probes that is based only on a file with BTF: what it finds there, and what it reports
 * as missing.
 */
#include "btf_support.h"

#include "base/names.h"
#include "kernel/target.h"
#include "probe/probe.h"
#include "classes/race_class.h"
#include "class_ids.h"

static void plan_with_trial(struct probe_plan *plan, enum probe_attach attach,
			    const struct probe_trial *trial)
{
	const struct target_options options = {.btf = path, .elsewhere = true};
	struct target *target;
	const char *names[PROBE_NAMES_MAX];
	char why[512] = "";

	if (target__new(&target, &options, names, probe__names(names, PROBE_NAMES_MAX), why,
			sizeof(why)))
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

/* As on PREEMPT_RT: no huge pages. One class needs none, if the kernel has memory_failure. */
static void a_kernel_without_huge_pages(void **state)
{
	struct btf *btf;
	struct probe_plan plan;
	const char *reason;
	char why[512];
	int poison;
	unsigned int class;

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
		for (class = 1; class < race_class__end(); class ++) {
			reason = probe__not_observable(&plan, class);
			if (class == THPRACE_HWPOISON_UNMAP && poison)
				assert_null(reason);
			else
				assert_non_null(strstr(
					reason, class == THPRACE_HWPOISON_UNMAP
							? "needs CONFIG_MEMORY_FAILURE"
							: "needs CONFIG_TRANSPARENT_HUGEPAGE"));
		}
		/* Points that only serve the others are left out. */
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

/* Its BTF has types only: the absence of a function shows nothing. */
static void a_kernel_without_functions(void **state)
{
	struct btf *btf = btf__new_empty();
	struct probe_plan plan;
	unsigned int class;
	char why[256];

	(void)state;
	btf__add_struct(btf, "page", 64);
	btf__add_struct(btf, "task_struct", 64);
	write_btf(btf, 0);
	btf__free(btf);
	plan_of_file(&plan, PROBE_ATTACH_AUTO);
	for (class = 1; class < race_class__end(); class ++) {
		assert_string_equal(probe__not_observable(&plan, class), NAMES_NO_FUNCTIONS);
		assert_false(probe__cannot_happen(&plan, class));
	}
	assert_string_equal(names__blindness(NAMES_NO_FUNCTIONS), "");
	assert_false(probe__usable(&plan, why, sizeof(why)));
	assert_non_null(strstr(why, "is not known: this BTF has types only"));
}

/* If a kprobe's program was seen not to run, no kprobe is planned, and the reason is given. */
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

/* The verifier's message is the reason, not "permission denied"; without one, errno is. */
static void refused_by_the_verifier(void **state)
{
	const struct target_options options = {.btf = path, .elsewhere = true};
	struct btf *btf = kernel_btf();
	const char *names[PROBE_NAMES_MAX];
	struct target *target;
	struct probe_plan plan;
	char why[512];

	(void)state;
	write_btf(btf, 0);
	btf__free(btf);
	assert_int_equal(target__new(&target, &options, names, probe__names(names, PROBE_NAMES_MAX),
				     why, sizeof(why)),
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
	/* A split of anonymous memory jumps to where the call for a file's returns. */
	unmap->kind = PROBE_CALLS;
	unmap->site_count = 2;
	probe__ran(unmap, 0, 45);
	assert_int_equal(unmap->silent, 45);
	unmap->sites[1].shared = true;
	probe__ran(unmap, 0, 45);
	assert_int_equal(unmap->silent, 0);
	assert_null(probe__not_observable(&plan, THPRACE_SPLIT_UNMAP));
}

/* The oldest kernel in README is the oldest one that is not refused: 5.10. */
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
	const char *names[PROBE_NAMES_MAX];
	size_t i, j, count = probe__names(names, PROBE_NAMES_MAX);

	(void)state;
	assert_in_range(count, THPRACE_POINT_MAX, PROBE_NAMES_MAX - 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_plan_without_the_kernel, make_path, remove_path),
		cmocka_unit_test_setup_teardown(a_kernel_without_huge_pages, make_path,
						remove_path),
		cmocka_unit_test_setup_teardown(a_kernel_without_functions, make_path, remove_path),
		cmocka_unit_test_setup_teardown(kprobes_that_do_not_run, make_path, remove_path),
		cmocka_unit_test_setup_teardown(refused_by_the_verifier, make_path, remove_path),
		cmocka_unit_test_setup_teardown(an_entry_that_stays_silent, make_path, remove_path),
		cmocka_unit_test(the_oldest_kernel),
		cmocka_unit_test(each_name_once),
		cmocka_unit_test(nothing_in_the_search_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
