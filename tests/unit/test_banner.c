// SPDX-License-Identifier: GPL-2.0-only
/* The first line of a report: each answer, and each reason why there is none. */
#include "report_support.h"
#include "report/banner.h"

#define TRUNCATE THPRACE_TRUNCATE_UNMAP
#define SPLIT THPRACE_SPLIT_UNMAP

/* A whole recording, in which 1,494 overlaps were contained. */
static struct summary *whole(void)
{
	struct summary *summary = calloc(1, sizeof(*summary));

	assert_non_null(summary);
	summary->has_meta = summary->has_stats = summary->ended = 1;
	summary->windows = 5000;
	summary->seen = summary->submitted = 100;
	summary->class[TRUNCATE].contained = summary->class[TRUNCATE].overlaps = 1494;
	return summary;
}

static void lose(struct summary *summary, enum thprace_loss cause, uint64_t count)
{
	summary->lost[cause] += count;
	summary->lost_total += count;
	summary->seen += count;
}

/* Frees the summary. */
static void expect(struct summary *summary, enum banner_kind kind, const char *text)
{
	struct banner banner;

	banner__of(&banner, summary);
	assert_string_equal(banner.text, text);
	assert_int_equal(banner.kind, kind);
	free(summary);
}

static void no_escape(void **state)
{
	struct summary *summary = whole();

	(void)state;
	expect(summary, BANNER_NO_ESCAPE, "no escape: 1,494 overlaps contained, nothing lost");
	summary = whole();
	/* The stream has no incidents. */
	lose(summary, THPRACE_LOSS_STREAM, 12);
	expect(summary, BANNER_NO_ESCAPE,
	       "no escape: 1,494 overlaps contained, 12 stream records lost");
	summary = whole();
	/* What this kernel cannot do need not be observed. */
	strcpy(summary->class[SPLIT].not_observable, "try_to_migrate: not in this kernel");
	summary->class[SPLIT].cannot_happen = 1;
	expect(summary, BANNER_NO_ESCAPE, "no escape: 1,494 overlaps contained, nothing lost");
}

/* The kernel's image agrees, or it does not. */
static void with_image(void **state)
{
	struct summary *summary = whole();
	unsigned int c;

	(void)state;
	for (c = 1; c <= 7; c++) {
		summary->class[c].checked = 1;
		summary->class[c].check = c <= 4 ? CHECK_FIXED : CHECK_CANNOT_HAPPEN;
	}
	expect(summary, BANNER_NO_ESCAPE,
	       "no escape: 1,494 overlaps contained, kernel has the fixes of 4 classes, nothing "
	       "lost");
	summary = whole();
	summary->class[SPLIT].checked = summary->class[TRUNCATE].checked = 1;
	summary->class[SPLIT].check = CHECK_VULNERABLE;
	expect(summary, BANNER_NOT_TOLD,
	       "not told: this kernel is vulnerable (split-unmap); 1,494 overlaps contained");
	summary = whole();
	summary->class[SPLIT].checked = 1;
	summary->class[SPLIT].check = CHECK_UNKNOWN;
	summary->class[TRUNCATE].checked = 1;
	expect(summary, BANNER_NO_ESCAPE,
	       "no escape: 1,494 overlaps contained, kernel has the fix of 1 class, nothing lost");
}

