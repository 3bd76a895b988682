// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code of arm64 as thprace check reads it: single instructions, whole functions, and the Image
 * around them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/btf.h>
#include "check/check.h"
#include "check/check_source.h"
#include "code/code.h"
#include "image/image.h"
#include "tiny_kernel.h"
#include "base/names.h"
#include "classes/race_class.h"
#include "class_ids.h"

static const struct tiny_kernel all_fixed = {.flag = true,
					     .split_flags = 0xd0,
					     .poison_flags = 0x18,
					     .honours = true,
					     .single = true,
					     .truncate_calls = true,
					     .invalidate_calls = true,
					     .releases = true};

struct snippet {
	const char *text; /* as assembled */
	const char *words;
	uint32_t bit;
	unsigned int one, other;
};

static struct code *open_code(struct tiny *tiny, struct image **image)
{
	struct code *reader = NULL;
	char why[256] = "";
	size_t size;
	void *data = tiny__vmlinux(tiny, TINY_SYMTAB, NULL, 0, &size);

	tiny__free(tiny);
	if (image__parse(image, data, size, 1UL << 24, why, sizeof(why)) ||
	    code__open(&reader, *image, why, sizeof(why)))
		fail_msg("%s", why);
	return reader;
}

static void close_code(struct code *reader, struct image *image)
{
	code__close(reader);
	image__close(image);
}

