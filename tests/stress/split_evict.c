// SPDX-License-Identifier: GPL-2.0-only
/*
 * split-evict (races/split-evict.race): a file without a name has one page, and a huge page of tmpfs
 * for it, which reaches far beyond its end. One task takes the last page of it out of use ("soft
 * offline"), which splits the huge page and keeps nothing but this page, by then in no file, locked;
 * another one closes the file meanwhile.
 *
 * Up to Linux 5.15 that is refused for pages of files: then the file is cut within the huge page. The
 * task that does so has it open, so the other side never meets it.
 *
 * A page that is out of use is so until the next boot, unless the module hwpoison-inject is there.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#define OFFLINE "/sys/devices/system/memory/soft_offline_page"
#define PAGES (STRESS_HPAGE / STRESS_PAGE)
#define PAGES_TO_LOSE 300 /* and as many huge ones cannot be had any more */

struct evict {
	struct stress *stress;
	char *map;
	int dir;
	int fd;
	int again; /* the same file, if the walker is to cut it */
	unsigned long frame;
	int unpoison; /* hwpoison-inject's file, or negative */
	bool by_offline;
};

static void put_back(struct evict *e)
{
	char text[32];

	if (e->unpoison < 0 || !e->frame || !e->by_offline)
		return;
	snprintf(text, sizeof(text), "0x%lx", e->frame + PAGES - 1);
	if (write(e->unpoison, text, strlen(text)) < 0 && errno == EOPNOTSUPP) {
		close(e->unpoison);
		e->unpoison = -1;
	}
}

/* Its huge page is in the page cache, and mapped nowhere. */
static int arm(void *ctx, unsigned int round)
{
	struct evict *e = ctx;

	put_back(e);
	if (e->by_offline && e->unpoison < 0 && round >= PAGES_TO_LOSE)
		return -ENODATA;
	e->fd = openat(e->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (e->fd < 0 || ftruncate(e->fd, e->by_offline ? STRESS_PAGE : STRESS_HPAGE))
		return stress__refuse(e->stress, -errno, "no file: %s", strerror(errno));
	if (mmap(e->map, STRESS_HPAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, e->fd, 0) ==
	    MAP_FAILED)
		return stress__refuse(e->stress, -errno, "cannot map tmpfs: %s", strerror(errno));
	madvise(e->map, STRESS_HPAGE, MADV_HUGEPAGE);
	*(volatile char *)e->map = 1;
	e->frame = support__frame(e->map);
	e->stress->result.mapped++;
	e->stress->result.huge += e->frame && e->frame % PAGES == 0;
	munmap(e->map, STRESS_HPAGE);
	e->again = e->by_offline ? -1 : dup(e->fd);
	return 0;
}

static void close_file(void *ctx, unsigned int round, unsigned int opener)
{
	const struct evict *e = ctx;

	(void)round;
	(void)opener;
	close(e->fd);
}

static int take_out(const struct evict *e)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%lx", (e->frame + PAGES - 1) * STRESS_PAGE);
	return support__write(OFFLINE, text);
}

static void split(void *ctx, unsigned int round)
{
	const struct evict *e = ctx;

	(void)round;
	if (e->by_offline) {
		take_out(e);
		return;
	}
	if (ftruncate(e->again, STRESS_HPAGE / 2 + STRESS_PAGE))
		stress__refuse(e->stress, -errno, "cannot cut the file: %s", strerror(errno));
	close(e->again);
}

static unsigned long splits(void)
{
	FILE *file = fopen("/proc/vmstat", "re");
	unsigned long count = 0, value;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "thp_split_page %lu", &value) == 1)
			count = value;
	if (file)
		fclose(file);
	return count;
}

/* By trying it. */
static int find_way(struct evict *e)
{
	unsigned long before = splits();
	int err;

	e->by_offline = !access(OFFLINE, W_OK);
	if (!e->by_offline)
		return 0;
	err = arm(e, 0);
	if (err)
		return err;
	take_out(e);
	e->by_offline = splits() != before;
	put_back(e);
	e->frame = 0;
	close(e->fd);
	return 0;
}

static int set_up(struct evict *e, struct stress *s)
{
	int err = support__thp_on(s);
	char where[64];

	*e = (struct evict){.stress = s, .dir = -1, .unpoison = -1};
	if (err)
		return err;
	e->map = support__reserve(STRESS_HPAGE);
	if (!e->map)
		return stress__refuse(s, -ENOMEM, "no address range");
	err = support__mount("tmpfs", "mode=0700,size=64m,huge=advise", where, sizeof(where));
	if (err)
		return stress__refuse(s, err, "cannot mount a tmpfs with huge=advise: %s",
				      strerror(-err));
	e->dir = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	support__leave(where);
	if (e->dir < 0)
		return stress__refuse(s, -errno, "no tmpfs: %s", strerror(errno));
	e->unpoison = support__debugfs("hwpoison/unpoison-pfn");
	return find_way(e);
}

static void put_down(const struct evict *e)
{
	if (e->dir >= 0)
		close(e->dir);
	if (e->unpoison >= 0)
		close(e->unpoison);
}

static int check(struct stress *s)
{
	struct evict e;
	int err = set_up(&e, s);

	put_down(&e);
	return err;
}

static int run(struct stress *s)
{
	static const struct duel_ops ops = {
		.aim = {0.0, 1.0, 0.1, 0.9},
		.arm = arm,
		.open = close_file,
		.walk = split,
	};
	struct evict e;
	int err = set_up(&e, s);

	if (!err)
		err = duel__run(s, &ops, &e);
	put_back(&e);
	put_down(&e);
	return err;
}

STRESS_CLASS(split_evict) = {.name = "split-evict", .check = check, .run = run};
