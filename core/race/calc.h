/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An expression on one kernel: its BTF has turned names into registers, offsets and numbers. The
 * result is a tree of calculations on 64-bit numbers, which core/race/calc_emit.h turns into
 * instructions.
 *
 * Each node's result is extended to 64 bits according to its C type, with its sign or with zeroes.
 */
#ifndef THPRACE_CALC_H
#define THPRACE_CALC_H

#include <stdbool.h>
#include <stdint.h>

#include "expr.h"
#include "types.h"

#define CALC_NODES_MAX 512
#define CALC_DEPTH_MAX 8 /* nesting of helpers */
#define CALC_NAMES_MAX 16 /* saved values and events of an interval */

enum calc_op {
	CALC_NUMBER,
	CALC_VMEMMAP, /* the struct page of frame 0 */
	CALC_ARGUMENT, /* argument number `number' of the function */
	CALC_RESULT,
	CALC_CURRENT, /* the struct task_struct of the running task */
	CALC_KEY, /* the interval's */
	CALC_SAVED, /* saved value number `number', saved when the interval began */
	CALC_EVENT, /* how often event number `number' has happened */
	CALC_OTHERS, /* how many intervals of the other side overlapped it */
	CALC_OTHERS_SINCE, /* … since its event number `number' first happened */
	CALC_LOAD, /* load of size bytes at child[0] plus number */
	CALC_BITS, /* size bits of child[0], from bit `number' on */
	CALC_EXTEND, /* the lower size bytes of child[0] */
	CALC_NEGATE,
	CALC_COMPLEMENT,
	CALC_NOT,
	CALC_MULTIPLY,
	CALC_DIVIDE, /* unsigned */
	CALC_REMAINDER, /* unsigned */
	CALC_ADD,
	CALC_SUBTRACT,
	CALC_SHIFT_LEFT, /* child[1] below 64 */
	CALC_SHIFT_RIGHT, /* by sign, if is_signed */
	CALC_BIT_AND,
	CALC_BIT_XOR,
	CALC_BIT_OR,
	CALC_LESS, /* signed, if is_signed */
	CALC_AT_MOST,
	CALC_EQUAL,
	CALC_UNEQUAL,
	CALC_AND, /* child[1] is not evaluated if child[0] is 0 */
	CALC_OR,
	CALC_SELECT,
};

struct calc_node {
	enum calc_op op;
	uint8_t size;
	bool is_signed;
	bool structure; /* its own type is a pointer to a structure, whatever it is cast to */
	int child[3];
	uint64_t number;
};

/* Of a value; id 0: a plain number of this many bytes. */
struct calc_type {
	uint32_t id; /* in BTF */
	uint8_t size;
	bool is_signed;
};

struct calc {
	struct calc_node *node;
	int count;
	int root;
	struct calc_type type;
};

/* A name that an interval defines: a value that it saved, or one of its events. */
struct calc_name {
	const char *name;
	enum calc_op op; /* CALC_SAVED, CALC_EVENT */
	int index;
	struct calc_type type; /* of the saved value */
};

/* The names that an expression may use at its place. */
struct calc_scope {
	const struct types *types;
	const char *function; /* its arguments can be used; NULL: none */
	bool at_return; /* the result can be used */
	const char *no_result; /* why there is none; NULL: it is not a return */
	bool interval; /* it has begun: key, names and others can be used */
	struct calc_type key;
	const struct calc_name *names;
	int count;
};

/*
 * Find the meaning of an expression, which must be a number or a pointer. Returns 0; or the error,
 * and -ENOENT for a name that this kernel does not have, -EINVAL for anything wrong. On success
 * *calc must be released.
 */
int calc__of(struct calc *calc, const struct expr *expr, const struct calc_scope *scope,
	     struct expr_error *error);

void calc__release(struct calc *calc);

/*
 * Does it use the op, and with which numbers (a bit each)? For programs that must save arguments.
 */
bool calc__asks(const struct calc *calc, enum calc_op op, uint64_t *numbers);

/* The helpers, for manuals and messages: "head(page)"; NULL after the last one. */
const char *calc__helper(unsigned int index);

#endif
