// SPDX-License-Identifier: GPL-2.0-only
/* [check] of race files: each kind of condition on a tiny kernel, and the result of several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/btf.h>
#include "check/check_race.h"
#include "check/check_source.h"
#include "image/image.h"
#include "race/race.h"
#include "tiny_kernel.h"

static const struct tiny_kernel some = {.flag = true,
					.split_flags = 0x14,
					.poison_flags = 0,
					.single = true,
					.truncate_calls = true};

/* "both" calls first and then second; "maybe" calls second, and before it first where a register is 0. */
static void add_functions(struct tiny *tiny)
{
	tiny__function(tiny, "first");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "second");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "both");
	tiny__call(tiny, "first");
	tiny__call(tiny, "second");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "maybe");
	tiny__code(tiny, "84c0 7505"); /* test %al,%al; jne 9 */
	tiny__call(tiny, "first");
	tiny__call(tiny, "second");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "round");
	tiny__call(tiny, "second");
	tiny__call(tiny, "first");
	tiny__call(tiny, "second");
	tiny__code(tiny, "ebef"); /* jmp to the begin */
	tiny__function(tiny, "again");
	tiny__call(tiny, "second");
	tiny__code(tiny, "84c0 7505"); /* test %al,%al; jne 14 */
	tiny__call(tiny, "first");
	tiny__call(tiny, "second");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "reader");
	tiny__call(tiny, "first");
	tiny__code(tiny, "8b4734"); /* mov 0x34(%rdi),%eax: page._refcount */
	tiny__call(tiny, "second");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "writer");
	tiny__code(tiny, "894734"); /* mov %eax,0x34(%rdi) */
	tiny__call(tiny, "second");
	tiny__code(tiny, "c3");
	/* An inline function of which two files have a copy; this one's file has the second. */
	tiny__function(tiny, "copied");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "second_copy");
	tiny__function(tiny, "copied");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "copies");
	tiny__call(tiny, "second_copy");
	tiny__call(tiny, "second");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "lost");
	tiny__code(tiny, "ffe0"); /* jmp *%rax */
	tiny__call(tiny, "second");
	tiny__code(tiny, "c3");
}

static int open_source(void **state)
{
	struct check_source *source = calloc(1, sizeof(*source));
	struct tiny *tiny = tiny__new();
	struct image *image = NULL;
	size_t btf_size, size;
	void *btf = tiny__btf(&some, &btf_size), *data;
	char why[256];

	tiny__fill(tiny, &some);
	add_functions(tiny);
	data = tiny__vmlinux(tiny, TINY_SYMTAB, btf, btf_size, &size);
	assert_int_equal(image__parse(&image, data, size, 1UL << 24, why, sizeof(why)), 0);
	assert_int_equal(check_source__of_image(source, image, why, sizeof(why)), 0);
	source->config = strdup("CONFIG_SWAP=y\n# CONFIG_NUMA is not set\n");
	tiny__free(tiny);
	free(btf);
	*state = source;
	return 0;
}

static int close_source(void **state)
{
	check_source__release(*state);
	free(*state);
	return 0;
}

static void judge(const struct check_source *source, const char *lines,
		  struct check_race_result *result)
{
	struct race *race = NULL;
	char text[1024], why[1024];

	snprintf(text, sizeof(text), "[race]\nname = x\ntitle = y\n[check]\n%s\n", lines);
	if (race__read_text(&race, "x", text, strlen(text), why, sizeof(why)))
		fail_msg("%s", why);
	check_race__judge(result, source, race);
	race__free(race);
}