/* "Proved" is said of what is proved only, whatever else there is. */
static void escapes(void **state)
{
	struct summary *summary = whole();

	(void)state;
	summary->class[SPLIT].escapes = 2;
	expect(summary, BANNER_ESCAPE,
	       "2 escapes proved (split-unmap); 1,494 overlaps contained, nothing lost");
	summary = whole();
	summary->class[SPLIT].escapes = 1;
	summary->class[TRUNCATE].escapes = summary->class[TRUNCATE].likely = 1200;
	summary->class[TRUNCATE].remained = 3;
	lose(summary, THPRACE_LOSS_SLOT, 1);
	expect(summary, BANNER_ESCAPE,
	       "1 escape proved (split-unmap), 1,200 more likely; 1,494 overlaps contained, 1 record "
	       "lost");
	summary = whole();
	summary->class[TRUNCATE].escapes = summary->class[TRUNCATE].likely = 3;
	expect(summary, BANNER_LIKELY,
	       "no escape proved, 3 likely (truncate-unmap); 1,494 overlaps contained, nothing lost");
	summary = whole();
	summary->class[TRUNCATE].escapes = summary->class[TRUNCATE].likely = 3;
	summary->class[TRUNCATE].remained = 30;
	expect(summary, BANNER_LIKELY,
	       "no escape proved, 3 likely (truncate-unmap), and this kernel fails to unmap by "
	       "itself, 30 times (truncate-unmap); 1,494 overlaps contained, nothing lost");
	summary = whole();
	/* A damaged file: more likely ones than escapes. */
	summary->class[TRUNCATE].escapes = 1;
	summary->class[TRUNCATE].likely = 3;
	expect(summary, BANNER_LIKELY,
	       "no escape proved, 1 likely (truncate-unmap); 1,494 overlaps contained, nothing lost");
}

static void not_told(void **state)
{
	struct summary *summary = whole();

	(void)state;
	lose(summary, THPRACE_LOSS_INCIDENT, 14);
	summary->class[SPLIT].unproven = 2;
	expect(summary, BANNER_NOT_TOLD,
	       "not told: 2 incidents unproven, 14 records lost; 1,494 overlaps contained");
	summary = whole();
	summary->class[SPLIT].unattributed = 1;
	expect(summary, BANNER_NOT_TOLD,
	       "not told: 1 failed walker unattributed (split-unmap); 1,494 overlaps contained");
	summary = whole();
	summary->class[SPLIT].remained = 5;
	summary->class[TRUNCATE].remained = 1;
	expect(summary, BANNER_NOT_TOLD,
	       "not told: this kernel fails to unmap by itself, 6 times (split-unmap, "
	       "truncate-unmap); 1,494 overlaps contained");
	summary = whole();
	strcpy(summary->class[SPLIT].not_observable, NAMES_SHED "too expensive");
	expect(summary, BANNER_NOT_TOLD,
	       "not told: split-unmap not observed; 1,494 overlaps contained");
	summary = whole();
	summary->seen++;
	expect(summary, BANNER_NOT_TOLD,
	       "not told: records went missing uncounted; 1,494 overlaps contained");
	summary = whole();
	summary->class[TRUNCATE].contained = summary->class[TRUNCATE].overlaps = 0;
	expect(summary, BANNER_NOT_TOLD, "not told: nothing overlapped");
}

static void file_not_whole(void **state)
{
	struct summary *summary = whole();

	(void)state;
	summary->ended = 0;
	summary->bad_blocks = 2;
	expect(summary, BANNER_NOT_TOLD,
	       "not told: 2 parts of the file cannot be read, the file has no end mark; 1,494 "
	       "overlaps contained");
	summary = whole();
	summary->has_stats = 0;
	expect(summary, BANNER_NOT_TOLD,
	       "not told: the file has no counters; 1,494 overlaps contained");
}

/* It stays a line, however many classes it is about. */
static void many_classes(void **state)
{
	struct summary *summary = whole();
	unsigned int c;

	(void)state;
	for (c = 1; c <= 7; c++)
		summary->class[c].escapes = 1;
	expect(summary, BANNER_ESCAPE,
	       "7 escapes proved (split-unmap, split-migrate, split-head, hwpoison-unmap and 3 more); "
	       "1,494 overlaps contained, nothing lost");
}

/* The same words in each output. */
static void in_reports(void **state)
{
	char *text;

	(void)state;
	write_trace(1);
	text = report(0, 1);
	assert_has(text, "\n{\"type\":\"answer\",\"answer\":\"escape\",\"text\":\"1 escape proved "
			 "(truncate-unmap); 7 overlaps contained, nothing lost\"}\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_escape),	  cmocka_unit_test(escapes),
		cmocka_unit_test(with_image),	  cmocka_unit_test(not_told),
		cmocka_unit_test(file_not_whole), cmocka_unit_test(many_classes),
		cmocka_unit_test(in_reports),
	};

	return cmocka_run_group_tests_name("banner", tests, make_file, remove_file);
}
