// SPDX-License-Identifier: GPL-2.0-only
/* The detector's containers: a queue and a hash table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "detector_private.h"

static int queue_grow(struct detector_queue *queue, size_t size)
{
	unsigned char *data;
	size_t room;

	if (queue->head > queue->count) {
		memmove(queue->data, queue->data + queue->head * size, queue->count * size);
		queue->head = 0;
		return 0;
	}
	room = queue->room ? queue->room * 2 : 4;
	data = realloc(queue->data, room * size);
	if (!data)
		return -ENOMEM;
	queue->data = data;
	queue->room = room;
	return 0;
}

void *detector_queue__at(const struct detector_queue *queue, size_t size, size_t at)
{
	return queue->data + (queue->head + at) * size;
}

void *detector_queue__insert(struct detector_queue *queue, size_t size, size_t at)
{
	unsigned char *place;

	if (queue->head + queue->count == queue->room && queue_grow(queue, size))
		return NULL;
	place = detector_queue__at(queue, size, at);
	if (at < queue->count)
		memmove(place + size, place, (queue->count - at) * size);
	queue->count++;
	memset(place, 0, size);
	return place;
}

void detector_queue__drop(struct detector_queue *queue, size_t n)
{
	queue->head += n;
	queue->count -= n;
	if (!queue->count)
		detector_queue__free(queue);
}

void detector_queue__free(struct detector_queue *queue)
{
	free(queue->data);
	memset(queue, 0, sizeof(*queue));
}

/* The finalizer of MurmurHash3: folio addresses and pids differ in few bits. */
static size_t hash(uint64_t key)
{
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccdULL;
	key ^= key >> 33;
	key *= 0xc4ceb9fe1a85ec53ULL;
	key ^= key >> 33;
	return (size_t)key;
}

/* The place of the key, or the free one where it would go. There is always a free one. */
static size_t find(const struct detector_table *table, uint64_t key)
{
	size_t at = hash(key) & (table->room - 1);

	while (table->values[at] && table->keys[at] != key)
		at = (at + 1) & (table->room - 1);
	return at;
}

/* Moves to a table of another size; drops what keep(), if there is one, returns false for. */
static int resize(struct detector_table *table, size_t room, bool (*keep)(void *ctx, void *value),
		  void *ctx)
{
	struct detector_table new = {.room = room};
	size_t i, at;

	new.keys = calloc(room, sizeof(*new.keys));
	new.values = calloc(room, sizeof(*new.values));
	if (!new.keys || !new.values) {
		detector_table__free(&new);
		return -ENOMEM;
	}
	for (i = 0; i < table->room; i++) {
		if (!table->values[i] || (keep && !keep(ctx, table->values[i])))
			continue;
		at = find(&new, table->keys[i]);
		new.keys[at] = table->keys[i];
		new.values[at] = table->values[i];
		new.count++;
	}
	detector_table__free(table);
	*table = new;
	return 0;
}

void *detector_table__get(const struct detector_table *table, uint64_t key)
{
	return table->room ? table->values[find(table, key)] : NULL;
}

int detector_table__insert(struct detector_table *table, uint64_t key, void *value)
{
	size_t at;

	if (2 * (table->count + 1) > table->room &&
	    resize(table, table->room ? 2 * table->room : 16, NULL, NULL))
		return -ENOMEM;
	at = find(table, key);
	if (!table->values[at])
		table->count++;
	table->keys[at] = key;
	table->values[at] = value;
	return 0;
}

void detector_table__remove(struct detector_table *table, uint64_t key)
{
	size_t hole, at, home;

	if (!table->room)
		return;
	hole = find(table, key);
	if (!table->values[hole])
		return;
	table->count--;
	/* Move back what would not be found across the hole. */
	for (at = (hole + 1) & (table->room - 1); table->values[at];
	     at = (at + 1) & (table->room - 1)) {
		home = hash(table->keys[at]) & (table->room - 1);
		if (((at - home) & (table->room - 1)) < ((at - hole) & (table->room - 1)))
			continue;
		table->keys[hole] = table->keys[at];
		table->values[hole] = table->values[at];
		hole = at;
	}
	table->values[hole] = NULL;
}

int detector_table__filter(struct detector_table *table, bool (*keep)(void *ctx, void *value),
			   void *ctx)
{
	size_t room;
	int err;

	if (!table->room)
		return 0;
	err = resize(table, table->room, keep, ctx);
	if (err)
		return err;
	for (room = 16; room < 4 * table->count; room *= 2)
		;
	return room < table->room ? resize(table, room, NULL, NULL) : 0;
}

void detector_table__free(struct detector_table *table)
{
	free(table->keys);
	free(table->values);
	memset(table, 0, sizeof(*table));
}

void detector_begun__link(struct detector_begun_list *list, struct detector_begun *begun)
{
	struct detector_begun *prev = list->last;

	while (prev && prev->since > begun->since)
		prev = prev->prev;
	begun->prev = prev;
	begun->next = prev ? prev->next : list->first;
	if (begun->next)
		begun->next->prev = begun;
	else
		list->last = begun;
	if (prev)
		prev->next = begun;
	else
		list->first = begun;
	begun->listed = true;
}

void detector_begun__unlink(struct detector_begun_list *list, struct detector_begun *begun)
{
	if (!begun->listed)
		return;
	if (begun->prev)
		begun->prev->next = begun->next;
	else
		list->first = begun->next;
	if (begun->next)
		begun->next->prev = begun->prev;
	else
		list->last = begun->prev;
	begun->listed = false;
}
