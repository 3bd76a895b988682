/* SPDX-License-Identifier: GPL-2.0-only */
/* Values that are followed through a function's code: core/code_value.c, code_step.c, code_walk.c. */
#ifndef THPRACE_CODE_PRIVATE_H
#define THPRACE_CODE_PRIVATE_H

#include <capstone/capstone.h>
#include "code.h"

#define CODE_SET_MAX 8

enum code_kind {
	CODE_ANY, /* not known */
	CODE_SET, /* one of a few constants */
	CODE_BITS, /* some bits are known */
	CODE_STACK, /* the stack pointer at the function's entry, plus offset */
	CODE_PARAMETER, /* the parameter that is followed, shifted right */
};

/* What is known of a value, of its lower 32 bits. */
struct code_value {
	enum code_kind kind;
	unsigned int nr;
	uint32_t set[CODE_SET_MAX]; /* CODE_SET: in order */
	uint32_t ones, zeros; /* CODE_BITS */
	int32_t offset; /* CODE_STACK; CODE_PARAMETER: the shift */
};

struct code_value code_value__any(void);
struct code_value code_value__constant(uint32_t constant);
struct code_value code_value__either(uint32_t one, uint32_t other);
struct code_value code_value__join(const struct code_value *a, const struct code_value *b);
bool code_value__same(const struct code_value *a, const struct code_value *b);

enum code_op {
	CODE_AND,
	CODE_OR,
	CODE_XOR,
	CODE_ADD,
	CODE_SUB,
	CODE_SHL,
	CODE_SHR,
};

struct code_value code_value__op(enum code_op op, const struct code_value *a,
				 const struct code_value *b);

/* Is the bit set in all that the value can be (1), in none (0), or neither (-1)? */
int code_value__bit(const struct code_value *value, uint32_t bit);

/* The instructions of a function, all of its parts. */
#define CODE_PARTS_MAX 8

struct code_part {
	uint64_t address;
	size_t size;
	cs_insn *insn;
	size_t count;
};

struct code_function {
	struct code_part part[CODE_PARTS_MAX];
	size_t parts;
};

struct code {
	const struct image *image;
	csh handle;
	uint64_t fentry; /* called by each function first, and changes no register */
	uint64_t ends[4]; /* functions that do not return */
};

/* The target of a direct call or jump, or 0. */
uint64_t code__target(const cs_insn *insn);

#define CODE_REGISTERS 16
#define CODE_SLOTS 48

/* A place on the stack whose value is known. */
struct code_slot {
	int32_t offset;
	uint32_t size;
	struct code_value value;
};

/* What is known at one instruction. */
struct code_walk {
	struct code_value reg[CODE_REGISTERS];
	struct code_slot slot[CODE_SLOTS];
	unsigned int slots;
};

/* At a function's entry; parameter: the one that is followed, 0: none. */
void code_walk__begin(struct code_walk *walk, int parameter);

/* Behind an instruction that is no jump, or where a jump is not taken. */
void code_walk__step(struct code *code, struct code_walk *walk, const cs_insn *insn);

/* Keep what both agree on. Did that change into? */
bool code_walk__join(struct code_walk *into, const struct code_walk *from);

/* What a walk through a function reports. */
struct code_watch {
	int parameter; /* followed, 0: none */
	void *context;
	/* Before each instruction that a path reaches, once, when all that can be is known. */
	void (*see)(void *context, const struct code_walk *walk, const cs_insn *insn);
};

/* Follow the values. Returns 0; -E2BIG when the function is too much. */
int code__walk(struct code *code, const struct code_function *function,
	       const struct code_watch *watch);

/* For see(): the value of a register (X86_REG_RSI …), of an operand, of what lies on the stack. */
struct code_value code_walk__register(const struct code_walk *walk, unsigned int reg);
struct code_value code_walk__operand(const struct code_walk *walk, const cs_x86_op *op);
struct code_value code_walk__base(const struct code_walk *walk, const cs_x86_op *op);

#endif
