// SPDX-License-Identifier: GPL-2.0-only
/* The book: how messages of the incident ring are joined and settled. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <malloc.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "book.h"

#define FOLIO 0xffffea0000008000ULL
#define OTHER_FOLIO 0xffffea0000010000ULL
#define T 1000000000ULL
#define LATE (T + 10000000000ULL)
#define SHOWN 64

static struct {
	struct thprace_incident shown[SHOWN];
	size_t nr;
	unsigned int verdicts[THPRACE_VERDICT_MAX];
} given;

static void collect(void *ctx, const struct thprace_incident *incident)
{
	(void)ctx;
	if (given.nr < SHOWN)
		given.shown[given.nr] = *incident;
	given.nr++;
	given.verdicts[incident->verdict]++;
}

static struct book *new_book(enum thprace_mode mode)
{
	struct book *book = book__new(mode, collect, NULL);

	memset(&given, 0, sizeof(given));
	assert_non_null(book);
	return book;
}

/* Walkers are of task 20, windows of task 10, unless a test says otherwise. */
static struct thprace_incident walker(uint64_t enter, uint64_t leave, int32_t residual)
{
	struct thprace_incident message = {.type = THPRACE_MSG_INCIDENT};

	message.walk.enter = enter;
	message.walk.leave = leave;
	message.walk.folio = FOLIO;
	message.walk.pid = 20;
	message.walk.class = THPRACE_TRUNCATE_UNMAP;
	message.walk.residual = residual;
	message.walker_stack.nr = 1;
	message.walker_stack.ip[0] = 0x20;
	return message;
}

static struct thprace_window window(uint64_t open, uint64_t removed, uint64_t close)
{
	struct thprace_window result = {
		.open = open, .removed = removed, .close = close, .folio = FOLIO, .pid = 10};

	return result;
}

static struct thprace_window removal(uint64_t ts, uint32_t pid)
{
	struct thprace_window result = window(ts, ts, ts);

	result.pid = pid;
	result.level = THPRACE_LEVEL_PTE;
	return result;
}

static void say(struct book *book, const void *message, size_t size)
{
	assert_int_equal(book__message(book, message, size, T), 0);
}

static void say_walker(struct book *book, struct thprace_incident message)
{
	say(book, &message, sizeof(message));
}

static void say_pair(struct book *book, struct thprace_incident message, struct thprace_window open)
{
	message.window = open;
	message.said = THPRACE_ESCAPE;
	message.walker_stack.nr = 0;
	say(book, &message, sizeof(message));
}

/* The pair that a removal reports for a walker that failed before. */
static void say_removal(struct book *book, struct thprace_incident message,
			struct thprace_window removed)
{
	removed.flags = THPRACE_WF_SETTLED;
	say_pair(book, message, removed);
}

static void say_opener(struct book *book, struct thprace_window closed)
{
	struct thprace_opener message = {.type = THPRACE_MSG_OPENER, .window = closed};

	message.stack.nr = 1;
	message.stack.ip[0] = closed.pid;
	say(book, &message, sizeof(message));
}

static void finish(struct book *book)
{
	book__finish(book);
	book__free(book);
}

static const struct thprace_incident *only(enum thprace_verdict verdict)
{
	assert_int_equal(given.nr, 1);
	assert_int_equal(given.shown[0].verdict, verdict);
	return &given.shown[0];
}

static void test_word_after_pair(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);
	const struct thprace_incident *incident;

	(void)state;
	say_pair(book, walker(T, T + 1000, 1), window(T - 500, 0, 0));
	say_walker(book, walker(T, T + 1000, 1));
	say_opener(book, window(T - 500, T + 2000, T + 3000));
	finish(book);
	incident = only(THPRACE_ESCAPE);
	assert_int_equal(incident->window.removed, T + 2000);
	assert_int_equal(incident->window.close, T + 3000);
	assert_int_equal(incident->window.flags, THPRACE_WF_SETTLED);
	assert_int_equal(incident->opener_stack.ip[0], 10);
	assert_int_equal(incident->walker_stack.ip[0], 0x20);
	assert_int_equal(incident->said, THPRACE_ESCAPE);
}