/* w1 at a call after the snippet: the bit set, clear, or neither. */
static void flags_in_calls(void **state)
{
	static const struct snippet snippets[] = {
		{"mov w1, #0x9c", "52801381", 0x10, 1, 0},
		{"mov w1, #0x8c", "52801181", 0x10, 0, 1},
		{"mov w1, w0", "2a0003e1", 0x10, 0, 0},
		{"mov w1, #0xd4; mov w2, #0xd0; csel w1, w1, w2, ne", "52801a81 52801a02 1a821021",
		 0x10, 1, 0},
		{"mov w1, #0xd4; mov w2, #0xd0; csel w1, w1, w2, ne", "52801a81 52801a02 1a821021",
		 0x4, 0, 0},
		{"mov w1, #0xc4; mov w2, #0xd0; csel w1, w1, w2, ne", "52801881 52801a02 1a821021",
		 0x10, 0, 0},
		{"cset w1, ne; lsl w1, w1, #8; add w1, w1, #0x98", "1a9f07e1 53185c21 11026021",
		 0x10, 1, 0},
		{"cset w1, ne; lsl w1, w1, #8; add w1, w1, #0x98", "1a9f07e1 53185c21 11026021",
		 0x100, 0, 0},
		{"cset w1, ne; lsl w1, w1, #8; add w1, w1, #0x98", "1a9f07e1 53185c21 11026021",
		 0x20, 0, 1},
		{"csetm w1, eq; and w1, w1, #0xfffffffc; add w1, w1, #0xd4",
		 "5a9f13e1 121e7421 11035021", 0x10, 1, 0},
		{"mov w1, #0x10; movk w1, #1, lsl #16", "52800201 72a00021", 0x10, 1, 0},
		{"mov w1, #0x10; movk w1, #1, lsl #16", "52800201 72a00021", 0x10000, 1, 0},
		{"mov w1, #0x10; movk w1, #1, lsl #16", "52800201 72a00021", 0x20000, 0, 1},
		{"mov w1, #-17", "12800201", 0x10, 0, 1},
		{"mov w1, #-17", "12800201", 0x20, 1, 0},
		{"orr w1, wzr, #0x30; eor w1, w1, #0x20", "321c07e1 521b0021", 0x10, 1, 0},
		{"orr w1, wzr, #0x30; eor w1, w1, #0x20", "321c07e1 521b0021", 0x20, 0, 1},
		{"orr w1, w0, #0x10", "321c0001", 0x10, 1, 0},
		{"and w1, w0, #0xffffffef", "121b7801", 0x10, 0, 1},
		{"mov w2, #0x10; bic w1, w0, w2", "52800202 0a220001", 0x10, 0, 1},
		{"mov w2, #1; orr w1, w0, w2, lsl #4", "52800022 2a021001", 0x10, 1, 0},
		{"mov w1, #0x1c; b.eq 1f; mov w1, #0x9c; 1:", "52800381 54000040 52801381", 0x10, 1,
		 0},
		{"mov w1, #0x0c; cbz w0, 1f; mov w1, #0x9c; 1:", "52800181 34000040 52801381", 0x10,
		 0, 0},
		{"mov w1, #0x0c; tbz x0, #40, 1f; mov w1, #0x9c; 1:", "52800181 b6400040 52801381",
		 0x10, 0, 0},
		{"mov w1, #0x8; 1: orr w1, w1, #0x10; b.ne 1b", "52800101 321c0021 54ffffe1", 0x10,
		 1, 0},
		{"mov w1, #0x10; b.eq 1f; mov w1, #0; ret; 1:",
		 "52800201 54000060 52800001 d65f03c0", 0x10, 1, 0},
		{"mov w1, #0x10; b.eq 1f; mov w1, #0; brk #0x800; 1:",
		 "52800201 54000060 52800001 d4210000", 0x10, 0, 0},
		{"mov w19, #0x10; blr x8; mov w1, w19", "52800213 d63f0100 2a1303e1", 0x10, 1, 0},
		{"mov w1, #0x10; blr x8", "52800201 d63f0100", 0x10, 0, 0},
		{"sub sp, sp, #0x20; mov w0, #0x38; str w0, [sp, #8]; ldr w1, [sp, #8]; orr w1, w1, #0x80",
		 "d10083ff 52800700 b9000be0 b9400be1 32190021", 0x10, 1, 0},
		{"stp x29, x30, [sp, #-48]!; mov x29, sp; mov w0, #8; stur w0, [x29, #20]; ldr w1, [sp, #20]",
		 "a9bd7bfd 910003fd 52800100 b80143a0 b94017e1", 0x10, 0, 1},
		{"stp x29, x30, [sp, #-48]!; mov x29, sp; mov w0, #8; stur w0, [x29, #20]; ldr w1, [sp, #20]",
		 "a9bd7bfd 910003fd 52800100 b80143a0 b94017e1", 0x8, 1, 0},
		{"mov w2, #8; mov w3, #0x10; stp w2, w3, [sp, #-16]!; ldr w1, [sp, #4]",
		 "52800102 52800203 29be0fe2 b94007e1", 0x10, 1, 0},
		{"mov w2, #0x10; mov x3, #8; stp x3, x2, [sp, #-16]!; ldp x0, x1, [sp], #16",
		 "52800202 d2800103 a9bf0be3 a8c107e0", 0x10, 1, 0},
		{"mov w2, #0x10; str w2, [sp, #-16]!; add x4, sp, #16; ldr w1, [x4, #-16]!",
		 "52800202 b81f0fe2 910043e4 b85f0c81", 0x10, 1, 0},
		{"mov w2, #0x10; str w2, [sp, #-16]!; b.eq 1f; str wzr, [sp]; 1: ldr w1, [sp]",
		 "52800202 b81f0fe2 54000040 b90003ff b94003e1", 0x10, 0, 0},
		{"mov w2, #0x10; str w2, [sp, #-32]!; stp q0, q1, [sp]; ldr w1, [sp]",
		 "52800202 b81e0fe2 ad0007e0 b94003e1", 0x10, 0, 0},
		{"mov w2, #0x10; str w2, [sp, #-32]!; mov x4, sp; str w5, [x4, x6, lsl #2]; ldr w1, [sp]",
		 "52800202 b81e0fe2 910003e4 b8267885 b94003e1", 0x10, 0, 0},
		{"mov w2, #0x10; str w2, [sp, #-32]!; mov x4, sp; stlr w5, [x4]; ldr w1, [sp]",
		 "52800202 b81e0fe2 910003e4 889ffc85 b94003e1", 0x10, 0, 0},
		{"mov w1, #0x100; lsr w1, w1, #4", "52802001 53047c21", 0x10, 1, 0},
		{"mov w1, #0x100; lsr x1, x1, #4", "52802001 d344fc21", 0x10, 0, 0},
		{"mov w1, #0x80; bfi w1, w0, #4, #1", "52801001 331c0001", 0x10, 0, 0},
		{"mov w1, #0x80; bfi w1, w0, #4, #1", "52801001 331c0001", 0x80, 1, 0},
		{"mov w1, #0x80; bfi w1, w0, #4, #1", "52801001 331c0001", 0x20, 0, 1},
		{"mov w1, #0x80; mov w0, #0x20; bfxil w1, w0, #1, #5", "52801001 52800400 33011401",
		 0x10, 1, 0},
		{"mov w1, #0x80; mov w0, #0x20; bfxil w1, w0, #1, #5", "52801001 52800400 33011401",
		 0x80, 1, 0},
		{"ubfiz w1, w0, #4, #1", "531c0001", 0x10, 0, 0},
		{"ubfiz w1, w0, #4, #1", "531c0001", 0x20, 0, 1},
		{"mov w1, #0x10; sdiv w1, w1, w2", "52800201 1ac20c21", 0x10, 0, 0},
		{"mov w1, #0x10; ldr w1, [x2, x3, lsl #2]", "52800201 b8637841", 0x10, 0, 0},
		{"mov w1, #0x10; ldr w2, [x1, x3, lsl #2]; casal w5, w6, [x1]; stlr w1, [x7]; prfm pldl1keep, [x3]; nop; dmb ish; ccmp w1, #0, #4, ne",
		 "52800201 b8637822 88e5fc26 889ffce1 f9800060 d503201f d5033bbf 7a401824", 0x10, 1,
		 0},
		{"mov w1, #0x10; ldaddal w2, w1, [x3]", "52800201 b8e20061", 0x10, 0, 0},
		{"mov w1, #0x10; casal w1, w2, [x3]", "52800201 88e1fc62", 0x10, 0, 0},
		{"mov w1, #0x10; stxr w1, w2, [x3]", "52800201 88017c62", 0x10, 0, 0},
		{"mov w1, #0x10; ldr w0, [x1], #4", "52800201 b8404420", 0x10, 1, 0},
		{"mov w1, #0x10; mrs x1, sp_el0", "52800201 d5384101", 0x10, 0, 0},
		{"mov w1, #0x10; adrp x1, 0", "52800201 90000001", 0x10, 0, 0},
		{"mov w1, #0x10; umov w1, v0.s[0]", "52800201 0e043c01", 0x10, 0, 0},
		{"mov w1, #0x10; cntb x1", "52800201 0420e3e1", 0x10, 0, 0},
	};
	const struct snippet *snippet;
	struct tiny *tiny;
	struct code *reader;
	struct image *image;
	struct code_bit bit;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(snippets) / sizeof(snippets[0]); i++) {
		snippet = &snippets[i];
		tiny = tiny__new_arm64();
		tiny__function(tiny, "try_to_unmap");
		tiny__words(tiny, "d65f03c0");
		tiny__function(tiny, "split");
		tiny__words(tiny, snippet->words);
		tiny__words(tiny, "bl:try_to_unmap d65f03c0");
		reader = open_code(tiny, &image);
		assert_int_equal(
			code__passes(reader, "split", "try_to_unmap", 2, snippet->bit, &bit), 0);
		if (bit.calls != 1 || bit.set != snippet->one || bit.clear != snippet->other)
			fail_msg("%s: %#x: of %u calls %u times set, %u times clear", snippet->text,
				 snippet->bit, bit.calls, bit.set, bit.clear);
		close_code(reader, image);
	}
}

