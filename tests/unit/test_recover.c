// SPDX-License-Identifier: GPL-2.0-only
/* thprace recover: what comes out of a dead kernel's memory, and of damaged memory. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "class_ids.h"
#include "base/work.h"
#include "crash_support.h"
#include "dump/beacon.h"
#include "dump/recovery.h"
#include "report/diagram.h"
#include "report/summary.h"
#include "trace/trace_reader.h"

static char file[] = "/tmp/test_recover.XXXXXX";

/* What came out of a crash. */
struct out {
	struct recovery recovery;
	int err;
	char why[256];
	struct summary *summary;
};

static void recover(struct crash *crash, struct out *out)
{
	const struct recovery_options options = {.path = file, .format = "test"};
	struct trace_reader *reader;
	char why[256];

	memset(out, 0, sizeof(*out));
	race_class__forget_foreign();
	out->err = recovery__make(&out->recovery, &crash->memory, &options, out->why,
				  sizeof(out->why));
	if (out->err)
		return;
	assert_int_equal(trace_reader__open(&reader, file, why, sizeof(why)), 0);
	assert_int_equal(summary__read(&out->summary, reader, why, sizeof(why)), 0);
	trace_reader__close(reader);
	assert_true(out->summary->ended);
	assert_int_equal(out->summary->bad_blocks, 0);
}

static bool notes(const struct out *out, const char *text)
{
	size_t i;

	for (i = 0; i < out->summary->nr_crash; i++)
		if (strstr(out->summary->crash[i], text))
			return true;
	return false;
}

static const struct thprace_incident *incident(const struct out *out, enum thprace_verdict verdict)
{
	assert_int_equal(out->summary->nr_kept[THPRACE_SPLIT_UNMAP][verdict], 1);
	return &out->summary->kept[THPRACE_SPLIT_UNMAP][verdict][0].incident;
}

/* How a drawing says it. */
static void assert_drawn(const struct out *out, const struct thprace_incident *one,
			 const char *text)
{
	const struct diagram_options options = {.width = 100};
	char *drawing = NULL;
	size_t size;
	FILE *stream = open_memstream(&drawing, &size);

	diagram__incident(stream, out->summary, 1, one, &options);
	fclose(stream);
	if (!strstr(drawing, text))
		fail_msg("no \"%s\" in\n%s", text, drawing);
	free(drawing);
}

/* Too large for the stack. */
static struct crash *new_crash(void)
{
	struct crash *crash = malloc(sizeof(*crash));

	assert_non_null(crash);
	crash_make(crash);
	return crash;
}

static void release(struct out *out, struct crash *crash)
{
	summary__free(out->summary);
	free(crash);
}

/* It can be told how far the search is: at its end, all of the dump. */
static void test_search(void **state)
{
	struct crash *crash = new_crash();
	struct beacon *beacon = malloc(sizeof(*beacon));
	struct work work = {0};
	char why[256];

	(void)state;
	assert_non_null(beacon);
	assert_int_equal(beacon__find(beacon, &crash->memory, &work, why, sizeof(why)), 0);
	assert_int_equal(work.total, CRASH_BYTES);
	assert_int_equal(work.done, CRASH_BYTES);
	free(beacon);
	free(crash);
}

static void test_empty(void **state)
{
	struct crash *crash = new_crash();
	struct out out;

	(void)state;
	recover(crash, &out);
	assert_int_equal(out.err, 0);
	assert_string_equal(out.summary->kernel, "5.10.0-test");
	assert_int_equal(out.summary->mode, THPRACE_LIGHT);
	assert_int_equal(out.summary->header.started, CRASH_STARTED);
	assert_int_equal(out.summary->incidents, 0);
	assert_true(notes(&out, "recovered from a crash dump (test)"));
	assert_true(notes(&out, "last words: Kernel panic - not syncing: it is a test"));
	assert_false(notes(&out, "and more"));
	assert_true(notes(&out, "0 messages"));
	assert_int_equal(out.recovery.complaints, 1);
	assert_int_equal(out.recovery.naming, 1);
	assert_true(notes(&out, "truncate-unmap"));
	release(&out, crash);
}

