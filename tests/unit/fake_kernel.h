/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types of an invented kernel, for expressions: compiled by the C compiler for the test, and by
 * clang for their BTF. Both lay out structures in the same way.
 */
#ifndef TESTS_FAKE_KERNEL_H
#define TESTS_FAKE_KERNEL_H

enum pageflags {
	PG_locked,
	PG_swapcache = 10,
	PG_head = 16
};
enum sign {
	BELOW = -3,
	NONE = 0,
	ABOVE = 70000
};

typedef struct {
	unsigned long pmd;
} pmd_t;

typedef struct {
	int counter;
} atomic_t;

typedef unsigned char u8;

struct page {
	unsigned long flags;
	unsigned long compound_head;
	atomic_t _mapcount;
	atomic_t _refcount;
};

struct mm {
	atomic_t count;
	short half;
	_Bool flag;
	unsigned long total;
	struct mm *next;
};

struct folio {
	unsigned long flags;
	union {
		struct {
			struct mm *mm;
			unsigned int index;
		};
		unsigned long words[2];
	};
	atomic_t _mapcount;
	unsigned int few : 5;
	unsigned int many : 20;
	int signs : 7;
	enum sign sign;
	signed char bytes[6];
	unsigned short shorts[3];
	long offset;
	struct folio *other;
};

struct vma {
	struct mm *vm_mm;
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned int vm_flags;
	u8 kind;
	pmd_t entries[4];
};

/* The arguments of fake_walk(), in order. */
struct fake_arguments {
	struct folio *folio;
	struct vma *vma;
	unsigned int flags;
	int node;
	u8 small;
	short half;
	long address;
	pmd_t *pmd;
	pmd_t value;
	enum sign sign;
};

#endif