/* What the walker took for an escape was not one by the final times. */
static void test_settled_otherwise(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_pair(book, walker(T, T + 1000, 1), window(T - 500, 0, 0));
	say_opener(book, window(T - 500, T + 500, T + 3000));
	finish(book);
	assert_int_equal(given.nr, 2);
	assert_int_equal(given.shown[0].verdict, THPRACE_CONTAINED);
	assert_int_equal(given.shown[0].said, THPRACE_ESCAPE);
	assert_int_equal(given.shown[1].verdict, THPRACE_UNATTRIBUTED);
}

/* A walker that was reported after one that returned later. */
static void test_out_of_order(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_walker(book, walker(T, T + 5000, 0));
	say_walker(book, walker(T - 500, T - 100, 0));
	say_opener(book, window(T + 2000, T + 3000, T + 4000));
	finish(book);
	assert_int_equal(only(THPRACE_CONTAINED)->walk.leave, T + 5000);
}

static void test_word_before_walker(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_opener(book, window(T - 500, T + 200, T + 300));
	say_walker(book, walker(T, T + 1000, 0));
	finish(book);
	assert_int_equal(only(THPRACE_CONTAINED)->window.open, T - 500);
}

/* Seen between its publication and its stamp. */
static void test_opening(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_pair(book, walker(T, T + 1000, 1), window(0, 0, 0));
	say_opener(book, window(T + 500, T + 2000, T + 3000));
	/* Nothing is waited for any more. */
	book__settle(book, T + 1000 + THPRACE_ATTRIBUTION_NS, LATE);
	assert_int_equal(only(THPRACE_ESCAPE)->window.open, T + 500);
	finish(book);
	assert_int_equal(given.nr, 1);
}

/* Whose word never comes, it opened after the walker, and its owner did not see it noted. */
static void test_opening_never_told(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_pair(book, walker(T, T + 1000, 0), window(0, 0, 0));
	finish(book);
	assert_int_equal(given.nr, 0);
}

/* Its owner was held up between its last stamp and leaving open_folio[]. */
static void test_ended_before_walker(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_pair(book, walker(T, T + 1000, 0), window(T - 900, T - 700, 0));
	say_opener(book, window(T - 900, T - 700, T - 600));
	book__settle(book, T + 1000, T + 1000);
	assert_int_equal(given.nr, 0);
	finish(book);
	assert_int_equal(given.nr, 0);
}

static void test_no_word(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_pair(book, walker(T, T + 1000, 1), window(T - 500, 0, 0));
	book__settle(book, T + 999999999, LATE);
	assert_int_equal(given.nr, 0);
	book__settle(book, T + 1000000000, LATE);
	assert_int_equal(only(THPRACE_ESCAPE)->window.close, 0);
	finish(book);
}

static void test_void(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_pair(book, walker(T, T + 1000, 0), window(T - 500, 0, 0));
	say_opener(book, window(T - 500, 0, T + 3000));
	finish(book);
	assert_int_equal(given.nr, 0);

	book = new_book(THPRACE_LIGHT);
	say_pair(book, walker(T, T + 1000, 0), window(T - 500, 0, 0));
	say_opener(book, window(T - 500, 0, T + 3000));
	finish(book);
	only(THPRACE_CONTAINED);
}

static void test_unknown_folio(void **state)
{
	struct thprace_window unknown = window(T - 500, 0, 0);
	struct thprace_window elsewhere = window(T - 500, T + 100, T + 200);
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	unknown.folio = 0;
	elsewhere.folio = OTHER_FOLIO;
	say_pair(book, walker(T, T + 1000, 0), unknown);
	say_opener(book, window(T - 500, T + 2000, T + 3000));
	finish(book);
	assert_int_equal(only(THPRACE_CONTAINED)->window.folio, FOLIO);

	/* It turns out to be another's: settled at once, as nothing. */
	book = new_book(THPRACE_PRECISE);
	say_pair(book, walker(T, T + 1000, 0), unknown);
	say_opener(book, elsewhere);
	book__settle(book, T + 1000, LATE);
	assert_int_equal(given.nr, 0);
	finish(book);
	assert_int_equal(given.nr, 0);

	/* Published as one folio, removed from another. */
	book = new_book(THPRACE_PRECISE);
	say_pair(book, walker(T, T + 1000, 0), window(T - 500, 0, 0));
	say_opener(book, elsewhere);
	finish(book);
	assert_int_equal(given.nr, 0);
}