/* Counters add up, even if the crash came between the two steps of a count. */
static void test_counters(void **state)
{
	struct crash *crash = new_crash();
	struct out out;

	(void)state;
	crash_cpu(crash, 0)->counters.seen = 11;
	crash_cpu(crash, 0)->counters.filtered = 10;
	crash_cpu(crash, 0)->counters.walkers[THPRACE_SPLIT_UNMAP] = 4;
	crash_cpu(crash, 1)->counters.walkers[THPRACE_SPLIT_UNMAP] = 3;
	crash_record(crash, 1,
		     (struct thprace_record){.ts = CRASH_STARTED + 500,
					     .type = THPRACE_REC_ZAP_OPEN});
	crash_record(crash, 1,
		     (struct thprace_record){.ts = CRASH_STARTED + 700,
					     .type = THPRACE_REC_ZAP_CLOSE});
	crash_record(crash, 1, (struct thprace_record){.type = 99});
	/* Being written. */
	crash_record(crash, 1, (struct thprace_record){.ts = CRASH_STARTED + 900});
	crash_cpu(crash, 1)->flight[3].seq = 0;
	crash_slot(crash, 5)->task = 77;
	crash_slot(crash, 5)->windows = 9;
	recover(crash, &out);
	assert_int_equal(out.err, 0);
	assert_int_equal(out.summary->seen, 14);
	assert_int_equal(out.summary->submitted, 4);
	assert_true(summary__identity(out.summary));
	assert_true(notes(&out, "cut off 1 run"));
	assert_true(notes(&out, "1 damaged record"));
	assert_int_equal(out.summary->class[THPRACE_SPLIT_UNMAP].walkers, 7);
	assert_int_equal(out.summary->context, 2);
	assert_int_equal(out.summary->stopped, CRASH_STARTED + 700);
	assert_int_equal(out.summary->nr_tasks, 1);
	assert_int_equal(out.summary->tasks[0].windows, 9);
	release(&out, crash);
}

/* Records of --all: what is still in the stream's memory, whoever had read it. */
static void test_stream(void **state)
{
	const size_t places = CRASH_RING_BYTES / (sizeof(struct thprace_record) + 8);
	struct thprace_record record = {.type = THPRACE_REC_ZAP_OPEN};
	struct crash *crash = new_crash();
	struct out out;
	unsigned int i;

	(void)state;
	for (i = 1; i <= 500; i++) {
		record.ts = CRASH_STARTED + i;
		crash_stream(crash, record, 0);
	}
	crash_number(crash, CRASH_STREAM + 0x1000,
		     crash->streamed - 10 * (sizeof(struct thprace_record) + 8));
	record.type = 99; /* damaged */
	crash_stream(crash, record, 0);
	record.type = THPRACE_REC_ZAP_OPEN;
	record.ts += 1000; /* being written when the kernel died */
	crash_stream(crash, record, 1U << 31);
	recover(crash, &out);
	assert_int_equal(out.err, 0);
	assert_true(out.recovery.all);
	assert_int_equal(out.summary->records, places - 2);
	assert_int_equal(out.summary->context, 0);
	assert_int_equal(out.recovery.streams.counts.unread, 11);
	assert_int_equal(out.recovery.streams.counts.unfinished, 1);
	assert_int_equal(out.summary->stopped, CRASH_STARTED + 500);
	assert_int_equal(out.summary->submitted, 501);
	assert_true(summary__identity(out.summary));
	assert_true(notes(&out, "of --all: "));
	assert_true(notes(&out, "11 not read before; earlier ones are only in what"));
	assert_true(notes(&out, "cut off 1 run"));
	assert_true(notes(&out, "1 damaged record"));
	release(&out, crash);

	/* One ring of two is damaged, and where it should be there is none. */
	crash = new_crash();
	crash_stream(crash, record, 0);
	crash_beacon(crash)->head.streams = 2;
	recover(crash, &out);
	assert_int_equal(out.err, 0);
	assert_int_equal(out.summary->records, 1);
	assert_true(notes(&out, "the streams of 1 CPU are not in the dump"));
	release(&out, crash);

	crash = new_crash();
	crash_stream(crash, record, 0);
	crash_beacon(crash)->head.stream_mask = 4096;
	recover(crash, &out);
	assert_int_equal(out.err, -ENOENT);
	free(crash);
}

