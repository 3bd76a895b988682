/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of thprace-stress. */
#ifndef STRESS_STRESS_H
#define STRESS_STRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "steer.h"

#define STRESS_HPAGE (2UL << 20)
#define STRESS_PAGE 4096UL
#define STRESS_MAX_CPUS 64
#define STRESS_MAX_OPENERS 32
#define STRESS_MAX_NOISE 32
#define STRESS_SMALL_FROM \
	504 /* pages of a huge page that are mapped small: the first, and from here on */

struct stress_options {
	double seconds;
	unsigned int threads; /* openers and walker together; 0: the class's own default */
	const char *dir; /* NULL: a private mount */
	int cpus[STRESS_MAX_CPUS];
	unsigned int cpu_count;
	uint64_t seed;
	unsigned int noise; /* threads that make noise next to the class */
	int64_t apart_ns; /* keep both sides this far apart; 0: bring them together */
	bool churn; /* open windows until the walker is done, without aim */
	int steer_fd; /* an observer reports here by how much passes missed; -1: none */
	bool json;
};

struct stress_result {
	double seconds;
	uint64_t opener_runs;
	uint64_t walker_runs;
	uint64_t rounds;
	uint64_t simultaneous; /* rounds in which the two sides' calls overlapped in time */
	bool overlap_known;
	uint64_t mapped; /* mappings that were checked */
	uint64_t huge; /* of these: huge ones */
	uint64_t noise; /* huge pages unmapped next to the class */
	uint64_t lost; /* writes that the kernel lost */
	bool lost_known;
};

/* One class being run. */
struct stress {
	const struct stress_options *options;
	struct stress_result result;
	int64_t deadline; /* CLOCK_MONOTONIC ns */
	char reason[400]; /* why it cannot be run, or what went wrong */
};

struct stress_class {
	const char *name;
	const char *alias;
	/* 0, or a negative errno with the reason: tries what the class needs. */
	int (*check)(struct stress *s);
	/* Runs until stress__over(). 0, or a negative errno with the reason. */
	int (*run)(struct stress *s);
};

/* Defines one, and lists it for main.c: nothing else names it. */
#define STRESS_CLASS(id)                                                        \
	static const struct stress_class id##_class;                            \
	static const struct stress_class *const id##_listed                     \
		__attribute__((used, section("stress_classes"))) = &id##_class; \
	static const struct stress_class id##_class
/* No race, and so not for a class: see split_shared.c. */
extern const struct stress_class split_shared_load;

/* support.c: the run as a whole */

/* Monotonic time in ns. */
int64_t stress__now(void);
/* True once the time is over or a signal requested the end. */
bool stress__over(const struct stress *s);
/* True once SIGINT, SIGTERM or SIGHUP came. */
bool stress__interrupted(void);
/*
 * Installs the handlers: end on SIGINT, SIGTERM, SIGHUP; survive SIGBUS in support__touch() and
 * support__poison().
 */