static void test_own_window(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);
	struct thprace_window own = window(T, T + 100, T + 200);

	(void)state;
	own.pid = 20;
	say_opener(book, own);
	say_walker(book, walker(T, T + 1000, 0));
	own.open++;
	say_opener(book, own);
	finish(book);
	assert_int_equal(given.nr, 0);
}

static void test_two_windows(void **state)
{
	struct thprace_window other = window(T + 500, T + 700, T + 800);
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_pair(book, walker(T, T + 1000, 1), window(T + 500, 0, 0));
	say_walker(book, walker(T, T + 1000, 1));
	/* The task's earlier window, told late; and another's that opened at the same instant. */
	say_opener(book, window(T - 100, T + 200, T + 300));
	say_opener(book, window(T + 500, T + 1500, T + 1600));
	other.pid = 11;
	say_opener(book, other);
	finish(book);
	assert_int_equal(given.nr, 3);
	assert_int_equal(given.verdicts[THPRACE_ESCAPE], 1);
	assert_int_equal(given.verdicts[THPRACE_CONTAINED], 2);
}

static void test_touching(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_opener(book, window(T - 500, T + 10, T + 99));
	say_walker(book, walker(T, T + 1000, 0));
	book__finish(book);
	assert_int_equal(given.nr, 0);
	assert_int_equal(book__touching(book), 1);
	book__free(book);
}

static void test_removal(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	/* In the interval, told by its own task. */
	say_walker(book, walker(T, T + 1000, 1));
	say_opener(book, removal(T + 500, 11));
	finish(book);
	assert_int_equal(only(THPRACE_ESCAPE)->window.pid, 11);

	/* After it, found by the removal; the removal's report is read before the walker's own. */
	book = new_book(THPRACE_PRECISE);
	say_removal(book, walker(T, T + 1000, 1), removal(T + 5000, 11));
	say_walker(book, walker(T, T + 1000, 1));
	finish(book);
	assert_int_equal(only(THPRACE_ESCAPE)->window.open, T + 5000);
	assert_int_equal(given.shown[0].walker_stack.nr, 1);

	/* Too late, too early, or of its own. */
	book = new_book(THPRACE_PRECISE);
	say_walker(book, walker(T, T + 1000, 1));
	say_opener(book, removal(T + 1001 + THPRACE_ATTRIBUTION_NS, 11));
	say_opener(book, removal(T - 1, 11));
	say_opener(book, removal(T + 500, 20));
	finish(book);
	only(THPRACE_UNATTRIBUTED);
	book = new_book(THPRACE_PRECISE);
	/* A walker that did not fail was contained by one in its interval, and only by that. */
	say_opener(book, removal(T + 500, 11));
	say_opener(book, removal(T + 400, 12));
	say_walker(book, walker(T, T + 1000, 0));
	finish(book);
	assert_int_equal(only(THPRACE_CONTAINED)->window.pid, 12);
	book = new_book(THPRACE_PRECISE);
	say_opener(book, removal(T + 1001, 11));
	say_opener(book, removal(T - 1, 11));
	say_opener(book, removal(T + 500, 20));
	say_walker(book, walker(T, T + 1000, 0));
	finish(book);
	assert_int_equal(given.nr, 0);
}

static void test_earliest_removal(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_removal(book, walker(T, T + 1000, 1), removal(T + 7000, 11));
	say_opener(book, removal(T + 400, 13));
	say_walker(book, walker(T, T + 1000, 1));
	say_opener(book, removal(T + 300, 12));
	say_removal(book, walker(T, T + 1000, 1), removal(T + 2000, 11));
	finish(book);
	assert_int_equal(only(THPRACE_ESCAPE)->window.open, T + 300);
	assert_int_equal(given.shown[0].opener_stack.ip[0], 12);
}

/* A pmd-level escape explains a walker: no removal is given besides. */
static void test_escape_before_removal(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_opener(book, removal(T + 300, 12));
	say_opener(book, window(T - 500, T + 2000, T + 3000));
	say_walker(book, walker(T, T + 1000, 1));
	finish(book);
	assert_int_equal(only(THPRACE_ESCAPE)->window.level, THPRACE_LEVEL_PMD);

	/* What was contained does not. */
	book = new_book(THPRACE_PRECISE);
	say_opener(book, removal(T + 300, 12));
	say_opener(book, window(T - 500, T + 200, T + 300));
	say_walker(book, walker(T, T + 1000, 1));
	finish(book);
	assert_int_equal(given.nr, 2);
	assert_int_equal(given.shown[0].verdict, THPRACE_CONTAINED);
	assert_int_equal(given.shown[1].verdict, THPRACE_ESCAPE);
	assert_int_equal(given.shown[1].window.level, THPRACE_LEVEL_PTE);
}

