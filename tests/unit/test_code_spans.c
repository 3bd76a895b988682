// SPDX-License-Identifier: GPL-2.0-only
/* Parts of a function, by what it does: x86-64, arm64, and functions of which only the code is known. */
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

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define EDGES_MAX 6

struct expectation {
	struct code_part_of part;
	int err;
	unsigned int span[EDGES_MAX]; /* from, to …; offsets */
	int spans;
	unsigned int entry[EDGES_MAX];
	int entries;
};

static void compare(struct code *reader, uint64_t base, const struct expectation *expected)
{
	struct code_spans found;
	int i;

	assert_int_equal(code__spans(reader, "walker", &expected->part, &found), expected->err);
	if (expected->err)
		return;
	assert_int_equal(found.spans, expected->spans);
	for (i = 0; i < found.spans; i++) {
		assert_int_equal(found.span[i].from - base, expected->span[2 * i]);
		assert_int_equal(found.span[i].to - base, expected->span[2 * i + 1]);
	}
	assert_int_equal(found.entries, expected->entries);
	for (i = 0; i < found.entries; i++)
		assert_int_equal(found.entry[i] - base, expected->entry[i]);
}

static struct image *parse(struct tiny *tiny)
{
	struct image *image;
	char why[256] = "";
	size_t size;
	void *data = tiny__vmlinux(tiny, TINY_SYMTAB, NULL, 0, &size);

	tiny__free(tiny);
	if (image__parse(&image, data, size, 1UL << 24, why, sizeof(why)))
		fail_msg("%s", why);
	return image;
}

static struct code *open_code(const struct image *image)
{
	struct code *reader;
	char why[256] = "";

	if (code__open(&reader, image, why, sizeof(why)))
		fail_msg("%s", why);
	return reader;
}

static const struct expectation of_x86[] = {
	/* Not from its entry: the first branch avoids the test. */
	{.part = {.bug = true}, .span = {0x05, 0x0c}, .spans = 1, .entry = {0x05}, .entries = 1},
	{.part = {.after = NAMES("leaf")},
	 .span = {0x16, 0x1f},
	 .spans = 1,
	 .entry = {0x16},
	 .entries = 1},
	{.part = {.after = NAMES("nobody", "leaf"), .before = NAMES("other")},
	 .span = {0x16, 0x1e},
	 .spans = 1,
	 .entry = {0x16},
	 .entries = 1},
	{.part = {.before = NAMES("leaf")},
	 .span = {0x00, 0x05, 0x11, 0x16},
	 .spans = 2,
	 .entry = {0x00},
	 .entries = 1},
	{.part = {.bug = false},
	 .span = {0x00, 0x0d, 0x0e, 0x10, 0x11, 0x1f},
	 .spans = 3,
	 .entry = {0x00},
	 .entries = 1},
	{.part = {.after = NAMES("other"), .before = NAMES("leaf")}, .err = -ENOENT},
	{.part = {.after = NAMES("leaf"), .bug = true}, .err = -ENOENT},
	{.part = {.after = NAMES("nobody")}, .err = -ENOENT},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void parts_on_x86(void **state)
{
	struct tiny *tiny = tiny__new();
	struct code_spans found;
	struct image *image;
	struct code *reader;
	size_t i;

	(void)state;
	tiny__function(tiny, "leaf");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "other");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "walker");
	tiny__code(tiny, "4885ff 740c"); /* test rdi, rdi; je 0x11 */
	tiny__code(tiny, "488b07 a801 7402 c3 90"); /* mov rax, [rdi]; test al, 1; je 0x0e; ret */
	tiny__code(tiny, "0f0b 90"); /* 0x0e: ud2 */
	tiny__call(tiny, "leaf"); /* 0x11 */
	tiny__code(tiny, "4831c0"); /* 0x16 */
	tiny__call(tiny, "other");
	tiny__code(tiny, "c3");
	image = parse(tiny);
	reader = open_code(image);
	for (i = 0; i < COUNT(of_x86); i++)
		compare(reader, image__symbol(image, "walker")->address, &of_x86[i]);
	assert_int_equal(code__spans(reader, "nobody", &of_x86[0].part, &found), -ENOENT);
	code__close(reader);
	image__close(image);
}

/* cbz x0, 0x10; ldr x1, [x0]; tbz w1, #0, 0x14; ret; 0x10: ret; 0x14: brk #0x800 */
static void a_test_on_arm64(void **state)
{
	static const struct expectation expected = {.part = {.bug = true},
						    .span = {0x04, 0x0c},
						    .spans = 1,
						    .entry = {0x04},
						    .entries = 1};
	struct tiny *tiny = tiny__new_arm64();
	struct image *image;
	struct code *reader;

	(void)state;
	tiny__function(tiny, "walker");
	tiny__words(tiny, "b4000080 f9400001 36000061 d65f03c0 d65f03c0 d4210000");
	image = parse(tiny);
	reader = open_code(image);
	compare(reader, image__symbol(image, "walker")->address, &expected);
	code__close(reader);
	image__close(image);
}

/*
 * call 0x300; jmp 0x9000, which comes back; nop; ud2 is never reached. The compiler has made two functions
 * of the same name.
 */
static void functions_without_a_file(void **state)
{
	static const unsigned char walker[] = {0xe8, 0xfb, 0x01, 0x00, 0x00, 0xe9, 0xf6,
					       0x8e, 0x00, 0x00, 0x90, 0xc3, 0x0f, 0x0b};
	const struct image_piece piece[] = {
		{.name = "_sinittext", .address = 0x9000},
		{.name = "leaf", .address = 0x200},
		{.name = "leaf", .address = 0x300},
		{.name = "walker", .address = 0x100, .code = walker, .size = sizeof(walker)},
	};
	const struct expectation expected = {.part = {.after = NAMES("leaf")},
					     .span = {0x05, 0x0c},
					     .spans = 1,
					     .entry = {0x05},
					     .entries = 1};
	struct image *image;
	struct code *reader;

	(void)state;
	assert_int_equal(image__of_pieces(&image, IMAGE_X86_64, piece, COUNT(piece)), 0);
	reader = open_code(image);
	compare(reader, 0x100, &expected);
	code__close(reader);
	image__close(image);
	/* Without that name the jump leads away. */
	assert_int_equal(image__of_pieces(&image, IMAGE_X86_64, piece + 1, COUNT(piece) - 1), 0);
	reader = open_code(image);
	compare(reader, 0x100,
		&(struct expectation){.part = expected.part,
				      .span = {0x05, 0x0a},
				      .spans = 1,
				      .entry = {0x05},
				      .entries = 1});
	code__close(reader);
	image__close(image);
}

static void too_many_functions(void **state)
{
	static const unsigned char code[] = {0xc3};
	struct image_piece piece[IMAGE_PIECES_MAX + 1];
	struct image *image;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(piece); i++)
		piece[i] = (struct image_piece){
			.name = "walker", .address = 0x1000 - 16 * i, .code = code, .size = 1};
	assert_int_equal(image__of_pieces(&image, IMAGE_X86_64, piece, COUNT(piece)), -E2BIG);
	assert_int_equal(image__of_pieces(&image, IMAGE_X86_64, piece, COUNT(piece) - 1), 0);
	image__close(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_on_x86),
		cmocka_unit_test(a_test_on_arm64),
		cmocka_unit_test(functions_without_a_file),
		cmocka_unit_test(too_many_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