void stress__catch_signals(void);
/* Stores the reason and returns @err, which must be negative. */
int stress__refuse(struct stress *s, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* support.c: CPUs, memory, files, settings */

/* Pins the calling task; slot 0 is the walker's CPU, the others share the rest. */
void support__pin(const struct stress_options *options, unsigned int slot);
/* An address range of @size bytes, aligned to 1 GiB: its own PMD table, and so its own lock. */
char *support__reserve(size_t size);
/* Reads one byte; false if that raised SIGBUS. */
bool support__touch(const char *address);

/*
 * Calls memory_failure() for a page that is mapped here; false with errno if the kernel refused.
 * Newer kernels also send SIGBUS to the caller, whatever PR_MCE_KILL says (6.12; not 6.1): that is
 * caught.
 */
bool support__poison(char *page);
/* The frame of a page that is mapped here; 0 if the kernel does not say. */
unsigned long support__frame(const void *page);
/* Minor page faults of the calling thread so far. */
uint64_t support__faults(void);
/* KiB mapped by huge entries in the vmas that overlap the range, or a negative errno. */
long support__huge_kib(const void *address, size_t size);
/* Whole text of a small file into @text, without the newline. 0 or a negative errno. */
int support__read(const char *path, char *text, size_t size);
int support__write(const char *path, const char *text);
/*
 * As support__write(), undone by support__restore(). Nothing happens if it already has that value.
 */
int support__set(const char *path, const char *text);
/* Undoes every support__set(), latest first. */
void support__restore(void);
/*
 * Mounts a file system at @where, invisible to others; to be left as soon as a file of it is open:
 * that keeps it, and nothing is left behind, however the program ends. 0 or a negative errno.
 */
int support__mount(const char *type, const char *data, char *where, size_t size);
void support__leave(const char *where);
/*
 * KiB of file pages that are listed for reclaim but in no file's page cache, plus or minus what is
 * counted elsewhere: to be compared with an earlier value.
 */
long support__unowned_kib(void);
/* KiB that are free, or could be at once. */
long support__spare_kib(void);
/* Lets khugepaged scan without pauses; undone by support__restore(). 0 or a negative errno. */
int support__khugepaged(void);
/* A counter of khugepaged, such as "pages_collapsed"; 0 if it cannot be read. */
unsigned long support__khugepaged_count(const char *name);
/* The file @name of debugfs, mounted or not, open for writing; or a negative errno. */
int support__debugfs(const char *name);
/* A nameless file of @size bytes in @dir. A file descriptor or a negative errno. */
int support__file_in(const char *dir, off_t size, int flags);
/* A nameless file on huge tmpfs: --dir if that is one, else private. -1 and a reason if neither. */
int support__tmpfs_file(struct stress *s, off_t size);
/* The same in a private one that holds @capacity bytes. */
int support__private_tmpfs_file(struct stress *s, off_t size, size_t capacity);
/* Does the kernel have transparent huge pages, according to sysfs? */
bool support__has_thp(void);
/* 0 if THP is there, of 2 MiB, and on (turned on if root; undone by support__restore()). */
int support__thp_on(struct stress *s);

/* shared_file.c: one huge page of a file, mapped several times by each opener */

struct shared_file {
	int fd;
	off_t offset; /* of the huge page */
	unsigned int mappings; /* per opener, adjacent */
	char *arena[STRESS_MAX_OPENERS];
};

/* What one opener saw and did in a round; shared with the walker. */
struct duel_side {
	int64_t start; /* ns around the call */
	int64_t end;
	int64_t first_end; /* of the first call, if it is repeated */
	uint32_t mapped;
	uint32_t huge;
};

/* Opens on huge tmpfs a file of @size bytes and reserves the openers' arenas. */
int shared_file__open(struct shared_file *f, struct stress *s, off_t size);
/* Only reserves the arenas; the caller has opened f->fd. */
int shared_file__reserve(struct shared_file *f, struct stress *s);
void shared_file__close(struct shared_file *f);
/* Maps and touches the huge page in the opener's arena; the counts go to @side. */
int shared_file__map(struct shared_file *f, unsigned int opener, struct duel_side *side);
/*
 * Maps, in the same places, one small page of it each, its first or one near its end: a huge page
 * that is mapped by PTEs, each in its own page table, and so under its own lock.
 */
int shared_file__map_small(struct shared_file *f, unsigned int opener, struct duel_side *side);
/* Touches it again, if something has unmapped it meanwhile. */
void shared_file__touch(struct shared_file *f, unsigned int opener);
void shared_file__unmap(struct shared_file *f, unsigned int opener);
/*
 * A fuse: small pages before the huge one, which the walker handles first. Has it burnt down to its
 * last `left` of `pages`? fuse: a mapping of it.
 */
bool shared_file__burnt(char *fuse, unsigned int pages, unsigned int left);
/* Punches a hole. */
int shared_file__punch(struct shared_file *f, off_t at, off_t length);
/* Opens, maps once and checks whether the mapping became huge: a class's check(). */
int shared_file__check(struct stress *s);

/* zram.c: swap on /dev/zram0 */

/* 0, or a negative errno with the reason: the device is there and not in use, nor is other swap. */
int zram__check(struct stress *s);
/* Swaps to it: @pages of STRESS_PAGE, one of which is its header. 0 or a negative errno. */
int zram__swap_on(struct stress *s, unsigned int pages);
void zram__swap_off(void);
/* A line of /proc/meminfo, such as "SwapFree:", in pages; -1: not known. */
long zram__meminfo(const char *what);

/* duel.c: rounds in which openers and a walker work on one folio */

/*
 * Called in this order, by the side named; all except open and walk are optional. @round counts
 * from 0 since the crew was started.
 */
struct duel_ops {
	struct steer_aim aim;
	/* Openers are processes, forked again after this many rounds; 0: threads, never renewed. */
	unsigned int rounds_per_crew;
	int (*muster)(void *ctx); /* walker, before the crew starts */
	int (*arm)(void *ctx, unsigned int round); /* walker: cleans up after the last round */
	int (*enter)(void *ctx, unsigned int round, unsigned int opener, struct duel_side *side);
	/* Opener, repeatedly, until it returns that the time has come: replaces the offset. */
	bool (*linger)(void *ctx, unsigned int round, unsigned int opener);
	void (*open)(void *ctx, unsigned int round, unsigned int opener);
	/* Openers: enter and open repeatedly, until the walker's call has ended. */
	bool churn;
	bool churn_before; /* there is no aim: the walker begins when all have called once */
	bool churn_first; /* the aim is at the first of these calls only */
	void (*walk)(void *ctx, unsigned int round);
};

/* Openers for one walker with these options. */
unsigned int duel__openers(const struct stress_options *options);
/* Rounds until the time is over or arm() returns -ENODATA; fills s->result. */
int duel__run(struct stress *s, const struct duel_ops *ops, void *ctx);

/*
 * fuse_file.c: a file of a private FUSE mount, whose second 2 MiB khugepaged collapses into a huge page
 * of the page cache (CONFIG_READ_ONLY_THP_FOR_FS)
 */

#define FUSE_FILE_HUGE ((off_t)STRESS_HPAGE) /* position of the huge page in the file */

struct fuse_file {
	int control; /* /dev/fuse */
	int fd; /* the file, open for reading */
	int lifeline; /* the server ends when the last of these is closed */
	pid_t server;
	pid_t image; /* executes the file */
	char *view; /* an address range to check the huge page */
};

/*
 * Mounts, serves and executes it. 0, or a negative errno with the reason; must be closed in any
 * case.
 */
int fuse_file__open(struct fuse_file *f, struct stress *s);
void fuse_file__close(struct fuse_file *f);
/*
 * Waits at most @seconds until the huge page is there. 0, -ENODATA if the run is over, else a
 * negative errno with the reason.
 */
int fuse_file__collapse(struct fuse_file *f, struct stress *s, double seconds);
/* Invalidates the huge page's range: invalidate_inode_pages2_range(), in this task. */
void fuse_file__invalidate(struct fuse_file *f);

/* noise.c: huge pages that are mapped, split and unmapped next to the class */

/* Starts @threads of them. 0, or a negative errno with the reason. */
int noise__start(struct stress *s, unsigned int threads);
/* Ends them; returns the number of huge pages that they unmapped. */
unsigned long noise__stop(void);

/* split_unmap.c, also for split_head.c. own: the walker has its own mapping */
int split_unmap__run(struct stress *s, const struct steer_aim *aim, unsigned int mappings,
		     bool own);

#endif
