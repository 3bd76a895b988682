// SPDX-License-Identifier: GPL-2.0-only
/* What a kernel's BTF tells of its functions, structures and enums. */
#include "check_source.h"

#include <string.h>
#include <bpf/btf.h>

#define NESTED_MAX 4 /* structures without a name, one within the other */

static bool is(const struct btf *btf, uint32_t offset, const char *name)
{
	const char *found = btf__name_by_offset(btf, offset);

	return found && !strcmp(found, name);
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

static bool find_member(const struct btf *btf, const struct btf_type *type, const char *name,
			uint32_t *offset, int nested)
{
	const struct btf_member *member = btf_members(type);
	const struct btf_type *inner;
	uint32_t inside;
	int i;

	for (i = 0; i < btf_vlen(type); i++) {
		if (is(btf, member[i].name_off, name)) {
			*offset = btf_member_bit_offset(type, (uint32_t)i) / 8;
			return true;
		}
		if (member[i].name_off || nested == NESTED_MAX)
			continue;
		inner = btf__type_by_id(btf, member[i].type);
		if (inner && btf_is_composite(inner) &&
		    find_member(btf, inner, name, &inside, nested + 1)) {
			*offset = btf_member_bit_offset(type, (uint32_t)i) / 8 + inside;
			return true;
		}
	}
	return false;
}

enum check_answer check_source__member(const struct check_source *source, const char *type,
				       const char *member, uint32_t *offset)
{
	int id = source->btf ? btf__find_by_name_kind(source->btf, type, BTF_KIND_STRUCT) : 0;
	const struct btf_type *found = id > 0 ? btf__type_by_id(source->btf, (uint32_t)id) : NULL;

	if (!found)
		return CHECK_NOT_KNOWN;
	return find_member(source->btf, found, member, offset, 0) ? CHECK_YES : CHECK_NO;
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
