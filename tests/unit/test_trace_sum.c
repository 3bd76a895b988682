// SPDX-License-Identifier: GPL-2.0-only
/* Many traces, summed up. */
#include "report_support.h"

#include <malloc.h>
#include "classes/race_class.h"
#include "report/render_sum.h"
#include "report/trace_sum.h"

#define OPENER 0xffffffff81234567ULL
#define WALKER 0xffffffff81000001ULL

/* What a trace is made of. */
struct recipe {
	const char *kernel;
	uint64_t slide; /* of the kernel's addresses: other in each boot */
	const char *opener; /* the outermost function */
	unsigned int contained;
	unsigned int escapes;
	unsigned int likely;
	bool lost;
	bool cut; /* no end */
	uint64_t wall;
	const char *host;
};

static struct thprace_incident slid(enum thprace_verdict verdict, uint64_t base, uint64_t slide)
{
	struct thprace_incident one = incident(verdict, base);

	one.opener_stack.ip[0] += slide;
	one.walker_stack.ip[0] += slide;
	one.walker_stack.ip[1] += slide;
	return one;
}

static void write_recipe(const struct recipe *recipe)
{
	struct trace_writer *writer = NULL;
	struct thprace_incident one;
	uint64_t base = 100000;
	char text[512];
	unsigned int i;

	assert_int_equal(
		trace_writer__open(&writer, path, START, recipe->wall ? recipe->wall : WALL, 0), 0);
	snprintf(text, sizeof(text), "{\"kernel\":\"%s\",\"mode\":\"light\",\"machine_id\":\"%s\"}",
		 recipe->kernel, recipe->host ? recipe->host : "");
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, text), 0);
	for (i = 0; i < recipe->contained; i++, base += 100000) {
		one = slid(THPRACE_CONTAINED, base, recipe->slide);
		assert_int_equal(trace_writer__incident(writer, &one), 0);
	}
	for (i = 0; i < recipe->escapes + recipe->likely; i++, base += 100000) {
		one = slid(THPRACE_ESCAPE, base, recipe->slide);
		if (i >= recipe->escapes)
			one.attribution = THPRACE_LIKELY;
		assert_int_equal(trace_writer__incident(writer, &one), 0);
	}
	assert_int_equal(trace_writer__flush(writer), 0);
	snprintf(text, sizeof(text),
		 "{\"0x%llx\":\"%s\",\"0x%llx\":\"truncate_cleanup_page+0x5\",\"0x%llx\":"
		 "\"__x64_sys_fallocate+0x3a\"}",
		 OPENER + (unsigned long long)recipe->slide, recipe->opener,
		 WALKER + (unsigned long long)recipe->slide,
		 WALKER + 1 + (unsigned long long)recipe->slide);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_SYMBOLS, text), 0);
	/* As in a daemon's file: counters that go on from one file to the next. */
	snprintf(text, sizeof(text),
		 "{\"seen\":9,\"submitted\":%d,\"filtered\":0,\"lost\":{\"incident\":%d},"
		 "\"windows\":1000,\"classes\":{\"truncate-unmap\":{\"walkers\":5000,"
		 "\"overlaps\":1000,\"contained\":1000}}}",
		 recipe->lost ? 7 : 9, recipe->lost ? 2 : 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, text), 0);
	if (!recipe->cut)
		assert_int_equal(trace_writer__close(writer), 0);
	else
		trace_writer__abandon(writer);
}

static void add(struct trace_sum *sum, const struct recipe *recipe, const char *name)
{
	struct summary *summary;

	race_class__forget_foreign();
	write_recipe(recipe);
	summary = read_summary();
	assert_int_equal(trace_sum__add(sum, summary, name), 0);
	summary__free(summary);
}

static char *render(struct trace_sum *sum, int json, struct render_options options)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (json)
		assert_int_equal(render_sum__json(out, sum, &options), 0);
	else
		render_sum__text(out, sum, &options);
	fclose(out);
	return text;
}

static char *text_of(struct trace_sum *sum, int json)
{
	return render(sum, json,
		      (struct render_options){.incidents = RENDER_SUM_PAIRS, .stacks = 1});
}

