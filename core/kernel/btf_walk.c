// SPDX-License-Identifier: GPL-2.0-only
#include "btf_walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/names.h"

/*
 * The limits of kernels up to 7.3: chains of 6, structures without a name 7 deep, 276 steps through
 * one, 254,000 in all.
 */
#define CHAIN_MAX 32
#define NESTED_MAX 16
#define STEPS_MAX (16U << 20) /* of the whole check */
#define WALK_STEPS_MAX 16384 /* of one walk */
#define NAME_MAX_LEN 511 /* KSYM_NAME_LEN, since 6.1 */

struct walk {
	const struct btf *btf;
	unsigned int left; /* steps */
	const char *why; /* why it cannot be walked to its end */
};

/* Takes a step. False if there have been too many. */
static bool step(struct walk *walk)
{
	if (walk->left)
		walk->left--;
	else
		walk->why = "its structures nest too widely";
	return !walk->why;
}

bool btf_walk__magic(const void *data, size_t size)
{
	uint16_t magic;

	if (size < sizeof(magic))
		return false;
	memcpy(&magic, data, sizeof(magic));
	return magic == BTF_MAGIC;
}

const char *btf_walk__name(const struct btf *btf, uint32_t offset)
{
	const char *name = btf__name_by_offset(btf, offset);

	return name ? name : "";
}

static const struct btf_type *resolve(struct walk *walk, uint32_t id, unsigned int *pointers)
{
	const struct btf_type *type = btf__type_by_id(walk->btf, id);
	unsigned int links = 0;

	while (type &&
	       (btf_is_mod(type) || btf_is_typedef(type) || (pointers && btf_is_ptr(type)))) {
		if (links++ == CHAIN_MAX)
			walk->why = "a chain of types does not end";
		if (!step(walk))
			return NULL;
		if (pointers)
			*pointers += btf_is_ptr(type);
		type = btf__type_by_id(walk->btf, type->type);
	}
	return type;
}

const struct btf_type *btf_walk__resolve(const struct btf *btf, uint32_t id, unsigned int *pointers)
{
	struct walk walk = {.btf = btf, .left = WALK_STEPS_MAX};

	if (pointers)
		*pointers = 0;
	return resolve(&walk, id, pointers);
}

/* name NULL: nothing is found, everything is walked. */
static bool find_member(struct walk *walk, const struct btf_type *type, const char *name,
			uint32_t *offset, unsigned int nested)
{
	const struct btf_member *member = btf_members(type);
	const struct btf_type *inner;
	uint32_t inside = 0;
	uint32_t i;

	if (nested > NESTED_MAX)
		walk->why = "its structures nest too deeply";
	for (i = 0; i < btf_vlen(type) && step(walk); i++) {
		if (name && !strcmp(btf_walk__name(walk->btf, member[i].name_off), name)) {
			*offset = btf_member_bit_offset(type, i) / 8;
			return true;
		}
		if (member[i].name_off)
			continue;
		inner = btf__type_by_id(walk->btf, member[i].type);
		if (inner && btf_is_composite(inner) &&
		    find_member(walk, inner, name, &inside, nested + 1)) {
			*offset = btf_member_bit_offset(type, i) / 8 + inside;
			return true;
		}
	}
	return false;
}

bool btf_walk__member(const struct btf *btf, const struct btf_type *type, const char *name,
		      uint32_t *offset)
{
	struct walk walk = {.btf = btf, .left = WALK_STEPS_MAX};

	return find_member(&walk, type, name, offset, 0);
}

static void check_name(struct walk *walk, uint32_t offset)
{
	const char *name = btf__name_by_offset(walk->btf, offset);

	if (!name)
		walk->why = "a name lies outside of its strings";
	else if (strnlen(name, NAME_MAX_LEN + 1) > NAME_MAX_LEN)
		walk->why = "a name is longer than any";
	else if (!names__plain(name))
		walk->why = "a name cannot be printed";
}

