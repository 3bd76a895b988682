// SPDX-License-Identifier: GPL-2.0-only
#include "correlator_reuse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/verdict.h>
#include "base/hash.h"
#include "classes/race_class.h"
#include "correlator_private.h"

#define RETURN_WAIT_NS 1000000000ULL /* how long a holder's return is waited for */
#define HOLDS_MAX 4096 /* the number of recent ones that are kept */
#define LISTS 1024

struct hold {
	struct hash_node by_folio;
	struct thprace_walk walk;
	struct thprace_stack stack;
};

/* A failed collapse, and what happened to its page. */
struct window {
	struct window *next; /* in order of arrival */
	struct thprace_window window;
	struct thprace_stack stack;
	uint64_t seen; /* when it was read */
};

struct correlator_reuse {
	correlator_reuse_fn emit;
	void *ctx;
	struct window *windows;
	struct window **tail;
	struct hold *holds; /* a ring */
	size_t next;
	uint64_t forgotten; /* latest time of a holder that was overwritten */
	struct hash_list by_folio[LISTS];
};

struct correlator_reuse *correlator_reuse__new(correlator_reuse_fn emit, void *ctx)
{
	struct correlator_reuse *reuse = calloc(1, sizeof(*reuse));

	if (!reuse)
		return NULL;
	reuse->emit = emit;
	reuse->ctx = ctx;
	reuse->tail = &reuse->windows;
	reuse->holds = calloc(HOLDS_MAX, sizeof(*reuse->holds));
	if (reuse->holds)
		return reuse;
	free(reuse);
	return NULL;
}

static struct hash_list *list_of(struct correlator_reuse *reuse, uint64_t folio)
{
	return &reuse->by_folio[hash__number(folio) % LISTS];
}

int correlator_reuse__window(struct correlator_reuse *reuse, const struct thprace_opener *report,
			     uint64_t now)
{
	struct window *window = calloc(1, sizeof(*window));

	if (!window)
		return -ENOMEM;
	window->window = report->window;
	correlator__copy_stack(&window->stack, &report->stack);
	window->seen = now;
	*reuse->tail = window;
	reuse->tail = &window->next;
	return 0;
}

static struct hold *find_hold(struct correlator_reuse *reuse, const struct thprace_walk *walk)
{
	struct hold *hold;

	HASH_EACH(hold, list_of(reuse, walk->folio), by_folio)
		if (hold->walk.pid == walk->pid && hold->walk.enter == walk->enter)
			return hold;
	return NULL;
}

/* In the place of the oldest. */
static struct hold *add_hold(struct correlator_reuse *reuse, const struct thprace_walk *walk)
{
	struct hold *hold = &reuse->holds[reuse->next];
	uint64_t last = hold->walk.leave ? hold->walk.leave : hold->walk.enter;

	reuse->next = (reuse->next + 1) % HOLDS_MAX;
	if (hash_node__listed(&hold->by_folio) && last > reuse->forgotten)
		reuse->forgotten = last;
	hash_list__remove(&hold->by_folio);
	memset(hold, 0, sizeof(*hold));
	hold->walk = *walk;
	hash_list__add(list_of(reuse, walk->folio), &hold->by_folio);
	return hold;
}

void correlator_reuse__hold(struct correlator_reuse *reuse, const struct thprace_hold *report)
{
	struct hold *hold = find_hold(reuse, &report->walk);

	if (!hold)
		hold = add_hold(reuse, &report->walk); /* also if its first report was lost */
	if (report->walk.leave)
		hold->walk.leave = report->walk.leave;
	if (report->stack.nr)
		correlator__copy_stack(&hold->stack, &report->stack);
}

static bool meets(const struct hold *hold, const struct thprace_window *window)
{
	const struct thprace_walk *walk = &hold->walk;

	return walk->folio == window->folio && walk->pid != window->pid &&
	       thprace_meets(window->open, window->close, walk->enter,
			     walk->leave ? walk->leave : THPRACE_FOREVER) == THPRACE_OVERLAP;
}

