// SPDX-License-Identifier: GPL-2.0-only
/*
 * split-shared: no race. An anonymous huge page that a fork shares is split by the parent, and
 * nobody unmaps it meanwhile: the child waits. The kernel's walk over the mappings should find
 * both. If it ends early (6.16 to 7.0, see docs/kernels.md), the split of each of these pages
 * fails.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define ROUNDS 20

/* A child that does nothing, and dies with its parent. */
static pid_t fork_idle(void)
{
	pid_t parent = getpid(), child = fork();

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent)
		pause();
	_exit(0);
}

/* Split it by its address; before 5.13, which accepts no address, all huge pages. */
static int split(int fd, const char *page)
{
	char text[96];
	int length = snprintf(text, sizeof(text), "%d,0x%lx,0x%lx", getpid(), (unsigned long)page,
			      (unsigned long)page + STRESS_PAGE);

	if (pwrite(fd, text, (size_t)length, 0) >= 0 || write(fd, "1", 1) == 1)
		return 0;
	return -errno;
}

/* One huge page: made, shared and split. */
static int round_of(struct stress *s, int fd, char *page)
{
	char *at = mmap(page, STRESS_HPAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	pid_t child;
	int err;

	if (at == MAP_FAILED)
		return stress__refuse(s, -errno, "no memory: %s", strerror(errno));
	madvise(page, STRESS_HPAGE, MADV_HUGEPAGE);
	*(volatile char *)page = 1;
	s->result.mapped++;
	s->result.huge += support__huge_kib(page, STRESS_HPAGE) > 0;
	child = fork_idle();
	if (child < 0)
		return stress__refuse(s, -errno, "cannot fork: %s", strerror(errno));
	err = split(fd, page);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	munmap(page, STRESS_HPAGE); /* including its page table: the next one must be huge again */
	if (err)
		return stress__refuse(s, err, "the kernel splits no huge page: %s", strerror(-err));
	s->result.walker_runs++;
	s->result.rounds++;
	return 0;
}

static int check(struct stress *s)
{
	int err = support__thp_on(s), fd;

	if (err)
		return err;
	fd = support__debugfs("split_huge_pages");
	if (fd < 0)
		return stress__refuse(s, fd, "no split_huge_pages in debugfs: %s; run as root",
				      strerror(-fd));
	close(fd);
	return 0;
}

static int run(struct stress *s)
{
	char *page = support__reserve(STRESS_HPAGE);
	int fd, err = 0;

	if (!page)
		return stress__refuse(s, -ENOMEM, "no address space");
	fd = support__debugfs("split_huge_pages");
	if (fd < 0)
		err = stress__refuse(s, fd, "no debugfs: %s", strerror(-fd));
	while (!err && s->result.rounds < ROUNDS && !stress__over(s))
		err = round_of(s, fd, page);
	s->result.overlap_known = true; /* there is no other side */
	if (fd >= 0)
		close(fd);
	munmap(page, STRESS_HPAGE);
	return err;
}

const struct stress_class split_shared_load = {
	.name = "split-shared",
	.check = check,
	.run = run,
};
