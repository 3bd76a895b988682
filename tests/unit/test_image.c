// SPDX-License-Identifier: GPL-2.0-only
/* Kernel images: every compression, every way of having symbols, and damage of all kinds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "code/code.h"
#include "image/image.h"
#include "tiny_kernel.h"

static const struct tiny_kernel fixed = {.flag = true,
					 .split_flags = 0x9c,
					 .poison_flags = 0x38,
					 .honours = true,
					 .single = true,
					 .truncate_calls = true,
					 .invalidate_calls = true,
					 .releases = true};

static void *make(enum tiny_symbols symbols, size_t *size)
{
	struct tiny *tiny = tiny__new();
	size_t btf_size;
	void *btf = tiny__btf(&fixed, &btf_size), *data;

	tiny__fill(tiny, &fixed);
	data = tiny__vmlinux(tiny, symbols, btf, btf_size, size);
	tiny__free(tiny);
	free(btf);
	return data;
}

static struct image *parse(void *data, size_t size)
{
	struct image *image = NULL;
	char why[256] = "";

	if (image__parse(&image, data, size, IMAGE_UNPACKED_MAX, why, sizeof(why)))
		fail_msg("refused: %s", why);
	return image;
}

/* The functions of the tiny kernel are found, and a call goes where it should. */
static void check_symbols(const struct image *image)
{
	const struct image_symbol *symbol = image__symbol(image, "try_to_unmap_one");
	const unsigned char *code;
	struct code *reader;
	char why[256];
	size_t size;

	assert_non_null(symbol);
	code = image__code(image, symbol->address, &size);
	assert_non_null(code);
	assert_memory_equal(code, "\x48\x81\xec\x88", 4);
	assert_int_equal(size % 16, 0);
	assert_null(image__symbol(image, "try_to_migrate"));
	assert_int_equal(code__open(&reader, image, why, sizeof(why)), 0);
	assert_int_equal(code__calls(reader, "truncate_cleanup_page", "unmap_mapping_page"), 1);
	assert_int_equal(code__calls(reader, "truncate_cleanup_page", "try_to_unmap"), 0);
	assert_int_equal(code__calls(reader, "no_such_function", "try_to_unmap"), -ENOENT);
	code__close(reader);
}

static void symbols_of_all_kinds(void **state)
{
	struct image *image;
	enum tiny_symbols kind;
	size_t size;
	void *data;

	(void)state;
	for (kind = TINY_SYMTAB; kind < TINY_NONE; kind++) {
		data = make(kind, &size);
		image = parse(data, size);
		assert_string_equal(image__format(image), "vmlinux");
		assert_int_equal(image__machine(image), IMAGE_X86_64);
		assert_string_equal(image__banner(image),
				    "Linux version 5.10.0-tiny (nobody@nowhere) (cc) #1 SMP");
		assert_non_null(image__btf(image, &size));
		check_symbols(image);
		image__close(image);
	}
}

static void no_symbols(void **state)
{
	const struct image_symbol *symbols;
	struct image *image;
	struct code *reader;
	char why[256];
	size_t size;
	void *data = make(TINY_NONE, &size);

	(void)state;
	image = parse(data, size);
	assert_int_equal(image__symbols(image, &symbols), 0);
	assert_string_equal(image__symbols_from(image), "no symbol table");
	assert_int_equal(code__open(&reader, image, why, sizeof(why)), -ENOTSUP);
	assert_non_null(strstr(why, "no symbol table"));
	image__close(image);
}

static void expect_foreign(const void *head, size_t length, size_t offset, const char *name)
{
	const size_t size = 1 << 17;
	unsigned char *data = calloc(1, size);
	char why[256], wanted[128];
	struct image *image = NULL;

	assert_non_null(data);
	memcpy(data + offset, head, length);
	snprintf(wanted, sizeof(wanted),
		 "a kernel for %s: thprace reads kernels for x86-64 and arm64 only", name);
	assert_int_equal(image__parse(&image, data, size, IMAGE_UNPACKED_MAX, why, sizeof(why)),
			 -ENOTSUP);
	assert_string_equal(why, wanted);
}