/* A failed walker, and a window that was open until the crash: the escape that killed the kernel. */
static void test_window_under_way(void **state)
{
	struct thprace_incident failed = crash_failed(8, CRASH_STARTED + 200, CRASH_STARTED + 300);
	struct crash *crash = new_crash();
	const struct thprace_incident *found;
	struct out out;

	(void)state;
	crash_window(crash, 1, 7, CRASH_STARTED + 100);
	crash_walker(crash, 0, 8, CRASH_STARTED + 200, CRASH_STARTED + 300);
	crash_message(crash, &failed, sizeof(failed), 0);
	crash_record(crash, 0,
		     (struct thprace_record){.ts = CRASH_STARTED + 400,
					     .type = THPRACE_REC_WALK_RETURN});
	recover(crash, &out);
	assert_int_equal(out.err, 0);
	assert_int_equal(out.recovery.windows, 1);
	assert_int_equal(out.recovery.waiting, 1);
	assert_int_equal(out.recovery.messages.unread, 1);
	found = incident(&out, THPRACE_ESCAPE);
	assert_int_equal(found->attribution, THPRACE_LIKELY);
	assert_int_equal(found->window.pid, 7);
	assert_int_equal(found->window.close, CRASH_STARTED + 400);
	assert_true(found->window.flags & THPRACE_WF_CRASH);
	assert_drawn(&out, found, "zap_huge_pmd() under way at the crash");
	assert_drawn(&out, found, "the zap was still under way then");
	assert_true(notes(&out, "under way at the crash: window at PMD level, zapper/7"));
	assert_true(notes(&out, "1 failed walker waited"));
	/* The name of the first frame; the second is not the kernel's. */
	assert_string_equal(summary__symbol(out.summary, CRASH_TEXT + 0x105), "zap_huge_pmd+0x5");
	assert_string_equal(summary__symbol(out.summary, CRASH_TEXT + 0x2000000),
			    "outside_vmlinux+0x1000000");
	release(&out, crash);
}

/* In precise mode a window without a removal is none; one that was under way is one. */
static void test_precise(void **state)
{
	struct thprace_incident failed = crash_failed(8, CRASH_STARTED + 200, CRASH_STARTED + 300);
	struct crash *crash = new_crash();
	struct out out;

	(void)state;
	crash_beacon(crash)->head.mode = THPRACE_PRECISE;
	crash_window(crash, 1, 7, CRASH_STARTED + 100);
	crash_message(crash, &failed, sizeof(failed), 0);
	recover(crash, &out);
	assert_int_equal(incident(&out, THPRACE_ESCAPE)->mode, THPRACE_PRECISE);
	release(&out, crash);
}

