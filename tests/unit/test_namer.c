// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of addresses are found in pieces: sixteen requests for all of them do not block the loop.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/types.h>
#include <cmocka.h>

#include "kernel/kallsyms.h"
#include "loop.h"
#include "namer.h"

#define SYMBOLS 150000
#define FIRST 0xffffffff81000000ULL
#define APART 64
#define WANTS 16
#define PIECE 4096 /* maximum number of lines read at a time, including stdio's read-ahead */

static uint64_t lines_read, lines_seen, ticks, most;
static const FILE *latest;
static int done;

/* A kallsyms of this many functions, one line per read. */
static ssize_t next_line(void *cookie, char *buf, size_t size)
{
	uint64_t *line = cookie;

	if (*line >= SYMBOLS)
		return 0;
	lines_read++;
	(*line)++;
	return snprintf(buf, size, "%016llx t function_%llu\n",
			FIRST + (unsigned long long)(*line - 1) * APART,
			(unsigned long long)*line - 1);
}

static int close_lines(void *cookie)
{
	free(cookie);
	return 0;
}

FILE *kallsyms__open(void)
{
	const cookie_io_functions_t functions = {.read = next_line, .close = close_lines};

	latest = fopencookie(calloc(1, sizeof(uint64_t)), "r", functions);
	return (FILE *)(uintptr_t)latest;
}

bool kallsyms__is_latest(const FILE *file)
{
	return file == latest;
}

static struct symbols *want(unsigned int seed)
{
	struct symbols *symbols = symbols__new();
	struct thprace_stack stack = {.nr = THPRACE_STACK_MAX};
	unsigned int i;

	assert_non_null(symbols);
	for (i = 0; i < THPRACE_STACK_MAX; i++)
		stack.ip[i] = FIRST + (uint64_t)(seed * 997 + i * 6007) % SYMBOLS * APART + 5;
	symbols__want(symbols, &stack);
	return symbols;
}

static void on_done(void *ctx)
{
	sd_event *event = ctx;

	if (++done == WANTS)
		sd_event_exit(event, 0);
}

/* Another event source that always has something to do. */
static int on_tick(sd_event_source *source, void *ctx)
{
	(void)ctx;
	ticks++;
	if (lines_read - lines_seen > most)
		most = lines_read - lines_seen;
	lines_seen = lines_read;
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void test_pieces(void **state)
{
	struct symbols *symbols[WANTS], *at_once;
	sd_event_source *tick = NULL;
	struct loop_times times = {0};
	struct namer *namer;
	char *found, *expected;
	sd_event *event;
	int i;

	(void)state;
	assert_true(sd_event_new(&event) >= 0);
	namer = namer__new(event);
	assert_non_null(namer);
	assert_true(sd_event_add_defer(event, &tick, on_tick, NULL) >= 0);
	lines_read = lines_seen = ticks = most = 0;
	done = 0;
	for (i = 0; i < WANTS; i++) {
		symbols[i] = want((unsigned int)i);
		assert_int_equal(namer__want(namer, symbols[i], on_done, event), 0);
		assert_int_equal(namer__want(namer, symbols[i], on_done, event), 0);
	}
	assert_int_equal(loop__run(event, &times), 0);
	assert_int_equal(done, WANTS);
	assert_int_equal(lines_read, (uint64_t)WANTS * SYMBOLS);
	assert_true(ticks > (uint64_t)WANTS * SYMBOLS / PIECE);
	assert_in_range(most, 1, PIECE);
	print_message("the longest dispatch: %.3f ms\n", (double)times.longest_ns / 1e6);
	for (i = 0; i < WANTS; i++) {
		at_once = want((unsigned int)i);
		assert_false(symbols__any_untried(symbols[i]));
		found = symbols__json_new(symbols[i]);
		expected = symbols__json_new(at_once);
		assert_string_equal(found, expected);
		assert_non_null(strstr(found, "+0x5\""));
		free(found);
		free(expected);
		symbols__free(at_once);
		symbols__free(symbols[i]);
	}
	namer__free(namer);
	sd_event_source_disable_unref(tick);
	sd_event_unref(event);
}

/* By the processor's clock, so that a busy machine does not matter. */
static void test_a_piece_is_short(void **state)
{
	struct timespec before, after;
	struct symbols *symbols = want(1);
	double took;

	(void)state;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	assert_false(symbols__step(symbols, 2048));
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	took = (double)(after.tv_sec - before.tv_sec) * 1e9 +
	       (double)(after.tv_nsec - before.tv_nsec);
	assert_true(took < LOOP_LONG_NS);
	symbols__free(symbols);
}

/* Another reader of kallsyms in between, more requests in between, and a cancelled request. */
static void test_disturbed(void **state)
{
	struct symbols *symbols = want(1), *other = want(2), *gone = want(3);
	struct namer *namer;
	sd_event *event;
	char *found;
	struct thprace_stack stack = {.nr = 1, .ip = {FIRST + 7 * APART + 1}};

	(void)state;
	assert_true(sd_event_new(&event) >= 0);
	namer = namer__new(event);
	assert_false(symbols__step(symbols, 1000));
	symbols__resolve(other);
	symbols__want(symbols, &stack);
	while (!symbols__step(symbols, 1000))
		;
	assert_false(symbols__any_untried(symbols));
	found = symbols__json_new(symbols);
	assert_non_null(strstr(found, "\"function_7+0x1\""));
	free(found);
	assert_int_equal(namer__want(namer, gone, on_done, event), 0);
	assert_true(sd_event_run(event, 0) >= 0);
	namer__forget(namer, gone);
	symbols__free(gone);
	done = 0;
	assert_true(sd_event_run(event, 0) >= 0);
	assert_int_equal(done, 0);
	namer__free(namer);
	sd_event_unref(event);
	symbols__free(symbols);
	symbols__free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_a_piece_is_short),
		cmocka_unit_test(test_disturbed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
