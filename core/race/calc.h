/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An expression on one kernel: names have become registers, offsets and numbers, by its BTF. What is left
 * is a tree of calculations on 64-bit numbers, which core/race/calc_emit.h makes instructions of.
 *
 * Each node's result is extended to 64 bits as its C type says, by sign or by zeroes.
 */
#ifndef THPRACE_CALC_H
#define THPRACE_CALC_H

#include <stdbool.h>
#include <stdint.h>

#include "expr.h"
#include "types.h"

#define CALC_NODES_MAX 512
#define CALC_DEPTH_MAX 8 /* helpers within each other */
#define CALC_NAMES_MAX 16 /* saved values and events of an interval */

enum calc_op {
	CALC_NUMBER,
	CALC_VMEMMAP, /* the struct page of frame 0 */
	CALC_ARGUMENT, /* the number-th of the function */
	CALC_RESULT,
	CALC_CURRENT, /* the struct task_struct of the running task */
	CALC_KEY, /* the interval's */
	CALC_SAVED, /* the number-th value that was saved when it began */
	CALC_EVENT, /* how often its number-th event took place */
	CALC_OTHERS, /* how many of the other side met it */
	CALC_OTHERS_SINCE, /* … since its number-th event first took place */
	CALC_LOAD, /* of size bytes at child[0] plus number */
	CALC_BITS, /* size of them, from the number-th one of child[0] on */
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
	CALC_AND, /* child[1] is not looked at where child[0] is 0 */
	CALC_OR,
	CALC_SELECT,
};

struct calc_node {
	enum calc_op op;
	uint8_t size;
	bool is_signed;
	int child[3];
	uint64_t number;
};

/* Of a value; id 0: a plain number of so many bytes. */
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

/* A name that an interval gives: a value that it saved, or an event of it. */
struct calc_name {
	const char *name;
	enum calc_op op; /* CALC_SAVED, CALC_EVENT */
	int index;
	struct calc_type type; /* of what is saved */
};

/* What an expression may speak of, where it is evaluated. */
struct calc_scope {
	const struct types *types;
	const char *function; /* whose arguments there are; NULL: none */
	bool at_return; /* there is a result */
	const char *no_result; /* why there is none; NULL: it is no return */
	bool interval; /* it has begun: key, names and others may be asked for */
	struct calc_type key;
	const struct calc_name *names;
	int count;
};

/*
 * Find the meaning of an expression: a number or a pointer comes out. Returns 0; or the error, and -ENOENT for a
 * name that this kernel does not have, -EINVAL for what makes no sense. On success *calc is to be released.
 */
int calc__of(struct calc *calc, const struct expr *expr, const struct calc_scope *scope,
	     struct expr_error *error);

void calc__release(struct calc *calc);

/* Does it ask for the op, and of which numbers (a bit each)? For who has to keep arguments. */
bool calc__asks(const struct calc *calc, enum calc_op op, uint64_t *numbers);

/* The helpers, for manuals and messages: "head(page)"; NULL behind the last one. */
const char *calc__helper(unsigned int index);

#endif