static const struct recipe fleet[] = {
	{.kernel = "6.1.0-a", .opener = "__x64_sys_munmap+0x1", .contained = 3, .host = "aa"},
	{.kernel = "6.1.0-a",
	 .opener = "__x64_sys_munmap+0x1",
	 .contained = 4,
	 .slide = 0x3000000,
	 .host = "aa"},
	{.kernel = "6.1.0-a",
	 .opener = "do_exit+0x9",
	 .contained = 1,
	 .slide = 0x5000000,
	 .host = "bb"},
	{.kernel = "5.10.0-b",
	 .opener = "__x64_sys_munmap+0x1",
	 .contained = 1,
	 .escapes = 2,
	 .likely = 1,
	 .wall = WALL + 86400000000000ULL},
	{.kernel = "5.10.0-b", .opener = "__x64_sys_munmap+0x1", .lost = true, .cut = true},
};

#define FLEET (sizeof(fleet) / sizeof(fleet[0]))

static struct trace_sum *sum_of_fleet(bool backwards)
{
	struct trace_sum *sum = trace_sum__new();
	char name[16];
	size_t i, k;

	assert_non_null(sum);
	for (i = 0; i < FLEET; i++) {
		k = backwards ? FLEET - 1 - i : i;
		snprintf(name, sizeof(name), "h%zu.thpr", k);
		add(sum, &fleet[k], name);
	}
	trace_sum__finish(sum);
	return sum;
}

/* The same functions are the same pair, wherever the kernel lies; other kernels have their own. */
static void by_class_kernel_and_pair(void **state)
{
	struct trace_sum *sum = sum_of_fleet(false);

	(void)state;
	assert_int_equal(sum->files, 5);
	assert_int_equal(sum->nr_kernels, 2);
	assert_int_equal(sum->lost, 1);
	assert_int_equal(sum->incomplete, 1);
	assert_int_equal(sum->escaped, 1);
	assert_int_equal(sum->nr_rows, 2);
	/* The worst first. */
	assert_string_equal(sum->rows[0]->kernel, "5.10.0-b");
	assert_int_equal(sum->rows[0]->counts.of[THPRACE_ESCAPE], 3);
	assert_int_equal(sum->rows[0]->counts.likely, 1);
	assert_int_equal(sum->rows[0]->counts.of[THPRACE_CONTAINED], 1);
	assert_int_equal(sum->rows[0]->counts.files, 1);
	assert_int_equal(sum->rows[0]->nr_pairs, 1);
	assert_int_equal(sum->rows[1]->counts.of[THPRACE_CONTAINED], 8);
	assert_int_equal(sum->rows[1]->counts.files, 3);
	assert_int_equal(sum->rows[1]->nr_pairs, 2);
	assert_int_equal(sum->hosts, 2);
	assert_int_equal(sum->rows[0]->counts.hosts, 0);
	assert_int_equal(sum->rows[1]->counts.hosts, 2);
	assert_int_equal(sum->rows[1]->pairs[0]->counts.hosts, 1);
	assert_int_equal(sum->rows[1]->pairs[0]->counts.of[THPRACE_CONTAINED], 7);
	assert_int_equal(sum->rows[1]->pairs[0]->counts.files, 2);
	assert_string_equal(sum->rows[1]->pairs[0]->opener, "munmap");
	assert_string_equal(sum->rows[1]->pairs[0]->walker, "fallocate");
	assert_string_equal(sum->rows[1]->pairs[1]->opener, "do_exit");
	/* One to look at is the escape. */
	assert_string_equal(sum->rows[0]->pairs[0]->example.file, "h3.thpr");
	assert_int_equal(sum->rows[0]->pairs[0]->example.number, 2);
	trace_sum__free(sum);
}

