/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the parts of the resolver. Only for core/race/calc*.c. */
#ifndef THPRACE_CALC_PRIVATE_H
#define THPRACE_CALC_PRIVATE_H

#include "calc.h"

#define CALC_TYPE_NAME_MAX 80

struct btf_type;

/* A part of the expression: an available number or pointer, or (memory) something at an address. */
struct calc_value {
	int node; /* of the number; memory: of the address, to which offset is added */
	bool memory;
	bool partial; /* available, but the upper bits are still undefined */
	bool decayed; /* a pointer to element, for which BTF may have no type */
	uint32_t type; /* in BTF; 0: a plain number */
	uint32_t element;
	uint8_t size; /* of an available number */
	bool is_signed;
	uint8_t bits; /* a bit field, starting at `bit' */
	unsigned int bit;
	uint64_t offset;
};

/* The argument of a helper that is being resolved. */
struct calc_binding {
	const char *name;
	struct calc_value value;
};

struct resolving {
	struct calc *calc;
	const struct expr *expr;
	const struct expr_node *at; /* the position of errors that have no better one */
	const struct calc_scope *scope;
	const struct calc_binding *binding; /* in a helper; NULL outside */
	unsigned int column; /* in a helper: the column of its call */
	unsigned int depth; /* of helpers */
	struct expr_error *error;
	int err;
	struct calc_value (*resolve)(struct resolving *resolving, int index); /* calc.c's */
};

/* A part of the expression, by its node's index. */
static inline struct calc_value calc_resolve(struct resolving *resolving, int index)
{
	return resolving->resolve(resolving, index);
}

/* The first error counts. Returns EXPR_NONE. */
__attribute__((format(printf, 4, 5))) int calc_fail(struct resolving *resolving,
						    const struct expr_node *at, int err,
						    const char *format, ...);

int calc_add(struct resolving *resolving, enum calc_op op, int first, int second);
int calc_number(struct resolving *resolving, uint64_t number);
int calc_offset(struct resolving *resolving, int node, uint64_t offset);
int calc_extend(struct resolving *resolving, int node, uint8_t size, bool is_signed);
struct calc_value calc_plain(int node, uint8_t size, bool is_signed);

/* Without typedefs; NULL: void, or a plain number. */
const struct btf_type *calc_btf(const struct resolving *resolving, uint32_t id);
const char *calc_type_name(const struct resolving *resolving, const struct calc_value *value,
			   char buf[CALC_TYPE_NAME_MAX]);

/* Read it, if it is in memory. */
struct calc_value calc_rvalue(struct resolving *resolving, struct calc_value value);
bool calc_pointer(const struct resolving *resolving, const struct calc_value *value,
		  uint32_t *target);

struct calc_value calc_resolve_name(struct resolving *resolving, const struct expr_node *node);
struct calc_value calc_resolve_unary(struct resolving *resolving, const struct expr_node *node);
struct calc_value calc_resolve_binary(struct resolving *resolving, const struct expr_node *node);
struct calc_value calc_resolve_select(struct resolving *resolving, const struct expr_node *node);
struct calc_value calc_resolve_member(struct resolving *resolving, const struct expr_node *node);
struct calc_value calc_resolve_index(struct resolving *resolving, const struct expr_node *node);
struct calc_value calc_resolve_call(struct resolving *resolving, const struct expr_node *node);
struct calc_value calc_resolve_cast(struct resolving *resolving, const struct expr_node *node);
struct calc_value calc_resolve_sizeof(struct resolving *resolving, const struct expr_node *node);

#endif
