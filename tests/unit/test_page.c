// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page of a report without a browser: how text gets into it, what is where, and what happened
 * when. tests/page opens it in a browser.
 */
#include "report_support.h"
#include "class_ids.h"
#include "page/html.h"
#include "page/page.h"
#include "report/activity.h"

static char *text;
static size_t size;

static FILE *begin_text(void)
{
	FILE *out;

	free(text);
	text = NULL;
	out = open_memstream(&text, &size);
	assert_non_null(out);
	return out;
}

static void assert_html(const char *from, const char *expected)
{
	FILE *out = begin_text();

	html__text(out, from);
	fclose(out);
	assert_string_equal(text, expected);
}

static void assert_json(const char *from, const char *expected)
{
	FILE *out = begin_text();

	html__json(out, from, strlen(from));
	fclose(out);
	assert_string_equal(text, expected);
}

static void text_is_no_markup(void **state)
{
	char all[256], c;
	FILE *out;

	(void)state;
	assert_html("munmap", "munmap");
	assert_html("<script>", "&lt;script&gt;");
	assert_html("a&b;\"'", "a&amp;b;&quot;&#39;");
	assert_html("\x1b[2J\r\n\xff", "?[2J???");
	assert_html("µs ↔", "µs ↔");
	assert_html("", "");
	for (c = 1; c < 127; c++)
		all[c - 1] = c;
	out = begin_text();
	html__write(out, all, 126);
	fclose(out);
	assert_null(strpbrk(text, "<>\"'\r\x1b"));
	assert_non_null(strchr(text, '\n'));
}

static void json_ends_no_script(void **state)
{
	(void)state;
	assert_json("{\"a\":1}", "{\"a\":1}");
	assert_json("\"</script>\"", "\"\\u003c/script\\u003e\"");
	assert_json("<!--&", "\\u003c!--\\u0026");
	assert_json("a\xe2\x80\xa8\xe2\x80\xa9z", "a\\u2028\\u2029z");
	assert_json("\xe2\x80\xa7\xe2\x80\xaa", "\xe2\x80\xa7\xe2\x80\xaa");
	assert_json("\xe2\x80", "\xe2\x80");
}

static void write_page(unsigned int incidents, int stacks)
{
	const struct page_options options = {
		.incidents = incidents, .stacks = stacks, .program = "thprace 0"};
	struct summary *summary = read_summary();
	FILE *out = begin_text();

	assert_int_equal(page__write(out, summary, &options), 0);
	fclose(out);
	summary__free(summary);
}

static void has_the_report(void **state)
{
	char *json;

	(void)state;
	write_trace(1);
	write_page(100, 1);
	assert_has(text, "<h1 class=\"answer escape\" id=\"answer\">1 escape proved");
	assert_has(text, "<th scope=\"row\">truncate-unmap</th>");
	assert_has(text, "zap_huge_pmd+0x1a3");
	assert_has(text, "default-src 'none'");
	assert_int_equal(occurrences(text, "\"type\":\"incident\""), 8);
	assert_int_equal(occurrences(text, "</html>"), 1);
	json = report(100, 1);
	assert_int_equal(occurrences(text, "\"type\":\"class\""),
			 occurrences(json, "\"type\":\"class\""));
	free(json);
	write_page(3, 1);
	assert_int_equal(occurrences(text, "\"type\":\"incident\""), 3);
	assert_has(text, "This page has the 3 incidents that matter most");
	write_page(0, 0);
	assert_int_equal(occurrences(text, "\"type\":\"incident\""), 0);
	assert_null(strstr(text, "<details class=\"stacks\">"));
}

/* What check says of the kernel is in the table of classes, if it was asked. */
static void has_the_check(void **state)
{
	const struct page_options options = {.program = "thprace 0"};
	struct summary *summary;
	FILE *out;

	(void)state;
	write_trace(0);
	write_page(0, 0);
	assert_null(strstr(text, "by its image"));
	summary = read_summary();
	summary->class[THPRACE_SPLIT_UNMAP].checked = 1;
	summary->class[THPRACE_SPLIT_UNMAP].check = CHECK_VULNERABLE;
	out = begin_text();
	assert_int_equal(page__write(out, summary, &options), 0);
	fclose(out);
	summary__free(summary);
	assert_has(text, ">by its image</th>");
	assert_has(text, "<td class=\"check escape\">vulnerable</td>");
}