static void emit_pair(struct correlator_reuse *reuse, const struct window *window,
		      const struct hold *hold, enum thprace_verdict verdict)
{
	struct thprace_incident incident = {
		.type = THPRACE_MSG_INCIDENT,
		.verdict = (uint8_t)verdict,
		.window = window->window,
		.walk = hold->walk,
		.opener_stack = window->stack,
		.walker_stack = hold->stack,
	};
	uint64_t from = window->window.open;

	incident.walk.residual = (int32_t)window->window.pages;
	if (hold->walk.enter < from)
		from = hold->walk.enter;
	reuse->emit(reuse->ctx, &incident, from, window->window.close,
		    window->window.open <= reuse->forgotten);
}

/* The collapser alone: nobody was seen who holds the reference. */
static void emit_alone(struct correlator_reuse *reuse, const struct window *window,
		       enum thprace_verdict verdict)
{
	const struct thprace_window *of = &window->window;
	struct thprace_incident incident = {
		.type = THPRACE_MSG_INCIDENT,
		.verdict = (uint8_t)verdict,
		.walk = {.enter = of->open,
			 .leave = of->close,
			 .folio = of->folio,
			 .pid = of->pid,
			 .tgid = of->tgid,
			 .residual = (int32_t)of->pages,
			 .cpu = of->cpu,
			 .class = (uint8_t)race_class__with(RACE_REUSE)},
		.walker_stack = window->stack,
	};

	memcpy(incident.walk.comm, of->comm, sizeof(of->comm));
	reuse->emit(reuse->ctx, &incident, of->open, of->close, of->open <= reuse->forgotten);
}

static void settle(struct correlator_reuse *reuse, const struct window *window)
{
	const struct thprace_window *of = &window->window;
	bool reused = of->flags & THPRACE_WF_REUSED, elsewhere = of->flags & THPRACE_WF_ELSEWHERE;
	enum thprace_verdict verdict;
	const struct hold *hold;
	bool escaped = false;

	HASH_EACH(hold, list_of(reuse, of->folio), by_folio) {
		if (!meets(hold, of))
			continue;
		verdict = thprace_judge_reuse(reused, elsewhere, of->flags & THPRACE_WF_LOCKED,
					      (int32_t)of->pages, of->close, hold->walk.leave);
		if (verdict == THPRACE_CLEAN)
			continue;
		escaped |= verdict == THPRACE_ESCAPE;
		emit_pair(reuse, window, hold, verdict);
	}
	verdict = thprace_judge_alone(reused, elsewhere, (int32_t)of->pages);
	if (!escaped && verdict != THPRACE_CLEAN)
		emit_alone(reuse, window, verdict);
}

static bool is_ready(struct correlator_reuse *reuse, const struct window *window, uint64_t now,
		     uint64_t checked)
{
	const struct hold *hold;

	if (now < window->window.close || checked < window->window.close)
		return false;
	if (now >= window->seen + RETURN_WAIT_NS)
		return true;
	HASH_EACH(hold, list_of(reuse, window->window.folio), by_folio)
		if (!hold->walk.leave && meets(hold, &window->window))
			return false;
	return true;
}

void correlator_reuse__settle(struct correlator_reuse *reuse, uint64_t now, uint64_t checked)
{
	struct window *window;

	while ((window = reuse->windows) && is_ready(reuse, window, now, checked)) {
		settle(reuse, window);
		reuse->windows = window->next;
		if (!reuse->windows)
			reuse->tail = &reuse->windows;
		free(window);
	}
}

bool correlator_reuse__unsettled(const struct correlator_reuse *reuse)
{
	return reuse->windows;
}

void correlator_reuse__free(struct correlator_reuse *reuse)
{
	struct window *window;

	if (!reuse)
		return;
	while ((window = reuse->windows)) {
		reuse->windows = window->next;
		free(window);
	}
	free(reuse->holds);
	free(reuse);
}
