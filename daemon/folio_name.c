// SPDX-License-Identifier: GPL-2.0-only
#include "folio_name.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static uint64_t rotate(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static void rounds(uint64_t v[4], int count)
{
	while (count--) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static void take(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

uint64_t folio_name__hash(const uint64_t key[2], uint64_t number)
{
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575ULL,
		key[1] ^ 0x646f72616e646f6dULL,
		key[0] ^ 0x6c7967656e657261ULL,
		key[1] ^ 0x7465646279746573ULL,
	};

	take(v, number);
	take(v, 8ULL << 56); /* the length in bytes */
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

const char *folio_name(char buf[FOLIO_NAME_LEN], uint64_t address)
{
	static uint64_t key[2];
	static bool has_key;

	buf[0] = '\0';
	if (!has_key)
		has_key = !getentropy(key, sizeof(key));
	if (has_key)
		snprintf(buf, FOLIO_NAME_LEN, "%012" PRIx64, folio_name__hash(key, address) >> 16);
	return buf;
}