/*
 * The message about kernels for other machines names the machine, whatever their files look like.
 */
static void foreign(void **state)
{
	static const struct {
		unsigned char class, order, machine[2];
		const char *name;
	} elves[] = {
		{1, 1, {3, 0}, "i386"},	  {1, 1, {40, 0}, "32-bit arm"},
		{2, 2, {0, 22}, "s390x"}, {1, 1, {243, 0}, "riscv64"},
		{2, 2, {0, 21}, "ppc64"},
	};
	static const struct {
		unsigned char machine[2];
		const char *name;
	} programs[] = {
		{{0x64, 0x62}, "loong64"}, {{0x64, 0x50}, "riscv64"}, {{0xc2, 1}, "32-bit arm"}};
	unsigned char elf[20] = "\177ELF", efi[72] = "MZ";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(elves) / sizeof(elves[0]); i++) {
		unsigned char head[64] = "\177ELF";

		memcpy(head, elf, 4);
		head[4] = elves[i].class;
		head[5] = elves[i].order;
		memcpy(head + 18, elves[i].machine, 2);
		expect_foreign(head, sizeof(head), 0, elves[i].name);
	}
	efi[0x3c] = 0x40;
	memcpy(efi + 0x40, "PE\0\0", 4);
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		memcpy(efi + 0x44, programs[i].machine, 2);
		expect_foreign(efi, sizeof(efi), 0, programs[i].name);
	}
	expect_foreign("\x18\x28\x6f\x01", 4, 0x24, "32-bit arm");
	expect_foreign("RISCV\0\0\0RSC\x05", 12, 0x30, "riscv64");
	expect_foreign("S390EP", 6, 0x10008, "s390x");
}

static const char *const compressions[] = {"gzip", "bzip2", "lzma", "xz", "lzo", "lz4", "zstd"};

#define NR_COMPRESSIONS (sizeof(compressions) / sizeof(compressions[0]))

static void *make_bzimage(const char *how, size_t *size)
{
	size_t plain, packed;
	void *data = make(TINY_KALLSYMS_5, &plain), *payload, *whole;

	payload = tiny__pack(how, data, plain, &packed);
	whole = tiny__bzimage(payload, packed, size);
	free(data);
	free(payload);
	return whole;
}

static void all_compressions(void **state)
{
	struct image *image;
	char format[64];
	size_t size, i;
	void *data;

	(void)state;
	for (i = 0; i < NR_COMPRESSIONS; i++) {
		data = make_bzimage(compressions[i], &size);
		image = parse(data, size);
		snprintf(format, sizeof(format), "bzImage, %s", compressions[i]);
		assert_string_equal(image__format(image), format);
		check_symbols(image);
		image__close(image);
	}
}

/* A bzImage contains the unpacked size of its kernel, which is the only check for lz4. */
static void another_size(void **state)
{
	struct image *image = NULL;
	unsigned char *data;
	char why[256];
	size_t size, i;

	(void)state;
	for (i = 0; i < NR_COMPRESSIONS; i++) {
		data = make_bzimage(compressions[i], &size);
		data[size - 4] ^= 1;
		assert_int_not_equal(image__parse(&image, data, size, 1UL << 24, why, sizeof(why)),
				     0);
		assert_non_null(strstr(why, "damaged"));
	}
}

/* Nothing is unpacked beyond the limit, with any compression. */
static void bombs(void **state)
{
	struct image *image = NULL;
	size_t size, packed, i, zeros = 9UL << 20;
	void *data = calloc(1, zeros), *payload, *whole;
	char why[256];

	(void)state;
	for (i = 0; i < NR_COMPRESSIONS; i++) {
		payload = tiny__pack(compressions[i], data, zeros, &packed);
		whole = tiny__bzimage(payload, packed, &size);
		assert_int_equal(image__parse(&image, whole, size, 4UL << 20, why, sizeof(why)),
				 -EFBIG);
		assert_non_null(strstr(why, "more than 4 MiB"));
		free(payload);
	}
	free(data);
}

