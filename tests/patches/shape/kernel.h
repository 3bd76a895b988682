/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this folder need in order to compile: the kernel's names, with nothing behind
 * them. They are never linked.
 */
#ifndef SHAPE_KERNEL_H
#define SHAPE_KERNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#define PAGE_SIZE 4096UL
#define PMD_SIZE (512 * PAGE_SIZE)
#define HPAGE_PMD_SIZE PMD_SIZE
#define HPAGE_PMD_MASK (~(HPAGE_PMD_SIZE - 1))
#define HPAGE_PMD_NR 512
#define VM_LOCKED 0x2000UL
#define PVMW_SYNC 1
#define IS_ENABLED(option) (option)
#define CONFIG_DEBUG_VM 1
#define CONFIG_TRANSPARENT_HUGEPAGE 1
#define likely(x) (x)
#define unlikely(x) (x)
#define BIT(n) (1UL << (n))
#define WARN_ON_ONCE(condition) (condition)
#define VM_WARN_ON_ONCE(condition) ((void)(condition))
#define BUG_ON(condition) ((void)(condition))
#define VM_BUG_ON(condition) ((void)(condition))
#define VM_BUG_ON_PAGE(condition, page) ((void)(condition), (void)(page))

typedef unsigned long pgoff_t;
typedef struct {
	int held;
} spinlock_t;
typedef struct {
	unsigned long value;
} pgd_t, pud_t, pmd_t, pte_t;

struct list_head {
	struct list_head *next;
};
struct rb_root_cached {
	void *rb_root;
};
struct mm_struct {
	int users;
};
struct vm_area_struct {
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
};
struct address_space {
	struct rb_root_cached i_mmap;
};
struct page {
	struct address_space *mapping;
	pgoff_t index;
};
struct folio {
	struct page page;
};
struct mmu_gather {
	struct mm_struct *mm;
};
struct rmap_walk_control {
	void *arg;
};

void BUG(void);
void pr_alert(const char *text, ...);
void dump_page(struct page *page, const char *reason);

spinlock_t *pmd_lock(struct mm_struct *mm, pmd_t *pmd);
void spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);
void lock_page(struct page *page);
void unlock_page(struct page *page);
void i_mmap_lock_write(struct address_space *mapping);
void i_mmap_unlock_write(struct address_space *mapping);

pgd_t *pgd_offset(struct mm_struct *mm, unsigned long address);
int pgd_present(pgd_t pgd);
pud_t *pud_offset(pgd_t *pgd, unsigned long address);
int pud_present(pud_t pud);
pmd_t *pmd_offset(pud_t *pud, unsigned long address);
int pmd_present(pmd_t pmd);
int pmd_none(pmd_t pmd);
int pmd_trans_huge(pmd_t pmd);
int pmd_devmap(pmd_t pmd);
int pmd_trans_splitting(pmd_t pmd);
struct page *pmd_page(pmd_t pmd);
pmd_t *mm_find_pmd(struct mm_struct *mm, unsigned long address);
unsigned long pmd_addr_end(unsigned long addr, unsigned long end);

bool PageAnon(struct page *page);
bool PageHead(struct page *page);
bool PageTail(struct page *page);
bool PageLocked(struct page *page);
bool PageSwapCache(struct page *page);
bool PageTransCompound(struct page *page);
unsigned int compound_order(struct page *page);
int compound_mapcount(struct page *page);
int page_mapcount(struct page *page);
int total_mapcount(struct page *page);
int page_count(struct page *page);
bool page_mapped(struct page *page);
bool page_ref_freeze(struct page *page, int count);
void put_page(struct page *page);
unsigned int thp_nr_pages(struct page *page);
void folio_get(struct folio *folio);
bool folio_test_anon(struct folio *folio);
bool folio_test_large(struct folio *folio);

#define RB_EMPTY_ROOT(root) (!*(root))

#endif
