// SPDX-License-Identifier: GPL-2.0-only
#include "progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli.h"

#define DELAY_NS 1000000000ULL /* what is done within it needs no line */
#define PERIOD_NS 200000000ULL
#define STACK (64 << 10) /* a trace's reader may use 64 MiB in all */
#define LINE 256

static struct {
	pthread_mutex_t lock; /* for all below */
	pthread_cond_t end;
	pthread_t thread;
	bool runs;
	bool ends;
	uint64_t began; /* ns CLOCK_MONOTONIC, the first line */
	uint64_t drawn; /* … the last drawing; 0: none */
	struct work *work; /* or NULL: text is shown */
	uint64_t work_began;
	char text[LINE];
} progress = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool can_erase(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

/* "reading run.thpr: 35 % of 2.3 GB, 4 s" */
static void describe(char *line, size_t size, uint64_t now)
{
	struct work *work = progress.work;
	const char *step = atomic_load_explicit(&work->step, memory_order_relaxed);
	uint64_t done = atomic_load_explicit(&work->done, memory_order_relaxed);
	uint64_t total = atomic_load_explicit(&work->total, memory_order_relaxed);
	uint64_t seconds = (now - progress.work_began) / 1000000000;

	if (total)
		snprintf(line, size, "%s: %.0f %% of %.1f MB, %" PRIu64 " s", step,
			 done < total ? 100.0 * (double)done / (double)total : 100.0,
			 (double)total / 1e6, seconds);
	else if (done)
		snprintf(line, size, "%s: %.1f MB, %" PRIu64 " s", step, (double)done / 1e6,
			 seconds);
	else
		snprintf(line, size, "%s: %" PRIu64 " s", step, seconds);
}

static void draw(uint64_t now)
{
	int columns = cli__columns(stderr);
	char line[LINE];

	if (progress.work)
		describe(line, sizeof(line), now);
	else
		snprintf(line, sizeof(line), "%s", progress.text);
	/* Not into the last column: some terminals then go to the next line. */
	dprintf(STDERR_FILENO, "\r%.*s\033[K", columns - 1, line);
	progress.drawn = now;
}

static void *run(void *unused)
{
	uint64_t next = progress.began + DELAY_NS, now;
	struct timespec until;

	pthread_mutex_lock(&progress.lock);
	while (!progress.ends) {
		until = (struct timespec){.tv_sec = (time_t)(next / 1000000000),
					  .tv_nsec = (long)(next % 1000000000)};
		pthread_cond_timedwait(&progress.end, &progress.lock, &until);
		now = clock__now();
		if (progress.ends || now < next)
			continue;
		draw(now);
		next = now + PERIOD_NS;
	}
	pthread_mutex_unlock(&progress.lock);
	return unused;
}

/* Signals are the main thread's. Without a thread there is no line, and no harm. */
static void start(void)
{
	pthread_condattr_t clock;
	pthread_attr_t small;
	sigset_t all, before;

	if (progress.runs || !can_erase())
		return;
	progress.began = clock__now();
	progress.drawn = 0;
	progress.ends = false;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&progress.end, &clock);
	pthread_condattr_destroy(&clock);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	progress.runs = !pthread_create(&progress.thread, &small, run, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&small);
}

void progress__work(struct work *work)
{
	pthread_mutex_lock(&progress.lock);
	progress.work = work;
	progress.work_began = clock__now();
	pthread_mutex_unlock(&progress.lock);
	start();
}

void progress__step(const char *step)
{
	static struct work work;

	work__begin(&work, step, 0);
	progress__work(&work);
}

void progress__show(const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&progress.lock);
	progress.work = NULL;
	va_start(args, format);
	vsnprintf(progress.text, sizeof(progress.text), format, args);
	va_end(args);
	pthread_mutex_unlock(&progress.lock);
	start();
}

bool progress__due(void)
{
	uint64_t now = clock__now();
	bool due;

	if (!progress.runs)
		return false;
	pthread_mutex_lock(&progress.lock);
	due = now >= progress.began + DELAY_NS - PERIOD_NS && now >= progress.drawn + PERIOD_NS;
	pthread_mutex_unlock(&progress.lock);
	return due;
}

void progress__clear(void)
{
	if (!progress.runs)
		return;
	pthread_mutex_lock(&progress.lock);
	progress.ends = true;
	pthread_cond_signal(&progress.end);
	pthread_mutex_unlock(&progress.lock);
	pthread_join(progress.thread, NULL);
	pthread_cond_destroy(&progress.end);
	progress.runs = false;
	if (progress.drawn)
		dprintf(STDERR_FILENO, "\r\033[K");
}

void progress__clear_child(void)
{
	if (can_erase())
		dprintf(STDERR_FILENO, "\r\033[K");
}

bool progress__beside(FILE *out)
{
	struct stat st;

	return !fstat(fileno(out), &st) && S_ISREG(st.st_mode);
}
