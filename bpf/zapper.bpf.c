// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts zaps by user and cgroup while core asks for it: for a second now and then, if the observer
 * is over its budget and shedding would not help.
 */
#include "engine.bpf.h"
#include "identity.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, THPRACE_ZAPPERS_MAX);
	__type(key, struct thprace_zapper_key);
	__type(value, struct thprace_zapper);
} zappers SEC(".maps");

/*
 * A call of __pmd_trans_huge_lock; zap: it is in a zap. A global function, because it is rare.
 * Returns 0.
 */
__noinline int zapper_count(u32 zap)
{
	const struct thprace_zapper none = {};
	struct thprace_zapper_key key = {};
	struct thprace_zapper *zapper;

	key.uid = (u32)bpf_get_current_uid_gid();
	key.cgroup = current_cgroup();
	zapper = bpf_map_lookup_elem(&zappers, &key);
	if (!zapper) {
		bpf_map_update_elem(&zappers, &key, &none, BPF_NOEXIST);
		zapper = bpf_map_lookup_elem(&zappers, &key);
	}
	if (!zapper)
		return 0; /* the table is full of others */
	__sync_fetch_and_add(&zapper->calls, 1);
	if (zap)
		__sync_fetch_and_add(&zapper->zaps, 1);
	zapper->tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(zapper->comm, sizeof(zapper->comm));
	return 0;
}
