/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF programs compiled for the host, instead of libbpf's headers and bpf/target.bpf.h: the
 * helpers are the model's (bpf_model_host.c), and kernel memory is the model's folios and vmas.
 */
#ifndef TESTS_BPF_HOST_H
#define TESTS_BPF_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/bpf.h>
#include <linux/types.h>

#define __BPF_HELPERS__
#define __BPF_CORE_READ_H__
#define THPRACE_TARGET_BPF_H

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))
#undef __weak
#define __weak __attribute__((weak))
#define SEC(name)
#define SETTING volatile
#define __uint(name, number) int(*name)[number]
#define __type(name, type) typeof(type) *name
#define __array(name, type) typeof(type) *name[]

#define BOUND(index, mask) ((__u64)(index) & (mask))
#define POINTER_IS_ODD(pointer) ((__u64)(pointer)&1)
#define DISTANCE(pointer, from) ((__u64)(pointer) - (__u64)(from))
#define CTX_LOAD(value, ctx, n) ((value) = ((const __u64 *)(ctx))[n])

/* What core puts into the programs of a race file (bpf/race.bpf.h) */
#define NUMBER(which) model__race_number(which)
#define HAS(flag) (model__race_flags() & (flag))
#define CODE(frame, part) model__race_code(frame, part)
__u64 model__race_number(int which);
unsigned int model__race_flags(void);
__u64 model__race_code(__u64 *frame, int part);

static __always_inline __u64 nonzero(__u64 value)
{
	return value != 0;
}

static __always_inline __u64 below(__u64 a, __u64 b)
{
	return a < b;
}

/*
 * A folio as in 6.12, as far as it is read. bpf/kernel.bpf.h has a type for each kernel that has a
 * member elsewhere; here the member's name tells where it is. All other types are used as they are
 * there.
 */
struct kernel_folio {
	unsigned long flags;
	unsigned long compound_head;
	unsigned long lru_prev;
	unsigned long mapping;
	unsigned long index;
	int entire_mapcount;
	int large_mapcount;
	int mapcount; /* the page's own */
	char pad[12];
};

#define KERNEL_PAGE_SIZE sizeof(struct kernel_folio)

static inline size_t kernel_offset(const char *member, size_t usual)
{
	if (!strcmp(member, "mapping"))
		return offsetof(struct kernel_folio, mapping);
	if (!strcmp(member, "index"))
		return offsetof(struct kernel_folio, index);
	if (!strcmp(member, "_entire_mapcount.counter"))
		return offsetof(struct kernel_folio, entire_mapcount);
	if (!strcmp(member, "_large_mapcount.counter"))
		return offsetof(struct kernel_folio, large_mapcount);
	if (!strcmp(member, "_mapcount") || !strcmp(member, "_mapcount.counter"))
		return offsetof(struct kernel_folio, mapcount);
	return usual;
}

static inline int kernel_has(const char *type)
{
	return !strcmp(type, "struct page") || !strcmp(type, "struct folio___v516") ||
	       !strcmp(type, "struct folio___v63") || !strcmp(type, "struct folio___v69");
}

/* Read the kernel's memory: 0, or negative if there is none. */
int model__read(void *to, size_t size, const void *from);

#define CORE_MEMBER(to, object, member)                                                  \
	({                                                                               \
		typeof(((typeof(object))0)->member) to;                                  \
		model__read(&to, sizeof(to),                                             \
			    (const char *)(object) +                                     \
				    kernel_offset(#member, CORE_USUAL(object, member))); \
		to;                                                                      \
	})
#define CORE_USUAL(object, member) ((size_t) & ((typeof(object))0)->member)
#define CORE_1(object, a) CORE_MEMBER(first_, object, a)
#define CORE_2(object, a, b) CORE_MEMBER(second_, CORE_1(object, a), b)
#define CORE_3(object, a, b, c) CORE_MEMBER(third_, CORE_2(object, a, b), c)
#define CORE_4(object, a, b, c, d) CORE_MEMBER(fourth_, CORE_3(object, a, b, c), d)
#define CORE_PICK(a, b, c, d, name, ...) name
#define BPF_CORE_READ(object, ...) \
	CORE_PICK(__VA_ARGS__, CORE_4, CORE_3, CORE_2, CORE_1, )(object, __VA_ARGS__)

#define preserve_access_index
#define bpf_core_field_exists(type, member) kernel_has(#type)
#define bpf_core_field_offset(type, member) kernel_offset(#member, offsetof(type, member))
#define bpf_core_type_size(type) KERNEL_PAGE_SIZE
#define bpf_core_enum_value_exists(type, value) 1
#define bpf_core_enum_value(type, value) (value)

/* The helpers, with other names, because libbpf has functions with some of these names. */
#define bpf_ktime_get_ns model__clock
#define bpf_get_current_pid_tgid model__current
#define bpf_get_smp_processor_id model__cpu
#define bpf_get_current_comm model__comm
#define bpf_get_current_task() 0
#define bpf_get_current_uid_gid() 0
#define bpf_get_stack model__stack
#define bpf_probe_read_kernel(to, size, from) model__read(to, size, from)
#define bpf_map_lookup_elem model__map_lookup
#define bpf_map_update_elem(map, key, value, flags) \
	model__map_update(map, key, value, sizeof(*(value)), flags)
#define bpf_map_delete_elem model__map_delete
#define bpf_ringbuf_reserve model__ring_reserve
#define bpf_ringbuf_submit model__ring_submit
#define bpf_ringbuf_discard model__ring_discard
#define bpf_ringbuf_output model__ring_output
#define bpf_ringbuf_query(ring, what) 0

__u64 model__clock(void);
__u64 model__current(void);
__u32 model__cpu(void);
long model__comm(char *name, __u32 size);
long model__stack(void *ctx, void *to, __u32 size, __u64 flags);
void *model__map_lookup(void *map, const void *key);
long model__map_update(void *map, const void *key, const void *value, size_t size, __u64 flags);
long model__map_delete(void *map, const void *key);
void *model__ring_reserve(void *ring, __u64 size, __u64 flags);
void model__ring_submit(void *place, __u64 flags);
void model__ring_discard(void *place, __u64 flags);
long model__ring_output(void *ring, const void *message, __u64 size, __u64 flags);

#endif