/*
 * Tests of a bit of w3, and stores of 1 at sp + 0x40, which is the member of the walked structure.
 */
static void flags_of_walks(void **state)
{
	static const struct snippet snippets[] = {
		{"tbz w3, #4, 1f; mov w4, #1; str w4, [sp, #0x40]; 1:",
		 "36200063 52800024 b90043e4", 0x10, 1, 1},
		{"and w3, w3, #0x10; cbz w3, 1f; mov w4, #1; str w4, [sp, #0x40]; 1:",
		 "121c0063 34000063 52800024 b90043e4", 0x10, 1, 1},
		{"mov x19, x3; blr x8; tst x19, #0x10; b.eq 1f; mov w4, #1; str w4, [sp, #0x40]; 1:",
		 "aa0303f3 d63f0100 f27c027f 54000060 52800024 b90043e4", 0x10, 1, 1},
		{"str w3, [sp, #4]; ldr w5, [sp, #4]; tbnz w5, #4, 1f; b 2f; 1: mov w4, #1; str w4, [sp, #0x40]; 2:",
		 "b90007e3 b94007e5 37200045 14000003 52800024 b90043e4", 0x10, 1, 1},
		{"tbz w3, #9, 1f; mov w4, #1; str w4, [sp, #0x40]; 1:",
		 "36480063 52800024 b90043e4", 0x200, 1, 1},
		{"tbz w3, #9, 1f; mov w4, #1; str w4, [sp, #0x40]; 1:",
		 "36480063 52800024 b90043e4", 0x10, 0, 1},
		{"lsr w4, w3, #2; tbz w4, #2, 1f; mov w4, #1; str w4, [sp, #0x40]; 1:",
		 "53027c64 36100064 52800024 b90043e4", 0x10, 1, 1},
		{"lsr w4, w3, #2; tbz w4, #2, 1f; mov w4, #1; str w4, [sp, #0x40]; 1:",
		 "53027c64 36100064 52800024 b90043e4", 0x4, 0, 1},
		{"ubfx x4, x3, #4, #1; cbz w4, 1f; mov w4, #1; str w4, [sp, #0x40]; 1:",
		 "d3441064 34000064 52800024 b90043e4", 0x10, 1, 1},
		{"mov w4, #0x10; tst w3, w4; b.eq 1f; mov w5, #1; stp w5, wzr, [sp, #0x40]; 1:",
		 "52800204 6a04007f 54000060 52800025 29087fe5", 0x10, 1, 1},
		{"tst w3, #0x10; b.eq 1f; ldr w4, [sp, #0x40]; orr w4, w4, #1; str w4, [sp, #0x40]; 1:",
		 "721c007f 54000080 b94043e4 32000084 b90043e4", 0x10, 1, 1},
		{"tbz w3, #2, 1f; mov w4, #1; str w4, [sp, #0x3c]; 1:",
		 "36100063 52800024 b9003fe4", 0x10, 0, 0},
		{"tst w3, #0x30; b.eq 1f; mov w4, #1; str w4, [sp, #0x40]; 1:",
		 "721c047f 54000060 52800024 b90043e4", 0x10, 0, 1},
		{"tbz w0, #4, 1f; mov w4, #1; str w4, [sp, #0x40]; 1:",
		 "36200060 52800024 b90043e4", 0x10, 0, 1},
		{"tbz x3, #36, 1f; mov w4, #1; str w4, [sp, #0x40]; 1:",
		 "b6200063 52800024 b90043e4", 0x10, 0, 1},
		{"tbz w3, #4, 1f; str wzr, [sp, #0x40]; 1:", "36200043 b90043ff", 0x10, 1, 0},
		{"tbz w3, #4, 1f; mov w4, #1; str w4, [x5, #0x40]; 1:",
		 "36200063 52800024 b90040a4", 0x10, 1, 0},
	};
	struct code_question question = {4, 0, "page_vma_mapped_walk", 48, 1};
	const struct snippet *snippet;
	struct tiny *tiny;
	struct code *reader;
	struct image *image;
	struct code_use use;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(snippets) / sizeof(snippets[0]); i++) {
		snippet = &snippets[i];
		question.bit = snippet->bit;
		tiny = tiny__new_arm64();
		tiny__function(tiny, "page_vma_mapped_walk");
		tiny__words(tiny, "d65f03c0");
		tiny__function(tiny, "try_to_unmap_one");
		tiny__words(tiny, "d10203ff"); /* sub sp, sp, #0x80 */
		tiny__words(tiny, snippet->words);
		tiny__words(tiny, "910043e0"); /* add x0, sp, #0x10 */
		tiny__words(tiny, "bl:page_vma_mapped_walk d65f03c0");
		reader = open_code(tiny, &image);
		assert_int_equal(code__uses(reader, "try_to_unmap_one", &question, &use), 0);
		if (use.walks != 1 || use.tests != snippet->one || use.stores != snippet->other)
			fail_msg("%s: %#x: %u walks, %u tests, %u stores", snippet->text,
				 snippet->bit, use.walks, use.tests, use.stores);
		close_code(reader, image);
	}
}

