// SPDX-License-Identifier: GPL-2.0-only
/* The hash map and hash lists: in any order of adding and removing, everything added is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/hash.h"
#include "base/hash_map.h"

#define KEYS 300
#define ROUNDS 200000

static int values[KEYS];

static bool is_even(void *context, void *value)
{
	(void)context;
	return ((int *)value - values) % 2 == 0;
}

static void expect(const struct hash_map *map, const bool *there)
{
	size_t key, at, count = 0, listed = 0;

	for (key = 0; key < KEYS; key++) {
		count += there[key];
		assert_ptr_equal(hash_map__get(map, key << 12), there[key] ? &values[key] : NULL);
	}
	HASH_MAP_EACH(at, map)
		listed++;
	assert_int_equal(map->count, count);
	assert_int_equal(listed, count);
}

/* Keys are removed in any order, also from within a run of keys that share a place. */
static void map_is_a_set(void **state)
{
	struct hash_map map = {0};
	bool there[KEYS] = {0};
	size_t round, key;

	(void)state;
	srand(1);
	expect(&map, there);
	hash_map__remove(&map, 1);
	for (round = 0; round < ROUNDS; round++) {
		key = (size_t)rand() % KEYS;
		if (rand() % 2) {
			assert_int_equal(hash_map__set(&map, key << 12, &values[key]), 0);
			there[key] = true;
		} else {
			hash_map__remove(&map, key << 12);
			there[key] = false;
		}
		if (round % 500 == 0)
			expect(&map, there);
		if (round % 20000 == 0) {
			assert_int_equal(hash_map__filter(&map, is_even, NULL), 0);
			for (key = 1; key < KEYS; key += 2)
				there[key] = false;
			expect(&map, there);
		}
	}
	/* A value in place of another. */
	assert_int_equal(hash_map__set(&map, 0, &values[1]), 0);
	assert_int_equal(hash_map__set(&map, 0, &values[2]), 0);
	assert_ptr_equal(hash_map__get(&map, 0), &values[2]);
	hash_map__free(&map);
	assert_null(hash_map__get(&map, 0));
}

struct member {
	int number;
	struct hash_node node;
};

static void list_keeps_order(void **state)
{
	struct member members[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
	struct hash_list list = {0};
	struct member *member;
	int seen = 0;

	(void)state;
	for (member = members; member < members + 4; member++)
		hash_list__add(&list, &member->node);
	hash_list__remove(&members[2].node);
	hash_list__remove(&members[2].node); /* it is in no list any more */
	hash_list__remove(&members[0].node);
	assert_false(hash_node__listed(&members[0].node));
	assert_true(hash_node__listed(&members[1].node));
	/* The newest first. */
	HASH_EACH(member, &list, node)
		seen = seen * 10 + member->number;
	assert_int_equal(seen, 31);
	hash_list__remove(&members[3].node);
	hash_list__remove(&members[1].node);
	assert_null(HASH_FIRST(&list, struct member, node));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_is_a_set),
		cmocka_unit_test(list_keeps_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
