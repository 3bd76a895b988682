// SPDX-License-Identifier: GPL-2.0-only
/*
 * offline-hwpoison (races/offline-hwpoison.race): a page is poisoned that stays mapped, and then its block
 * of memory goes offline, and online again. A page of KSM stays mapped: memory_failure() refuses it
 * up to Linux 6.8.
 *
 * Needs KSM, root, and memory that can go offline: boot with movablecore=512M, say.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "stress.h"

#define KSM "/sys/kernel/mm/ksm/"
#define MEMORY "/sys/devices/system/memory/"
#define AREA_SIZE (192 * STRESS_HPAGE)
#define COPIES 2
#define BLOCKS_MAX 16
#define PAGES_TO_LOSE 2000 /* until the next boot */

struct offline {
	struct stress *stress;
	char *area;
	uint64_t block_size;
	unsigned long block; /* the one that goes offline; 0: none is known yet */
	unsigned long refused[BLOCKS_MAX];
	unsigned int refusals;
};

static int check(struct stress *s)
{
	/* with length 0: shows whether the kernel knows it, and poisons nothing */
	if (madvise((void *)STRESS_PAGE, 0, MADV_HWPOISON))
		return stress__refuse(s, -EOPNOTSUPP, "the kernel knows no MADV_HWPOISON");
	if (access(MEMORY "block_size_bytes", F_OK))
		return stress__refuse(s, -EOPNOTSUPP, "no memory of this kernel goes offline");
	if (access(KSM "run", F_OK))
		return stress__refuse(s, -EOPNOTSUPP, "the kernel has no KSM");
	if (geteuid())
		return stress__refuse(s, -EPERM, "poisoning a page is for root");
	return 0;
}

static void on_alarm(int signal)
{
	(void)signal; /* the write to the block's state ends */
}

/* A block with a page that cannot move tries for ever: a signal ends it. */
static bool switch_block(unsigned long block, const char *state)
{
	const struct itimerval patience = {.it_value = {.tv_sec = 5}, .it_interval = {.tv_sec = 5}};
	const struct itimerval none = {0};
	char path[96];
	int err;

	snprintf(path, sizeof(path), MEMORY "memory%lu/state", block);
	setitimer(ITIMER_REAL, &patience, NULL);
	err = support__write(path, state);
	setitimer(ITIMER_REAL, &none, NULL);
	return !err;
}

/* Blocks that span zones, or have holes, are refused. */
static bool can_go(unsigned long block)
{
	char path[96], text[64] = "";

	snprintf(path, sizeof(path), MEMORY "memory%lu/valid_zones", block);
	return !support__read(path, text, sizeof(text)) && !strncmp(text, "Movable", 7) &&
	       switch_block(block, "offline") && switch_block(block, "online_movable");
}

static bool is_wanted(const struct offline *o, unsigned long block)
{
	if (o->block)
		return block == o->block;
	for (unsigned int i = 0; i < o->refusals; i++)
		if (block == o->refused[i])
			return false;
	return block != 0;
}

/*
 * The first huge page in the block that goes offline, or before one is known in one that was not tried
 * yet. NULL: there is none. Nothing else stays, since the block's pages have to move.
 */
static char *find_page(const struct offline *o, unsigned long *block)
{
	char *at;

	if (mmap(o->area, AREA_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return NULL;
	madvise(o->area, AREA_SIZE, MADV_HUGEPAGE);
	for (at = o->area; at < o->area + AREA_SIZE && !stress__over(o->stress);
	     at += STRESS_HPAGE) {
		*(volatile char *)at = 1;
		*block = (unsigned long)(support__frame(at) * STRESS_PAGE / o->block_size);
		if (!is_wanted(o, *block))
			continue;
		if (at > o->area)
			munmap(o->area, (size_t)(at - o->area));
		return at;
	}
	return NULL;
}

static int find_block(struct offline *o)
{
	unsigned long block;

	while (!o->block && o->refusals < BLOCKS_MAX && find_page(o, &block)) {
		munmap(o->area, AREA_SIZE);
		if (can_go(block))
			o->block = block;
		else
			o->refused[o->refusals++] = block;
	}
	munmap(o->area, AREA_SIZE);
	if (o->block || stress__over(o->stress))
		return 0;
	return stress__refuse(o->stress, -EBUSY,
			      "no block of memory goes offline; boot with movablecore=512M");
}

static uint64_t full_scans(void)
{
	char text[32] = "";
	uint64_t number = 0;

	if (!support__read(KSM "full_scans", text, sizeof(text)))
		number__parse_any(text, &number);
	return number;
}

/*
 * Pages that are alike, and like no others: KSM makes one of them. Once they are one, it takes a moment
 * until it knows who maps it.
 */
static void merge(const struct offline *o, char *pages, uint64_t number)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	uint64_t scans = 0;

	for (unsigned int i = 0; i < COPIES; i++) {
		memset(pages + i * STRESS_PAGE, 0x5a, STRESS_PAGE);
		memcpy(pages + i * STRESS_PAGE, &number, sizeof(number));
	}
	madvise(pages, COPIES * STRESS_PAGE, MADV_MERGEABLE);
	while (!stress__over(o->stress) && (!scans || full_scans() < scans + 2)) {
		if (!scans && support__frame(pages) == support__frame(pages + STRESS_PAGE))
			scans = full_scans();
		nanosleep(&pause, NULL);
	}
}

static int one_round(struct offline *o, uint64_t number)
{
	struct stress_result *r = &o->stress->result;
	unsigned long block;
	char *pages = find_page(o, &block);

	if (stress__over(o->stress))
		return 0;
	if (!pages)
		return stress__refuse(o->stress, -ENOMEM, "no huge page in the block any more");
	merge(o, pages, number);
	munmap(pages + STRESS_PAGE, STRESS_PAGE);
	if (stress__over(o->stress))
		return 0;
	support__poison(pages);
	r->opener_runs++;
	if (switch_block(o->block, "offline")) {
		r->walker_runs++;
		switch_block(o->block, "online_movable");
	}
	r->rounds++;
	munmap(o->area, AREA_SIZE);
	return 0;
}

static int set_up(struct offline *o)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	char text[32];
	const char *at = text;
	int err = support__read(MEMORY "block_size_bytes", text, sizeof(text));

	if (!err && (number__take(&at, 16, &o->block_size) || !o->block_size))
		err = -EINVAL;
	if (!err)
		err = support__set(KSM "sleep_millisecs", "1");
	if (!err)
		err = support__set(KSM "run", "1");
	if (err)
		return stress__refuse(o->stress, err, "KSM cannot be driven: %s", strerror(-err));
	sigaction(SIGALRM, &action, NULL);
	/* only who touches a poisoned page gets SIGBUS */
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0);
	o->area = support__reserve(AREA_SIZE);
	return o->area ? 0 : stress__refuse(o->stress, -ENOMEM, "no address range");
}

static int run(struct stress *s)
{
	struct offline o = {.stress = s};
	int err = set_up(&o);

	support__pin(s->options, 0);
	if (!err)
		err = find_block(&o);
	for (uint64_t number = 1; !err && !stress__over(s) && number <= PAGES_TO_LOSE; number++)
		err = one_round(&o, number);
	return err;
}

STRESS_CLASS(offline_hwpoison) = {.name = "offline-hwpoison", .check = check, .run = run};