/* Judge a tiny kernel, as an Image (flat) or an ELF file; statuses has room for all classes. */
static void judge(const struct tiny_kernel *kernel, bool flat, enum tiny_symbols symbols,
		  enum check_status *statuses)
{
	struct tiny *tiny = tiny__new_arm64();
	struct check_result result;
	struct check_source source;
	struct check_facts facts;
	struct image *image = NULL;
	size_t btf_size, size;
	void *btf = tiny__btf(kernel, &btf_size), *data;
	char why[256];
	unsigned int class;

	tiny__fill_arm64(tiny, kernel);
	data = flat ? tiny__image(tiny, symbols, btf, btf_size, &size)
		    : tiny__vmlinux(tiny, symbols, btf, btf_size, &size);
	assert_int_equal(image__parse(&image, data, size, 1UL << 24, why, sizeof(why)), 0);
	assert_int_equal(image__machine(image), IMAGE_ARM64);
	assert_int_equal(check_source__of_image(&source, image, why, sizeof(why)), 0);
	if (!source.btf) /* it is too small to be found without a section */
		source.btf = btf__new(btf, (unsigned int)btf_size);
	check_facts__gather(&facts, &source);
	for (class = 1; class < race_class__end(); class ++) {
		check__judge(&facts, class, &result);
		statuses[class] = result.status;
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
	static const char *const names[] = CHECK_STATUS_NAMES;
	static const enum tiny_symbols kinds[] = {TINY_KALLSYMS_5, TINY_KALLSYMS_6, TINY_KALLSYMS_7,
						  TINY_SYMTAB};
	enum check_status statuses[THPRACE_CLASS_MAX], expected;
	size_t i;
	unsigned int class;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		judge(kernel, kinds[i] != TINY_SYMTAB, kinds[i], statuses);
		for (class = 1; class < race_class__end(); class ++) {
			expected = (int)class == differs ? status : usual[class];
			if (statuses[class] != expected)
				fail_msg("symbols %d: %s: %s, not %s", kinds[i],
					 names__class(class), names[statuses[class]],
					 names[expected]);
		}
	}
}

