// SPDX-License-Identifier: GPL-2.0-only
/*
 * One huge page of a file, mapped several times by each opener.
 *
 * The mappings of an opener are adjacent, each its own vma of the same 2 MiB of the file: one
 * munmap() then runs zap_huge_pmd() for the same folio as often, one directly after the other.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#define SMALL_PAGES (STRESS_HPAGE / STRESS_PAGE - STRESS_SMALL_FROM)
/* Beyond the range that one fault maps around itself (fault_around_bytes, 64 KiB). */
#define FAR_PAGE (STRESS_HPAGE / 2)

int shared_file__reserve(struct shared_file *f, struct stress *s)
{
	unsigned int openers = duel__openers(s->options);

	for (unsigned int i = 0; i < openers; i++) {
		f->arena[i] = support__reserve(f->mappings * STRESS_HPAGE);
		if (!f->arena[i])
			return stress__refuse(s, -errno, "no address space for opener %u: %s", i,
					      strerror(errno));
	}
	return 0;
}

int shared_file__open(struct shared_file *f, struct stress *s, off_t size)
{
	f->fd = support__tmpfs_file(s, size);
	if (f->fd < 0)
		return f->fd;
	return shared_file__reserve(f, s);
}

void shared_file__close(struct shared_file *f)
{
	for (unsigned int i = 0; i < STRESS_MAX_OPENERS; i++)
		if (f->arena[i])
			munmap(f->arena[i], f->mappings * STRESS_HPAGE);
	if (f->fd >= 0)
		close(f->fd);
}

/* Two distant pages of a mapping cost two faults, but only one if the first maps it huge. */
static int map_one(struct shared_file *f, char *at, struct duel_side *side)
{
	uint64_t faults;
	char *p = mmap(at, STRESS_HPAGE, PROT_READ, MAP_SHARED | MAP_FIXED, f->fd, f->offset);

	if (p == MAP_FAILED)
		return -errno;
	madvise(p, STRESS_HPAGE, MADV_HUGEPAGE);
	faults = support__faults();
	if (!support__touch(p) || !support__touch(p + FAR_PAGE))
		return 0;
	side->mapped++;
	if (support__faults() - faults <= 1)
		side->huge++;
	return 0;
}

int shared_file__map(struct shared_file *f, unsigned int opener, struct duel_side *side)
{
	int err = 0;

	for (unsigned int i = 0; i < f->mappings && !err; i++)
		err = map_one(f, f->arena[opener] + i * STRESS_HPAGE, side);
	return err;
}

int shared_file__map_small(struct shared_file *f, unsigned int opener, struct duel_side *side)
{
	char *at = f->arena[opener];
	struct duel_side whole = {0};
	off_t page;
	int err;

	err = map_one(f, at, &whole); /* so that the file has a huge page there */
	if (err)
		return err;
	for (unsigned int i = 0; i < f->mappings; i++, at += STRESS_HPAGE) {
		/* 5.10's try_to_unmap() only checks whether the head page is still mapped. */
		page = i % 2 ? STRESS_SMALL_FROM + i % SMALL_PAGES : 0;
		if (mmap(at, STRESS_PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, f->fd,
			 f->offset + page * (off_t)STRESS_PAGE) == MAP_FAILED)
			return -errno;
		support__touch(at);
	}
	side->mapped += whole.mapped;
	side->huge += whole.huge;
	return 0;
}

void shared_file__touch(struct shared_file *f, unsigned int opener)
{
	for (unsigned int i = 0; i < f->mappings; i++)
		support__touch(f->arena[opener] + i * STRESS_HPAGE);
}

void shared_file__unmap(struct shared_file *f, unsigned int opener)
{
	munmap(f->arena[opener], f->mappings * STRESS_HPAGE);
}

bool shared_file__burnt(char *fuse, unsigned int pages, unsigned int left)
{
	unsigned char cached = 1;

	return !mincore(fuse + (pages - left) * STRESS_PAGE, STRESS_PAGE, &cached) && !(cached & 1);
}

int shared_file__punch(struct shared_file *f, off_t at, off_t length)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	return fallocate(f->fd, mode, at, length) ? -errno : 0;
}

int shared_file__check(struct stress *s)
{
	struct shared_file f = {.fd = -1, .mappings = 1};
	struct duel_side side = {0};
	long kib;
	int err = support__thp_on(s);

	if (err)
		return err;
	err = shared_file__open(&f, s, STRESS_HPAGE);
	if (err)
		goto cleanup;
	err = shared_file__map(&f, 0, &side);
	kib = support__huge_kib(f.arena[0], STRESS_HPAGE);
	if (err || kib < (long)(STRESS_HPAGE / 1024))
		err = stress__refuse(s, err ? err : -EOPNOTSUPP,
				     "a mapping of tmpfs did not become huge (%ld KiB of 2048 in "
				     "smaps); needs tmpfs with huge=advise or always, and a free "
				     "2 MiB page",
				     kib);
cleanup:
	shared_file__close(&f);
	return err < 0 ? err : 0;
}