static const struct activity_part *part_at(const struct activity *activity, uint64_t when)
{
	int64_t part = ((int64_t)when - activity->from) / activity->length;

	assert_in_range(part, 0, ACTIVITY_PARTS - 1);
	return &activity->parts[part];
}

static void count_window(struct activity *activity, uint64_t when)
{
	struct thprace_record one = {.type = THPRACE_REC_ZAP_CLOSE, .ts = when};

	assert_int_equal(activity__record(activity, &one, 0), 0);
}

static uint64_t all_windows(const struct activity *activity)
{
	uint64_t all = 0;
	unsigned int i;

	for (i = 0; i < ACTIVITY_PARTS; i++)
		all += activity->parts[i].windows;
	return all;
}

/* Whatever the times and their order: each is counted, in the part that it belongs to. */
static void each_time_has_its_part(void **state)
{
	static const uint64_t times[] = {
		START, START + 5, START + 3600000000000, START - 90000000, 1, 0, 1ULL << 59};
	struct activity activity = {0};
	unsigned int i, k;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		count_window(&activity, times[i]);
		assert_int_equal(all_windows(&activity), i + 1);
		for (k = 0; k <= i; k++)
			assert_true(part_at(&activity, times[k])->windows > 0);
	}
	/* Damaged: after all that fits, but still counted. */
	count_window(&activity, UINT64_MAX);
	assert_int_equal(all_windows(&activity), i + 1);
	assert_true(activity.parts[ACTIVITY_PARTS - 1].windows ||
		    part_at(&activity, 1ULL << 60)->windows);
	activity__release(&activity);
}

static void counts_what_it_says(void **state)
{
	struct thprace_incident escape = incident(THPRACE_ESCAPE, 5000),
				contained = incident(THPRACE_CONTAINED, 6000);
	struct thprace_record lost = record(THPRACE_REC_LOST, 900, 100, 0, 1);
	struct thprace_record walk = record(THPRACE_REC_WALK_RETURN, 50, 10, 7, 0);
	struct thprace_record other = record(THPRACE_REC_ZAP_OPEN, 50, 50, 7, 0);
	struct activity activity = {0};
	unsigned int i;

	(void)state;
	lost.arg = 12;
	lost.value = THPRACE_LOSS_SLOT;
	activity__record(&activity, &walk, 0);
	activity__record(&activity, &other, 0);
	activity__incident(&activity, &escape);
	activity__incident(&activity, &contained);
	assert_int_equal(activity.parts[0].walkers, 1);
	assert_int_equal(activity.parts[0].windows, 0);
	assert_int_equal(activity.parts[0].incidents, 2);
	assert_int_equal(activity.parts[0].escapes, 1);
	for (i = 0; i < ACTIVITY_LOSSES_MAX + 3; i++)
		activity__record(&activity, &lost, 0);
	assert_int_equal(activity.nr_losses, ACTIVITY_LOSSES_MAX);
	assert_int_equal(activity.more_losses, 3);
	assert_int_equal(activity.losses[0].from, START + 100);
	assert_int_equal(activity.losses[0].to, START + 900);
	assert_int_equal(activity.losses[0].count, 12);
	assert_int_equal(activity.losses[0].cause, THPRACE_LOSS_SLOT);
	activity__release(&activity);
}

/* Parts of a flight recorder overlap: each of its records counts once, those of each CPU by itself. */
static void context_counts_once(void **state)
{
	static const uint32_t seqs[] = {5, 6, 7, 6, 7, 8, 8};
	struct thprace_record one = record(THPRACE_REC_ZAP_CLOSE, 50, 10, 7, 0);
	struct activity activity = {0};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++) {
		one.seq = seqs[i];
		one.cpu = 0;
		activity__record(&activity, &one, 1);
		one.cpu = 65535;
		activity__record(&activity, &one, 1);
	}
	assert_int_equal(all_windows(&activity), 8);
	activity__release(&activity);
}

static int free_text(void **state)
{
	free(text);
	return remove_file(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_no_markup),	  cmocka_unit_test(json_ends_no_script),
		cmocka_unit_test(has_the_report),	  cmocka_unit_test(has_the_check),
		cmocka_unit_test(each_time_has_its_part), cmocka_unit_test(counts_what_it_says),
		cmocka_unit_test(context_counts_once),
	};

	return cmocka_run_group_tests(tests, make_file, free_text);
}