/* The zap of a part of a vma: which folios it covers is read from the dead kernel's structures. */
static void test_range_under_way(void **state)
{
	struct thprace_incident failed = crash_failed(8, CRASH_STARTED + 200, CRASH_STARTED + 300);
	struct crash *crash = new_crash();
	const struct thprace_incident *found;
	struct out out;

	(void)state;
	failed.walk.left = (struct thprace_counts){.small = 1};
	crash_range(crash, 1, 7, CRASH_STARTED + 100);
	crash_range(crash, 2, 9, CRASH_STARTED + 100)->range_vma = 0x5000; /* not in the dump */
	crash_walker(crash, 0, 8, CRASH_STARTED + 200, CRASH_STARTED + 300);
	crash_message(crash, &failed, sizeof(failed), 0);
	recover(crash, &out);
	assert_int_equal(out.err, 0);
	assert_int_equal(out.recovery.ranges, 2);
	found = incident(&out, THPRACE_ESCAPE);
	assert_int_equal(found->window.level, THPRACE_LEVEL_PTE);
	assert_int_equal(found->window.pid, 7);
	assert_drawn(&out, found, "unmap_page_range() under way at the crash");
	release(&out, crash);

	/* Other pages of that file. */
	crash = new_crash();
	crash_range(crash, 1, 7, CRASH_STARTED + 100);
	crash_walker(crash, 0, 8, CRASH_STARTED + 200, CRASH_STARTED + 300)->index = 512;
	crash_message(crash, &failed, sizeof(failed), 0);
	recover(crash, &out);
	incident(&out, THPRACE_UNATTRIBUTED);
	release(&out, crash);
}

/* No statement is made about a walker that had not returned. */
static void test_walker_under_way(void **state)
{
	struct crash *crash = new_crash();
	const struct thprace_incident *found;
	struct out out;

	(void)state;
	crash_walker(crash, 0, 8, CRASH_STARTED + 200, 0);
	crash_walker(crash, 1, 9, CRASH_STARTED + 200, 0)->class = 200;
	recover(crash, &out);
	assert_int_equal(out.recovery.walkers, 1);
	found = incident(&out, THPRACE_UNPROVEN);
	assert_int_equal(found->window.pid, 0);
	assert_string_equal(found->walk.comm, "walker");
	assert_drawn(&out, found, "under way at the crash");
	assert_drawn(&out, found, "UNPROVEN: the walker was under way when the kernel died");
	assert_true(notes(&out, "under way at the crash: walker of split-unmap, walker/8"));
	release(&out, crash);

	/* Its task is not in the dump. */
	crash = new_crash();
	crash_walker(crash, 0, 8, CRASH_STARTED + 200, 0)->task = 0x1000;
	recover(crash, &out);
	assert_string_equal(incident(&out, THPRACE_UNPROVEN)->walk.comm, "");
	release(&out, crash);

	crash = new_crash();
	crash_walker(crash, 0, 8, CRASH_STARTED + 200, 0);
	crash_window(crash, 1, 7, CRASH_STARTED + 100);
	recover(crash, &out);
	found = incident(&out, THPRACE_UNPROVEN);
	assert_int_equal(found->window.pid, 7);
	assert_drawn(&out, found, "zap_huge_pmd() under way at the crash");
	assert_int_equal(out.summary->class[THPRACE_SPLIT_UNMAP].overlaps, 1);
	release(&out, crash);
}

/* Losses: known ones, and those that were counted since. */
static void test_losses(void **state)
{
	struct thprace_incident failed = crash_failed(8, CRASH_STARTED + 200, CRASH_STARTED + 300);
	struct crash *crash = new_crash();
	struct out out;

	(void)state;
	crash_message(crash, &failed, sizeof(failed), 0);
	crash_cpu(crash, 0)->counters.lost[THPRACE_LOSS_SLOT] = 1;
	crash_beacon(crash)->head.lost[THPRACE_LOSS_MISSED] = 2;
	crash_beacon(crash)->head.lost[THPRACE_LOSS_WRITE] = 3;
	crash_beacon(crash)->head.lost[THPRACE_LOSS_MEMORY] = 4;
	recover(crash, &out);
	incident(&out, THPRACE_UNPROVEN);
	assert_int_equal(out.summary->lost[THPRACE_LOSS_SLOT], 1);
	assert_int_equal(out.summary->lost[THPRACE_LOSS_MISSED], 2);
	assert_int_equal(out.summary->lost[THPRACE_LOSS_WRITE], 3);
	assert_int_equal(out.summary->lost[THPRACE_LOSS_MEMORY], 4);
	assert_true(summary__identity(out.summary));
	release(&out, crash);

	/* A program counted a walk that the kernel had skipped, and nobody read that any more. */
	crash = new_crash();
	crash_message(crash, &failed, sizeof(failed), 0);
	crash_cpu(crash, 0)->counters.lost[THPRACE_LOSS_MISSED] = 2;
	crash_beacon(crash)->head.lost[THPRACE_LOSS_MISSED] = 1;
	recover(crash, &out);
	incident(&out, THPRACE_UNPROVEN);
	assert_int_equal(out.summary->lost[THPRACE_LOSS_MISSED], 2);
	assert_true(summary__identity(out.summary));
	release(&out, crash);

	crash = new_crash();
	crash_message(crash, &failed, sizeof(failed), 0);
	crash_cpu(crash, 0)->counters.lost[THPRACE_LOSS_SLOT] = 1;
	crash_beacon(crash)->head.lost[THPRACE_LOSS_SLOT] = 1;
	crash_beacon(crash)->head.lost_until = CRASH_STARTED + 100;
	recover(crash, &out);
	incident(&out, THPRACE_UNATTRIBUTED);
	release(&out, crash);
}