/* Each kind of condition, as `fixed': the result, and its evidence. */
static void conditions(void **state)
{
	static const struct {
		const char *condition;
		enum check_status status;
		enum check_kind kind;
		const char *text;
	} cases[] = {
		{"both calls first", CHECK_FIXED, CHECK_BY_CODE, "both calls first"},
		{"first calls both", CHECK_VULNERABLE, CHECK_BY_CODE, "first does not call both"},
		{"nobody | both calls nothing | second", CHECK_FIXED, CHECK_BY_CODE,
		 "both calls second"},
		{"nobody calls first", CHECK_UNKNOWN, CHECK_BY_CODE,
		 "does nobody call first? One of both is not in the image: inlined, or not in this "
		 "kernel"},
		{"copies calls copied", CHECK_FIXED, CHECK_BY_CODE, "copies calls copied"},
		{"copies calls copied before second", CHECK_FIXED, CHECK_BY_CODE,
		 "copies calls copied on each way to second"},
		{"copies calls second after copied", CHECK_FIXED, CHECK_BY_CODE,
		 "copies has a way from a call of copied to one of second"},
		{"both calls first before second", CHECK_FIXED, CHECK_BY_CODE,
		 "both calls first on each way to second"},
		{"maybe calls first before second", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "maybe has a way to second without a call of first"},
		{"maybe calls nothing | first before second", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "maybe has a way to second without a call of nothing or first"},
		{"both calls second before first", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "both has a way to first without a call of second"},
		{"second calls first before second", CHECK_UNKNOWN, CHECK_BY_CODE,
		 "does second call first before second? It does not call second"},
		{"lost calls first before second", CHECK_UNKNOWN, CHECK_BY_CODE,
		 "does lost call first before second? Its code could not be followed"},
		{"both calls second after first", CHECK_FIXED, CHECK_BY_CODE,
		 "both has a way from a call of first to one of second"},
		{"both calls first after second", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "both has no way from a call of second to one of first"},
		{"round calls first after second", CHECK_FIXED, CHECK_BY_CODE,
		 "round has a way from a call of second to one of first"},
		{"both calls maybe after first", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "both has no way from a call of first to one of maybe"},
		{"both | round calls maybe after first", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "both has no way from a call of first to one of maybe"},
		{"both | second calls maybe after first", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "both has no way from a call of first to one of maybe"},
		{"both calls first after both", CHECK_UNKNOWN, CHECK_BY_CODE,
		 "does both call first after both? It does not call both"},
		{"round calls first before second", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "round has a way to second without a call of first"},
		{"round calls second before first after second", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "round has a way from a call of second to first without a call of second"},
		{"round calls second before first after first", CHECK_FIXED, CHECK_BY_CODE,
		 "round calls second on each way from a call of first to first"},
		{"again calls first before second after second", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "again has a way from a call of second to second without a call of first"},
		{"maybe calls first before second after first", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "maybe has a way from a call of first to second without a call of first"},
		{"both calls nothing before first after second", CHECK_UNKNOWN, CHECK_BY_CODE,
		 "does both call nothing before first after second? One of them is not in the "
		 "image: inlined, or not in this kernel"},
		{"reader reads page._refcount before second", CHECK_FIXED, CHECK_BY_CODE,
		 "reader reads page._refcount on each way to second"},
		{"nobody | reader reads page._refcount before second after first", CHECK_FIXED,
		 CHECK_BY_CODE,
		 "reader reads page._refcount on each way from a call of first to second"},
		{"writer reads page._refcount before second", CHECK_VULNERABLE, CHECK_BY_CODE,
		 "writer has a way to second without a read of page._refcount"},
		{"reader reads page.nothing before second", CHECK_UNKNOWN, CHECK_BY_BTF,
		 "does reader read page.nothing before second? There is no such member of 1 to 8 "
		 "bytes"},
		{"both calls first before nothing", CHECK_UNKNOWN, CHECK_BY_CODE,
		 "does both call first before nothing? One of them is not in the image: inlined, or "
		 "not in this kernel"},
		{"has function nobody | second", CHECK_FIXED, CHECK_BY_SYMBOL,
		 "there is a function second"},
		{"has function nobody | no_one", CHECK_VULNERABLE, CHECK_BY_SYMBOL,
		 "there is no function nobody or no_one"},
		{"has member page._refcount", CHECK_FIXED, CHECK_BY_BTF,
		 "page has the member _refcount"},
		{"has member page._refcnt", CHECK_VULNERABLE, CHECK_BY_BTF,
		 "page has no member _refcnt"},
		{"has member nothing.x", CHECK_VULNERABLE, CHECK_BY_BTF,
		 "there is no type nothing, and so no member x"},
		{"has enumerator TTU_SYNC", CHECK_FIXED, CHECK_BY_BTF,
		 "there is an enumerator TTU_SYNC: 0x10"},
		{"has enumerator TTU_SINC", CHECK_VULNERABLE, CHECK_BY_BTF,
		 "there is no enumerator TTU_SINC"},
		{"has type ttu_flags", CHECK_FIXED, CHECK_BY_BTF, "there is a type ttu_flags"},
		{"has type ttu_flag", CHECK_VULNERABLE, CHECK_BY_BTF, "there is no type ttu_flag"},
		{"has config SWAP", CHECK_FIXED, CHECK_BY_CONFIG, "CONFIG_SWAP is set"},
		{"has config CONFIG_NUMA", CHECK_VULNERABLE, CHECK_BY_CONFIG,
		 "CONFIG_NUMA is not set"},
		{"split_huge_page_to_list passes TTU_SYNC to try_to_unmap in flags", CHECK_UNKNOWN,
		 CHECK_BY_CODE,
		 "does split_huge_page_to_list pass TTU_SYNC to try_to_unmap? No call of it was "
		 "found, or the argument is not known (in ARGUMENT)"},
		{"both passes TTU_SINC to first", CHECK_VULNERABLE, CHECK_BY_BTF,
		 "there is no enumerator TTU_SINC to pass"},
	};
	struct check_race_result result;
	char line[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "fixed = %s", cases[i].condition);
		judge(*state, line, &result);
		assert_int_equal(result.nr_evidence, 1);
		assert_string_equal(result.evidence[0].text, cases[i].text);
		assert_int_equal(result.evidence[0].kind, cases[i].kind);
		assert_int_equal(result.status, cases[i].status);
		assert_int_equal(result.evidence[0].answer == CHECK_NOT_KNOWN,
				 cases[i].status == CHECK_UNKNOWN);
	}
}