/* A file that is truncated at any byte is refused with a reason, or read as far as possible. */
static void cut_off(void **state)
{
	struct image *image;
	size_t size, cut, i, step;
	void *data, *copy;
	char why[256];
	int refused;

	(void)state;
	for (i = 0; i <= NR_COMPRESSIONS; i++) {
		data = i < NR_COMPRESSIONS ? make_bzimage(compressions[i], &size)
					   : make(TINY_SYMTAB, &size);
		step = size / 97 + 1;
		refused = 0;
		for (cut = 0; cut < size; cut += step) {
			copy = malloc(cut + 1);
			memcpy(copy, data, cut);
			image = NULL;
			why[0] = '\0';
			if (image__parse(&image, copy, cut, 1UL << 24, why, sizeof(why))) {
				assert_true(why[0]);
				refused++;
			}
			image__close(image);
		}
		assert_true(i == NR_COMPRESSIONS || refused >= 90);
		free(data);
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Bytes changed at random: no crash, and no failure without a reason (under ASan in make test). */
static void damaged(void **state)
{
	unsigned char *data, *copy;
	struct image *image;
	uint32_t seed = 1;
	size_t size;
	char why[256];
	int i, j;

	(void)state;
	data = make(TINY_KALLSYMS_6, &size);
	for (i = 0; i < 400; i++) {
		copy = malloc(size);
		memcpy(copy, data, size);
		/* The headers more often than the rest. */
		for (j = 0; j < 8; j++)
			copy[next_random(&seed) % (j < 4 ? 128 : size)] ^=
				(unsigned char)(1 << next_random(&seed) % 8);
		image = NULL;
		why[0] = '\0';
		if (image__parse(&image, copy, size, 1UL << 24, why, sizeof(why)))
			assert_true(why[0]);
		image__close(image);
	}
	free(data);
}

static void refuse(const void *bytes, size_t size, const char *reason)
{
	struct image *image = NULL;
	void *data = malloc(size + 1);
	char why[256] = "";

	memcpy(data, bytes, size);
	assert_int_not_equal(image__parse(&image, data, size, 1UL << 24, why, sizeof(why)), 0);
	if (!strstr(why, reason))
		fail_msg("'%s' says nothing of '%s'", why, reason);
}

static void not_kernels(void **state)
{
	static const char elf32[64] = "\177ELF\1\1\1";
	static const char object[64] = "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\1\0\76";
	char bz[0x300] = "";
	char deep[] = "\x1f\x8b\x08no gzip";

	(void)state;
	refuse("", 0, "empty");
	refuse("hello, world", 12, "not a kernel image");
	refuse("\177ELF", 4, "within its ELF header");
	refuse(elf32, sizeof(elf32), "not a 64-bit");
	refuse(object, sizeof(object), "neither executable nor shared");
	refuse(deep, sizeof(deep), "damaged or cut off");
	memcpy(bz + 0x202, "HdrS\x07\x02", 6);
	refuse(bz, sizeof(bz), "2.08");
	memcpy(bz + 0x202, "HdrS\x0f\x02", 6);
	memset(bz + 0x248, 0xff, 8);
	refuse(bz, sizeof(bz), "outside of the file");
}

static void arm64_image(void **state)
{
	unsigned char bytes[256] = {[0x38] = 'A', 'R', 'M', 0x64};
	struct image *image;
	struct code *reader;
	char why[256];
	void *data = malloc(sizeof(bytes));

	(void)state;
	memcpy(data, bytes, sizeof(bytes));
	image = parse(data, sizeof(bytes));
	assert_int_equal(image__machine(image), IMAGE_ARM64);
	assert_string_equal(image__format(image), "Image");
	assert_int_equal(code__open(&reader, image, why, sizeof(why)), -ENOTSUP);
	assert_non_null(strstr(why, "no symbol table"));
	image__close(image);
}

/* --- code ---------------------------------------------------------------------------------------- */

/* A kernel of one function that calls try_to_unmap, and the result for flag in its calls. */
static struct code_bit passes(const char *before, uint32_t flag)
{
	struct tiny *tiny = tiny__new();
	struct code_bit bit;
	struct image *image;
	struct code *reader;
	char why[256];
	size_t size;
	void *data;

	tiny__function(tiny, "try_to_unmap");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "split");
	tiny__code(tiny, before);
	tiny__call(tiny, "try_to_unmap");
	tiny__code(tiny, "c3");
	data = tiny__vmlinux(tiny, TINY_SYMTAB, NULL, 0, &size);
	tiny__free(tiny);
	image = parse(data, size);
	assert_int_equal(code__open(&reader, image, why, sizeof(why)), 0);
	assert_int_equal(code__passes(reader, "split", "try_to_unmap", 2, flag, &bit), 0);
	code__close(reader);
	image__close(image);
	assert_int_equal(bit.calls, 1);
	return bit;
}

static void assert_passed(const char *before, uint32_t flag, unsigned int set, unsigned int clear)
{
	struct code_bit bit = passes(before, flag);

	if (bit.set != set || bit.clear != clear)
		fail_msg("%s: %u times set, %u times clear", before, bit.set, bit.clear);
}

/* Code that compilers were seen to generate for a flags argument, and more. */
static void flags_in_calls(void **state)
{
	(void)state;
	assert_passed("be9c000000", 0x10, 1, 0); /* mov $0x9c,%esi */
	assert_passed("be8c000000", 0x10, 0, 1);
	assert_passed("89c6", 0x10, 0, 0); /* mov %eax,%esi */
	/* cmp $1,%al; sbb %esi,%esi; xor %sil,%sil; add $0x38c,%esi: 0x28c or 0x38c */
	assert_passed("3c01 19f6 4030f6 81c68c030000", 0x200, 1, 0);
	assert_passed("3c01 19f6 4030f6 81c68c030000", 0x100, 0, 0);
	assert_passed("3c01 19f6 4030f6 81c68c030000", 0x10, 0, 1);
	/* sbb %esi,%esi; and $-4,%esi; add $0xd4,%esi */
	assert_passed("19f6 83e6fc 81c6d4000000", 0x10, 1, 0);
	/* mov $0x9c,%esi; mov $0x8c,%eax; cmovne %eax,%esi: one or the other */
	assert_passed("be9c000000 b88c000000 0f45f0", 0x10, 0, 0);
	/* je over; mov $0x9c / mov $0x1c by two paths, both with it */
	assert_passed("be1c000000 7405 be9c000000", 0x10, 1, 0);
	assert_passed("be0c000000 7405 be9c000000", 0x10, 0, 0);
	/* sub $0x18,%rsp; movl $0x38,8(%rsp); mov 8(%rsp),%esi; or $0x80,%sil */
	assert_passed("4883ec18 c744240838000000 8b742408 4080ce80", 0x10, 1, 0);
	/* push %rbp; mov %rsp,%rbp; movl $8,-8(%rbp); mov -8(%rbp),%esi */
	assert_passed("55 4889e5 c745f808000000 8b75f8", 0x10, 0, 1);
	/* a loop that ors into it: mov $8,%esi; L: or $0x10,%esi; jne L */
	assert_passed("be08000000 83ce10 75fb", 0x10, 1, 0);
	/* mov $0x10,%ebx; (call of something); mov %ebx,%esi: kept over a call */
	assert_passed("bb10000000 e800000000 89de", 0x10, 1, 0);
	/* mov $0x10,%esi; call: not kept */
	assert_passed("be10000000 e800000000", 0x10, 0, 0);
	/* ud2 ends a path: mov $0x10,%esi; je over; mov $0,%esi; ud2 */
	assert_passed("be10000000 7407 be00000000 0f0b", 0x10, 1, 0);
	/* a value on the stack, changed on one of two paths: movl; je over; movl; mov 8(%rsp),%esi */
	assert_passed("c744240810000000 7408 c744240800000000 8b742408", 0x10, 0, 0);
}

static struct code_use uses(const char *code, uint32_t bit)
{
	const struct code_question question = {4, bit, "page_vma_mapped_walk", 48, 1};
	struct tiny *tiny = tiny__new();
	struct code_use use;
	struct image *image;
	struct code *reader;
	char why[256];
	size_t size;
	void *data;

	tiny__function(tiny, "page_vma_mapped_walk");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "__fentry__");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "try_to_unmap_one");
	tiny__call(tiny, "__fentry__");
	tiny__code(tiny, "4881ec88000000"); /* sub $0x88,%rsp */
	tiny__code(tiny, code);
	tiny__code(tiny, "488d7c2410"); /* lea 0x10(%rsp),%rdi */
	tiny__call(tiny, "page_vma_mapped_walk");
	tiny__code(tiny, "c3");
	data = tiny__vmlinux(tiny, TINY_SYMTAB, NULL, 0, &size);
	tiny__free(tiny);
	image = parse(data, size);
	assert_int_equal(code__open(&reader, image, why, sizeof(why)), 0);
	assert_int_equal(code__uses(reader, "try_to_unmap_one", &question, &use), 0);
	code__close(reader);
	image__close(image);
	assert_int_equal(use.walks, 1);
	return use;
}

