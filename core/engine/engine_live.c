// SPDX-License-Identifier: GPL-2.0-only
/* The engine in its user's event loop: waiting, sweeping, its cost and who causes it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <thprace/verdict.h>

#include "engine_private.h"
#include "engine/pending.h"

int engine__fd(const struct engine *engine)
{
	return engine->epoll;
}

bool engine__measured(const struct engine *engine)
{
	return engine->stats_fd >= 0;
}

/* Memory of a map, from /proc. */
static uint64_t map_memory(int fd)
{
	char path[64], line[128];
	uint64_t bytes = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "memlock: %" SCNu64, &bytes) == 1)
			break;
	fclose(file);
	return bytes;
}

uint64_t engine__memory(const struct engine *engine)
{
	const struct bpf_map *map;
	uint64_t bytes = 0;
	int i;

	bpf_object__for_each_map(map, engine->skel->obj) if (bpf_map__fd(map) >= 0)
		bytes += map_memory(bpf_map__fd(map));
	for (i = 0; i < engine->stream_count; i++)
		bytes += map_memory(engine->stream_fd[i]);
	return bytes;
}

void engine__sweep(struct engine *engine, uint64_t now)
{
	struct thprace_bpf__bss *bss = engine->skel->bss;
	int claims = bpf_map__fd(engine->skel->maps.pending_claims);
	uint32_t freed, i;

	engine__finish_shedding(engine, now);
	freed = pending__sweep(bss->pending, bss->buckets, &bss->attributing, now);
	for (i = 0; i < THPRACE_PENDING_MAX; i++)
		if (freed >> i & 1)
			bpf_map_delete_elem(claims, &i);
}

void engine__count_zappers(struct engine *engine, bool count)
{
	int map = bpf_map__fd(engine->skel->maps.zappers);
	struct thprace_zapper_key key;

	if (count)
		while (!bpf_map_get_next_key(map, NULL, &key) && !bpf_map_delete_elem(map, &key))
			;
	__atomic_store_n(&engine->skel->bss->counting_zappers, count, __ATOMIC_SEQ_CST);
}

size_t engine__zappers(struct engine *engine, struct engine_zapper *zappers, size_t max,
		       struct thprace_zapper *sum)
{
	int map = bpf_map__fd(engine->skel->maps.zappers);
	struct thprace_zapper_key key, *last = NULL;
	struct engine_zapper found;
	size_t count = 0, at, seen;

	memset(sum, 0, sizeof(*sum));
	for (seen = 0; seen < THPRACE_ZAPPERS_MAX && !bpf_map_get_next_key(map, last, &key);
	     seen++, last = &key) {
		if (bpf_map_lookup_elem(map, &key, &found.count))
			continue;
		found.who = key;
		sum->calls += found.count.calls;
		sum->zaps += found.count.zaps;
		for (at = count; at && zappers[at - 1].count.calls < found.count.calls; at--)
			if (at < max)
				zappers[at] = zappers[at - 1];
		if (at < max)
			zappers[at] = found;
		count += count < max;
	}
	return count;
}