static void one_thing_each(void **state)
{
	struct tiny_kernel kernel = all_fixed;

	(void)state;
	assert_one(&kernel, 0, CHECK_FIXED);
	kernel.split_flags = 0xc0;
	assert_one(&kernel, THPRACE_SPLIT_UNMAP, CHECK_VULNERABLE);
	kernel = all_fixed;
	kernel.poison_flags = 0x8;
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
}

/* The flag is passed, but try_to_unmap_one does nothing with it. */
static void passed_and_ignored(void **state)
{
	enum check_status statuses[THPRACE_CLASS_MAX];
	struct tiny_kernel kernel = all_fixed;

	(void)state;
	kernel.honours = false;
	judge(&kernel, true, TINY_KALLSYMS_5, statuses);
	assert_int_equal(statuses[THPRACE_SPLIT_UNMAP], CHECK_VULNERABLE);
	assert_int_equal(statuses[THPRACE_HWPOISON_UNMAP], CHECK_VULNERABLE);
	assert_int_equal(statuses[THPRACE_TRUNCATE_UNMAP], CHECK_FIXED);
}

/* An Image with these bytes from `at' on; the result for its split. */
static enum check_status changed(enum tiny_symbols symbols, size_t at, const char *bytes,
				 size_t count)
{
	struct tiny *tiny = tiny__new_arm64();
	struct check_result result;
	struct check_source source;
	struct check_facts facts;
	struct image *image = NULL;
	size_t btf_size, size;
	void *btf = tiny__btf(&all_fixed, &btf_size);
	unsigned char *data;
	char why[256];

	tiny__fill_arm64(tiny, &all_fixed);
	data = tiny__image(tiny, symbols, btf, btf_size, &size);
	memcpy(data + at, bytes, count);
	assert_int_equal(image__parse(&image, data, size, 1UL << 24, why, sizeof(why)), 0);
	assert_int_equal(check_source__of_image(&source, image, why, sizeof(why)), 0);
	if (!source.btf) /* it is too small to be found without a section */
		source.btf = btf__new(btf, (unsigned int)btf_size);
	check_facts__gather(&facts, &source);
	check__judge(&facts, THPRACE_SPLIT_UNMAP, &result);
	if (result.status == CHECK_UNKNOWN)
		assert_non_null(strstr(source.no_code, "without addresses"));
	check_source__release(&source);
	tiny__free(tiny);
	free(btf);
	return result.status;
}

