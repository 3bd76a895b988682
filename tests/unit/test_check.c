// SPDX-License-Identifier: GPL-2.0-only
/* thprace check: the rules on facts, and both on tiny kernels that differ in one thing each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "check/check.h"
#include "check/check_defect.h"
#include "check/check_source.h"
#include "check/check_watch.h"
#include "image/image.h"
#include "tiny_kernel.h"
#include "base/names.h"
#include "classes/race_class.h"
#include "class_ids.h"

static const struct tiny_kernel all_fixed = {.flag = true,
					     .split_flags = 0x9c,
					     .poison_flags = 0x38,
					     .honours = true,
					     .single = true,
					     .truncate_calls = true,
					     .invalidate_calls = true,
					     .releases = true};

/* Judge a tiny kernel; statuses has room for all classes. */
static void judge(const struct tiny_kernel *kernel, enum tiny_symbols symbols, bool with_btf,
		  enum check_status *statuses)
{
	struct tiny *tiny = tiny__new();
	struct check_result result;
	struct check_source source;
	struct check_facts facts;
	struct image *image = NULL;
	size_t btf_size, size;
	void *btf = tiny__btf(kernel, &btf_size), *data;
	char why[256];
	size_t i;
	unsigned int class;

	tiny__fill(tiny, kernel);
	data = tiny__vmlinux(tiny, symbols, with_btf ? btf : NULL, btf_size, &size);
	assert_int_equal(image__parse(&image, data, size, 1UL << 24, why, sizeof(why)), 0);
	assert_int_equal(check_source__of_image(&source, image, why, sizeof(why)), 0);
	check_facts__gather(&facts, &source);
	for (class = 1; class < race_class__end(); class ++) {
		check__judge(&facts, class, &result);
		statuses[class] = result.status;
		/* Each status has evidence, and each piece of evidence has a text. */
		assert_true(result.nr_evidence > 0);
		for (i = 0; i < result.nr_evidence; i++) {
			assert_true(result.evidence[i]->text[0]);
			if (result.status != CHECK_UNKNOWN)
				assert_int_not_equal(result.evidence[i]->answer, CHECK_NOT_KNOWN);
		}
		if (result.status == CHECK_UNKNOWN)
			assert_int_equal(result.evidence[result.nr_evidence - 1]->answer,
					 CHECK_NOT_KNOWN);
	}
	check_source__release(&source);
	tiny__free(tiny);
	free(btf);
}

/* The result of all_fixed, except for one class. */
static void assert_one(const struct tiny_kernel *kernel, int differs, enum check_status status)
{
	static const enum check_status usual[THPRACE_CLASS_MAX] = {
		[THPRACE_SPLIT_UNMAP] = CHECK_FIXED,
		[THPRACE_SPLIT_MIGRATE] = CHECK_CANNOT_HAPPEN,
		[THPRACE_SPLIT_HEAD] = CHECK_CANNOT_HAPPEN,
		[THPRACE_HWPOISON_UNMAP] = CHECK_FIXED,
		[THPRACE_TRUNCATE_UNMAP] = CHECK_FIXED,
		[THPRACE_INVALIDATE_UNMAP] = CHECK_FIXED,
		[THPRACE_COLLAPSE_REUSE] = CHECK_FIXED,
	};
	static const char *const facts[] = CHECK_STATUS_NAMES;
	enum check_status statuses[THPRACE_CLASS_MAX], expected;
	unsigned int class;

	judge(kernel, TINY_SYMTAB, true, statuses);
	for (class = 1; class < race_class__end(); class ++) {
		expected = (int)class == differs ? status : usual[class];
		if (statuses[class] != expected)
			fail_msg("%s: %s, not %s", names__class(class), facts[statuses[class]],
				 facts[expected]);
	}
}

