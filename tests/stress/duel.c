// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rounds in which openers and one walker work on the same folio.
 *
 * Every round has two steps: the openers map the folio; then both sides wait for a common time and
 * make their call, shifted against each other by the offset that steer.c draws. The data of both
 * sides is in shared memory, so openers can be threads (several mappings of a file) or processes
 * (an anonymous huge page shared by fork).
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define COUNTDOWN_NS 30000 /* until the common time: longer than an opener needs to notice */
#define LINGER_NS 100000000 /* at most, if the sign never comes */
#define CHURN_STEPS 32
#define CHURN_STEP_NS 100000
#define SPINS 4000
#define YIELDS 2000

struct board {
	atomic_uint step; /* raised by the walker to start the openers' next step */
	atomic_uint arrived; /* openers that finished the step */
	atomic_int error; /* of an opener */
	bool dismissed;
	atomic_bool walked; /* the walker's call has ended */
	unsigned int round;
	int64_t opener_at;
	struct duel_side side[STRESS_MAX_OPENERS];
};

struct duel {
	struct stress *s;
	const struct duel_ops *ops;
	void *ctx;
	struct board *board;
	struct steer steer;
	unsigned int openers;
	unsigned int started; /* members of the crew */
	unsigned int round;
	struct {
		struct duel *duel;
		pthread_t thread;
		pid_t pid;
	} crew[STRESS_MAX_OPENERS];
};

unsigned int duel__openers(const struct stress_options *options)
{
	return options->threads > 1 ? options->threads - 1 : 1;
}

static void relax(unsigned int *turn)
{
	struct timespec pause = {.tv_nsec = 50000};

	if (++*turn < SPINS)
		__asm__ __volatile__("" ::: "memory");
	else if (*turn < SPINS + YIELDS)
		sched_yield();
	else
		nanosleep(&pause, NULL);
}

static void wait_until(int64_t instant)
{
	while (stress__now() < instant)
		;
}

static void wait_for_turn(struct duel *d, unsigned int opener)
{
	struct board *b = d->board;

	if (!d->ops->linger) {
		wait_until(b->opener_at);
		return;
	}
	while (!d->ops->linger(d->ctx, b->round, opener))
		if (stress__now() > b->opener_at + LINGER_NS)
			break;
}

static void open_windows(struct duel *d, unsigned int opener, struct duel_side *side)
{
	struct board *b = d->board;

	side->start = stress__now();
	d->ops->open(d->ctx, b->round, opener);
	__atomic_store_n(&side->first_end, stress__now(), __ATOMIC_RELEASE);
	while (d->ops->churn && d->ops->enter && !atomic_load(&b->walked) &&
	       !d->s->options->apart_ns) {
		if (d->ops->enter(d->ctx, b->round, opener, side))
			break;
		d->ops->open(d->ctx, b->round, opener);
	}
	side->end = stress__now();
}

/* The work of one opener, thread or process. */
static void opener_loop(struct duel *d, unsigned int opener)
{
	struct board *b = d->board;
	struct duel_side *side = &b->side[opener];
	unsigned int step = 0, turn;
	int err;

	support__pin(d->s->options, opener + 1);
	for (;;) {
		for (turn = 0; atomic_load(&b->step) == step;)
			relax(&turn);
		step++;
		if (b->dismissed)
			break;
		if (step % 2) {
			*side = (struct duel_side){0};
			err = d->ops->enter ? d->ops->enter(d->ctx, b->round, opener, side) : 0;
			if (err)
				atomic_store(&b->error, err);
		} else {
			wait_for_turn(d, opener);
			open_windows(d, opener, side);
		}
		atomic_fetch_add(&b->arrived, 1);
	}
}

static void *opener_thread(void *arg)
{
	struct duel *d = *(struct duel **)arg;

	for (unsigned int i = 0; i < d->openers; i++)
		if (arg == (void *)&d->crew[i])
			opener_loop(d, i);
	return NULL;
}

static int start_opener(struct duel *d, unsigned int opener)
{
	pid_t walker = getpid();
	int err;

	d->crew[opener].duel = d;
	if (!d->ops->rounds_per_crew) {
		err = pthread_create(&d->crew[opener].thread, NULL, opener_thread,
				     &d->crew[opener]);
		return err ? stress__refuse(d->s, -err, "cannot start a thread: %s", strerror(err))
			   : 0;
	}
	d->crew[opener].pid = fork();
	if (d->crew[opener].pid < 0)
		return stress__refuse(d->s, -errno, "cannot fork: %s", strerror(errno));
	if (d->crew[opener].pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == walker)
			opener_loop(d, opener);
		_exit(0);
	}
	return 0;
}

static void dismiss_crew(struct duel *d)
{
	d->board->dismissed = true;
	atomic_fetch_add(&d->board->step, 1);
	for (unsigned int i = 0; i < d->started; i++) {
		if (!d->ops->rounds_per_crew)
			pthread_join(d->crew[i].thread, NULL);
		else if (d->crew[i].pid > 0)
			waitpid(d->crew[i].pid, NULL, 0);
	}
	d->started = 0;
}