/* From the next failure on, a removal belongs to that one. */
static void test_newer_failure(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);
	struct thprace_incident newer = walker(T + 2000, T + 3000, 1);

	(void)state;
	newer.walk.pid = 21;
	say_walker(book, walker(T, T + 1000, 1));
	say_walker(book, newer);
	say_opener(book, removal(T + 3000, 11));
	finish(book);
	assert_int_equal(given.nr, 2);
	assert_int_equal(given.shown[0].verdict, THPRACE_UNATTRIBUTED);
	assert_int_equal(given.shown[0].walk.pid, 20);
	assert_int_equal(given.shown[1].verdict, THPRACE_ESCAPE);

	/* Before its return it explains both. */
	book = new_book(THPRACE_PRECISE);
	say_walker(book, walker(T, T + 1000, 1));
	say_walker(book, newer);
	say_opener(book, removal(T + 2999, 11));
	finish(book);
	assert_int_equal(given.nr, 2);
	assert_int_equal(given.verdicts[THPRACE_ESCAPE], 2);

	/* One on another folio replaces nobody. */
	book = new_book(THPRACE_PRECISE);
	newer.walk.folio = OTHER_FOLIO;
	say_walker(book, walker(T, T + 1000, 1));
	say_walker(book, newer);
	say_opener(book, removal(T + 3000, 11));
	finish(book);
	assert_int_equal(given.shown[0].verdict, THPRACE_ESCAPE);
	assert_int_equal(given.shown[1].verdict, THPRACE_UNATTRIBUTED);
}

/* Folios share the lists that they are looked up in. */
static void test_many_folios(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);
	struct thprace_incident other = walker(T + 2000, T + 3000, 1);
	unsigned int i;

	(void)state;
	say_walker(book, walker(T, T + 1000, 1));
	for (i = 1; i < 50000; i++) {
		other.walk.folio = FOLIO + 0x8000ULL * i;
		other.walk.pid = 20 + i;
		say_walker(book, other);
	}
	say_opener(book, removal(T + 4000, 11));
	finish(book);
	assert_int_equal(given.nr, 50000);
	assert_int_equal(given.verdicts[THPRACE_ESCAPE], 1);
	assert_int_equal(given.shown[0].verdict, THPRACE_ESCAPE);
}

/* Copied while its owner went on from a window to removals: no removal, and no window either. */
static void test_torn_copy(void **state)
{
	struct thprace_window torn = removal(T - 500, 10);
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_pair(book, walker(T, T + 1000, 1), torn);
	say_opener(book, window(T - 500, T + 300, T + 400));
	finish(book);
	assert_int_equal(given.nr, 2);
	assert_int_equal(given.shown[0].verdict, THPRACE_CONTAINED);
	assert_int_equal(given.shown[1].verdict, THPRACE_UNATTRIBUTED);
}

static void test_split(void **state)
{
	struct thprace_split split = {
		.type = THPRACE_MSG_SPLIT, .pid = 20, .result = -16, .unmapped = T + 1000};
	struct book *book = new_book(THPRACE_PRECISE);
	struct thprace_incident head = walker(T + 1000, T + 4000, 0);

	(void)state;
	head.walk.class = THPRACE_SPLIT_HEAD;
	head.walk.flags = THPRACE_KF_RESULT;
	say_walker(book, walker(T, T + 1000, 1));
	say_walker(book, walker(T + 5000, T + 6000, 1));
	say(book, &split, sizeof(split));
	finish(book);
	assert_int_equal(given.nr, 2);
	assert_int_equal(given.shown[0].walk.result, -16);
	assert_int_equal(given.shown[0].walk.flags, THPRACE_KF_RESULT);
	assert_int_equal(given.shown[1].walk.flags, 0);

	/* Its walker took no time at all: they are two. */
	book = new_book(THPRACE_PRECISE);
	say_walker(book, walker(T + 1000, T + 1000, 0));
	say_walker(book, head);
	say_opener(book, window(T, T + 1500, T + 2000));
	finish(book);
	assert_int_equal(only(THPRACE_CONTAINED)->walk.class, THPRACE_SPLIT_HEAD);

	/* Phase 2 of a window: the split completes with it open, after it, or before it. */
	book = new_book(THPRACE_PRECISE);
	say_walker(book, head);
	say_opener(book, window(T, T + 500, T + 4001));
	finish(book);
	assert_int_equal(only(THPRACE_ESCAPE)->walk.class, THPRACE_SPLIT_HEAD);
	book = new_book(THPRACE_PRECISE);
	say_walker(book, head);
	say_opener(book, window(T, T + 500, T + 4000));
	finish(book);
	only(THPRACE_CONTAINED);
	book = new_book(THPRACE_PRECISE);
	say_walker(book, head);
	say_opener(book, window(T, T + 500, T + 1000 + THPRACE_TOLERANCE_NS));
	say_opener(book, window(T + 1001, T + 1500, T + 5000));
	finish(book);
	assert_int_equal(given.nr, 0);
}