static void check_reference(struct walk *walk, uint32_t id)
{
	if (id >= btf__type_cnt(walk->btf))
		walk->why = "it refers to a type that does not exist";
}

/* The names and types of the members, parameters, values or variables of a type. */
static void check_parts(struct walk *walk, const struct btf_type *type)
{
	uint32_t i, count = btf_vlen(type);

	for (i = 0; i < count && step(walk); i++) {
		switch (btf_kind(type)) {
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
			check_name(walk, btf_members(type)[i].name_off);
			check_reference(walk, btf_members(type)[i].type);
			break;
		case BTF_KIND_ENUM:
			check_name(walk, btf_enum(type)[i].name_off);
			break;
		case BTF_KIND_ENUM64:
			check_name(walk, btf_enum64(type)[i].name_off);
			break;
		case BTF_KIND_FUNC_PROTO:
			check_name(walk, btf_params(type)[i].name_off);
			check_reference(walk, btf_params(type)[i].type);
			break;
		case BTF_KIND_DATASEC:
			check_reference(walk, btf_var_secinfos(type)[i].type);
			break;
		default:
			return;
		}
	}
}

/* Everything that a search for a member may visit. */
static void check_members(struct walk *walk, const struct btf_type *type)
{
	struct walk one = {.btf = walk->btf, .left = WALK_STEPS_MAX};
	uint32_t offset;

	find_member(&one, type, NULL, &offset, 0);
	walk->why = one.why;
	walk->left -= WALK_STEPS_MAX - one.left < walk->left ? WALK_STEPS_MAX - one.left
							     : walk->left;
}

static void check_type(struct walk *walk, const struct btf_type *type)
{
	unsigned int pointers = 0;

	check_name(walk, type->name_off);
	switch (btf_kind(type)) {
	case BTF_KIND_ARRAY:
		check_reference(walk, btf_array(type)->type);
		check_reference(walk, btf_array(type)->index_type);
		break;
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_DECL_TAG:
	case BTF_KIND_FUNC:
	case BTF_KIND_FUNC_PROTO:
	case BTF_KIND_VAR:
		check_reference(walk, type->type);
		resolve(walk, type->type, &pointers);
		break;
	default:
		break;
	}
	check_parts(walk, type);
	if (btf_is_composite(type) && !walk->why)
		check_members(walk, type);
}

/* NULL, or what is wrong. */
static const char *check(const struct btf *btf, uint32_t *id)
{
	struct walk walk = {.btf = btf, .left = STEPS_MAX};

	for (*id = 1; *id < btf__type_cnt(btf) && !walk.why; ++*id)
		check_type(&walk, btf__type_by_id(btf, *id));
	--*id;
	return walk.why;
}

bool btf_walk__has_functions(const struct btf *btf)
{
	__u32 id;

	for (id = 1; id < btf__type_cnt(btf); id++)
		if (btf_is_func(btf__type_by_id(btf, id)))
			return true;
	return false;
}

int btf_walk__parse(struct btf **result, const void *data, size_t size, char *why, size_t why_size)
{
	libbpf_print_fn_t print;
	const char *wrong;
	struct btf *btf;
	uint32_t id;

	*result = NULL;
	if (size > BTF_SIZE_MAX) {
		snprintf(why, why_size, "larger than %lu MiB", BTF_SIZE_MAX >> 20);
		return -EINVAL;
	}
	print = libbpf_set_print(NULL); /* failures are reported here */
	btf = btf__new(data, (__u32)size);
	libbpf_set_print(print);
	if (!btf) {
		snprintf(why, why_size, "cut off or damaged, or a module's: copy it again");
		return -EINVAL;
	}
	wrong = check(btf, &id);
	if (wrong) {
		snprintf(why, why_size, "%s (type %u)", wrong, id);
		btf__free(btf);
		return -EBADMSG;
	}
	*result = btf;
	return 0;
}
