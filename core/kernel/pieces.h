/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the code of functions is: the compiler may have cut it into pieces, each with a symbol of its
 * own (FUNCTION, FUNCTION.isra.0, FUNCTION.cold). Filled in while the symbols are read, in order of
 * address.
 */
#ifndef THPRACE_PIECES_H
#define THPRACE_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIECES_MAX 128
#define PIECES_NAME_MAX 64

struct piece {
	char symbol[PIECES_NAME_MAX];
	uint64_t address;
	uint64_t end; /* of the code: where the next symbol is; 0: not known */
};

struct pieces {
	struct piece piece[PIECES_MAX];
	size_t count;
	size_t ended; /* the first so many have an end */
};

/* The next symbol of the kernel's text, wanted or not. What does not fit is not kept. */
void pieces__note(struct pieces *pieces, const char *symbol, uint64_t address, bool wanted);

/* Is it a piece of this function? */
bool piece__is_of(const struct piece *piece, const char *function);

#endif
