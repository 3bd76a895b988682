// SPDX-License-Identifier: GPL-2.0-only
/*
 * drop_func IN OUT FUNCTION...: BTF without these functions, like that of kernels whose static
 * functions were left out. They get another name, so that all type ids stay.
 */
#include <stdio.h>

#include <bpf/btf.h>

int main(int argc, char **argv)
{
	struct btf *btf = argc > 3 ? btf__parse(argv[1], NULL) : NULL;
	struct btf_type *type;
	const void *data;
	FILE *out;
	__u32 size;
	int i, id, name;

	if (!btf)
		return 2;
	name = btf__add_str(btf, "left_out");
	for (i = 3; i < argc; i++) {
		id = btf__find_by_name_kind(btf, argv[i], BTF_KIND_FUNC);
		type = id > 0 ? (struct btf_type *)btf__type_by_id(btf, id) : NULL;
		if (!type || name < 0)
			return 1;
		type->name_off = name;
	}
	data = btf__raw_data(btf, &size);
	out = fopen(argv[2], "we");
	if (!data || !out || fwrite(data, 1, size, out) != size || fclose(out))
		return 1;
	return 0;
}
