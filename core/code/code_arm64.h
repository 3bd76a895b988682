/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code of arm64: core/code/code_arm64.c, code_arm64_step.c. All instructions have 32 bits. The few
 * kinds that matter are recognised by the encodings in the Arm Architecture Reference Manual (DDI
 * 0487, chapter C4).
 */
#ifndef THPRACE_CODE_ARM64_H
#define THPRACE_CODE_ARM64_H

#include "code_private.h"

/* A register's number; for an instruction that takes no SP, 31 is the zero register. */
#define CODE_ARM64_SP 31

static inline uint32_t bits(uint32_t word, unsigned int first, unsigned int count)
{
	return word >> first & ((1U << count) - 1);
}

static inline int64_t sign_extend(uint32_t value, unsigned int width)
{
	return (int64_t)((uint64_t)value << (64 - width)) >> (64 - width);
}

static inline bool is(uint32_t word, uint32_t mask, uint32_t value)
{
	return (word & mask) == value;
}

/* Operands. */
static inline unsigned int rd(uint32_t word)
{
	return bits(word, 0, 5);
}

static inline unsigned int rn(uint32_t word)
{
	return bits(word, 5, 5);
}

static inline unsigned int rm(uint32_t word)
{
	return bits(word, 16, 5);
}

static inline unsigned int rt2(uint32_t word)
{
	return bits(word, 10, 5);
}

/* 64 bits, or 32: then the upper half becomes 0. */
static inline bool wide(uint32_t word)
{
	return word >> 31;
}

/* A memory access with a base register and an immediate. */
struct code_access {
	bool load, vector, sign;
	bool two; /* registers */
	unsigned int size; /* bytes of each */
	int32_t offset; /* of the address, from the base */
	int32_t add; /* to the base, afterwards */
};

bool code_arm64__access(uint32_t word, struct code_access *access);

/* The mask of a logical immediate, its lower 32 bits; false: not a valid encoding. */
bool code_arm64__mask(uint32_t word, uint32_t *mask);

/* A register, 0 for SP; the second operand of an instruction with a shifted register. */
struct code_value code_arm64__get(const struct code_state *state, unsigned int reg);
struct code_value code_arm64__shifted(const struct code_state *state, uint32_t word);

void code_arm64__step(struct code *code, struct code_state *state, const struct code_insn *insn);

#endif