static void expect_failure(struct crash *crash, const char *why)
{
	struct out out;

	unlink(file);
	recover(crash, &out);
	assert_true(out.err < 0);
	if (!strstr(out.why, why))
		fail_msg("'%s' does not say '%s'", out.why, why);
	assert_int_not_equal(access(file, F_OK), 0);
	free(crash);
}

/* Nothing to recover: one message, and no file. */
static void test_nothing(void **state)
{
	struct crash *crash = new_crash();

	(void)state;
	crash_beacon(crash)->head.magic[1]++;
	expect_failure(crash, "thprace was not running");
	crash = new_crash();
	crash_beacon(crash)->head.layout++;
	expect_failure(crash, "of another build");
	crash = new_crash();
	crash_beacon(crash)->head.version[0] = 'x';
	expect_failure(crash, "thprace x");
	crash = new_crash();
	crash_beacon(crash)->head.self += CRASH_PAGE;
	expect_failure(crash, "page tables do not lead to it");
	crash = new_crash();
	crash_beacon(crash)->head.started = 0;
	expect_failure(crash, "had not begun to record");
	crash = new_crash();
	crash_beacon(crash)->head.cpus = 1000000;
	expect_failure(crash, "damaged");
	crash = new_crash();
	crash_beacon(crash)->head.meta_size = 0;
	expect_failure(crash, "description");
	crash = new_crash();
	crash_describe(crash, "{\"tool\":");
	expect_failure(crash, "description");
	crash = new_crash();
	crash->missing = CRASH_SLOTS + CRASH_PAGE;
	expect_failure(crash, "does not have the memory of thprace's tables");
}

/* A part is missing: the rest comes out, and it is said. */
static void test_parts(void **state)
{
	struct thprace_incident failed = crash_failed(8, CRASH_STARTED + 200, CRASH_STARTED + 300);
	struct crash *crash = new_crash();
	struct out out;

	(void)state;
	crash_record(crash, 0, (struct thprace_record){.ts = CRASH_STARTED + 5, .type = 1});
	crash->missing = CRASH_CPUS + sizeof(struct thprace_cpu) + CRASH_PAGE;
	recover(crash, &out);
	assert_int_equal(out.summary->context, 1);
	assert_true(notes(&out, "of 1 CPU are not in the dump"));
	release(&out, crash);

	crash = new_crash();
	crash_message(crash, &failed, sizeof(failed), 0);
	crash->missing = CRASH_RING_DATA;
	recover(crash, &out);
	assert_true(notes(&out, "the incident ring is not in the dump"));
	assert_int_equal(out.summary->incidents, 0);
	release(&out, crash);

	crash = new_crash();
	crash_message(crash, &failed, sizeof(failed), 0);
	crash_number(crash, CRASH_RING + 0x2000, 12345);
	recover(crash, &out);
	assert_true(notes(&out, "the incident ring is not in the dump"));
	release(&out, crash);

	crash = new_crash();
	crash->missing = CRASH_LOG;
	recover(crash, &out);
	assert_true(notes(&out, "the kernel's log: it is not in the dump"));
	release(&out, crash);

	crash = new_crash();
	crash->memory.info = "";
	recover(crash, &out);
	assert_true(notes(&out, "the dump does not say where it is"));
	assert_false(out.recovery.named);
	release(&out, crash);
}

