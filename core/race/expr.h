/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expressions of race files, a subset of C: turns text into a tree of names and operators, of which
 * only the form is known. core/race/calc.h gives it a meaning on one kernel.
 */
#ifndef THPRACE_EXPR_H
#define THPRACE_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPR_NODES_MAX 192 /* of one expression */
#define EXPR_DEPTH_MAX 24 /* nesting of operators and parentheses */
#define EXPR_NAME_MAX 64 /* including the NUL */
#define EXPR_ARGUMENTS_MAX 2 /* of a call */
#define EXPR_NONE (-1)

enum expr_kind {
	EXPR_NUMBER,
	EXPR_NAME,
	EXPR_MEMBER, /* child[0].name, or child[0]->name (arrow) */
	EXPR_INDEX, /* child[0][child[1]] */
	EXPR_UNARY, /* op child[0] */
	EXPR_BINARY, /* child[0] op child[1] */
	EXPR_SELECT, /* child[0] ? child[1] : child[2] */
	EXPR_CALL, /* name(child[0], child[1]) */
	EXPR_CAST, /* (type) child[0] */
	EXPR_SIZEOF, /* sizeof(type) */
};

enum expr_op {
	EXPR_NO_OP,
	/* one operand */
	EXPR_POINTED, /* *a */
	EXPR_ADDRESS, /* &a */
	EXPR_MINUS,
	EXPR_COMPLEMENT, /* ~a */
	EXPR_NOT, /* !a */
	/* binary; the weakest last */
	EXPR_MULTIPLY,
	EXPR_DIVIDE,
	EXPR_REMAINDER,
	EXPR_ADD,
	EXPR_SUBTRACT,
	EXPR_SHIFT_LEFT,
	EXPR_SHIFT_RIGHT,
	EXPR_LESS,
	EXPR_GREATER,
	EXPR_AT_MOST,
	EXPR_AT_LEAST,
	EXPR_EQUAL,
	EXPR_UNEQUAL,
	EXPR_BIT_AND,
	EXPR_BIT_XOR,
	EXPR_BIT_OR,
	EXPR_AND,
	EXPR_OR,
};

/* A type as it is written: struct NAME *, unsigned long … */
struct expr_type {
	char name[EXPR_NAME_MAX];
	enum expr_tag {
		EXPR_PLAIN, /* one of C's integers, or a typedef */
		EXPR_STRUCT,
		EXPR_UNION,
		EXPR_ENUM,
	} tag;
	unsigned int pointers;
};

struct expr_node {
	enum expr_kind kind;
	enum expr_op op;
	bool arrow;
	bool is_unsigned, is_long; /* the suffixes of a number, or the type that C derives from its
				    * size */
	unsigned int column; /* in the line, from 1 */
	int child[3]; /* indexes of nodes, or EXPR_NONE */
	uint64_t number;
	const char *name; /* in the text; length bytes */
	size_t length;
	struct expr_type type;
};

struct expr {
	struct expr_node node[EXPR_NODES_MAX];
	int count;
	int root;
};

/* What is wrong, and where in the line. */
struct expr_error {
	char text[240];
	unsigned int column;
};

/*
 * Parse length bytes of text, which is at this column of its line and must live as long as the
 * expression. Returns 0; or -EINVAL and the error.
 */
int expr__parse(struct expr *expr, const char *text, size_t length, unsigned int column,
		struct expr_error *error);

/* "+" … */
const char *expr__op(enum expr_op op);

#endif