static void assert_used(const char *code, uint32_t bit, unsigned int tests, unsigned int stores)
{
	struct code_use use = uses(code, bit);

	if (use.tests != tests || use.stores != stores)
		fail_msg("%s: %u tests, %u stores", code, use.tests, use.stores);
}

static void flags_of_walks(void **state)
{
	(void)state;
	/* test $0x10,%cl; je; movl $1,0x40(%rsp) */
	assert_used("f6c110 7408 c744244001000000", 0x10, 1, 1);
	/* and $0x2,%ch: bit 0x200 */
	assert_used("80e502 7408 c744244001000000", 0x200, 1, 1);
	assert_used("80e502 7408 c744244001000000", 0x2, 0, 1);
	/* mov %ecx,4(%rsp); testb $0x10,4(%rsp) */
	assert_used("894c2404 f644240410 7408 c744244001000000", 0x10, 1, 1);
	/* testb $0x2,5(%rsp): bit 0x200 */
	assert_used("894c2404 f644240502 7408 c744244001000000", 0x200, 1, 1);
	/* mov %rcx,%r13; bt $4,%r13d */
	assert_used("4989cd 410fbae504 7308 c744244001000000", 0x10, 1, 1);
	/* another bit, and a store beside it: nothing of it counts */
	assert_used("f6c104 7408 c744243c01000000", 0x10, 0, 0);
	/* a test of something else than the parameter */
	assert_used("a810 7408 c744244001000000", 0x10, 0, 1);
	/* stored is 0, not 1 */
	assert_used("f6c110 7408 c744244000000000", 0x10, 1, 0);
}

