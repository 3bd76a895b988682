/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Questions about the code of one function of a kernel image: which functions it calls, with which
 * constants, and what it does with a parameter. x86-64 and arm64.
 *
 * "The function" is all that the compiler made of it: name, name.cold, name.isra.0 …
 */
#ifndef THPRACE_CODE_H
#define THPRACE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct code;
struct image;

/*
 * Begin. The image must live longer. Returns 0 and *code, to be freed with code__close(); or
 * negative errno and a reason in why: -ENOTSUP for another machine or an image without symbol
 * addresses.
 */
int code__open(struct code **code, const struct image *image, char *why, size_t why_size);
void code__close(struct code *code);

/* Does the image have a function of that name? */
bool code__has(const struct code *code, const char *function);

/* Number of calls of callee, including jumps to its start; -ENOENT if either does not exist. */
int code__calls(struct code *code, const char *function, const char *callee);

/* The values of a bit of an argument at calls. */
struct code_bit {
	unsigned int calls;
	unsigned int set; /* calls at which it is set on all paths */
	unsigned int clear; /* calls at which it is clear on all paths */
	uint32_t values[8]; /* constants that are passed, as far as known */
	unsigned int nr_values;
};

/*
 * The bit (a mask of one) in the argument (1: the first) of each call of callee. -ENOENT if either
 * function does not exist. If a call counts in neither set nor clear, its bit could not be found
 * out.
 */
int code__passes(struct code *code, const char *function, const char *callee, int argument,
		 uint32_t bit, struct code_bit *found);

struct code_question {
	int parameter; /* 1: the first */
	uint32_t bit; /* a mask of one */
	const char *walk; /* a function that is called with a structure on the stack as its first
			   * argument */
	uint32_t member; /* its offset in the structure */
	uint32_t value; /* the value stored in the member */
};

struct code_use {
	unsigned int tests; /* of the bit of the parameter */
	unsigned int walks; /* calls of walk with a structure on the stack */
	unsigned int stores; /* of value in the member, 32 bits, in any of these structures */
};

/* What the function does with a bit of a parameter. -ENOENT if it or walk does not exist. */
int code__uses(struct code *code, const char *function, const struct code_question *question,
	       struct code_use *use);

struct code_reach {
	unsigned int calls; /* of callee */
	unsigned int reached; /* the number of calls after which a path leads to a call of the
			       * other function */
	unsigned int
		unclear; /* the number after which there is a jump with an unknown target, and no
			  * such path */
};

/*
 * In function, is `to' called after a call of callee? -ENOENT if one of the three does not exist.
 */
int code__reaches(struct code *code, const char *function, const char *callee, const char *to,
		  struct code_reach *found);

#define CODE_NAMES_MAX 6

/* Functions are lists of at most CODE_NAMES_MAX names that end with NULL. */
struct code_order {
	const char *const *first; /* calls of these; or, if NULL, reads of: */
	uint32_t member, size; /* bytes at this offset of anything; size 0: nothing comes first */
	const char *const *second; /* before calls of these */
	const char *const *after; /* on paths from calls of these; NULL: from the entry */
};

struct code_before {
	unsigned int calls; /* of the second functions */
	unsigned int after; /* calls from which paths were followed; 1 for the entry */
	unsigned int without; /* number of calls of the second functions to which a path leads
			       * without what comes first */
	bool unclear; /* there is a jump with an unknown target */
};

/*
 * Does one of the first come before one of the second on each path? -ENOENT if function does not
 * exist, or none of the first, the second or those after which paths begin.
 */
int code__before(struct code *code, const char *function, const struct code_order *order,
		 struct code_before *found);

/* A part of a function, by what it does. Lists of at most CODE_NAMES_MAX names that end with NULL. */
struct code_part_of {
	const char *const *after; /* calls of one of these have returned; NULL: it was entered */
	const char *const *before; /* until one of these is called; NULL: to its end … */
	bool bug; /* … or: from where each path, without a call, leads to a test for a BUG or WARN */
};

#define CODE_SPANS_MAX 16

/* Its instructions: those on a path from its beginning to its end. */
struct code_spans {
	struct {
		uint64_t from;
		uint64_t to; /* it ends before */
	} span[CODE_SPANS_MAX]; /* by address */
	int spans;
	uint64_t entry[CODE_SPANS_MAX]; /* instructions to which a path leads from outside */
	int entries;
};

/*
 * Find a part of a function. -ENOENT if the function does not exist, or the part is empty; -E2BIG if
 * there are more than CODE_SPANS_MAX of something.
 */
int code__spans(struct code *code, const char *function, const struct code_part_of *part,
		struct code_spans *found);

/* Number of locked compare-and-exchanges of 4 bytes at this offset of anything; or -ENOENT. */
int code__exchanges(struct code *code, const char *function, uint32_t offset);

/* Number of comparisons "more than 1" of 4 bytes at this offset of anything; or -ENOENT. */
int code__compares(struct code *code, const char *function, uint32_t offset);

#endif
