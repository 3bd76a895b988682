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
#include "correlate/book.h"

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

/* Walkers are of task 20, windows of task 10, unless a test says otherwise. A window leaves nothing. */
static struct thprace_incident walker(uint64_t enter, uint64_t leave, int32_t residual)
{
	struct thprace_incident message = {.type = THPRACE_MSG_INCIDENT};

	message.walk.enter = enter;
	message.walk.leave = leave;
	message.walk.folio = FOLIO;
	message.walk.pid = 20;
	message.walk.class = THPRACE_TRUNCATE_UNMAP;
	message.walk.residual = residual;
	message.walk.left.entire = residual; /* by PMDs */
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

/* A walker that left mappings by PTEs. */
static struct thprace_incident small_walker(uint64_t enter, uint64_t leave, int32_t residual)
{
	struct thprace_incident message = walker(enter, leave, residual);

	message.walk.left = (struct thprace_counts){.small = residual};
	return message;
}

/* The zap of a range by task 11, which took one page and left so many. */
static struct thprace_window range(uint64_t open, uint64_t close, int32_t left)
{
	struct thprace_window result = window(open, 0, close);

	result.pid = 11;
	result.level = THPRACE_LEVEL_PTE;
	result.flags = THPRACE_WF_RANGE;
	result.pages = 1;
	result.left = left;
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

static void say_opener(struct book *book, struct thprace_window closed)
{
	struct thprace_opener message = {.type = THPRACE_MSG_OPENER, .window = closed};

	message.stack.nr = 1;
	message.stack.ip[0] = closed.pid;
	say(book, &message, sizeof(message));
}

static void say_outer(struct book *book, uint64_t leave, struct thprace_counts before,
		      struct thprace_counts now)
{
	struct thprace_outer message = {.type = THPRACE_MSG_OUTER,
					.pid = 20,
					.leave = leave,
					.at = leave + 5000,
					.before = before,
					.now = now,
					.order = 9};

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

static void only_escape(enum thprace_attribution attribution)
{
	assert_int_equal(only(THPRACE_ESCAPE)->attribution, attribution);
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
	only_escape(THPRACE_EXACT);
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
	assert_int_equal(given.shown[0].attribution, THPRACE_LIKELY);
	assert_int_equal(book__classes(book)[THPRACE_TRUNCATE_UNMAP].likely, 1);
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

/* A removal of small pages contains a walker that did not fail and that it fell into; it explains no failure. */
static void test_removal(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	say_opener(book, removal(T + 500, 11));
	say_walker(book, small_walker(T, T + 1000, 1));
	say_opener(book, removal(T + 700, 11));
	say_opener(book, removal(T + 5000, 11));
	finish(book);
	only(THPRACE_UNATTRIBUTED);

	book = new_book(THPRACE_PRECISE);
	say_opener(book, removal(T + 500, 11));
	say_opener(book, removal(T + 400, 12));
	say_walker(book, walker(T, T + 1000, 0));
	finish(book);
	assert_int_equal(only(THPRACE_CONTAINED)->window.pid, 12);

	/* Told in another order, in part after the walker: the earliest counts all the same. */
	book = new_book(THPRACE_PRECISE);
	say_opener(book, removal(T + 400, 13));
	say_walker(book, walker(T, T + 1000, 0));
	say_opener(book, removal(T + 300, 12));
	say_opener(book, removal(T + 350, 14));
	finish(book);
	assert_int_equal(only(THPRACE_CONTAINED)->window.open, T + 300);
	assert_int_equal(given.shown[0].opener_stack.ip[0], 12);

	/* Too late, too early, or of its own. */
	book = new_book(THPRACE_PRECISE);
	say_opener(book, removal(T + 1001, 11));
	say_opener(book, removal(T - 1, 11));
	say_opener(book, removal(T + 500, 20));
	say_walker(book, walker(T, T + 1000, 0));
	finish(book);
	assert_int_equal(given.nr, 0);
}

/* One range and one walker that left a mapping by a PTE; what comes of it. */
static void one_range(struct thprace_incident failed, struct thprace_window zapped)
{
	struct book *book = new_book(THPRACE_LIGHT);

	say_walker(book, failed);
	say_opener(book, zapped);
	finish(book);
}

static void test_range(void **state)
{
	struct thprace_incident failed = small_walker(T, T + 1000, 2);
	struct thprace_window zapped = range(0, T + 5000, 1);

	(void)state;
	/* It was under way, by what is known of its beginning; and a mapping went. */
	one_range(failed, zapped);
	only_escape(THPRACE_CAUSAL);
	assert_int_equal(given.shown[0].window.pid, 11);
	assert_int_equal(given.shown[0].window.level, THPRACE_LEVEL_PTE);
	assert_int_equal(given.shown[0].opener_stack.ip[0], 11);
	one_range(failed, range(T + 1000, T + 5000, 1));
	only_escape(THPRACE_CAUSAL);
	zapped.removed = T + 1001;
	one_range(failed, zapped);
	only_escape(THPRACE_EXACT);
	zapped.removed = 0;
	zapped.flags |= THPRACE_WF_VAGUE;
	one_range(failed, zapped);
	only_escape(THPRACE_LIKELY);
	/* Nobody could tell what it left. */
	one_range(failed, range(0, T + 5000, THPRACE_LEFT_LATE));
	only_escape(THPRACE_LIKELY);
	/* It took none of those that were left; or what was left was mapped by PMDs. */
	one_range(failed, range(0, T + 5000, 2));
	only(THPRACE_UNATTRIBUTED);
	one_range(walker(T, T + 1000, 2), range(0, T + 5000, 0));
	only(THPRACE_UNATTRIBUTED);
	/* It began after the return: the walker had failed by then, with nobody unmapping. */
	one_range(failed, range(T + 1001, T + 5000, 1));
	only(THPRACE_REMAINED);
	assert_int_equal(given.shown[0].window.pid, 0);
	one_range(failed, range(T + 1001, T + 5000, 2));
	only(THPRACE_UNATTRIBUTED);
	/* It was over before the return. */
	one_range(failed, range(0, T + 1000 - THPRACE_TOLERANCE_NS, 1));
	only(THPRACE_UNATTRIBUTED);
	/* So late, it says nothing any more. */
	one_range(failed, range(0, T + 1000 + THPRACE_ATTRIBUTION_NS, 1));
	only_escape(THPRACE_CAUSAL);
	one_range(failed, range(0, T + 1001 + THPRACE_ATTRIBUTION_NS, 1));
	only(THPRACE_UNATTRIBUTED);
	/* Its own. */
	zapped = range(0, T + 5000, 1);
	zapped.pid = 20;
	one_range(failed, zapped);
	only(THPRACE_UNATTRIBUTED);
	/* It did not fail: a range in its time says nothing. */
	one_range(small_walker(T, T + 1000, 0), range(0, T + 5000, 1));
	assert_int_equal(given.nr, 0);
}

/* Several ranges under way: if as many mappings went as they took together, each took its own. */
static void test_ranges(void **state)
{
	struct thprace_window first = range(0, T + 4000, 2), second = range(0, T + 5000, 1);
	int32_t left;

	(void)state;
	second.pid = 12;
	for (left = 3; left <= 4; left++) {
		struct book *book = new_book(THPRACE_LIGHT);

		say_opener(book, second);
		say_opener(book, first);
		say_walker(book, small_walker(T, T + 1000, left));
		/* Each is reported once for each walker that waits. */
		say_opener(book, first);
		say_opener(book, second);
		finish(book);
		only_escape(left == 3 ? THPRACE_CAUSAL : THPRACE_LIKELY);
		assert_int_equal(given.shown[0].window.pid, 11); /* it ended first */
	}
}

/* A pmd-level escape explains a walker: no range is given besides. */
static void test_escape_before_range(void **state)
{
	struct thprace_incident failed = walker(T, T + 1000, 2);
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	failed.walk.left = (struct thprace_counts){.entire = 1, .small = 1};
	say_opener(book, range(0, T + 2500, 0));
	say_opener(book, window(T - 500, T + 2000, T + 3000));
	say_walker(book, failed);
	finish(book);
	assert_int_equal(only(THPRACE_ESCAPE)->window.level, THPRACE_LEVEL_PMD);

	/* What was contained does not. */
	book = new_book(THPRACE_PRECISE);
	say_opener(book, range(0, T + 2500, 0));
	say_opener(book, window(T - 500, T + 200, T + 300));
	say_walker(book, failed);
	finish(book);
	assert_int_equal(given.nr, 2);
	assert_int_equal(given.shown[0].verdict, THPRACE_CONTAINED);
	assert_int_equal(given.shown[1].verdict, THPRACE_ESCAPE);
	assert_int_equal(given.shown[1].window.level, THPRACE_LEVEL_PTE);
}

/* Two failures in a row: a range between their returns explains the second, and clears the first. */
static void test_newer_failure(void **state)
{
	struct thprace_incident older = small_walker(T, T + 1000, 1);
	struct thprace_incident newer = small_walker(T + 2000, T + 3000, 1);
	struct book *book = new_book(THPRACE_PRECISE);

	(void)state;
	newer.walk.pid = 21;
	say_walker(book, older);
	say_walker(book, newer);
	say_opener(book, range(T + 2500, T + 4000, 0));
	finish(book);
	assert_int_equal(given.nr, 2);
	assert_int_equal(given.shown[0].verdict, THPRACE_REMAINED);
	assert_int_equal(given.shown[0].walk.pid, 20);
	assert_int_equal(given.shown[1].verdict, THPRACE_ESCAPE);

	/* Under way at both returns, it explains both. */
	book = new_book(THPRACE_PRECISE);
	say_walker(book, older);
	say_walker(book, newer);
	say_opener(book, range(T + 900, T + 4000, 0));
	finish(book);
	assert_int_equal(given.nr, 2);
	assert_int_equal(given.verdicts[THPRACE_ESCAPE], 2);

	/* On another folio, none. */
	book = new_book(THPRACE_PRECISE);
	newer.walk.folio = OTHER_FOLIO;
	say_walker(book, older);
	say_walker(book, newer);
	say_opener(book, range(T + 900, T + 4000, 0));
	finish(book);
	assert_int_equal(given.shown[0].verdict, THPRACE_ESCAPE);
	assert_int_equal(given.shown[1].verdict, THPRACE_UNATTRIBUTED);
}

/* One window at PMD level, or several, and a walker that left so many of its mappings. */
static void test_counts(void **state)
{
	struct thprace_window zap = window(T - 500, 0, T + 3000),
			      other = window(T - 400, 0, T + 3500);
	struct book *book = new_book(THPRACE_LIGHT);

	(void)state;
	/* What the walker left is there still when the window is over: it took another one. */
	zap.left = 1;
	say_walker(book, walker(T, T + 1000, 1));
	say_opener(book, zap);
	finish(book);
	assert_int_equal(given.nr, 2);
	assert_int_equal(given.shown[0].verdict, THPRACE_CONTAINED);
	assert_int_equal(given.shown[0].attribution, THPRACE_ATTRIBUTION_NONE);
	assert_int_equal(given.shown[1].verdict, THPRACE_UNATTRIBUTED);

	/* It is gone then. */
	book = new_book(THPRACE_LIGHT);
	say_walker(book, walker(T, T + 1000, 2));
	say_opener(book, zap);
	finish(book);
	only_escape(THPRACE_CAUSAL);

	/* Read too late. */
	book = new_book(THPRACE_LIGHT);
	zap.left = THPRACE_LEFT_LATE;
	say_walker(book, walker(T, T + 1000, 2));
	say_opener(book, zap);
	finish(book);
	only_escape(THPRACE_LIKELY);
	assert_int_equal(given.shown[0].window.left, THPRACE_LEFT_LATE);

	/* Two, and two mappings went; or two, and one did. */
	other.pid = 11;
	for (other.left = 0; other.left <= 1; other.left++) {
		book = new_book(THPRACE_LIGHT);
		zap.left = 1;
		say_opener(book, zap);
		say_walker(book, walker(T, T + 1000, 2));
		say_opener(book, other);
		book__finish(book);
		assert_int_equal(given.nr, 2);
		assert_int_equal(given.verdicts[THPRACE_ESCAPE], 2);
		assert_int_equal(given.shown[0].attribution,
				 other.left ? THPRACE_LIKELY : THPRACE_CAUSAL);
		assert_int_equal(given.shown[1].attribution, given.shown[0].attribution);
		assert_int_equal(book__classes(book)[THPRACE_TRUNCATE_UNMAP].likely,
				 other.left ? 2 : 0);
		book__free(book);
	}

	/* Somebody else began to zap before the count was read: it may have taken the one that went. */
	for (other.open = T + 1001; other.open < LATE; other.open += 2 * THPRACE_READ_NS) {
		book = new_book(THPRACE_LIGHT);
		zap.left = 0;
		other.close = other.open + 100;
		other.left = 0;
		say_opener(book, other);
		say_walker(book, walker(T, T + 1000, 1));
		say_opener(book, zap);
		finish(book);
		only_escape(other.open == T + 1001 ? THPRACE_LIKELY : THPRACE_CAUSAL);
		if (other.open != T + 1001)
			break;
	}
}

/* Nobody was unmapping: a window that began only after the return took what the walker had left. */
static void test_remained(void **state)
{
	struct thprace_window later = window(T + 1001, 0, T + 3000);
	struct book *book;
	int before;

	(void)state;
	for (before = 0; before <= 1; before++) {
		book = new_book(THPRACE_LIGHT);
		if (before)
			say_opener(book, later);
		say_walker(book, walker(T, T + 1000, 1));
		if (!before)
			say_opener(book, later);
		book__finish(book);
		only(THPRACE_REMAINED);
		assert_int_equal(given.shown[0].window.pid, 0);
		assert_int_equal(given.shown[0].attribution, THPRACE_ATTRIBUTION_NONE);
		assert_int_equal(book__classes(book)[THPRACE_TRUNCATE_UNMAP].remained, 1);
		assert_int_equal(book__classes(book)[THPRACE_TRUNCATE_UNMAP].unattributed, 0);
		assert_int_equal(book__classes(book)[THPRACE_TRUNCATE_UNMAP].overlaps, 0);
		book__free(book);
	}
	/* It took none; nobody asked; there was nothing to take (huge zero page); or it came too late. */
	later.left = 1;
	book = new_book(THPRACE_LIGHT);
	say_walker(book, walker(T, T + 1000, 1));
	say_opener(book, later);
	finish(book);
	only(THPRACE_UNATTRIBUTED);
	later.left = THPRACE_LEFT_UNREAD;
	book = new_book(THPRACE_LIGHT);
	say_walker(book, walker(T, T + 1000, 1));
	say_opener(book, later);
	finish(book);
	only(THPRACE_UNATTRIBUTED);
	later.left = 0;
	book = new_book(THPRACE_PRECISE);
	say_walker(book, walker(T, T + 1000, 1));
	say_opener(book, later);
	finish(book);
	only(THPRACE_UNATTRIBUTED);
	later.close = T + 1001 + THPRACE_ATTRIBUTION_NS;
	book = new_book(THPRACE_LIGHT);
	say_walker(book, walker(T, T + 1000, 1));
	say_opener(book, later);
	finish(book);
	only(THPRACE_UNATTRIBUTED);
	/* The walker's own later zap tells as much: it was not under way when the walker returned. */
	later.close = T + 3000;
	later.pid = 20;
	book = new_book(THPRACE_LIGHT);
	say_walker(book, walker(T, T + 1000, 1));
	say_opener(book, later);
	finish(book);
	only(THPRACE_REMAINED);
}

static const struct thprace_counts none_mapped,
	one_mapped = {.entire = 1}, two_mapped = {.entire = 2}, three_mapped = {.entire = 3};

/* The function around a failed walker tells what it found as it returned. */
static void test_outer(void **state)
{
	struct thprace_incident failed = walker(T, T + 1000, 1);
	struct thprace_window later = window(T + 7000, 0, T + 8000);
	struct book *book = new_book(THPRACE_LIGHT);
	int first;

	(void)state;
	failed.walk.flags = THPRACE_KF_OUTER;
	/* It is waited for, but not for ever. */
	say_walker(book, failed);
	book__settle(book, T + 999999999, LATE);
	assert_int_equal(given.nr, 0);
	say_outer(book, T + 1000, none_mapped, one_mapped);
	book__settle(book, T + 999999999, LATE);
	assert_int_equal(only(THPRACE_REMAINED)->walk.outer_at, T + 6000);
	assert_int_equal(given.shown[0].walk.outer.entire, 1);
	assert_int_equal(given.shown[0].walk.order, 9);
	assert_int_equal(given.shown[0].walk.flags, 0);
	finish(book);
	book = new_book(THPRACE_LIGHT);
	say_walker(book, failed);
	book__settle(book, T + 1000000000, LATE);
	only(THPRACE_UNATTRIBUTED);
	finish(book);

	/* Less is mapped: somebody was unmapping after all. */
	book = new_book(THPRACE_LIGHT);
	say_walker(book, failed);
	say_outer(book, T + 1000, none_mapped, none_mapped);
	finish(book);
	only(THPRACE_UNATTRIBUTED);

	/* Another task's, or another walker's. */
	book = new_book(THPRACE_LIGHT);
	say_walker(book, failed);
	say_outer(book, T + 1001, none_mapped, one_mapped);
	finish(book);
	only(THPRACE_UNATTRIBUTED);

	/* A split that maps again what it took: the counts before it began are the measure. */
	failed.walk.flags = THPRACE_KF_OUTER | THPRACE_RF_REMAP;
	book = new_book(THPRACE_LIGHT);
	say_walker(book, failed);
	say_outer(book, T + 1000, two_mapped, two_mapped);
	finish(book);
	only(THPRACE_REMAINED);
	book = new_book(THPRACE_LIGHT);
	say_walker(book, failed);
	say_outer(book, T + 1000, three_mapped, two_mapped);
	finish(book);
	only(THPRACE_UNATTRIBUTED);
	/* A zap that came later tells nothing more, in whatever order that is told. */
	later.left = 1;
	for (first = 0; first <= 1; first++) {
		book = new_book(THPRACE_LIGHT);
		say_walker(book, failed);
		if (first)
			say_opener(book, later);
		say_outer(book, T + 1000, three_mapped, two_mapped);
		if (!first)
			say_opener(book, later);
		finish(book);
		only(THPRACE_UNATTRIBUTED);
	}
}

/*
 * A walker that says "still mapped" itself, and a moment later nothing was: what went was one that was
 * under way in its time; exact if that one was alone and seen to go.
 */
static void test_own_result(void **state)
{
	struct thprace_incident failed = walker(T, T + 1000, 0);
	struct thprace_window zap = range(T - 500, T + 600, 0), other = range(T - 400, T + 700, 0);
	int second;

	(void)state;
	failed.walk.flags = THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED;
	one_range(failed, zap);
	only_escape(THPRACE_LIKELY);
	zap.removed = T + 500;
	other.pid = 12;
	for (second = 0; second <= 1; second++) {
		struct book *book = new_book(THPRACE_PRECISE);

		say_walker(book, failed);
		say_opener(book, zap);
		if (second)
			say_opener(book, other);
		finish(book);
		only_escape(second ? THPRACE_LIKELY : THPRACE_EXACT);
		assert_int_equal(given.shown[0].window.pid, 11);
	}
	one_range(failed, range(0, T - 1, 0));
	only(THPRACE_UNATTRIBUTED);
	one_range(failed, range(T + 1001, T + 2000, 0));
	only(THPRACE_UNATTRIBUTED);
}

/* Folios share the lists that they are looked up in. */
static void test_many_folios(void **state)
{
	struct book *book = new_book(THPRACE_PRECISE);
	struct thprace_incident other = walker(T + 2000, T + 3000, 1);
	unsigned int i;

	(void)state;
	other.walk.left = (struct thprace_counts){.small = 1};
	say_walker(book, small_walker(T, T + 1000, 1));
	for (i = 1; i < 50000; i++) {
		other.walk.folio = FOLIO + 0x8000ULL * i;
		other.walk.pid = 20 + i;
		say_walker(book, other);
	}
	say_opener(book, range(0, T + 4000, 0));
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

	/* Alone: no failed walker, or none so near. Neither windows nor ranges explain it. */
	book = new_book(THPRACE_PRECISE);
	say_walker(book, walker(T, T + 1000, 0));
	say_walker(book, check_point(T + 2000));
	say_opener(book, removal(T + 2000, 11));
	say_opener(book, range(0, T + 3000, 0));
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
	assert_int_equal(only(THPRACE_UNPROVEN)->attribution, THPRACE_ATTRIBUTION_NONE);
	/* It reaches as far as the range that explains. */
	book = new_book(THPRACE_LIGHT);
	say_walker(book, small_walker(T, T + 1000, 1));
	say_opener(book, range(0, T + 5000, 0));
	book__lost(book, T + 5000, T + 5001);
	finish(book);
	assert_int_equal(only(THPRACE_UNPROVEN)->attribution, THPRACE_ATTRIBUTION_NONE);
	book = new_book(THPRACE_LIGHT);
	say_walker(book, small_walker(T, T + 1000, 1));
	say_opener(book, range(0, T + 5000, 0));
	book__lost(book, T + 5001, T + 5002);
	finish(book);
	only_escape(THPRACE_LIKELY);
	/* For so long another that was under way may have ended, and be lost: nothing is proved … */
	for (i = 0; i <= 1; i++) {
		const uint64_t lost = T + 1000 + THPRACE_ATTRIBUTION_NS + i;

		book = new_book(THPRACE_LIGHT);
		say_walker(book, small_walker(T, T + 1000, 1));
		say_opener(book, range(0, T + 5000, 0));
		book__lost(book, lost, lost);
		finish(book);
		only_escape(i ? THPRACE_CAUSAL : THPRACE_LIKELY);
		/* … nor that nobody was unmapping. */
		book = new_book(THPRACE_LIGHT);
		say_walker(book, small_walker(T, T + 1000, 1));
		say_opener(book, range(T + 1001, T + 5000, 0));
		book__lost(book, lost, lost);
		finish(book);
		only(i ? THPRACE_REMAINED : THPRACE_UNPROVEN);
	}
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
	for (i = 0; i < 4096 + 10; i++) {
		closed = window(T + i * 1000, T + i * 1000 + 100, T + i * 1000 + 200);
		closed.left = THPRACE_LEFT_UNREAD;
		say_opener(book, closed);
	}
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
	/* The window began only after its return. */
	assert_int_equal(book__classes(book)[THPRACE_TRUNCATE_UNMAP].remained, 1);
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
		{THPRACE_MSG_OUTER, sizeof(struct thprace_outer)},
	};
	struct book *book = new_book(THPRACE_PRECISE);
	struct thprace_incident message;
	size_t i, size;
	uint32_t type;
	void *exact;

	(void)state;
	memset(&message, 0, sizeof(message));
	for (type = 0; type < 100; type += THPRACE_MSG_OUTER + 1) { /* 0, and what nobody knows */
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

/* As many failures of one folio as nobody has seen; each hears of the zaps of the next 0.2 s. */
#define STORM_NS 200000ULL

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
		t = T + i * STORM_NS;
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
	book__finish(book);
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
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_escape_before_range),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_remained),
		cmocka_unit_test(test_outer),
		cmocka_unit_test(test_own_result),
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
