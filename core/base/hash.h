/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hashes, and hash lists: members that are in several indexes at the same time, or whose order of
 * arrival within an index matters, have a node for each index. For everything else there is
 * hash_map.h.
 */
#ifndef THPRACE_HASH_H
#define THPRACE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The finalizer of MurmurHash3: addresses, times and pids differ in few bits. All bits of the result are good. */
static inline uint64_t hash__number(uint64_t key)
{
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccdULL;
	key ^= key >> 33;
	key *= 0xc4ceb9fe1a85ec53ULL;
	return key ^ key >> 33;
}

static inline uint64_t hash__pair(uint64_t a, uint64_t b)
{
	return hash__number(a ^ b * 0x9e3779b97f4a7c15ULL);
}

/* FNV-1a */
static inline uint32_t hash__text(const char *text)
{
	uint32_t hash = 2166136261U;

	while (*text)
		hash = (hash ^ (unsigned char)*text++) * 16777619U;
	return hash;
}

struct hash_node {
	struct hash_node *next; /* older */
	struct hash_node **link; /* the pointer to this one; NULL: in no list */
};

/* The newest comes first. */
struct hash_list {
	struct hash_node *first;
};

static inline void hash_list__add(struct hash_list *list, struct hash_node *node)
{
	node->next = list->first;
	node->link = &list->first;
	if (node->next)
		node->next->link = &node->next;
	list->first = node;
}

static inline bool hash_node__listed(const struct hash_node *node)
{
	return node->link;
}

/* It may be in no list. */
static inline void hash_list__remove(struct hash_node *node)
{
	if (!node->link)
		return;
	*node->link = node->next;
	if (node->next)
		node->next->link = node->link;
	node->link = NULL;
}

/* The member that contains the node, or NULL. */
#define HASH_ENTRY(node, type, member) \
	((type *)((node) ? (char *)(node)-offsetof(type, member) : NULL))

#define HASH_FIRST(list, type, member) HASH_ENTRY((list)->first, type, member)
#define HASH_NEXT(entry, member) HASH_ENTRY((entry)->member.next, __typeof__(*(entry)), member)

/* entry: a pointer to the member that contains the nodes. */
#define HASH_EACH(entry, list, member)                                        \
	for ((entry) = HASH_FIRST(list, __typeof__(*(entry)), member); entry; \
	     (entry) = HASH_NEXT(entry, member))

#endif