static int muster_crew(struct duel *d)
{
	int err = d->ops->muster ? d->ops->muster(d->ctx) : 0;

	memset(d->board, 0, sizeof(*d->board));
	d->round = 0;
	while (!err && d->started < d->openers) {
		err = start_opener(d, d->started);
		if (!err)
			d->started++;
	}
	return err;
}

/* An opener process that was killed never arrives. */
static int crew_died(struct duel *d)
{
	if (!d->ops->rounds_per_crew)
		return 0;
	for (unsigned int i = 0; i < d->started; i++) {
		if (waitpid(d->crew[i].pid, NULL, WNOHANG) == d->crew[i].pid) {
			d->crew[i].pid = 0;
			return stress__refuse(d->s, -ECHILD, "an opener process was killed");
		}
	}
	return 0;
}

static void start_step(struct duel *d)
{
	atomic_store(&d->board->arrived, 0);
	atomic_fetch_add(&d->board->step, 1);
}

static int finish_step(struct duel *d)
{
	unsigned int turn = 0;
	int err = 0;

	while (!err && atomic_load(&d->board->arrived) < d->openers) {
		relax(&turn);
		if (turn > SPINS + YIELDS && turn % 256 == 0)
			err = crew_died(d);
	}
	return err;
}

/* Between one side's call and the other's. */
static void keep_apart(const struct duel *d)
{
	int64_t ns = d->s->options->apart_ns;
	struct timespec pause = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	if (ns)
		nanosleep(&pause, NULL);
}

static void score(struct duel *d, int64_t start, int64_t end)
{
	struct stress_result *r = &d->s->result;
	bool met = false, apart = true;
	int64_t opened;

	for (unsigned int i = 0; i < d->openers; i++) {
		const struct duel_side *side = &d->board->side[i];

		r->mapped += side->mapped;
		r->huge += side->huge;
		met = met || (side->start < end && start < side->end);
		opened = d->ops->churn_first ? side->first_end : side->end;
		apart = apart && opened <= start;
	}
	r->opener_runs += d->openers;
	r->walker_runs++;
	r->rounds++;
	r->simultaneous += met;
	opened = d->ops->churn_first ? d->board->side[0].first_end : d->board->side[0].end;
	steer__measured(&d->steer, opened - d->board->side[0].start, end - start, apart);
}

/* Each opener has called once and goes on; the walker comes at any time in its next calls. */
static void wait_for_churn(const struct duel *d)
{
	unsigned int turn = 0;

	for (unsigned int i = 0; i < d->openers; i++)
		while (!__atomic_load_n(&d->board->side[i].first_end, __ATOMIC_ACQUIRE))
			relax(&turn);
	wait_until(stress__now() + d->round * 7 % CHURN_STEPS * CHURN_STEP_NS);
}

/* What the observer has reported since the last round. */
static void learn(struct duel *d)
{
	int64_t late[64];
	ssize_t got;

	if (d->s->options->steer_fd < 0)
		return;
	got = read(d->s->options->steer_fd, late, sizeof(late));
	for (ssize_t i = 0; i < got / (ssize_t)sizeof(late[0]); i++)
		steer__missed(&d->steer, late[i]);
}

static int play_round(struct duel *d)
{
	int64_t offset, instant, start, end;
	struct board *b = d->board;
	int err = d->ops->arm ? d->ops->arm(d->ctx, d->round) : 0;

	if (err)
		return err;
	learn(d);
	offset = d->ops->linger || d->ops->churn_before ? 0 : steer__next(&d->steer);
	b->round = d->round;
	atomic_store(&b->walked, false);
	start_step(d);
	err = finish_step(d);
	if (!err)
		err = atomic_load(&b->error);
	if (err)
		return d->s->reason[0] ? err
				       : stress__refuse(d->s, err, "an opener could not map: %s",
							strerror(-err));
	keep_apart(d);
	instant = stress__now() + COUNTDOWN_NS;
	b->opener_at = instant + (offset < 0 ? -offset : 0);
	start_step(d);
	if (d->s->options->apart_ns) {
		err = finish_step(d);
		keep_apart(d);
	} else if (d->ops->churn_before) {
		wait_for_churn(d);
	} else {
		wait_until(instant + (offset > 0 ? offset : 0));
	}
	start = stress__now();
	d->ops->walk(d->ctx, d->round);
	end = stress__now();
	atomic_store(&b->walked, true);
	if (!d->s->options->apart_ns)
		err = finish_step(d);
	if (!err)
		score(d, start, end);
	d->round++;
	return err;
}

int duel__run(struct stress *s, const struct duel_ops *ops, void *ctx)
{
	struct duel d = {.s = s, .ops = ops, .ctx = ctx};
	int err = 0;

	d.openers = duel__openers(s->options);
	steer__init(&d.steer, &ops->aim, s->options->seed);
	support__pin(s->options, 0);
	d.board = mmap(NULL, sizeof(*d.board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (d.board == MAP_FAILED)
		return stress__refuse(s, -errno, "no memory: %s", strerror(errno));
	s->result.overlap_known = true;
	while (!err && !stress__over(s)) {
		err = muster_crew(&d);
		while (!err && !stress__over(s) &&
		       (!ops->rounds_per_crew || d.round < ops->rounds_per_crew))
			err = play_round(&d);
		dismiss_crew(&d);
	}
	munmap(d.board, sizeof(*d.board));
	return err == -ENODATA ? 0 : err;
}