#define YES "has config SWAP"
#define NO "has config NUMA"
#define NOT_KNOWN "nobody calls first"

/*
 * The result of the given conditions, and the number of facts on which it is based; the missing one
 * comes last.
 */
static void conclusions(void **state)
{
	static const struct {
		const char *lines;
		enum check_status status;
		size_t evidence;
		bool missing;
	} cases[] = {
		{"cannot = " YES "\nfixed = " NO, CHECK_CANNOT_HAPPEN, 1, false},
		{"cannot = " NO "\nfixed = " YES, CHECK_FIXED, 1, false},
		{"cannot = " NO "\nfixed = " NO " and " YES, CHECK_VULNERABLE, 1, false},
		{"cannot = " NOT_KNOWN "\nfixed = " YES, CHECK_FIXED, 1, false},
		{"cannot = " NOT_KNOWN "\nfixed = " NO, CHECK_UNKNOWN, 2, true},
		{"fixed = " NOT_KNOWN, CHECK_UNKNOWN, 1, true},
		{"fixed = " YES "\nfixed = " NOT_KNOWN, CHECK_UNKNOWN, 2, true},
		{"fixed = " NO "\nfixed = " NOT_KNOWN, CHECK_VULNERABLE, 1, false},
		{"fixed = " YES " or " NOT_KNOWN, CHECK_FIXED, 1, false},
		{"fixed = " NO " or " NOT_KNOWN, CHECK_UNKNOWN, 2, true},
		{"fixed = not (" NO " or not " YES ")", CHECK_FIXED, 2, false},
		{"vulnerable = " YES "\nfixed = " NOT_KNOWN, CHECK_VULNERABLE, 1, false},
		{"vulnerable = " NO "\nfixed = " NO, CHECK_VULNERABLE, 1, false},
		{"vulnerable = " YES "\nfixed = " YES, CHECK_UNKNOWN, 1, false},
		{"vulnerable = " NO, CHECK_UNKNOWN, 1, false},
		{"", CHECK_UNKNOWN, 0, false},
	};
	struct check_race_result result;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		judge(*state, cases[i].lines, &result);
		assert_int_equal(result.status, cases[i].status);
		assert_int_equal(result.nr_evidence, cases[i].evidence);
		if (result.nr_evidence)
			assert_int_equal(result.evidence[result.nr_evidence - 1].answer ==
						 CHECK_NOT_KNOWN,
					 cases[i].missing);
	}
}

/* Nothing to read: each condition says what it would need. */
static void nothing_to_read(void **state)
{
	static const struct {
		const char *condition, *text;
	} cases[] = {
		{"f calls g", "does f call g? No code: none"},
		{"f calls g before h", "does f call g before h? No code: none"},
		{"f reads s.m before g after h", "does f read s.m before g after h? No code: none"},
		{"f passes A to g", "does f pass A to g? No code: none"},
		{"has function f", "is there a function f? There are neither symbols nor BTF"},
		{"has member s.m",
		 "has s the member m? BTF is needed (--btf, or an image with BTF)"},
		{"has enumerator A",
		 "is there an enumerator A? BTF is needed (--btf, or an image with BTF)"},
		{"has type s", "is there a type s? BTF is needed (--btf, or an image with BTF)"},
		{"has config C", "is CONFIG_C set? The configuration is needed (--config)"},
	};
	const struct check_source source = {.no_code = "none"};
	struct check_race_result result;
	char line[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "fixed = %s", cases[i].condition);
		judge(&source, line, &result);
		assert_int_equal(result.status, CHECK_UNKNOWN);
		assert_int_equal(result.nr_evidence, 1);
		assert_string_equal(result.evidence[0].text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions),
		cmocka_unit_test(conclusions),
		cmocka_unit_test(nothing_to_read),
	};

	return cmocka_run_group_tests(tests, open_source, close_source);
}