/* The place in memory is not accepted if the header's jump and the calls contradict. */
static void another_place(void **state)
{
	static const char elsewhere[] = "\0\x08\0\x14", none[] = "\x1f\x20\x03\xd5";
	enum tiny_symbols kind;

	(void)state;
	for (kind = TINY_KALLSYMS_5; kind <= TINY_KALLSYMS_7; kind++) {
		assert_int_equal(changed(kind, 4, "", 0), CHECK_FIXED);
		assert_int_equal(changed(kind, 4, elsewhere, 4), CHECK_UNKNOWN);
		assert_int_equal(changed(kind, 4, none, 4), CHECK_UNKNOWN);
	}
}

static void compare_and_exchange(void **state)
{
	struct tiny *tiny = tiny__new_arm64();
	struct image *image;
	struct code *reader;

	(void)state;
	tiny__fill_arm64(tiny, &all_fixed);
	reader = open_code(tiny, &image);
	assert_int_equal(code__exchanges(reader, "split_huge_page_to_list", 0x34), 1);
	assert_int_equal(code__exchanges(reader, "split_huge_page_to_list", 0x30), 0);
	assert_int_equal(code__exchanges(reader, "memory_failure", 0x34), 0);
	assert_int_equal(code__compares(reader, "khugepaged", 0x34), 1);
	assert_int_equal(code__compares(reader, "khugepaged", 0x30), 0);
	assert_int_equal(code__compares(reader, "no_such_function", 0x34), -ENOENT);
	close_code(reader, image);
}

/* After a call, does a path lead to another one? */
static void ways_between_calls(void **state)
{
	static const struct {
		const char *words;
		unsigned int calls, reached, unclear;
	} functions[] = {
		/* tbz w0, #0, 16; bl; b 0; ret */
		{"bl:page_vma_mapped_walk 36000060 bl:leaf 17fffffd d65f03c0", 1, 1, 0},
		/* tbz w0, #0, 12; bl; ret */
		{"bl:page_vma_mapped_walk 36000040 bl:leaf d65f03c0", 1, 0, 0},
		/* bl; br x0 */
		{"bl:page_vma_mapped_walk 36000040 bl:leaf d61f0000 d65f03c0", 1, 0, 1},
		/* One that continues, one that does not. */
		{"bl:leaf bl:page_vma_mapped_walk bl:leaf d65f03c0", 2, 1, 0},
		{"bl:page_vma_mapped_walk d65f03c0", 0, 0, 0},
	};
	struct code_reach reach;
	struct image *image;
	struct code *reader;
	struct tiny *tiny;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		tiny = tiny__new_arm64();
		tiny__fill_arm64(tiny, &all_fixed);
		tiny__function(tiny, "leaf");
		tiny__words(tiny, "d65f03c0");
		tiny__function(tiny, "walker");
		tiny__words(tiny, functions[i].words);
		reader = open_code(tiny, &image);
		assert_int_equal(
			code__reaches(reader, "walker", "leaf", "page_vma_mapped_walk", &reach), 0);
		assert_int_equal(reach.calls, functions[i].calls);
		assert_int_equal(reach.reached, functions[i].reached);
		assert_int_equal(reach.unclear, functions[i].unclear);
		assert_int_equal(code__reaches(reader, "walker", "nobody", "leaf", &reach),
				 -ENOENT);
		assert_int_equal(code__reaches(reader, "nobody", "leaf", "leaf", &reach), -ENOENT);
		close_code(reader, image);
	}
}