static void one_thing_each(void **state)
{
	struct tiny_kernel kernel = all_fixed;

	(void)state;
	assert_one(&kernel, 0, CHECK_FIXED);
	kernel.split_flags = 0x8c;
	assert_one(&kernel, THPRACE_SPLIT_UNMAP, CHECK_VULNERABLE);
	kernel = all_fixed;
	kernel.poison_flags = 0x28;
	assert_one(&kernel, THPRACE_HWPOISON_UNMAP, CHECK_VULNERABLE);
	kernel = all_fixed;
	kernel.truncate_calls = false;
	assert_one(&kernel, THPRACE_TRUNCATE_UNMAP, CHECK_VULNERABLE);
	kernel = all_fixed;
	kernel.invalidate_calls = false;
	assert_one(&kernel, THPRACE_INVALIDATE_UNMAP, CHECK_VULNERABLE);
	kernel = all_fixed;
	kernel.releases = false;
	assert_one(&kernel, THPRACE_COLLAPSE_REUSE, CHECK_VULNERABLE);
	kernel.numa = true;
	assert_one(&kernel, THPRACE_COLLAPSE_REUSE, CHECK_CANNOT_HAPPEN);
}

/*
 * Without NUMA gcc leaves only collapse_file.constprop.0, for which BTF has no prototype: its code
 * shows that the first four arguments are in place, so the page comes from the caller.
 */
static void a_variant_of_collapse_file(void **state)
{
	static const char in_place[] = "0f1f440000 4989f7 4989fd 4889d3 4c8ba6e8000000 48894d80 c3";
	/* mov %rsi,%r15; mov 0xe8(%rdi),%r12; mov %rdx,(%rbp): file is the first one. */
	static const char moved[] = "0f1f440000 4989f7 4c8ba7e8000000 48895580 c3";
	enum check_status statuses[THPRACE_CLASS_MAX];
	struct tiny_kernel kernel = all_fixed;

	(void)state;
	kernel.variant = in_place;
	assert_one(&kernel, 0, CHECK_FIXED);
	kernel.releases = false;
	assert_one(&kernel, THPRACE_COLLAPSE_REUSE, CHECK_VULNERABLE);
	kernel.variant = moved;
	assert_one(&kernel, THPRACE_COLLAPSE_REUSE, CHECK_UNKNOWN);
	/* Without types, the offset of file's mapping is not known. */
	kernel.variant = in_place;
	judge(&kernel, TINY_KALLSYMS_5, false, statuses);
	assert_int_equal(statuses[THPRACE_COLLAPSE_REUSE], CHECK_UNKNOWN);
}

/* 0x10 used to be TTU_IGNORE_ACCESS, and splits passed it: without the name it proves nothing. */
static void a_number_proves_nothing(void **state)
{
	enum check_status statuses[THPRACE_CLASS_MAX];
	struct tiny_kernel kernel = all_fixed;

	(void)state;
	kernel.flag = false;
	judge(&kernel, TINY_KALLSYMS_5, true, statuses);
	assert_int_equal(statuses[THPRACE_SPLIT_UNMAP], CHECK_VULNERABLE);
	assert_int_equal(statuses[THPRACE_HWPOISON_UNMAP], CHECK_VULNERABLE);
	assert_int_equal(statuses[THPRACE_TRUNCATE_UNMAP], CHECK_FIXED);
}

/* The flag is passed, but try_to_unmap_one does nothing with it. */
static void passed_and_ignored(void **state)
{
	enum check_status statuses[THPRACE_CLASS_MAX];
	struct tiny_kernel kernel = all_fixed;

	(void)state;
	kernel.honours = false;
	judge(&kernel, TINY_KALLSYMS_7, true, statuses);
	assert_int_equal(statuses[THPRACE_SPLIT_UNMAP], CHECK_VULNERABLE);
	assert_int_equal(statuses[THPRACE_HWPOISON_UNMAP], CHECK_VULNERABLE);
}

/* Without BTF or code no status is invented. */
static void too_little(void **state)
{
	enum check_status statuses[THPRACE_CLASS_MAX];

	(void)state;
	judge(&all_fixed, TINY_SYMTAB, false, statuses);
	assert_int_equal(statuses[THPRACE_SPLIT_UNMAP], CHECK_UNKNOWN);
	assert_int_equal(statuses[THPRACE_TRUNCATE_UNMAP], CHECK_UNKNOWN);
	assert_int_equal(statuses[THPRACE_COLLAPSE_REUSE], CHECK_UNKNOWN);
	judge(&all_fixed, TINY_NONE, true, statuses);
	assert_int_equal(statuses[THPRACE_SPLIT_UNMAP], CHECK_UNKNOWN);
	assert_int_equal(statuses[THPRACE_SPLIT_MIGRATE], CHECK_CANNOT_HAPPEN); /* by BTF */
	assert_int_equal(statuses[THPRACE_HWPOISON_UNMAP], CHECK_CANNOT_HAPPEN);
}