/* Two engines: the one that began last. */
static void test_two(void **state)
{
	struct crash *crash = new_crash();
	struct thprace_beacon *other = malloc(sizeof(*other));
	struct out out;

	(void)state;
	assert_non_null(other);
	*other = *crash_beacon(crash);
	other->head.self = CRASH_BASE + CRASH_RING + 0x8000;
	other->head.started--;
	/* The log and the names are not needed here. */
	crash->memory.info = "";
	memcpy(crash_at(crash, CRASH_RING + 0x8000), other, sizeof(*other));
	recover(crash, &out);
	assert_int_equal(out.recovery.others, 1);
	assert_int_equal(out.summary->header.started, CRASH_STARTED);
	assert_true(notes(&out, "1 other recording was under way"));
	free(other);
	release(&out, crash);
}

/* --- the ring --- */

/*
 * Of races from files: a window that was open, and a walker that ended inside with its escape; two
 * that were both under way on another key.
 */
static void test_races(void **state)
{
	struct thprace_race_end ended = crash_race_end(THPRACE_RACE_WALKER, 8, CRASH_STARTED + 200,
						       CRASH_STARTED + 300, THPRACE_RACE_ESCAPED);
	struct thprace_race_pair pair =
		crash_race_pair(7, CRASH_STARTED + 100, 8, CRASH_STARTED + 200);
	struct crash *crash = new_crash();
	const unsigned int class = race_class__end();
	const struct thprace_incident *found;
	struct out out;
	__u64 *saved;

	(void)state;
	crash_make_race(crash);
	saved = crash_race(crash, 1, THPRACE_RACE_WINDOW, 7, CRASH_STARTED + 100)->interval.saved;
	saved[0] = 5;
	saved[1] = 0xffff888000001000;
	crash_race(crash, 2, THPRACE_RACE_WINDOW, 9, CRASH_STARTED + 900)->interval.key = 0x78;
	crash_race(crash, 511, THPRACE_RACE_WALKER, 10, CRASH_STARTED + 950)->interval.key = 0x78;
	/* Free, inside a function, of no race, and not stamped. */
	crash_race(crash, 3, THPRACE_RACE_WALKER, 11, CRASH_STARTED + 100)->owners = 0;
	crash_race(crash, 4, THPRACE_RACE_WALKER, 12, CRASH_STARTED + 100)->place |= 1;
	crash_race(crash, 5, THPRACE_RACE_WALKER, 13, CRASH_STARTED + 100)->place = 0;
	crash_race(crash, 6, THPRACE_RACE_WALKER, 14, 0);
	crash_message(crash, &pair, sizeof(pair), 0);
	crash_message(crash, &ended, sizeof(ended), 0);
	recover(crash, &out);
	assert_int_equal(out.err, 0);
	assert_int_equal(out.recovery.races, 3);
	assert_int_equal(out.recovery.messages.unread, 2);
	assert_int_equal(out.recovery.escapes, 1);
	assert_int_equal(out.summary->nr_kept[class][THPRACE_ESCAPE], 1);
	found = &out.summary->kept[class][THPRACE_ESCAPE][0].incident;
	assert_int_equal(found->window.pid, 7);
	assert_int_equal(found->window.close, CRASH_STARTED + 950);
	assert_string_equal(found->walk.comm, "racer");
	assert_drawn(&out, found, "test-race, causal escape");
	assert_drawn(&out, found, "under way at the crash");
	assert_drawn(&out, found, "proof: its escape holds");
	/* What it saved at its beginning. */
	assert_drawn(&out, found, "the window opens: before=5");
	assert_drawn(&out, found, "after=0xffff888000001000");
	assert_int_equal(out.summary->nr_kept[class][THPRACE_UNPROVEN], 1);
	found = &out.summary->kept[class][THPRACE_UNPROVEN][0].incident;
	assert_int_equal(found->window.pid, 9);
	assert_int_equal(found->walk.pid, 10);
	assert_drawn(&out, found, "a side was not seen to end");
	assert_drawn(&out, found, "UNPROVEN: the walker was under way when the kernel died");
	assert_true(notes(&out, "under way at the crash: window of test-race, task 7"));
	release(&out, crash);
}

