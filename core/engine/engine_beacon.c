// SPDX-License-Identifier: GPL-2.0-only
/* The engine's beacon, for readers of a crash dump (include/thprace/beacon.h). */
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <thprace/version.h>

#include "engine_private.h"
#include "kernel/target.h"

_Static_assert(sizeof(THPRACE_VERSION) <= THPRACE_BEACON_VERSION_LEN, "with its end");

void engine__choose_beacon(struct engine *engine)
{
	bpf_program__set_autoload(engine->skel->progs.beacon_setup, true);
	bpf_program__set_autoload(engine->skel->progs.beacon_streams, engine->options.all);
	bpf_program__set_autoload(engine->skel->progs.beacon_races, engine->races);
}

/* Distance of a member of .bss from the beacon; it may be negative. */
static uint64_t behind(const struct thprace_beacon *beacon, const void *member)
{
	return (uint64_t)((const char *)member - (const char *)beacon);
}

static int run_once(const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	return bpf_prog_test_run_opts(bpf_program__fd(program), &options);
}

int engine__light_beacon(struct engine *engine)
{
	struct thprace_bpf__bss *bss = engine->skel->bss;
	struct thprace_beacon_head *head = &bss->beacon.head;
	int err = run_once(engine->skel->progs.beacon_setup);

	if (!err && engine->stream_count)
		err = run_once(engine->skel->progs.beacon_streams);
	if (!err && engine->races)
		err = run_once(engine->skel->progs.beacon_races);
	if (err)
		return err;
	head->layout = THPRACE_BEACON_LAYOUT;
	memcpy(head->version, THPRACE_VERSION, sizeof(THPRACE_VERSION));
	head->cpus = (uint32_t)engine->cpus;
	head->cpu_stride = engine->cpu_stride;
	head->page_shift = engine->skel->rodata->page_shift;
	head->mode = engine__mode(engine);
	head->streams = (uint32_t)engine->stream_count;
	head->stream_mask = ENGINE_STREAM_BYTES - 1;
	head->pending = behind(&bss->beacon, bss->pending);
	head->slots = behind(&bss->beacon, bss->slots);
	head->text = target__address(engine->target, THPRACE_SYMBOL_TEXT);
	head->page_table = target__address(engine->target, THPRACE_SYMBOL_PAGE_TABLE);
	head->magic[1] = THPRACE_BEACON_MAGIC2;
	__atomic_store_n(&head->magic[0], THPRACE_BEACON_MAGIC, __ATOMIC_SEQ_CST);
	return 0;
}

void engine__describe(struct engine *engine, const char *meta)
{
	struct thprace_beacon *beacon = &engine->skel->bss->beacon;
	size_t size = strlen(meta);

	if (size <= sizeof(beacon->meta)) {
		memcpy(beacon->meta, meta, size);
		beacon->head.meta_size = (uint32_t)size;
	}
}

void engine__note_losses(struct engine *engine, const struct thprace_counters *sum,
			 uint64_t checked, uint64_t lost_until)
{
	struct thprace_beacon_head *head = &engine->skel->bss->beacon.head;

	memcpy(head->lost, sum->lost, sizeof(head->lost));
	head->checked = checked;
	if (lost_until)
		head->lost_until = lost_until;
}