/* Every rule of every class, on facts that are all known, all no, all yes, and none. */
static void facts_alone(void **state)
{
	static const enum check_answer answers[] = {CHECK_NOT_KNOWN, CHECK_NO, CHECK_YES};
	struct check_result result;
	struct check_facts facts;
	size_t i;
	int id;
	unsigned int class;

	(void)state;
	for (i = 0; i < 3; i++) {
		memset(&facts, 0, sizeof(facts));
		for (id = 0; id < FACT_MAX; id++) {
			facts.fact[id].answer = answers[i];
			strcpy(facts.fact[id].text, "fact");
		}
		for (class = 1; class < race_class__end(); class ++) {
			check__judge(&facts, class, &result);
			if (answers[i] == CHECK_NOT_KNOWN)
				assert_int_equal(result.status, CHECK_UNKNOWN);
			else
				assert_int_not_equal(result.status, CHECK_UNKNOWN);
			assert_int_equal(strlen(check__commit(class)->hash), 40);
		}
	}
}

static void configuration(void **state)
{
	char text[] =
		"CONFIG_NUMA_BALANCING=y\n# CONFIG_NUMA is not set\nCONFIG_X=m\nCONFIG_YY=n\n";
	struct check_source source = {.config = text};

	(void)state;
	assert_int_equal(check_source__config(&source, "CONFIG_NUMA"), CHECK_NO);
	assert_int_equal(check_source__config(&source, "CONFIG_NUMA_BALANCING"), CHECK_YES);
	assert_int_equal(check_source__config(&source, "CONFIG_X"), CHECK_YES);
	assert_int_equal(check_source__config(&source, "CONFIG_YY"), CHECK_NO);
	assert_int_equal(check_source__config(&source, "CONFIG_MISSING"), CHECK_NO);
	source.config = NULL;
	assert_int_equal(check_source__config(&source, "CONFIG_X"), CHECK_NOT_KNOWN);
}

static void kallsyms(void **state)
{
	char text[] = "0000000000000000 T try_to_unmap\n0000000000000000 t unmap_page.isra.0\n"
		      "0000000000000000 t split.cold\n0000000000000000 d memory_failure\n"
		      "0000000000000000 t collapse_file\t[module]\n";
	struct check_source source = {.kallsyms = text};

	(void)state;
	assert_int_equal(check_source__symbol(&source, "try_to_unmap"), CHECK_YES);
	assert_int_equal(check_source__symbol(&source, "to_unmap"), CHECK_NO);
	assert_int_equal(check_source__symbol(&source, "try_to"), CHECK_NO);
	assert_int_equal(check_source__symbol(&source, "unmap_page"), CHECK_YES);
	assert_int_equal(check_source__symbol(&source, "split"), CHECK_NO);
	assert_int_equal(check_source__symbol(&source, "memory_failure"), CHECK_NO);
	assert_int_equal(check_source__symbol(&source, "collapse_file"), CHECK_NO);
}

/* Adds what was watched of a class to a status from the facts. Returns the resulting status. */
static enum check_status weigh(enum thprace_class class, enum check_status before,
			       struct thprace_watch_count count, struct check_watch *watch)
{
	static const struct check_fact known = {CHECK_YES, CHECK_BY_BTF, "known"};
	static const struct check_fact missing = {CHECK_NOT_KNOWN, CHECK_BY_CODE, "missing"};
	bool unknown = before == CHECK_UNKNOWN;
	struct check_result result = {
		.status = before, .evidence = {&known, &missing}, .nr_evidence = unknown ? 2 : 1};
	enum thprace_watch_function function;
	enum thprace_watch_kind kind;
	size_t i;

