// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open addressing, at most half full: a value is at its hash, or at the next free place after it.
 */
#include "hash_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

/* The place of the key, or the free place for it. There is always a free one. */
static size_t find(const struct hash_map *map, uint64_t key)
{
	size_t at = hash__number(key) & (map->room - 1);

	while (map->values[at] && map->keys[at] != key)
		at = (at + 1) & (map->room - 1);
	return at;
}

/* Moves to a map of another size, without values for which keep(), if given, returns false. */
static int resize(struct hash_map *map, size_t room, bool (*keep)(void *context, void *value),
		  void *context)
{
	struct hash_map new = {.room = room};
	size_t i, at;

	new.keys = calloc(room, sizeof(*new.keys));
	new.values = calloc(room, sizeof(*new.values));
	if (!new.keys || !new.values) {
		hash_map__free(&new);
		return -ENOMEM;
	}
	for (i = 0; i < map->room; i++) {
		if (!map->values[i] || (keep && !keep(context, map->values[i])))
			continue;
		at = find(&new, map->keys[i]);
		new.keys[at] = map->keys[i];
		new.values[at] = map->values[i];
		new.count++;
	}
	hash_map__free(map);
	*map = new;
	return 0;
}

void *hash_map__get(const struct hash_map *map, uint64_t key)
{
	return map->room ? map->values[find(map, key)] : NULL;
}

int hash_map__set(struct hash_map *map, uint64_t key, void *value)
{
	size_t at;

	if (2 * (map->count + 1) > map->room &&
	    resize(map, map->room ? 2 * map->room : 16, NULL, NULL))
		return -ENOMEM;
	at = find(map, key);
	if (!map->values[at])
		map->count++;
	map->keys[at] = key;
	map->values[at] = value;
	return 0;
}

void hash_map__remove(struct hash_map *map, uint64_t key)
{
	size_t hole, at, home;

	if (!map->room)
		return;
	hole = find(map, key);
	if (!map->values[hole])
		return;
	map->count--;
	/* Move back values that would not be found across the hole. */
	for (at = (hole + 1) & (map->room - 1); map->values[at]; at = (at + 1) & (map->room - 1)) {
		home = hash__number(map->keys[at]) & (map->room - 1);
		if (((at - home) & (map->room - 1)) < ((at - hole) & (map->room - 1)))
			continue;
		map->keys[hole] = map->keys[at];
		map->values[hole] = map->values[at];
		hole = at;
	}
	map->values[hole] = NULL;
}

int hash_map__filter(struct hash_map *map, bool (*keep)(void *context, void *value), void *context)
{
	size_t room;
	int err;

	if (!map->room)
		return 0;
	err = resize(map, map->room, keep, context);
	if (err)
		return err;
	for (room = 16; room < 4 * map->count; room *= 2)
		;
	return room < map->room ? resize(map, room, NULL, NULL) : 0;
}

void hash_map__free(struct hash_map *map)
{
	free(map->keys);
	free(map->values);
	memset(map, 0, sizeof(*map));
}
