// SPDX-License-Identifier: GPL-2.0-only
#include "spool_private.h"

#include <errno.h>
#include <string.h>

/* Index of the incident to drop for this one, or SPOOL_MEMORY. */
static size_t victim_of(const struct spool_memory *memory, const struct thprace_incident *incident)
{
	size_t i;

	if (memory->saved)
		return 0;
	if (incident->verdict <= THPRACE_CONTAINED)
		return SPOOL_MEMORY;
	for (i = memory->handed; i < memory->count; i++)
		if (spool_memory__at(memory, i)->verdict <= THPRACE_CONTAINED)
			return i;
	return SPOOL_MEMORY;
}

/* Remove the i-th; returns its place. */
static uint16_t take_out(struct spool_memory *memory, size_t i)
{
	uint16_t place = memory->order[i];

	memory->count--;
	memmove(&memory->order[i], &memory->order[i + 1],
		(memory->count - i) * sizeof(*memory->order));
	memory->handed -= i < memory->handed;
	memory->saved -= i < memory->saved;
	return place;
}

int spool_memory__add(struct spool_memory *memory, uint64_t number,
		      const struct thprace_incident *incident)
{
	uint16_t place = (uint16_t)memory->count;
	int dropped = 0;
	size_t victim;

	if (memory->count == SPOOL_MEMORY) {
		victim = victim_of(memory, incident);
		if (victim == SPOOL_MEMORY)
			return -ENOSPC;
		dropped = victim >= memory->saved;
		place = take_out(memory, victim);
	}
	memory->order[memory->count++] = place;
	memory->number[place] = number;
	memory->wall[place] = 0;
	memory->incident[place] = *incident;
	return dropped;
}

const struct thprace_incident *spool_memory__at(const struct spool_memory *memory, size_t i)
{
	return &memory->incident[memory->order[i]];
}

uint64_t spool_memory__number(const struct spool_memory *memory, size_t i)
{
	return memory->number[memory->order[i]];
}

uint64_t *spool_memory__wall(struct spool_memory *memory, size_t i)
{
	return &memory->wall[memory->order[i]];
}

size_t spool_memory__find(const struct spool_memory *memory, uint64_t number)
{
	size_t low = 0, high = memory->count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (spool_memory__number(memory, middle) < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < memory->count && spool_memory__number(memory, low) == number)
		return low;
	return memory->count;
}

void spool_memory__renumber(struct spool_memory *memory, uint64_t delta)
{
	size_t i;

	for (i = memory->saved; i < memory->count; i++)
		memory->number[memory->order[i]] += delta;
}

unsigned int spool_backlog__add(struct spool_backlog *backlog, const struct thprace_record *record)
{
	unsigned int dropped = backlog->count == backlog->room;

	if (dropped) {
		backlog->start = (backlog->start + 1) % backlog->room;
		backlog->count--;
	}
	backlog->records[(backlog->start + backlog->count) % backlog->room] = *record;
	backlog->count++;
	return dropped;
}

bool spool_backlog__take(struct spool_backlog *backlog, struct thprace_record *record)
{
	if (!backlog->count)
		return false;
	*record = backlog->records[backlog->start];
	backlog->start = (backlog->start + 1) % backlog->room;
	backlog->count--;
	return true;
}

bool spool_quota__take(struct spool_quota *quota, unsigned int class, uint64_t per_hour,
		       uint64_t now)
{
	if (!quota->began || now - quota->began >= SPOOL_HOUR_NS) {
		memset(quota, 0, sizeof(*quota));
		quota->began = now;
	}
	if (quota->count[class] >= per_hour)
		return false;
	quota->count[class]++;
	return true;
}