	watch->there[THPRACE_WATCH_UNMAP] = watch->there[THPRACE_WATCH_MIGRATE] = true;
	watch->poison = true;
	assert_true(check_watch__of_class(watch, class, &function, &kind));
	watch->counts[THPRACE_WATCH_WHICH(function, kind)] = count;
	check_watch__judge(watch, class, &result);
	assert_true(watch->facts[class].text[0]);
	assert_ptr_equal(result.evidence[0], &known);
	for (i = 0; i < result.nr_evidence; i++)
		if (result.status != CHECK_UNKNOWN)
			assert_int_not_equal(result.evidence[i]->answer, CHECK_NOT_KNOWN);
	/* If two pieces of evidence contradict each other, both are named. */
	if (result.status == CHECK_UNKNOWN && before != CHECK_UNKNOWN) {
		assert_int_equal(result.nr_evidence, 2);
		assert_ptr_equal(result.evidence[1], &watch->facts[class]);
		assert_non_null(strstr(watch->facts[class].text, "contradicts"));
	}
	return result.status;
}

static void watched(void **state)
{
	static const enum thprace_class classes[] = {THPRACE_SPLIT_UNMAP, THPRACE_SPLIT_MIGRATE,
						     THPRACE_HWPOISON_UNMAP};
	static const struct {
		struct thprace_watch_count count;
		enum check_status status[CHECK_STATUS_MAX]; /* by the previous status */
	} cases[] = {
		/* Nothing was seen; calls without a walk in them. */
		{{0, 0, 0, 0, 0, 0},
		 {CHECK_FIXED, CHECK_VULNERABLE, CHECK_CANNOT_HAPPEN, CHECK_UNKNOWN}},
		{{3, 3, 0, 0, 0, 0},
		 {CHECK_FIXED, CHECK_VULNERABLE, CHECK_CANNOT_HAPPEN, CHECK_UNKNOWN}},
		/* All walks have it. */
		{{3, 3, 9, 9, 0, 0}, {CHECK_FIXED, CHECK_UNKNOWN, CHECK_UNKNOWN, CHECK_FIXED}},
		/* One does not; none does; the flag is not even passed. */
		{{3, 3, 9, 8, 0, 0},
		 {CHECK_UNKNOWN, CHECK_VULNERABLE, CHECK_UNKNOWN, CHECK_VULNERABLE}},
		{{3, 0, 9, 0, 0, 0},
		 {CHECK_UNKNOWN, CHECK_VULNERABLE, CHECK_UNKNOWN, CHECK_VULNERABLE}},
		{{3, 2, 0, 0, 0, 0},
		 {CHECK_UNKNOWN, CHECK_VULNERABLE, CHECK_UNKNOWN, CHECK_VULNERABLE}},
	};
	struct check_watch watch;
	size_t i, c;
	int status;

	(void)state;
	for (c = 0; c < 3; c++) {
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			for (status = 0; status < CHECK_STATUS_MAX; status++) {
				memset(&watch, 0, sizeof(watch));
				assert_int_equal(weigh(classes[c], status, cases[i].count, &watch),
						 cases[i].status[status]);
				/* Nothing follows from what could not be followed. */
				memset(&watch, 0, sizeof(watch));
				watch.lost = 1;
				assert_int_equal(weigh(classes[c], status, cases[i].count, &watch),
						 status);
			}
		}
	}
}

/* A class that has no walks, and functions that the kernel lacks. */
static void not_watched(void **state)
{
	struct check_watch watch = {.there = {true, false}};
	enum thprace_watch_function function;
	enum thprace_watch_kind kind;

	(void)state;
	assert_false(check_watch__of_class(&watch, THPRACE_TRUNCATE_UNMAP, &function, &kind));
	assert_false(check_watch__of_class(&watch, THPRACE_SPLIT_MIGRATE, &function, &kind));
	assert_false(check_watch__of_class(&watch, THPRACE_HWPOISON_UNMAP, &function, &kind));
	assert_true(check_watch__of_class(&watch, THPRACE_SPLIT_UNMAP, &function, &kind));
}

/* Its walk, and what follows a split in it. The result for the kernel's defect; facts stay. */
static size_t defect(const char *split, const char *behind, struct check_watch *watch,
		     struct check_facts *facts)
{
	const struct check_fact *shown[CHECK_DEFECT_FACTS_MAX];
	struct tiny *tiny = tiny__new();
	struct check_source source;
	struct image *image = NULL;
	char why[256];
	size_t size, count;
	void *data;

