// SPDX-License-Identifier: GPL-2.0-only
/* The detector's containers: a queue, and a list in order of time. */
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
