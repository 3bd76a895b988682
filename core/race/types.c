// SPDX-License-Identifier: GPL-2.0-only
#include "types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "base/hash.h"
#include "kernel/btf_walk.h"

#define NESTED_MAX 16 /* structures without a name */
#define STEPS_MAX 16384 /* of one search for a member */
#define POINTERS_MAX 8 /* of a type's name */

/* A named type, or an enumerator of one. */
struct types_entry {
	uint32_t hash;
	uint32_t type;
	uint32_t enumerator; /* 1: the first; 0: the type itself */
};

struct types {
	const struct btf *btf;
	size_t count;
	struct types_entry entry[];
};

/* Types that expressions and events name. */
static bool wanted(const struct btf_type *type)
{
	return type->name_off &&
	       (btf_is_composite(type) || btf_is_func(type) || btf_is_typedef(type) ||
		btf_is_int(type) || btf_is_any_enum(type));
}

static size_t entries_of(const struct btf_type *type)
{
	return (wanted(type) ? 1 : 0) + (btf_is_any_enum(type) ? btf_vlen(type) : 0);
}

static const char *name_of(const struct types *types, const struct types_entry *entry)
{
	const struct btf_type *type = btf__type_by_id(types->btf, entry->type);
	uint32_t offset = type->name_off;

	if (entry->enumerator && btf_is_enum(type))
		offset = btf_enum(type)[entry->enumerator - 1].name_off;
	else if (entry->enumerator)
		offset = btf_enum64(type)[entry->enumerator - 1].name_off;
	return btf_walk__name(types->btf, offset);
}

static void add(struct types *types, uint32_t type, uint32_t enumerator)
{
	struct types_entry *entry = &types->entry[types->count++];

	*entry = (struct types_entry){.type = type, .enumerator = enumerator};
	entry->hash = hash__text(name_of(types, entry));
}

static int by_hash(const void *left, const void *right)
{
	const struct types_entry *a = left, *b = right;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return (a->enumerator > b->enumerator) - (a->enumerator < b->enumerator);
}

struct types *types__new(const struct btf *btf)
{
	uint32_t id, count = btf__type_cnt(btf);
	const struct btf_type *type;
	struct types *types;
	size_t entries = 0;
	uint32_t i;

	for (id = 1; id < count; id++)
		entries += entries_of(btf__type_by_id(btf, id));
	types = malloc(sizeof(*types) + entries * sizeof(types->entry[0]));
	if (!types)
		return NULL;
	types->btf = btf;
	types->count = 0;
	for (id = 1; id < count; id++) {
		type = btf__type_by_id(btf, id);
		if (wanted(type))
			add(types, id, 0);
		for (i = 0; btf_is_any_enum(type) && i < btf_vlen(type); i++)
			add(types, id, i + 1);
	}
	qsort(types->entry, types->count, sizeof(types->entry[0]), by_hash);
	return types;
}

void types__free(struct types *types)
{
	free(types);
}

const struct btf *types__btf(const struct types *types)
{
	return types->btf;
}

