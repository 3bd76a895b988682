// SPDX-License-Identifier: GPL-2.0-only
#include "calc_support.h"

/* The object that clang made from fake_kernel.bpf.c. */
__asm__(".pushsection .rodata\n"
	"fake_object: .incbin \"" FAKE_KERNEL "\"\n"
	"fake_object_end: .popsection\n");
extern const char fake_object[], fake_object_end[];

struct btf *fake_btf(void)
{
	static char path[] = "/tmp/thprace-fake-XXXXXX";
	const size_t size = (size_t)(fake_object_end - fake_object);
	int fd = mkstemp(path), id, proto;
	const struct btf_type *type;
	FILE *file = fdopen(fd, "w");
	struct btf *btf;
	char name[32];
	int i;

	assert_non_null(file);
	assert_int_equal(fwrite(fake_object, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	btf = btf__parse(path, NULL);
	remove(path);
	memset(strrchr(path, '-') + 1, 'X', 6);
	assert_non_null(btf);
	id = btf__find_by_name_kind(btf, "fake_arguments", BTF_KIND_STRUCT);
	assert_int_equal(btf_vlen(btf__type_by_id(btf, (uint32_t)id)), ARGUMENTS);
	proto = btf__add_func_proto(btf, btf__find_by_name_kind(btf, "int", BTF_KIND_INT));
	for (i = 0; i < ARGUMENTS; i++) {
		/* Adding moves types and strings. */
		type = btf__type_by_id(btf, (uint32_t)id);
		snprintf(name, sizeof(name), "%s",
			 btf__str_by_offset(btf, btf_members(type)[i].name_off));
		assert_int_equal(btf__add_func_param(btf, name, (int)btf_members(type)[i].type), 0);
	}
	assert_true(btf__add_func(btf, FAKE_WALK, BTF_FUNC_GLOBAL, proto) > 0);
	return btf;
}

struct calc_places fake_places(void)
{
	struct calc_places places = {.frame = 10, .frame_offset = -CALC_FRAME_SIZE};
	int i;

	for (i = 0; i < ARGUMENTS; i++)
		places.argument[i] = (struct calc_place){CALC_IN_CONTEXT, (short)(8 * i)};
	places.result = (struct calc_place){CALC_IN_CONTEXT, 8 * ARGUMENTS};
	return places;
}
