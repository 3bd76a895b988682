// SPDX-License-Identifier: GPL-2.0-only
#include "pieces.h"

#include <stdio.h>
#include <string.h>

void pieces__note(struct pieces *pieces, const char *symbol, uint64_t address, bool wanted)
{
	struct piece *piece;

	while (pieces->ended < pieces->count && pieces->piece[pieces->ended].address < address)
		pieces->piece[pieces->ended++].end = address;
	if (!wanted || !address || pieces->count == PIECES_MAX || strlen(symbol) >= PIECES_NAME_MAX)
		return;
	piece = &pieces->piece[pieces->count++];
	snprintf(piece->symbol, sizeof(piece->symbol), "%s", symbol);
	piece->address = address;
	piece->end = 0;
}

bool piece__is_of(const struct piece *piece, const char *function)
{
	size_t length = strlen(function);

	return !strncmp(piece->symbol, function, length) &&
	       (!piece->symbol[length] || piece->symbol[length] == '.');
}