/* The first entry of a hash. */
static size_t first_of(const struct types *types, uint32_t hash)
{
	size_t low = 0, high = types->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (types->entry[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t types__find(const struct types *types, const char *name, int kind)
{
	uint32_t hash = hash__text(name);
	const struct types_entry *entry;
	const struct btf_type *type;
	size_t i;

	for (i = first_of(types, hash); i < types->count && types->entry[i].hash == hash; i++) {
		entry = &types->entry[i];
		type = btf__type_by_id(types->btf, entry->type);
		if (!entry->enumerator && btf_kind(type) == kind &&
		    !strcmp(name_of(types, entry), name))
			return entry->type;
	}
	return 0;
}

const struct btf_type *types__function(const struct types *types, const char *name)
{
	uint32_t id = types__find(types, name, BTF_KIND_FUNC);
	const struct btf_type *type = id ? btf__type_by_id(types->btf, id) : NULL;

	type = type ? btf__type_by_id(types->btf, type->type) : NULL;
	return type && btf_is_func_proto(type) ? type : NULL;
}

bool types__is_signed(const struct btf_type *type)
{
	uint32_t i;

	if (btf_is_int(type))
		return btf_int_encoding(type) & BTF_INT_SIGNED;
	if (!btf_is_any_enum(type) || btf_kflag(type))
		return btf_is_any_enum(type);
	/* BTF before 6.0 does not say: C uses an int if one of the values is negative. */
	for (i = 0; btf_is_enum(type) && i < btf_vlen(type); i++)
		if (btf_enum(type)[i].val < 0)
			return true;
	return false;
}

static void read_enumerator(const struct btf_type *type, uint32_t index,
			    struct types_enumerator *found)
{
	found->value = btf_is_enum(type) ? btf_enum(type)[index].val
					 : (int64_t)btf_enum64_value(&btf_enum64(type)[index]);
	/* An int, unless it does not fit. */
	found->is_signed = types__is_signed(type) || found->value == (int32_t)found->value;
	found->size = found->value == (int32_t)found->value ||
				      (!found->is_signed && found->value == (uint32_t)found->value)
			      ? 4
			      : 8;
}

bool types__enumerator(const struct types *types, const char *name, struct types_enumerator *found)
{
	uint32_t hash = hash__text(name);
	const struct types_entry *entry;
	size_t i;

	for (i = first_of(types, hash); i < types->count && types->entry[i].hash == hash; i++) {
		entry = &types->entry[i];
		if (!entry->enumerator || strcmp(name_of(types, entry), name) != 0)
			continue;
		read_enumerator(btf__type_by_id(types->btf, entry->type), entry->enumerator - 1,
				found);
		return true;
	}
	return false;
}

const struct btf_type *types__plain(const struct types *types, uint32_t *id)
{
	const struct btf_type *type = btf__type_by_id(types->btf, *id);

	uint32_t known;

	/* A chain without end is refused when BTF is read from a file. */
	while (*id && type && (btf_is_mod(type) || btf_is_typedef(type))) {
		*id = type->type;
		type = btf__type_by_id(types->btf, *id);
	}
	if (!*id || !type || !btf_is_fwd(type))
		return *id ? type : NULL;
	known = types__find(types, btf_walk__name(types->btf, type->name_off),
			    btf_kflag(type) ? BTF_KIND_UNION : BTF_KIND_STRUCT);
	*id = known ? known : *id;
	return btf__type_by_id(types->btf, *id);
}

uint64_t types__size(const struct types *types, uint32_t id)
{
	int64_t size = btf__resolve_size(types->btf, id);

	return size > 0 ? (uint64_t)size : 0;
}

const char *types__name(const struct types *types, uint32_t id, char *buf, size_t size)
{
	const struct btf_type *type = types__plain(types, &id);
	unsigned int pointers = 0;
	const char *name;

	while (type && btf_is_ptr(type) && pointers < POINTERS_MAX) {
		id = type->type;
		type = types__plain(types, &id);
		pointers++;
	}
	name = type ? btf_walk__name(types->btf, type->name_off) : "void";
	snprintf(buf, size, "%s%.48s%s%.*s",
		 !type			 ? ""
		 : btf_is_struct(type)	 ? "struct "
		 : btf_is_union(type)	 ? "union "
		 : btf_is_any_enum(type) ? "enum "
					 : "",
		 *name			   ? name
		 : btf_is_array(type)	   ? "an array"
		 : btf_is_func_proto(type) ? "a function"
					   : "without a name",
		 pointers ? " " : "", (int)pointers, "********");
	return buf;
}

struct search {
	const struct types *types;
	const char *name;
	struct types_member *found;
	struct nearest *nearest;
	unsigned int left; /* steps */
};

static bool search_in(struct search *search, const struct btf_type *type, uint64_t bit,
		      unsigned int nested)
{
	const struct btf_member *member = btf_members(type);
	const struct btf_type *inner;
	const char *name;
	uint32_t i, id;

	for (i = 0; i < btf_vlen(type) && search->left; i++) {
		search->left--;
		name = btf_walk__name(search->types->btf, member[i].name_off);
		if (!strcmp(name, search->name)) {
			search->found->type = member[i].type;
			search->found->bit = bit + btf_member_bit_offset(type, i);
			search->found->bits = (uint8_t)btf_member_bitfield_size(type, i);
			return true;
		}
		if (*name) {
			nearest__consider(search->nearest, name);
			continue;
		}
		id = member[i].type;
		inner = types__plain(search->types, &id);
		if (inner && btf_is_composite(inner) && nested < NESTED_MAX &&
		    search_in(search, inner, bit + btf_member_bit_offset(type, i), nested + 1))
			return true;
	}
	return false;
}

bool types__member(const struct types *types, const struct btf_type *type, const char *name,
		   struct types_member *found, struct nearest *nearest)
{
	struct search search = {
		.types = types,
		.name = name,
		.found = found,
		.nearest = nearest,
		.left = STEPS_MAX,
	};

	return *name && search_in(&search, type, 0, 0);
}

bool types__consider(const struct types *types, int kind, struct nearest *nearest)
{
	const struct types_entry *entry;
	const struct btf_type *type;
	bool any = false;
	size_t i;

	for (i = 0; i < types->count; i++) {
		entry = &types->entry[i];
		type = btf__type_by_id(types->btf, entry->type);
		if (kind == BTF_KIND_ENUM ? entry->enumerator == 0
					  : entry->enumerator || btf_kind(type) != kind)
			continue;
		nearest__consider(nearest, name_of(types, entry));
		any = true;
	}
	return any;
}

enum types_machine types__machine(const struct types *types)
{
	uint32_t id = types__find(types, "pt_regs", BTF_KIND_STRUCT);
	const struct btf_type *type = id ? btf__type_by_id(types->btf, id) : NULL;
	struct nearest nearest = nearest__to("");
	struct types_member member;

	if (type && types__member(types, type, "orig_ax", &member, &nearest))
		return TYPES_X86_64;
	if (type && types__member(types, type, "pstate", &member, &nearest))
		return TYPES_ARM64;
	return TYPES_OTHER;
}
