// SPDX-License-Identifier: GPL-2.0-only
/*
 * hwpoison-unmap: openers munmap() many mappings of one small page of a file, the walker poisons
 * it: memory_failure() → try_to_unmap() against zap_pte_range(). It uses no huge page, so it also
 * runs on kernels without them.
 *
 * Each mapping has its own page table, and so its own lock: otherwise the walker, at a mapping that
 * is still there, would wait for the zap of another.
 *
 * A poisoned page is lost until the next boot, unless the module hwpoison-inject is available to
 * remove the poison. Without it the pages are counted, and the run ends when enough are lost.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "stress.h"

#define MAPPINGS 8
#define PAGES_TO_LOSE 2000
#define AHEAD 32 /* more than a CPU keeps back: PAGEVEC_SIZE, 15, or 31 since 6.11 */
#define FILE_SIZE ((off_t)(PAGES_TO_LOSE * STRESS_PAGE))

struct poison {
	struct stress *s;
	struct shared_file file;
	char *own; /* the walker's mapping of the page */
	int unpoison; /* hwpoison-inject's file, or -1 */
	unsigned long pfn; /* the page to poison */
	unsigned int failed; /* calls in a row */
};

/* The page must leave the page cache before its poison can be removed. */
static void take_back(struct poison *p)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "0x%lx", p->pfn);

	shared_file__punch(&p->file, p->file.offset, STRESS_PAGE);
	if (p->unpoison >= 0 && p->pfn && write(p->unpoison, text, (size_t)length) < 0) {
		close(p->unpoison); /* after a real memory error it refuses forever */
		p->unpoison = -1;
	}
	p->pfn = 0;
}

static off_t page_at(unsigned int round)
{
	return (off_t)(round % PAGES_TO_LOSE) * (off_t)STRESS_PAGE;
}

/*
 * Pages are made some rounds ahead, so that this round's is on the LRU lists: otherwise
 * memory_failure() would have all CPUs drain their lists first (shake_page()), and so wait for the
 * openers.
 */
static int arm(void *ctx, unsigned int round)
{
	struct poison *p = ctx;
	char *at;

	if (p->failed > 100)
		return stress__refuse(p->s, -EIO, "MADV_HWPOISON failed 100 times in a row: %s",
				      strerror(errno));
	take_back(p);
	if (p->unpoison < 0 && round >= PAGES_TO_LOSE)
		return -ENODATA;
	p->file.offset = page_at(round);
	for (unsigned int i = round ? AHEAD : 0; i <= AHEAD; i++)
		if (pwrite(p->file.fd, "x", 1, page_at(round + i)) != 1)
			return stress__refuse(p->s, -errno, "cannot write to the file: %s",
					      strerror(errno));
	at = mmap(p->own, STRESS_PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, p->file.fd,
		  p->file.offset);
	if (at == MAP_FAILED || !support__touch(at))
		return stress__refuse(p->s, -errno, "cannot map a page of the file");
	p->pfn = support__frame(at);
	return 0;
}

static int enter(void *ctx, unsigned int round, unsigned int opener, struct duel_side *side)
{
	struct poison *p = ctx;
	char *at = p->file.arena[opener];

	(void)round;
	(void)side;
	for (unsigned int i = 0; i < MAPPINGS; i++, at += STRESS_HPAGE) {
		if (mmap(at, STRESS_PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, p->file.fd,
			 p->file.offset) == MAP_FAILED)
			return -errno;
		support__touch(at);
	}
	return 0;
}

static void open_window(void *ctx, unsigned int round, unsigned int opener)
{
	struct poison *p = ctx;

	(void)round;
	munmap(p->file.arena[opener], MAPPINGS * STRESS_HPAGE);
}

static void walk(void *ctx, unsigned int round)
{
	struct poison *p = ctx;

	(void)round;
	p->failed = support__poison(p->own) ? 0 : p->failed + 1;
}

static int check(struct stress *s)
{
	/* with length 0: shows whether the kernel knows it, and poisons nothing */
	if (madvise((void *)STRESS_PAGE, 0, MADV_HWPOISON))
		return stress__refuse(
			s, -EOPNOTSUPP,
			"the kernel knows no MADV_HWPOISON; needs CONFIG_MEMORY_FAILURE "
			"(Debian: linux-image-amd64, not the cloud flavour)");
	if (geteuid() != 0)
		return stress__refuse(s, -EPERM, "poisoning a page is for root");
	return 0;
}

/*
 * On tmpfs, like the other classes' files. If a kernel has no huge pages, tmpfs files need no
 * --dir, and any folder will do.
 */
static int open_file(struct poison *p, struct stress *s)
{
	const char *dir = s->options->dir;

	if (dir && !support__has_thp()) {
		p->file.fd = support__file_in(dir, FILE_SIZE, 0);
		if (p->file.fd < 0)
			stress__refuse(s, p->file.fd, "no file in %s: %s", dir,
				       strerror(-p->file.fd));
	} else {
		p->file.fd = support__tmpfs_file(s, FILE_SIZE);
	}
	if (p->file.fd < 0)
		return p->file.fd;
	return shared_file__reserve(&p->file, s);
}

static int set_up(struct poison *p, struct stress *s)
{
	int err;

	*p = (struct poison){.s = s, .file = {.fd = -1, .mappings = MAPPINGS}, .unpoison = -1};
	p->own = support__reserve(STRESS_PAGE);
	if (!p->own)
		return stress__refuse(s, -ENOMEM, "no address space");
	err = open_file(p, s);
	if (!err)
		p->unpoison = support__debugfs("hwpoison/unpoison-pfn");
	return err;
}

static int run(struct stress *s)
{
	static const struct duel_ops ops = {
		.aim = {0.1, 0.9, 0.2, 0.7},
		.arm = arm,
		.enter = enter,
		.open = open_window,
		.walk = walk,
	};
	struct poison p;
	int err;

	/* no early notification or kill: only tasks that touch a poisoned page get SIGBUS */
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0);
	err = set_up(&p, s);
	if (!err)
		err = duel__run(s, &ops, &p);
	take_back(&p);
	munmap(p.own, STRESS_PAGE);
	if (p.unpoison >= 0)
		close(p.unpoison);
	shared_file__close(&p.file);
	return err;
}

STRESS_CLASS(hwpoison_unmap) = {
	.name = "hwpoison-unmap",
	.check = check,
	.run = run,
};