/* The last walker of the task that the kernel's last complaint names is drawn first, and as such. */
static void test_died(void **state)
{
	struct thprace_incident failed = crash_failed(77, CRASH_STARTED + 200, CRASH_STARTED + 300);
	const struct thprace_incident *last;
	struct crash *crash = new_crash();
	struct out out;
	unsigned int i;

	(void)state;
	crash_message(crash, &failed, sizeof(failed), 0);
	failed.walk.enter += 1000;
	failed.walk.leave += 1000;
	crash_message(crash, &failed, sizeof(failed), 0);
	failed.walk.pid = 78;
	failed.walk.enter += 1000;
	failed.walk.leave += 1000;
	crash_message(crash, &failed, sizeof(failed), 0);
	recover(crash, &out);
	assert_int_equal(out.err, 0);
	assert_int_equal(out.summary->nr_kept[THPRACE_SPLIT_UNMAP][THPRACE_UNATTRIBUTED], 3);
	for (i = 0; i < 3; i++) {
		last = &out.summary->kept[THPRACE_SPLIT_UNMAP][THPRACE_UNATTRIBUTED][i].incident;
		assert_int_equal(!!(last->walk.flags & THPRACE_KF_DIED), i == 1);
	}
	last = &out.summary->kept[THPRACE_SPLIT_UNMAP][THPRACE_UNATTRIBUTED][1].incident;
	assert_drawn(&out, last, "the kernel died in this task");
	release(&out, crash);
}

/* What is wrong with them hides nothing else. */
static void test_races_damaged(void **state)
{
	struct thprace_race_end ended = crash_race_end(THPRACE_RACE_WALKER, 8, 200, 300, 0);
	struct crash *crash = new_crash();
	struct out out;

	(void)state;
	crash_make_race(crash);
	crash_race(crash, 1, THPRACE_RACE_WINDOW, 7, CRASH_STARTED + 100);
	ended.side = THPRACE_RACE_SIDES;
	crash_message(crash, &ended, sizeof(ended), 0);
	ended.side = 0;
	ended.class = THPRACE_SPLIT_UNMAP;
	crash_message(crash, &ended, sizeof(ended), 0);
	crash_beacon(crash)->head.race_slots = CRASH_BASE + CRASH_BYTES - 8;
	recover(crash, &out);
	assert_int_equal(out.err, 0);
	assert_int_equal(out.recovery.races, 0);
	assert_int_equal(out.recovery.messages.refused, 2);
	assert_true(notes(&out, "the table of races from files is not in the dump"));
	release(&out, crash);

	/* A class that is not where the engine had it. */
	crash = new_crash();
	crash_describe(crash, "{\"kernel\":\"x\",\"classes\":[{\"id\":3,\"name\":\"test-race\"}]}");
	recover(crash, &out);
	assert_int_equal(out.err, -EINVAL);
	free(crash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_window_under_way),
		cmocka_unit_test(test_precise),
		cmocka_unit_test(test_range_under_way),
		cmocka_unit_test(test_walker_under_way),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_races),
		cmocka_unit_test(test_races_damaged),
		cmocka_unit_test(test_died),
	};
	int fd = mkstemp(file), failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	return failed;
}