static void for_people(void **state)
{
	struct trace_sum *sum = sum_of_fleet(false);
	char *text = text_of(sum, 0);

	(void)state;
	assert_has(text,
		   "2 escapes proved (truncate-unmap), 1 more likely: in 1 of 5 files, on 1 of "
		   "2 kernels;");
	assert_has(text, "5 files of 2 hosts read; 2 kernels");
	assert_has(text, "12, 2023-11-14 to 2023-11-15");
	assert_has(text, "1 file lost records");
	assert_has(text, "1 file without an end mark");
	assert_has(text, "munmap <-> fallocate: 2 escapes proved, 1 likely, 1 contained");
	assert_has(text, "munmap <-> fallocate: 7 contained");
	assert_has(text, "see incident 2 of h3.thpr");
	assert_fits(text, 100);
	free(text);
	text = render(sum, 0, (struct render_options){.incidents = 1, .verbose = 1, .stacks = 1});
	assert_has(text, "truncate_cleanup_page+0x5");
	assert_has(text, "do_exit+0x9");
	free(text);
	text = render(sum, 0, (struct render_options){.incidents = 1, .width = 40});
	assert_has(text, "and 1 pair: see --verbose");
	assert_fits(text, 40);
	free(text);
	trace_sum__free(sum);
}

static void for_programs(void **state)
{
	struct trace_sum *sum = sum_of_fleet(false);
	char *text = text_of(sum, 1), *line, *rest = NULL;
	unsigned int types[3] = {0};
	struct json_object *object;

	(void)state;
	assert_has(
		text,
		"\"answer\":\"escape\",\"files\":5,\"hosts\":2,\"contained\":9,\"escapes\":3,\"likely\":1");
	assert_has(text, "\"type\":\"class\",\"class\":\"truncate-unmap\",\"kernel\":\"5.10.0-b\","
			 "\"files\":1");
	assert_has(text, "\"opener_stack\":[\"do_exit+0x9\"],\"walker_stack\":["
			 "\"truncate_cleanup_page+0x5\",\"__x64_sys_fallocate+0x3a\"]");
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		object = json_tokener_parse(line);
		assert_non_null(object);
		types[0] += strstr(line, "\"type\":\"sum\"") != NULL;
		types[1] += strstr(line, "\"type\":\"class\"") != NULL;
		types[2] += strstr(line, "\"type\":\"pair\"") != NULL;
		json_object_put(object);
	}
	assert_int_equal(types[0], 1);
	assert_int_equal(types[1], 2);
	assert_int_equal(types[2], 3);
	free(text);
	trace_sum__free(sum);
}

/* A folder has no order. */
static void in_any_order(void **state)
{
	struct trace_sum *one = sum_of_fleet(false), *other = sum_of_fleet(true);
	char *a, *b;
	int json;

	(void)state;
	for (json = 0; json < 2; json++) {
		a = text_of(one, json);
		b = text_of(other, json);
		assert_string_equal(a, b);
		free(a);
		free(b);
	}
	trace_sum__free(one);
	trace_sum__free(other);
}

static void assert_answer(const struct recipe *recipe, unsigned int skipped, enum banner_kind kind,
			  const char *words)
{
	struct trace_sum *sum = trace_sum__new();
	struct banner banner;

	if (recipe)
		add(sum, recipe, "x");
	while (skipped--)
		trace_sum__skip(sum);
	trace_sum__finish(sum);
	trace_sum__answer(&banner, sum);
	if (strcmp(banner.text, words) != 0)
		fail_msg("'%s' is not '%s'", banner.text, words);
	assert_int_equal(banner.kind, kind);
	trace_sum__free(sum);
}

static void answers(void **state)
{
	const struct recipe contained = {.kernel = "k", .opener = "a", .contained = 2};
	const struct recipe lost = {.kernel = "k", .opener = "a", .contained = 2, .lost = true};
	const struct recipe likely = {.kernel = "k", .opener = "a", .likely = 2};

	(void)state;
	assert_answer(&contained, 0, BANNER_NO_ESCAPE, "no escape: 2 overlaps contained in 1 file");
	assert_answer(&contained, 1, BANNER_NOT_TOLD,
		      "not told: 2 overlaps contained in 1 file, none escaped; 1 file skipped");
	assert_answer(&lost, 0, BANNER_NOT_TOLD,
		      "not told: 2 overlaps contained in 1 file, none escaped; 1 of 1 file cannot "
		      "tell");
	assert_answer(
		&likely, 0, BANNER_LIKELY,
		"no escape proved, 2 likely (truncate-unmap): in 1 of 1 file, on 1 of 1 kernel");
	assert_answer(NULL, 2, BANNER_NOT_TOLD,
		      "not told: 0 overlaps contained in 0 files, none escaped; 2 files skipped");
}

