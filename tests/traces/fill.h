/* SPDX-License-Identifier: GPL-2.0-only */
/* Incidents as each version of the format has them, for make.c and make_spool.c. */
#ifndef TESTS_TRACES_FILL_H
#define TESTS_TRACES_FILL_H

#include <string.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>
#include <thprace/trace.h>

#define START 1000000000000ULL
#define WALL 1764400000000000000ULL
#define FOLIO 0xffffea0004e38000ULL
#define TEXT 0xffffffff81000000ULL
#define CLASSES 7
#define RACE 12 /* id of the class that META adds */
#define STEP 1000000 /* ns between incidents */

#if THPRACE_TRACE_VERSION < 3
#define FIRST_VERDICT said
#define ORIGIN kind
#else
#define FIRST_VERDICT first_verdict
#define ORIGIN origin
#endif

/* The walker that a class has. */
static inline unsigned int origin_of(unsigned int class)
{
	static const unsigned char origins[CLASSES + 1] = {0, 1, 1, 1, 2, 3, 4, 7};

	return class <= CLASSES ? origins[class] : 0;
}

static inline void fill_stack(struct thprace_stack *stack, unsigned int nr, unsigned int from)
{
	unsigned int i;

	stack->nr = nr;
	for (i = 0; i < nr; i++)
		stack->ip[i] = TEXT + 0x1000ULL * (from + i);
#if THPRACE_TRACE_VERSION >= 4
	/* The opener is root's, in a container; the walker a service. */
	stack->flags = THPRACE_STACK_WHO;
	stack->uid = from ? 1000 : 0;
	stack->cgroup = from ? 2917 : 2918;
#endif
}

static inline void fill_window(struct thprace_window *window, unsigned int level,
			       unsigned long long base)
{
	window->open = base;
	window->removed = base + 12900;
	window->close = base + 17300;
	window->folio = FOLIO;
	window->mm = 0xffff888003c12345ULL & ~0xfULL;
	window->address = 0x7f0000200000ULL;
	window->pid = 812;
	window->tgid = 810;
	window->level = (__u8)level;
	window->flags = THPRACE_WF_SETTLED;
	window->pages = level ? 16 : 0;
	strcpy(window->comm, "the \"opener\"");
#if THPRACE_TRACE_VERSION >= 3
	if (level)
		window->flags |= THPRACE_WF_RANGE;
	window->left = level ? -2 : 0;
#endif
}

static inline void fill_walk(struct thprace_walk *walk, unsigned int class, int failed,
			     unsigned long long base)
{
	walk->enter = base + 3100;
	walk->leave = base + (failed ? 9000 : 15000);
	walk->folio = FOLIO;
	walk->ttu = 0x52;
	walk->pid = 813;
	walk->tgid = 810;
	walk->cpu = 1;
	walk->class = (__u8) class;
	walk->ORIGIN = (__u8)origin_of(class);
	walk->residual = failed;
	walk->flags = THPRACE_RF_OWN;
	if (failed)
		walk->flags |= THPRACE_RF_OWN_FAILED;
	if (class == 3) {
		walk->flags |= THPRACE_KF_RESULT;
		walk->result = failed ? 0 : -16;
	}
	strcpy(walk->comm, "walker");
#if THPRACE_TRACE_VERSION >= 3
	if (failed) {
		walk->left.entire = 1;
		walk->outer.entire = 1;
		walk->outer_at = base + 30000;
		walk->order = 9;
	}
#endif
}

/* number: of the incident, from 0. level is that of its window, if it has one. */
static inline void fill_incident(struct thprace_incident *incident, unsigned int class,
				 unsigned int verdict, unsigned int level, unsigned int number)
{
	const unsigned long long base = START + (number + 1ULL) * STEP;
	const int alone = verdict > THPRACE_ESCAPE && verdict != THPRACE_UNPROVEN;

	memset(incident, 0, sizeof(*incident));
	incident->type = THPRACE_MSG_INCIDENT;
	incident->verdict = (__u8)verdict;
	incident->FIRST_VERDICT = (__u8)(alone ? THPRACE_CONTAINED : verdict);
	incident->close_call = number % 5 == 4;
	incident->mode = number % 2 ? THPRACE_LIGHT : THPRACE_PRECISE;
	if (!alone) {
		fill_window(&incident->window, level, base);
		fill_stack(&incident->opener_stack, 5, 0);
	}
	fill_walk(&incident->walk, class, verdict != THPRACE_CONTAINED, base);
	fill_stack(&incident->walker_stack, 4, 5);
	if (verdict == THPRACE_UNPROVEN)
		incident->walk.flags |= THPRACE_KF_LOST;
#if THPRACE_TRACE_VERSION >= 3
	if (verdict == THPRACE_ESCAPE)
		incident->attribution = (__u8)(1 + number % 3);
#endif
}

#endif
