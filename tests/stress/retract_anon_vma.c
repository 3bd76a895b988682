// SPDX-License-Identifier: GPL-2.0-only
/*
 * retract-anon-vma (races/retract-anon-vma.race): khugepaged collapses a file of tmpfs over and over, and
 * removes the page tables that map it (MADV_COLLAPSE removes its own process's only). Other processes have private mappings of it, which they read at first, and write to some time later: a
 * write sets an area's anon_vma.
 *
 * They are processes, and mostly asleep: of one that is at work in its mmap_lock no table is removed.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define WRITERS 6
#define PAUSE_NS 40000000 /* at most, until they write */
#define PAGES (STRESS_HPAGE / STRESS_PAGE)

struct retract {
	struct stress *stress;
	struct shared_file file;
	char *map; /* what khugepaged collapses; a writer's own mapping */
	uint64_t *writes; /* shared with the writers */
	pid_t writer[WRITERS];
};

static int check(struct stress *s)
{
	int err = support__thp_on(s);

	if (!err && geteuid())
		err = stress__refuse(s, -EPERM, "needs root: it drives khugepaged");
	return err;
}

/* An area without an anon_vma. */
static bool map(const struct retract *r, int how)
{
	return mmap(r->map, STRESS_HPAGE, PROT_READ | PROT_WRITE, how | MAP_FIXED, r->file.fd, 0) !=
	       MAP_FAILED;
}

static void write_later(const struct retract *r, unsigned int seed)
{
	struct timespec pause = {0};

	while (map(r, MAP_PRIVATE) && support__touch(r->map)) {
		pause.tv_nsec = rand_r(&seed) % PAUSE_NS;
		nanosleep(&pause, NULL);
		r->map[(size_t)rand_r(&seed) % PAGES * STRESS_PAGE] = 1;
		__atomic_fetch_add(r->writes, 1, __ATOMIC_RELAXED);
	}
}

static int start_writers(struct retract *r)
{
	pid_t parent = getpid();

	for (unsigned int i = 0; i < WRITERS; i++) {
		r->writer[i] = fork();
		if (r->writer[i] < 0)
			return stress__refuse(r->stress, -errno, "no process: %s", strerror(errno));
		if (r->writer[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			write_later(r, (unsigned int)r->stress->options->seed + i);
		_exit(1);
	}
	return 0;
}

static void stop_writers(const struct retract *r)
{
	for (unsigned int i = 0; i < WRITERS; i++)
		if (r->writer[i] > 0) {
			kill(r->writer[i], SIGKILL);
			waitpid(r->writer[i], NULL, 0);
		}
}

/* Small pages again. */
static int refill(struct retract *r)
{
	static const char page[STRESS_PAGE] = {1};

	shared_file__punch(&r->file, 0, STRESS_HPAGE);
	for (size_t i = 0; i < PAGES; i++)
		if (pwrite(r->file.fd, page, sizeof(page), (off_t)(i * STRESS_PAGE)) !=
		    (ssize_t)sizeof(page))
			return stress__refuse(r->stress, -errno, "cannot write to tmpfs: %s",
					      strerror(errno));
	support__touch(r->map);
	return 0;
}

static int collapse_once(struct retract *r)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	unsigned long before = support__khugepaged_count("pages_collapsed");
	int err = refill(r);

	if (err)
		return err;
	while (!stress__over(r->stress) && support__khugepaged_count("pages_collapsed") == before)
		nanosleep(&pause, NULL);
	r->stress->result.rounds++;
	r->stress->result.opener_runs++;
	return 0;
}

static int set_up(struct retract *r)
{
	struct stress *s = r->stress;

	r->map = support__reserve(STRESS_HPAGE);
	r->writes =
		mmap(NULL, STRESS_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!r->map || r->writes == MAP_FAILED)
		return stress__refuse(s, -ENOMEM, "no address range");
	r->file.fd = support__tmpfs_file(s, (off_t)STRESS_HPAGE);
	if (r->file.fd < 0)
		return r->file.fd;
	if (!map(r, MAP_SHARED))
		return stress__refuse(s, -errno, "cannot map tmpfs: %s", strerror(errno));
	/* twice: see collapse.c */
	for (int i = 0; i < 2; i++)
		madvise(r->map, STRESS_HPAGE, MADV_HUGEPAGE);
	return support__khugepaged();
}

static int run(struct stress *s)
{
	struct retract r = {.stress = s, .file = {.fd = -1}};
	int err = set_up(&r);

	if (!err)
		err = start_writers(&r);
	while (!err && !stress__over(s))
		err = collapse_once(&r);
	stop_writers(&r);
	if (r.writes && r.writes != MAP_FAILED)
		s->result.walker_runs = *r.writes;
	if (r.file.fd >= 0)
		close(r.file.fd);
	return err;
}

STRESS_CLASS(retract_anon_vma) = {.name = "retract-anon-vma", .check = check, .run = run};
