/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few kernel types that are read, declared here so that the build needs no kernel's BTF; CO-RE
 * relocates each member at load. Each difference between versions is a flavour (___vNN: first or
 * last version that has it).
 */
#ifndef THPRACE_KERNEL_BPF_H
#define THPRACE_KERNEL_BPF_H

/* Makes bpf_tracing.h use the kernel's struct pt_regs, declared below, instead of libc's. */
#define __VMLINUX_H__

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

typedef __u64 u64;
typedef __u32 u32;
typedef __u16 u16;
typedef __u8 u8;
typedef __s64 s64;
typedef __s32 s32;
typedef __s8 s8;

#define CORE __attribute__((preserve_access_index))

typedef struct {
	int counter;
} CORE atomic_t;

/* mm_types.h, until 6.17; the mapcount is biased by -1 in all versions. */
struct page {
	unsigned long flags;
	unsigned long compound_head; /* 4.4+, bit 0: a tail page; compound_info since 7.0 */
	void *mapping;
	atomic_t _mapcount;
	atomic_t _refcount;
} CORE;

/* The first half of a struct page in memory order: one read instead of three. */
struct page_start {
	unsigned long flags;
	unsigned long compound_head;
	unsigned long lru_prev;
	unsigned long mapping;
};

/* 6.18+: commit "mm: introduce memdesc_flags_t". */
typedef struct {
	unsigned long f;
} CORE memdesc_flags_t;

struct page___v618 {
	memdesc_flags_t flags;
} CORE;

/* Up to 6.1: in the first tail page of a compound page (page[1]). */
struct page___v61 {
	atomic_t compound_mapcount;
	unsigned int compound_nr;
} CORE;

/* 6.3 …: mapcount of the PMD mappings, and the number of mapped pages. */
struct folio___v63 {
	atomic_t _entire_mapcount;
	atomic_t _nr_pages_mapped;
} CORE;

/* 6.9+: all mappings of a large folio in one count ("mm: track mapcount of large folios"). */
struct folio___v69 {
	atomic_t _large_mapcount;
} CORE;

/* Number of pages of a large folio: until 6.13; compound_nr before. */
struct folio___v613 {
	unsigned int _folio_nr_pages;
} CORE;

/* Position of a folio in its file: in struct page until 5.15. */
struct folio___v516 {
	unsigned long index;
} CORE;

struct page___v515 {
	unsigned long index;
} CORE;

struct anon_vma {
	struct anon_vma *root;
} CORE;

struct file {
	void *f_mapping;
} CORE;

struct vm_area_struct {
	unsigned long vm_start;
	struct mm_struct *vm_mm;
	struct anon_vma *anon_vma;
	unsigned long vm_pgoff;
	struct file *vm_file;
} CORE;

/* kernel/bpf/ringbuf.c */
struct bpf_ringbuf {
	u64 mask;
	unsigned long consumer_pos;
	unsigned long producer_pos;
	char data[];
} CORE;

struct bpf_ringbuf_map {
	struct bpf_ringbuf *rb;
} CORE;

struct wait_queue_entry {
	unsigned int flags;
	void *private;
	void *func;
} CORE;

/* pagemap.h. Its first member is the page or folio. */
struct wait_page_queue {
	int bit_nr;
	struct wait_queue_entry wait;
} CORE;

/*
 * rmap.h. The values are never used: bpf_core_enum_value() looks them up in the running kernel, by
 * name.
 */
enum ttu_flags {
	TTU_SPLIT_HUGE_PMD = 0x4,
	TTU_SYNC = 0x10, /* 5.10.47, 5.13 */
	TTU_HWPOISON = 0x20, /* 6.1+ (was the inverse, TTU_IGNORE_HWPOISON) */
	TTU_IGNORE_HWPOISON = 0x21, /* until 6.1 */
	TTU_BATCH_FLUSH = 0x40,
	TTU_RMAP_LOCKED = 0x80,
};

/* khugepaged.c */
enum scan_result {
	SCAN_SUCCEED = 1,
};

/* page-flags.h */
enum pageflags {
	PG_locked = 0,
	PG_head = 6,
	PG_double_map = 77, /* until 6.1, in the second page */
};

/* The registers that a kprobe sees (asm/ptrace.h of each machine). */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long sp;
	unsigned long di;
	unsigned long si;
	unsigned long dx;
	unsigned long cx;
	unsigned long r8;
	unsigned long r9;
	unsigned long ax;
} CORE;
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	u64 sp;
} CORE;
#else
#error "thprace knows x86-64 and arm64"
#endif

#endif
