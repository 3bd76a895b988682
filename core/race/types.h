/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The types, functions and enumerators of a kernel by name. BTF has no index, and may be hostile:
 * each walk is bounded, and so is their sum.
 */
#ifndef THPRACE_TYPES_H
#define THPRACE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/nearest.h"

struct btf;
struct btf_type;
struct types;

enum types_machine {
	TYPES_OTHER,
	TYPES_X86_64,
	TYPES_ARM64,
};

/* Index BTF, which must live longer. NULL: out of memory. */
struct types *types__new(const struct btf *btf);
void types__free(struct types *types);

const struct btf *types__btf(const struct types *types);

/* The machine whose registers are in its struct pt_regs. */
enum types_machine types__machine(const struct types *types);

/*
 * Id of the first type of this name and kind (BTF_KIND_…), or 0. Forward declarations do not count.
 */
uint32_t types__find(const struct types *types, const char *name, int kind);

/* The prototype of a function, or NULL. */
const struct btf_type *types__function(const struct types *types, const char *name);

/* An enumerator of any enum, with its type in C: an int, or a larger type if it does not fit. */
struct types_enumerator {
	int64_t value;
	uint8_t size; /* 4 or 8 */
	bool is_signed;
};

bool types__enumerator(const struct types *types, const char *name, struct types_enumerator *found);

/*
 * The type without typedefs, qualifiers and forward declarations, and its id; NULL: none, or void.
 */
const struct btf_type *types__plain(const struct types *types, uint32_t *id);

/* Of an integer or enum. */
bool types__is_signed(const struct btf_type *type);

/* Bytes; 0: unknown. */
uint64_t types__size(const struct types *types, uint32_t id);

/* "struct page *", into buf; returns it. */
const char *types__name(const struct types *types, uint32_t id, char *buf, size_t size);

struct types_member {
	uint32_t type;
	uint64_t bit; /* from the start of the structure */
	uint8_t bits; /* of a bit field, or 0 */
};

/*
 * A member of a structure or union, including those of members without a name; names that exist
 * instead are considered for a suggestion.
 */
bool types__member(const struct types *types, const struct btf_type *type, const char *name,
		   struct types_member *found, struct nearest *nearest);

/*
 * Consider all names of a kind of type for a suggestion; for BTF_KIND_ENUM: the enumerators.
 * Returns whether there are any.
 */
bool types__consider(const struct types *types, int kind, struct nearest *nearest);

#endif