static struct thprace_incident check_point(uint64_t ts)
{
	struct thprace_incident message = walker(ts, ts, 1);

	message.type = THPRACE_MSG_CHECK;
	message.walk.flags = THPRACE_KF_CHECK;
	return message;
}

static void test_check(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);
	struct thprace_incident other = walker(T + 3000, T + 4000, 1);

	(void)state;
	/* It is for the last failed walker of its task on its folio. */
	say_walker(book, walker(T, T + 1000, 1));
	say_walker(book, walker(T + 1500, T + 2000, 1));
	say_walker(book, walker(T + 2500, T + 2600, 0));
	other.walk.pid = 21;
	say_walker(book, other);
	other.walk.pid = 20;
	other.walk.folio = OTHER_FOLIO;
	say_walker(book, other);
	say_walker(book, check_point(T + 5000));
	finish(book);
	assert_int_equal(given.nr, 4);
	assert_int_equal(given.shown[0].walk.flags, 0);
	assert_int_equal(given.shown[1].walk.flags, THPRACE_KF_CHECK);
	assert_int_equal(given.shown[1].walk.enter, T + 1500);
	assert_int_equal(given.shown[2].walk.flags, 0);
	assert_int_equal(given.shown[3].walk.flags, 0);

	/* Alone: no failed walker, or none so near. Neither windows nor removals explain it. */
	book = new_book(THPRACE_PRECISE);
	say_walker(book, walker(T, T + 1000, 0));
	say_walker(book, check_point(T + 2000));
	say_opener(book, removal(T + 2000, 11));
	say_opener(book, window(T + 1900, T + 2500, T + 3000));
	finish(book);
	assert_int_equal(only(THPRACE_UNATTRIBUTED)->walk.flags, THPRACE_KF_CHECK);
	book = new_book(THPRACE_PRECISE);
	say_walker(book, walker(T, T + 1000, 1));
	say_walker(book, check_point(T + 1000 + THPRACE_ATTRIBUTION_NS));
	finish(book);
	assert_int_equal(given.nr, 2);
	assert_int_equal(given.verdicts[THPRACE_UNATTRIBUTED], 2);
	assert_int_equal(given.shown[0].walk.flags, 0);
}

/* A loss makes unproven what it touches: from the earlier beginning to the later end, and no more. */
static void test_loss(void **state)
{
	static const struct {
		uint64_t from;
		uint64_t to;
		bool touches;
	} losses[] = {
		{T - 900, T - 501, false},  {T - 900, T - 500, true},	 {T + 100, T + 110, true},
		{T + 3000, T + 3100, true}, {T + 3001, T + 3100, false},
	};
	struct book *book;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		book = new_book(THPRACE_PRECISE);
		say_walker(book, walker(T, T + 1000, 0));
		say_opener(book, window(T - 500, T + 2000, T + 3000));
		book__lost(book, losses[i].from, losses[i].to);
		book__finish(book);
		only(losses[i].touches ? THPRACE_UNPROVEN : THPRACE_CONTAINED);
		assert_int_equal(given.shown[0].said, THPRACE_CONTAINED);
		assert_int_equal(book__classes(book)[THPRACE_TRUNCATE_UNMAP].unproven,
				 losses[i].touches);
		assert_int_equal(book__classes(book)[THPRACE_TRUNCATE_UNMAP].overlaps, 1);
		book__free(book);
	}
	/* A window that is open still has no end yet. */
	book = new_book(THPRACE_PRECISE);
	say_pair(book, walker(T, T + 1000, 1), window(T - 500, 0, 0));
	book__lost(book, LATE, LATE);
	finish(book);
	only(THPRACE_UNPROVEN);
}

