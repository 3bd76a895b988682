/* SPDX-License-Identifier: GPL-2.0-only */
/* A hash map from numbers to pointers that are not NULL. {0} is an empty one. */
#ifndef THPRACE_HASH_MAP_H
#define THPRACE_HASH_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_map {
	uint64_t *keys;
	void **values; /* NULL: a free place */
	size_t room; /* a power of two, or 0 */
	size_t count;
};

/* NULL: not found. */
void *hash_map__get(const struct hash_map *map, uint64_t key);

/* Replaces the key's old value, if there was one. Returns 0 or -ENOMEM. */
int hash_map__set(struct hash_map *map, uint64_t key, void *value);

void hash_map__remove(struct hash_map *map, uint64_t key);

/* Remove each value for which keep() returns false. Returns 0 or -ENOMEM. */
int hash_map__filter(struct hash_map *map, bool (*keep)(void *context, void *value), void *context);

/* Free the map, but not the values; then it is empty. */
void hash_map__free(struct hash_map *map);

/* Each value, in no order; at: a size_t. Do not add or remove meanwhile. */
#define HASH_MAP_EACH(at, map)                     \
	for ((at) = 0; (at) < (map)->room; (at)++) \
		if ((map)->values[at])

#endif