/* The memory is that of the sums: a thousand files more take none. */
static void many_files(void **state)
{
	struct trace_sum *sum = trace_sum__new();
	struct summary *summary;
	size_t before;
	int i;

	(void)state;
	write_recipe(&fleet[3]);
	summary = read_summary();
	for (i = 0; i < 10; i++)
		assert_int_equal(trace_sum__add(sum, summary, "ten"), 0);
	before = mallinfo2().uordblks;
	for (i = 0; i < 1000; i++)
		assert_int_equal(trace_sum__add(sum, summary, "ten"), 0);
	assert_int_equal(mallinfo2().uordblks, before);
	assert_int_equal(sum->counts.of[THPRACE_ESCAPE], 3030);
	summary__free(summary);
	trace_sum__free(sum);
}

/* More kernels and stacks than there can be: the rest is counted, in "others". */
static void limits(void **state)
{
	struct trace_sum *sum = trace_sum__new();
	struct summary *summary;
	uint64_t counted = 0, others = 0;
	char *text;
	size_t i;

	(void)state;
	write_recipe(&fleet[0]);
	summary = read_summary();
	for (i = 0; i < 3000; i++) {
		snprintf(summary->kernel, sizeof(summary->kernel), "k%zu", i);
		assert_int_equal(trace_sum__add(sum, summary, "x"), 0);
	}
	strcpy(summary->kernel, "k0");
	for (i = 0; i < 5000; i++) {
		snprintf(summary->symbols[0].name, sizeof(summary->symbols[0].name), "f%zu+0x1", i);
		assert_int_equal(trace_sum__add(sum, summary, "x"), 0);
	}
	trace_sum__finish(sum);
	assert_int_equal(sum->nr_rows, TRACE_SUM_ROWS_MAX + 1);
	assert_true(sum->nr_pairs <= TRACE_SUM_PAIRS_MAX + TRACE_SUM_ROWS_MAX + 1);
	for (i = 0; i < sum->nr_pairs; i++) {
		counted += sum->pairs[i]->counts.of[THPRACE_CONTAINED];
		if (sum->pairs[i]->others)
			others += sum->pairs[i]->counts.of[THPRACE_CONTAINED];
	}
	assert_int_equal(counted, 8000 * 3);
	assert_true(others > 0);
	text = text_of(sum, 0);
	assert_has(text, "others, of many pairs of stacks: ");
	free(text);
	summary__free(summary);
	trace_sum__free(sum);
}

/* Whatever a file is, it is added or not, and what is added can be shown. */
static void hostile(void **state)
{
	struct trace_sum *sum = trace_sum__new();
	unsigned char bytes[1 << 16];
	struct trace_reader *reader;
	struct summary *summary;
	size_t size, at;
	char why[256];
	FILE *file;

	(void)state;
	write_recipe(&fleet[3]);
	file = fopen(path, "rb");
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	for (at = 0; at < size; at++) {
		file = fopen(path, "wb");
		bytes[at] ^= (unsigned char)(1 + at % 255);
		fwrite(bytes, 1, at % 3 ? size : at, file);
		bytes[at] ^= (unsigned char)(1 + at % 255);
		fclose(file);
		race_class__forget_foreign();
		if (trace_reader__open(&reader, path, why, sizeof(why)))
			continue;
		if (!summary__read(&summary, reader, why, sizeof(why))) {
			/* Only what is cut off may be added by the verb. */
			assert_true(summary->cut <= (int)summary->bad_blocks);
			assert_int_equal(trace_sum__add(sum, summary, "\033[31m\n"), 0);
			summary__free(summary);
		}
		trace_reader__close(reader);
	}
	trace_sum__finish(sum);
	for (at = 0; at < 2; at++) {
		char *text = text_of(sum, (int)at);

		assert_null(strchr(text, '\033'));
		free(text);
	}
	trace_sum__free(sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_class_kernel_and_pair),
		cmocka_unit_test(for_people),
		cmocka_unit_test(for_programs),
		cmocka_unit_test(in_any_order),
		cmocka_unit_test(answers),
		cmocka_unit_test(many_files),
		cmocka_unit_test(limits),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests_name("sums of traces", tests, make_file, remove_file);
}