/* The GNU note among others, also after one that ends between multiples of 4; and damaged ones. */
static void build_ids(void **state)
{
	static const unsigned char notes[] = {
		6, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 'L', 'i', 'n', 'u', 'x', 0, 0,    0,    7,	  0,
		0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0,	 0,   'G', 'N', 'U', 0, 0xab, 0x01, 0xff,
	};
	char hex[IMAGE_BUILD_ID_MAX];
	unsigned char other[sizeof(notes)];
	size_t size;

	(void)state;
	image_notes__build_id(notes, sizeof(notes), hex);
	assert_string_equal(hex, "ab01ff");
	for (size = 0; size < sizeof(notes); size++) {
		image_notes__build_id(notes, size, hex);
		assert_string_equal(hex, "");
	}
	memcpy(other, notes, sizeof(notes));
	memset(other, 0xff, 4); /* a name of 4 GiB */
	image_notes__build_id(other, sizeof(other), hex);
	assert_string_equal(hex, "");
	memcpy(other, notes, sizeof(notes));
	other[36] = 'g';
	image_notes__build_id(other, sizeof(other), hex);
	assert_string_equal(hex, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(build_ids),	    cmocka_unit_test(symbols_of_all_kinds),
		cmocka_unit_test(no_symbols),	    cmocka_unit_test(foreign),
		cmocka_unit_test(all_compressions), cmocka_unit_test(bombs),
		cmocka_unit_test(cut_off),	    cmocka_unit_test(damaged),
		cmocka_unit_test(not_kernels),	    cmocka_unit_test(another_size),
		cmocka_unit_test(arm64_image),	    cmocka_unit_test(flags_in_calls),
		cmocka_unit_test(flags_of_walks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
