// SPDX-License-Identifier: GPL-2.0-only
/*
 * pmd-unshare (races/pmd-unshare.race): two processes map the same 1 GiB of a hugetlbfs file and share
 * its page table. One thread of the first maps it anew, over and over, which gives up the table; another
 * one hands a page of it to a pipe, which finds the page without a lock.
 *
 * Needs root and huge pages of 2 MiB, of which it takes a few.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4U
#endif
#define MFD_HUGE_2MB (21U << 26)
#define TABLE (1UL << 30) /* what one page table maps */
#define NUMBER "/proc/sys/vm/nr_hugepages"

struct share {
	struct stress *stress;
	char *area;
	int fd;
	int pipe[2];
	pid_t partner;
	atomic_bool stop;
	uint64_t handed;
};

static int check(struct stress *s)
{
	if (access("/sys/kernel/mm/hugepages/hugepages-2048kB", F_OK))
		return stress__refuse(s, -EOPNOTSUPP, "this kernel has no huge pages of 2 MiB");
	if (geteuid())
		return stress__refuse(s, -EPERM, "needs root: it sets the number of huge pages");
	return 0;
}

/* No more pages are reserved than are touched. */
static bool map(const struct share *share)
{
	if (mmap(share->area, TABLE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
		 share->fd, 0) == MAP_FAILED)
		return false;
	*(volatile char *)share->area = 1;
	return true;
}

static void *hand_over(void *context)
{
	struct share *share = context;
	struct iovec page = {.iov_base = share->area, .iov_len = STRESS_PAGE};
	char text[STRESS_PAGE];

	support__pin(share->stress->options, 0);
	while (!atomic_load(&share->stop))
		if (vmsplice(share->pipe[1], &page, 1, 0) > 0) {
			share->handed++;
			if (read(share->pipe[0], text, sizeof(text)) < 0)
				break;
		}
	return NULL;
}

/* A process that keeps its mapping, and so the table. */
static pid_t partner(const struct share *share)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (map(share))
		while (true)
			pause();
	_exit(1);
}

static int fight(struct share *share)
{
	struct stress *s = share->stress;
	pthread_t thread;
	int err = 0;

	if (pthread_create(&thread, NULL, hand_over, share))
		return stress__refuse(s, -EAGAIN, "no thread");
	support__pin(s->options, 1);
	while (!err && !stress__over(s)) {
		if (!map(share))
			err = stress__refuse(s, -errno, "no mapping: %s", strerror(errno));
		s->result.rounds++;
	}
	atomic_store(&share->stop, true);
	pthread_join(thread, NULL);
	s->result.walker_runs = s->result.rounds;
	s->result.opener_runs = share->handed;
	return err;
}

static int run(struct stress *s)
{
	struct share share = {.stress = s, .area = support__reserve(TABLE)};
	int err = support__set(NUMBER, "4");

	if (err)
		return stress__refuse(s, err, "no huge pages: " NUMBER ": %s", strerror(-err));
	if (!share.area)
		return stress__refuse(s, -ENOMEM, "no address range");
	share.fd = (int)syscall(SYS_memfd_create, "pmd-unshare", MFD_HUGETLB | MFD_HUGE_2MB);
	if (share.fd < 0 || ftruncate(share.fd, TABLE) || pipe2(share.pipe, O_CLOEXEC))
		return stress__refuse(s, -errno, "no file of hugetlbfs: %s", strerror(errno));
	if (!map(&share))
		return stress__refuse(s, -errno, "no mapping: %s", strerror(errno));
	share.partner = partner(&share);
	if (share.partner < 0)
		return stress__refuse(s, -errno, "no process: %s", strerror(errno));
	err = fight(&share);
	kill(share.partner, SIGKILL);
	waitpid(share.partner, NULL, 0);
	munmap(share.area, TABLE);
	close(share.fd);
	close(share.pipe[0]);
	close(share.pipe[1]);
	return err;
}

STRESS_CLASS(pmd_unshare) = {.name = "pmd-unshare", .check = check, .run = run};