	tiny__fill(tiny, &all_fixed);
	tiny__function(tiny, "split_huge_pmd_locked");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "try_to_migrate_one");
	tiny__call(tiny, "page_vma_mapped_walk");
	tiny__code(tiny, "84c0 7407"); /* test %al,%al; je 16 */
	tiny__call(tiny, split);
	tiny__code(tiny, behind);
	tiny__code(tiny, "c3");
	data = tiny__vmlinux(tiny, TINY_SYMTAB, NULL, 0, &size);
	assert_int_equal(image__parse(&image, data, size, 1UL << 24, why, sizeof(why)), 0);
	assert_int_equal(check_source__of_image(&source, image, why, sizeof(why)), 0);
	check_facts__gather(facts, &source);
	count = check_defect__shown(facts, watch, THPRACE_SPLIT_MIGRATE, shown);
	assert_int_equal(check_defect__shown(facts, watch, THPRACE_SPLIT_UNMAP, shown), 0);
	check_source__release(&source);
	tiny__free(tiny);
	return count;
}

/*
 * A walk that continues after a split, one that does not, one that cannot be followed, one without
 * a split.
 */
static void walks_that_end(void **state)
{
	static const struct {
		const char *split, *behind;
		enum check_answer ends;
	} walks[] = {
		{"split_huge_pmd_locked", "ebf0", CHECK_NO}, /* jmp 0 */
		{"split_huge_pmd_locked", "9090", CHECK_YES}, /* nop; nop */
		{"split_huge_pmd_locked", "ffe0", CHECK_NOT_KNOWN}, /* jmp *%rax */
		{"try_to_unmap", "9090", CHECK_NO},
	};
	struct check_facts facts;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
		assert_int_equal(defect(walks[i].split, walks[i].behind, NULL, &facts),
				 walks[i].ends == CHECK_YES);
		assert_int_equal(facts.fact[FACT_MIGRATE_ENDS].answer, walks[i].ends);
	}
	assert_null(check_defect__of(THPRACE_SPLIT_UNMAP));
	assert_int_equal(strlen(check_defect__of(THPRACE_SPLIT_MIGRATE)->mend.hash), 40);
}

/* Of calls on pages with several whole mappings: how many skipped a mapping. */
static void walks_seen_to_end(void **state)
{
	static const struct {
		uint64_t shared, cut_short, lost;
		enum check_answer ends;
	} seen[] = {
		{0, 0, 0, CHECK_NOT_KNOWN},  {20, 0, 0, CHECK_NO},
		{20, 20, 0, CHECK_YES},	     {20, 10, 0, CHECK_YES},
		{20, 1, 0, CHECK_NOT_KNOWN}, {20, 20, 1, CHECK_NOT_KNOWN},
	};
	const int which = THPRACE_WATCH_WHICH(THPRACE_WATCH_MIGRATE, THPRACE_WATCH_SPLIT);
	struct check_facts facts;
	struct check_watch watch;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		memset(&watch, 0, sizeof(watch));
		watch.there[THPRACE_WATCH_MIGRATE] = true;
		watch.lost = seen[i].lost;
		watch.counts[which].calls = watch.counts[which].walks = seen[i].shared;
		watch.counts[which].shared = seen[i].shared;
		watch.counts[which].cut_short = seen[i].cut_short;
		assert_int_equal(check_watch__ends(&watch, THPRACE_SPLIT_MIGRATE)->answer,
				 seen[i].ends);
		/* Both are named if one of them shows it; unknown ones never are. */
		assert_int_equal(defect("split_huge_pmd_locked", "9090", &watch, &facts),
				 1 + (seen[i].ends != CHECK_NOT_KNOWN));
		assert_int_equal(defect("split_huge_pmd_locked", "ebf0", &watch, &facts),
				 seen[i].ends == CHECK_YES ? 2 : 0);
	}
	assert_int_equal(check_watch__ends(&watch, THPRACE_TRUNCATE_UNMAP)->answer,
			 CHECK_NOT_KNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thing_each),
		cmocka_unit_test(a_variant_of_collapse_file),
		cmocka_unit_test(a_number_proves_nothing),
		cmocka_unit_test(passed_and_ignored),
		cmocka_unit_test(too_little),
		cmocka_unit_test(facts_alone),
		cmocka_unit_test(configuration),
		cmocka_unit_test(kallsyms),
		cmocka_unit_test(watched),
		cmocka_unit_test(not_watched),
		cmocka_unit_test(walks_that_end),
		cmocka_unit_test(walks_seen_to_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