/* However many there are, none is forgotten. */
static void test_many_losses(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		book__lost(book, T + i * 1000000, T + i * 1000000 + 10);
	say_walker(book, walker(T + 5, T + 6, 1));
	say_walker(book, walker(T + 999000005, T + 999000006, 1));
	say_walker(book, walker(T + 998500000, T + 998500001, 1));
	finish(book);
	assert_int_equal(given.nr, 3);
	assert_int_equal(given.verdicts[THPRACE_UNPROVEN], 2);
	assert_int_equal(given.shown[2].verdict, THPRACE_UNATTRIBUTED);
}

/* The openers' words that are kept are few: a walker of a time of which some are gone is unproven. */
static void test_forgotten(void **state)
{
	struct thprace_window closed;
	struct book *book = new_book(THPRACE_PRECISE);
	unsigned int i;

	(void)state;
	for (i = 0; i < 4096 + 10; i++) {
		closed = window(T + i * 1000, T + i * 1000 + 100, T + i * 1000 + 200);
		closed.folio = i % 2 ? FOLIO : OTHER_FOLIO;
		say_opener(book, closed);
	}
	/* The word of the tenth is gone, that of the eleventh is not. */
	for (i = 0; i < 400; i++)
		say_walker(book, walker(T + 9000 - i, T + 9300, 0));
	for (i = 0; i < 400; i++)
		say_walker(book, walker(T + 9201 + i, T + 11150, 0));
	finish(book);
	assert_int_equal(given.verdicts[THPRACE_UNPROVEN], 0);
	assert_int_equal(given.verdicts[THPRACE_CONTAINED], 400);

	book = new_book(THPRACE_PRECISE);
	for (i = 0; i < 4096 + 10; i++)
		say_opener(book, window(T + i * 1000, T + i * 1000 + 100, T + i * 1000 + 200));
	for (i = 0; i < 400; i++)
		say_walker(book, walker(T + 9200 - i, T + 9300, 1));
	say_walker(book, walker(T + 9201, T + 9300, 1));
	finish(book);
	assert_int_equal(given.verdicts[THPRACE_UNPROVEN], 400);
	assert_int_equal(given.verdicts[THPRACE_UNATTRIBUTED], 1);
}

static void test_settling(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	/* One that did not fail waits for its time, and for the counters to have been read since. */
	say_walker(book, walker(T, T + 1000, 0));
	say_opener(book, window(T - 500, T + 200, T + 5000));
	book__settle(book, LATE, T + 4999);
	assert_int_equal(given.nr, 0);
	book__settle(book, LATE, T + 5000);
	assert_int_equal(given.nr, 1);
	/* One that failed, for its attribution; those behind it wait for it. */
	say_walker(book, walker(T + 10000, T + 11000, 1));
	say_walker(book, walker(T + 12000, T + 13000, 0));
	say_opener(book, window(T + 12500, T + 12900, T + 12950));
	book__settle(book, T + 10999 + THPRACE_ATTRIBUTION_NS, LATE);
	book__settle(book, LATE, T + 10999 + THPRACE_ATTRIBUTION_NS);
	assert_int_equal(given.nr, 1);
	book__settle(book, T + 11000 + THPRACE_ATTRIBUTION_NS, T + 11000 + THPRACE_ATTRIBUTION_NS);
	assert_int_equal(given.nr, 3);
	book__finish(book);
	assert_int_equal(given.nr, 3);
	assert_int_equal(book__classes(book)[THPRACE_TRUNCATE_UNMAP].contained, 2);
	assert_int_equal(book__classes(book)[THPRACE_TRUNCATE_UNMAP].overlaps, 2);
	assert_int_equal(book__classes(book)[THPRACE_TRUNCATE_UNMAP].unattributed, 1);
	book__free(book);
}