/* Is one function called on each path to another one? */
static void order_of_calls(void **state)
{
	static const struct {
		const char *words;
		unsigned int calls, without;
		bool unclear;
	} functions[] = {
		{"bl:leaf bl:page_vma_mapped_walk d65f03c0", 1, 0, false},
		{"bl:page_vma_mapped_walk bl:leaf d65f03c0", 1, 1, false},
		/* tbz w0, #0, 8: past the first call */
		{"36000040 bl:leaf bl:page_vma_mapped_walk d65f03c0", 1, 1, false},
		/* Both paths lead past one. */
		{"36000060 bl:leaf 14000002 bl:leaf bl:page_vma_mapped_walk d65f03c0", 1, 0, false},
		/* br x0 */
		{"36000040 d61f0000 bl:leaf bl:page_vma_mapped_walk d65f03c0", 1, 0, true},
		{"bl:leaf d65f03c0", 0, 0, false},
	};
	static const char *const first[] = {"nobody", "leaf", NULL}, *const nobody[] = {"nobody",
											NULL};
	static const char *const second[] = {"page_vma_mapped_walk", NULL};
	struct code_before before;
	struct code_order order;
	struct image *image;
	struct code *reader;
	struct tiny *tiny;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		tiny = tiny__new_arm64();
		tiny__fill_arm64(tiny, &all_fixed);
		tiny__function(tiny, "leaf");
		tiny__words(tiny, "d65f03c0");
		tiny__function(tiny, "walker");
		tiny__words(tiny, functions[i].words);
		reader = open_code(tiny, &image);
		order = (struct code_order){.first = first, .second = second};
		assert_int_equal(code__before(reader, "walker", &order, &before), 0);
		assert_int_equal(before.calls, functions[i].calls);
		assert_int_equal(before.without, functions[i].without);
		assert_int_equal(before.unclear, functions[i].unclear);
		assert_int_equal(code__before(reader, "nobody", &order, &before), -ENOENT);
		order.after = nobody;
		assert_int_equal(code__before(reader, "walker", &order, &before), -ENOENT);
		order = (struct code_order){.first = nobody, .second = second};
		assert_int_equal(code__before(reader, "walker", &order, &before), -ENOENT);
		order = (struct code_order){.first = first, .second = nobody};
		assert_int_equal(code__before(reader, "walker", &order, &before), -ENOENT);
		close_code(reader, image);
	}
}

/* A load of these bytes at this offset comes first: LDR, LDP; not STR, another size, or from the stack. */
static void reads_before(void **state)
{
	static const struct {
		const char *words;
		uint32_t size;
		unsigned int without;
	} functions[] = {
		{"b9403400 bl:page_vma_mapped_walk d65f03c0", 4, 0}, /* ldr w0, [x0, #52] */
		{"b9003400 bl:page_vma_mapped_walk d65f03c0", 4, 1}, /* str w0, [x0, #52] */
		{"b94037e0 bl:page_vma_mapped_walk d65f03c0", 4, 1}, /* ldr w0, [sp, #52] */
		{"b9403400 bl:page_vma_mapped_walk d65f03c0", 8, 1},
		{"29460400 bl:page_vma_mapped_walk d65f03c0", 4, 0}, /* ldp w0, w1, [x0, #48] */
		{"29468400 bl:page_vma_mapped_walk d65f03c0", 4, 0}, /* ldp w0, w1, [x0, #52] */
	};
	static const char *const second[] = {"page_vma_mapped_walk", NULL};
	struct code_order order = {.member = 52, .second = second};
	struct code_before before;
	struct image *image;
	struct code *reader;
	struct tiny *tiny;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		tiny = tiny__new_arm64();
		tiny__fill_arm64(tiny, &all_fixed);
		tiny__function(tiny, "walker");
		tiny__words(tiny, functions[i].words);
		reader = open_code(tiny, &image);
		order.size = functions[i].size;
		assert_int_equal(code__before(reader, "walker", &order, &before), 0);
		assert_int_equal(before.without, functions[i].without);
		close_code(reader, image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_before),		cmocka_unit_test(flags_in_calls),
		cmocka_unit_test(flags_of_walks),	cmocka_unit_test(one_thing_each),
		cmocka_unit_test(passed_and_ignored),	cmocka_unit_test(another_place),
		cmocka_unit_test(compare_and_exchange), cmocka_unit_test(ways_between_calls),
		cmocka_unit_test(order_of_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
