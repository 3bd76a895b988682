// SPDX-License-Identifier: GPL-2.0-only
/* What a kernel's BTF says about its functions, structures and enums. */
#include "check_source.h"

#include <string.h>
#include <bpf/btf.h>
#include "kernel/btf_walk.h"

static bool is(const struct btf *btf, uint32_t offset, const char *name)
{
	return !strcmp(btf_walk__name(btf, offset), name);
}

/* The prototype of a function, or NULL. */
static const struct btf_type *prototype(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	type = type ? btf__type_by_id(btf, type->type) : NULL;
	return type && btf_is_func_proto(type) ? type : NULL;
}

static bool has_param(const struct btf *btf, const struct btf_type *proto, const char *param)
{
	int i;

	for (i = 0; i < btf_vlen(proto); i++)
		if (is(btf, btf_params(proto)[i].name_off, param))
			return true;
	return false;
}

enum check_answer check_source__function(const struct check_source *source, const char *name,
					 const char *param)
{
	const struct btf_type *proto;

	if (!source->btf)
		return CHECK_NOT_KNOWN;
	proto = prototype(source->btf, name);
	/* BTF may have no functions at all: every kernel has handle_mm_fault. */
	if (!proto)
		return param || !prototype(source->btf, "handle_mm_fault") ? CHECK_NOT_KNOWN
									   : CHECK_NO;
	return !param || has_param(source->btf, proto, param) ? CHECK_YES : CHECK_NO;
}

enum check_answer check_source__member(const struct check_source *source, const char *type,
				       const char *member, uint32_t *offset)
{
	int id = source->btf ? btf__find_by_name_kind(source->btf, type, BTF_KIND_STRUCT) : 0;
	const struct btf_type *found = id > 0 ? btf__type_by_id(source->btf, (uint32_t)id) : NULL;

	if (!found)
		return CHECK_NOT_KNOWN;
	return btf_walk__member(source->btf, found, member, offset) ? CHECK_YES : CHECK_NO;
}

enum check_answer check_source__enumerator(const struct check_source *source, const char *type,
					   const char *name, uint32_t *value)
{
	int id = source->btf ? btf__find_by_name_kind(source->btf, type, BTF_KIND_ENUM) : 0;
	const struct btf_type *found = id > 0 ? btf__type_by_id(source->btf, (uint32_t)id) : NULL;
	int i;

	if (!found || !btf_vlen(found))
		return CHECK_NOT_KNOWN;
	for (i = 0; i < btf_vlen(found); i++) {
		if (!is(source->btf, btf_enum(found)[i].name_off, name))
			continue;
		*value = (uint32_t)btf_enum(found)[i].val;
		return CHECK_YES;
	}
	return CHECK_NO;
}
