// SPDX-License-Identifier: GPL-2.0-only
#include "beacon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/version.h>

#include "base/names.h"
#include "base/work.h"

#define CPUS_MAX 65536
#define RING_MAX (64U << 20)
#define STREAM_MAX (16U << 20)
#define TEXT_MAP 0xffffffff80000000ULL /* x86-64: where the kernel's text is mapped */

/* What was found on the way to a beacon that can be used. */
struct search {
	const struct memory *memory;
	unsigned int seen; /* pages that begin with the magic */
	unsigned int stale; /* of these: not where they say they are */
	unsigned int idle; /* whose engine was not recording */
	char version[THPRACE_BEACON_VERSION_LEN]; /* of another thprace; "": none */
};

/* A dump without VMCOREINFO does not say where the page tables are, but the beacon does. */
static void help_translation(const struct memory *memory, const struct thprace_beacon_head *head)
{
	/* With tables of four levels, all addresses of the kernel begin with 17 ones. */
	if (!*memory->info && head->page_table >= TEXT_MAP)
		memory->set_tables(memory->ctx, head->page_table - TEXT_MAP + head->phys_base,
				   head->self >> 47 == 0x1ffff ? 48 : 57, head->phys_base);
}

/* The size of a ring's data. */
static bool is_size(uint64_t mask, uint64_t most)
{
	return mask >= 4095 && mask < most && !(mask & (mask + 1));
}

static bool is_sane(const struct thprace_beacon *beacon)
{
	const struct thprace_beacon_head *head = &beacon->head;

	return head->cpus && head->cpus <= CPUS_MAX &&
	       head->cpu_stride >= sizeof(struct thprace_cpu) &&
	       head->cpu_stride < 2 * sizeof(struct thprace_cpu) && head->mode < THPRACE_MODE_MAX &&
	       head->page_shift >= 12 && head->page_shift <= 16 &&
	       is_size(head->ring_mask, RING_MAX) && head->streams <= THPRACE_STREAMS_MAX &&
	       (!head->streams || is_size(head->stream_mask, STREAM_MAX)) &&
	       head->meta_size <= sizeof(beacon->meta);
}

/*
 * Is the beacon at this physical address one that an engine uses? The memory of an engine that has
 * ended may be in the dump as well, but its address leads elsewhere.
 */
static bool take(struct search *search, uint64_t address, struct thprace_beacon *beacon)
{
	struct thprace_beacon_head found;

	if (memory__physical(search->memory, address, &found, sizeof(found)))
		return false;
	search->seen++;
	found.version[THPRACE_BEACON_VERSION_LEN - 1] = '\0';
	if (found.layout != THPRACE_BEACON_LAYOUT || strcmp(found.version, THPRACE_VERSION)) {
		names__clean(search->version, sizeof(search->version), found.version,
			     sizeof(found.version), 0);
		return false;
	}
	help_translation(search->memory, &found);
	if (found.self & (THPRACE_BEACON_ALIGN - 1) ||
	    memory__virtual(search->memory, found.self, beacon, sizeof(*beacon)) ||
	    memcmp(&beacon->head, &found, sizeof(found)) || !is_sane(beacon)) {
		search->stale++;
		return false;
	}
	search->idle += !beacon->head.started;
	return beacon->head.started != 0;
}

static int explain(const struct search *search, char *why, size_t why_size)
{
	if (!search->seen)
		snprintf(why, why_size,
			 "thprace was not running on the kernel of this dump, or the dump does "
			 "not have the kernel's own pages");
	else if (search->version[0])
		snprintf(why, why_size,
			 "thprace %s was running on the kernel of this dump, and this is "
			 "%s of another build: use the same one",
			 search->version, THPRACE_VERSION);
	else if (search->idle)
		snprintf(why, why_size, "thprace was there, but had not begun to record");
	else
		snprintf(why, why_size,
			 "the memory of thprace is in this dump, but the kernel's page tables do "
			 "not lead to it%s: it had ended, or the dump is damaged",
			 *search->memory->info ? "" : " (the dump has no VMCOREINFO)");
	return -ENOENT;
}

int beacon__find(struct beacon *result, const struct memory *memory, struct work *work, char *why,
		 size_t why_size)
{
	struct search search = {.memory = memory};
	struct thprace_beacon *found = malloc(sizeof(*found));
	uint64_t page, address, looked_at = 0, magic[2];
	unsigned int nr = 0;

	if (!found) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	work__begin(work, "looking for thprace's memory in the dump",
		    memory->pages * memory->page_size);
	for (page = 0; memory->next_page(memory->ctx, &page); page += memory->page_size) {
		for (address = page; address < page + memory->page_size;
		     address += THPRACE_BEACON_ALIGN) {
			if (memory__physical(memory, address, magic, sizeof(magic)))
				break;
			if (magic[0] != THPRACE_BEACON_MAGIC || magic[1] != THPRACE_BEACON_MAGIC2 ||
			    !take(&search, address, found))
				continue;
			if (!nr++ || found->head.started > result->content.head.started)
				result->content = *found;
		}
		looked_at += memory->page_size;
		work__done(work, looked_at);
		if (page > UINT64_MAX - memory->page_size)
			break;
	}
	free(found);
	result->others = nr ? nr - 1 : 0;
	return nr ? 0 : explain(&search, why, why_size);
}