static void test_malformed(void **state)
{
	static const struct {
		uint32_t type;
		size_t size;
	} whole[] = {
		{THPRACE_MSG_INCIDENT, sizeof(struct thprace_incident)},
		{THPRACE_MSG_CHECK, sizeof(struct thprace_incident)},
		{THPRACE_MSG_OPENER, sizeof(struct thprace_opener)},
		{THPRACE_MSG_SPLIT, sizeof(struct thprace_split)},
		{THPRACE_MSG_REUSE, sizeof(struct thprace_opener)},
		{THPRACE_MSG_HOLD, sizeof(struct thprace_hold)},
	};
	struct book *book = new_book(THPRACE_PRECISE);
	struct thprace_incident message;
	size_t i, size;
	uint32_t type;
	void *exact;

	(void)state;
	memset(&message, 0, sizeof(message));
	for (type = 0; type < 100; type += 7) { /* 0, and what nobody knows */
		message.type = type;
		assert_int_equal(book__message(book, &message, sizeof(message), T), -EINVAL);
	}
	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		for (size = sizeof(type); size <= whole[i].size; size++) {
			exact = calloc(1, size); /* a sanitizer sees what is read behind it */
			assert_non_null(exact);
			memcpy(exact, &whole[i].type, sizeof(type));
			assert_int_equal(book__message(book, exact, size, T),
					 size < whole[i].size ? -EINVAL : 0);
			free(exact);
		}
	}
	finish(book);
}

/* A stack that claims to be longer than there is room for. */
static void test_long_stack(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);
	struct thprace_incident message = walker(T, T + 1000, 1);

	(void)state;
	message.walker_stack.nr = 1000000;
	say_walker(book, message);
	finish(book);
	assert_int_equal(only(THPRACE_UNATTRIBUTED)->walker_stack.nr, THPRACE_STACK_MAX);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/*
 * Failed walkers and the words of windows that they met, all in the book at once. Returns how long it
 * took; *bytes: what it held per walker.
 */
static double storm(unsigned int walkers, unsigned int folios, double *bytes)
{
	struct book *book = new_book(THPRACE_PRECISE);
	size_t before = mallinfo2().uordblks;
	double began = seconds();
	struct thprace_incident message;
	struct thprace_window closed;
	unsigned int i;
	uint64_t t;

	for (i = 0; i < walkers; i++) {
		t = T + i * 2000ULL;
		message = walker(t, t + 1500, 1);
		message.walk.folio = FOLIO + 0x8000ULL * (i % folios);
		message.walk.pid = 20 + i % 8;
		closed = window(t + 100, 0, 0);
		closed.folio = message.walk.folio;
		say_pair(book, message, closed);
		say_walker(book, message);
		closed.removed = closed.close = t + 1600;
		say_opener(book, closed);
	}
	*bytes = (double)(mallinfo2().uordblks - before) / walkers;
	book__settle(book, LATE, LATE);
	assert_int_equal(given.verdicts[THPRACE_ESCAPE], walkers);
	book__free(book);
	return seconds() - began;
}

static void test_storm(void **state)
{
	static const unsigned int folios[] = {1, 1000};
	double few, many, bytes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(folios) / sizeof(folios[0]); i++) {
		few = storm(10000, folios[i], &bytes);
		many = storm(100000, folios[i], &bytes);
		print_message("%u folios: 10000 walkers %.3f s, 100000 %.3f s, %.0f bytes each\n",
			      folios[i], few, many, bytes);
		/* Ten times as many take ten times as long; quadratic would be a hundred times. */
		assert_true(many < 40 * few + 0.5);
		assert_true(bytes < 1100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_word_after_pair),
		cmocka_unit_test(test_settled_otherwise),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_word_before_walker),
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_opening_never_told),
		cmocka_unit_test(test_ended_before_walker),
		cmocka_unit_test(test_no_word),
		cmocka_unit_test(test_void),
		cmocka_unit_test(test_unknown_folio),
		cmocka_unit_test(test_own_window),
		cmocka_unit_test(test_two_windows),
		cmocka_unit_test(test_touching),
		cmocka_unit_test(test_removal),
		cmocka_unit_test(test_earliest_removal),
		cmocka_unit_test(test_escape_before_removal),
		cmocka_unit_test(test_newer_failure),
		cmocka_unit_test(test_many_folios),
		cmocka_unit_test(test_torn_copy),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_many_losses),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_settling),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_long_stack),
		cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
