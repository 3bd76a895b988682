/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values that are followed through a function's code: core/code/code_value.c, code_state.c,
 * code_paths.c, and per machine code_x86.c, code_arm64.c.
 */
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

/* What is known about a value: its lower 32 bits. */
struct code_value {
	enum code_kind kind;
	unsigned int nr;
	uint32_t set[CODE_SET_MAX]; /* CODE_SET: sorted */
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

struct code_value code_value__with(enum code_op op, const struct code_value *value,
				   uint32_t constant);

/* Is the bit set in all possible values (1), in none (0), or neither (-1)? */
int code_value__bit(const struct code_value *value, uint32_t bit);

/* The bits of the shifted value that the mask leaves. */
struct code_value code_value__narrow(const struct code_value *value, uint32_t mask,
				     unsigned int shift);

/* Where control goes after an instruction. */
enum code_flow {
	CODE_NEXT, /* to the next one */
	CODE_CALL, /* to the next one, after a call */
	CODE_JUMP, /* to the target; elsewhere if the target is not known */
	CODE_BRANCH, /* to the target or to the next one */
	CODE_TRAP, /* arm64: nowhere for BUG; to the next one for WARN */
	CODE_END, /* nowhere */
};

struct code_insn {
	uint64_t address;
	uint64_t target; /* of a direct call or jump, or 0 */
	enum code_flow flow;
	uint32_t size;
	uint32_t word; /* arm64: the instruction */
	const cs_insn *x86;
};

static inline bool code_insn__jumps(const struct code_insn *insn)
{
	return insn->flow == CODE_JUMP || insn->flow == CODE_BRANCH;
}

/* The instructions of a function, all of its parts. */
#define CODE_PARTS_MAX 8

struct code_part {
	uint64_t symbol; /* its address */
	uint64_t address; /* address of the first instruction */
	size_t size;
	struct code_insn *insn;
	size_t count;
	cs_insn *x86;
};

struct code_function {
	struct code_part part[CODE_PARTS_MAX];
	size_t parts;
};

struct code_machine;

struct code {
	const struct image *image;
	const struct code_machine *machine;
	csh handle; /* of x86 */
	uint64_t fentry; /* called first by each function; changes no register */
	uint64_t ends[4]; /* functions that do not return */
	uint64_t boot; /* from here on: what is thrown away after the boot; 0: not known */
};

#define CODE_REGISTERS 32
#define CODE_SLOTS 48
#define CODE_PARAMETERS_MAX 6

/* A place on the stack whose value is known. */
struct code_slot {
	int32_t offset;
	uint32_t size;
	struct code_value value;
};

/* What is known at one instruction. */
struct code_state {
	struct code_value reg[CODE_REGISTERS];
	struct code_slot slot[CODE_SLOTS];
	unsigned int slots;
};

/* At a function's entry; parameter: the one that is followed, 0: none. */
void code_state__begin(const struct code *code, struct code_state *state, int parameter);

/* Keep what both agree on. Returns whether into changed. */
bool code_state__join(struct code_state *into, const struct code_state *from);

/* Before a call: the value of an argument, 1: the first. */
struct code_value code_state__argument(const struct code *code, const struct code_state *state,
				       int argument);

/* On the stack: read, write, or forget the value of these bytes. */
struct code_value code_state__load(const struct code_state *state, int32_t offset, uint32_t size);
void code_state__store(struct code_state *state, int32_t offset, uint32_t size,
		       struct code_value value);
void code_state__forget(struct code_state *state, int64_t offset, int64_t size);

/* The differences between machines. */
struct code_machine {
	const int *parameter; /* registers of the first parameters, CODE_PARAMETERS_MAX */
	int stack; /* the stack pointer register */

	/* Fill in the instructions of a part of size bytes at its address; or -ENOMEM. */
	int (*decode)(const struct code *code, struct code_part *part, const unsigned char *bytes,
		      size_t size);

	/* The state after an instruction, if its jump is not taken. */
	void (*step)(struct code *code, struct code_state *state, const struct code_insn *insn);

	/* Does it test the bit of the followed parameter? */
	bool (*tests)(const struct code_state *state, const struct code_insn *insn, uint32_t bit);

	/* Does it store the value, 32 bits, on the stack? Where? */
	bool (*stores)(const struct code_state *state, const struct code_insn *insn, uint32_t value,
		       int32_t *offset);

	/*
	 * On 4 bytes at this offset of anything: a locked compare-and-exchange; a comparison with
	 * 1.
	 */
	bool (*exchanges)(const struct code_part *part, size_t at, uint32_t offset);
	bool (*compares)(const struct code_part *part, size_t at, uint32_t offset);

	/* Does it read so many bytes at this offset of anything that is not on the stack? */
	bool (*reads)(const struct code_insn *insn, uint32_t offset, uint32_t size);
};

extern const struct code_machine code_machine_x86, code_machine_arm64;

#define CODE_TARGETS_MAX 1024 /* Debian's kernels have some hundred copies of a function at most */

/*
 * Where calls of functions go: several may have one name, since the compiler makes a copy of an inline
 * function in each file that uses it.
 */
struct code_targets {
	uint64_t address[CODE_TARGETS_MAX];
	size_t count;
};

/* Returns whether there is one. names: at most CODE_NAMES_MAX, and NULL; or NULL. */
bool code_targets__find(const struct code *code, const char *const *names,
			struct code_targets *targets);
bool code_targets__of(const struct code *code, const char *name, struct code_targets *targets);

/* Is this a call of one of them, or a jump to its start? */
bool code_targets__have(const struct code_targets *targets, const struct code_insn *insn);

/* Callbacks while the paths of a function are followed. */
struct code_visitor {
	int parameter; /* the one to follow, 0: none */
	bool warns; /* each trap is taken as WARN, else as BUG */
	uint64_t from; /* where in the function to begin; 0: at its entry */
	const struct code_targets *stops; /* a path ends at a call of one of these, or NULL … */
	uint32_t read_offset, read_size; /* … and at such a read; size 0: at none */
	void *context;
	/* Called once before each instruction that a path reaches, when its state is final. */
	void (*visit)(void *context, const struct code_state *state, const struct code_insn *insn);
};

/*
 * All parts of a function, to be released; the part that is entered comes first. -ENOENT if there is
 * none.
 */
int code__decode(struct code *code, const char *name, struct code_function *function);
void code__release(struct code_function *function);

/* Is the symbol the name, of so many letters, possibly with a compiler's suffix? */
bool code_symbol__belongs(const char *symbol, const char *name, size_t length);
/* Is it what the compiler put apart of a function, because it seldom runs? */
bool code_symbol__is_cold(const char *symbol);
/* Is it the function of that name, or what the compiler made of it? */
bool code_symbol__is_variant(const char *symbol, const char *name, size_t length);

/* Follow the values. Returns 0; -E2BIG if the function is too large. */
int code__follow(struct code *code, const struct code_function *function,
		 const struct code_visitor *visitor);

#endif
