// SPDX-License-Identifier: GPL-2.0-only
/*
 * What dump prints from a trace: which records and incidents with its filters, and each format
 * completely.
 */
#include "report_support.h"

#include "filter.h"
#include "base/json.h"
#include "report/record_lines.h"
#include "report/render_record.h"
#include "class_ids.h"
#include "classes/race_class.h"

static void filters(void **state)
{
	struct thprace_record one = record(THPRACE_REC_WALK_ENTER, 1500000, 1500000, 813, 1);
	struct thprace_incident pair = incident(THPRACE_CONTAINED, 1500000);
	struct filter filter = {0};

	(void)state;
	assert_true(filter__record(&filter, &one, START));
	assert_true(filter__incident(&filter, &pair, START));
	assert_int_equal(filter__set_pid(&filter, "812"), 0);
	assert_false(filter__record(&filter, &one, START));
	assert_true(filter__incident(&filter, &pair, START));
	assert_int_equal(filter__set_pid(&filter, "810"), 0);
	assert_true(filter__record(&filter, &one, START));
	/* One side alone is enough, and no third one matches. */
	pair.window.tgid = 1;
	assert_true(filter__incident(&filter, &pair, START));
	pair.window.tgid = 810;
	pair.walk.tgid = 1;
	assert_true(filter__incident(&filter, &pair, START));
	pair.window.tgid = 1;
	assert_false(filter__incident(&filter, &pair, START));
	pair = incident(THPRACE_CONTAINED, 1500000);
	assert_int_equal(filter__set_cpu(&filter, "0"), 0);
	assert_false(filter__record(&filter, &one, START));
	assert_true(filter__incident(&filter, &pair, START));
	assert_int_equal(filter__set_cpu(&filter, "2"), 0);
	assert_false(filter__incident(&filter, &pair, START));
	memset(&filter, 0, sizeof(filter));
	filter__set_class(&filter, THPRACE_SPLIT_UNMAP);
	assert_false(filter__record(&filter, &one, START));
	assert_false(filter__incident(&filter, &pair, START));
	filter__set_class(&filter, THPRACE_TRUNCATE_UNMAP);
	assert_true(filter__record(&filter, &one, START));
	filter__set_verdict(&filter, THPRACE_ESCAPE);
	assert_false(filter__record(&filter, &one, START));
	assert_false(filter__incident(&filter, &pair, START));
	filter__set_verdict(&filter, THPRACE_CONTAINED);
	assert_true(filter__incident(&filter, &pair, START));
	memset(&filter, 0, sizeof(filter));
	filter.since = 1500000;
	assert_true(filter__record(&filter, &one, START));
	filter.since++;
	assert_false(filter__record(&filter, &one, START));
	assert_true(filter__incident(&filter, &pair, START));
	filter.since = 0;
	filter.until = 1500000;
	assert_true(filter__record(&filter, &one, START));
	filter.until--;
	assert_false(filter__record(&filter, &one, START));
	assert_false(filter__incident(&filter, &pair, START));
}

static void filter_words(void **state)
{
	struct filter filter = {0};

	(void)state;
	assert_true(filter__set_pid(&filter, "-1") < 0);
	assert_true(filter__set_cpu(&filter, "4294967296") < 0);
	assert_true(filter__set_cpu(&filter, "1x") < 0);
	assert_int_equal(filter__set_cpu(&filter, "1"), 0);
}

static unsigned int fields(const char *line)
{
	unsigned int nr = 1;
	int quoted = 0;

	for (; *line && *line != '\n'; line++) {
		if (*line == '"')
			quoted = !quoted;
		nr += *line == ',' && !quoted;
	}
	return nr;
}

/* Every line of CSV has as many fields as the first; every line of JSON is an object. */
static void dumped_lines(void **state)
{
	struct thprace_trace_header header = {.started = START, .started_wall = WALL};
	struct thprace_incident pair = incident(THPRACE_ESCAPE, 5000), alone = pair;
	struct render_record render = {.started = START};
	unsigned int format, type;

	(void)state;
	memset(&alone.window, 0, sizeof(alone.window));
	memcpy(alone.walk.comm, "a\",\n\xff", 6);
	for (format = RENDER_TEXT; format <= RENDER_CSV; format++) {
		char *text = NULL, *line, *rest = NULL;
		unsigned int nr = 0, width = 0;
		struct record_lines *lines;
		size_t size = 0;

		render.out = open_memstream(&text, &size);
		render.format = format;
		lines = record_lines__new(&render);
		assert_non_null(lines);
		assert_int_equal(render_record__header(&render, &header), 0);
		for (type = 0; type <= THPRACE_REC_MAX; type++) {
			struct thprace_record one =
				record((enum thprace_record_type)type, 9000, 8000, 5, 1);

			record_lines__print(lines, render.out, &(struct record_place){0, &one}, 1,
					    type % 2);
		}
		assert_int_equal(render_record__incident(&render, 1, &pair), 0);
		assert_int_equal(render_record__incident(&render, 2, &alone), 0);
		fclose(render.out);
		for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
			if (!nr++)
				width = fields(line);
			if (format == RENDER_CSV)
				assert_int_equal(fields(line), width);
			if (format == RENDER_JSON) {
				struct json_object *object = json_tokener_parse(line);

				assert_true(json_object_is_type(object, json_type_object));
				json_object_put(object);
			}
		}
		assert_int_equal(nr, 1 + THPRACE_REC_MAX + 1 + 2);
		record_lines__free(lines);
		free(text);
	}
}

static char *dumped_with(enum render_format format, const struct thprace_incident *incident,
			 const struct summary *names)
{
	struct render_record render = {.started = START, .format = format, .names = names};
	char *text = NULL;
	size_t size = 0;

	render.out = open_memstream(&text, &size);
	assert_int_equal(render_record__incident(&render, 1, incident), 0);
	fclose(render.out);
	return text;
}

static char *dumped(enum render_format format, const struct thprace_incident *incident)
{
	return dumped_with(format, incident, NULL);
}

static void save(struct thprace_stack *stack, unsigned int section, uint64_t value)
{
	*stack = (struct thprace_stack){.values = 1, .section = (uint8_t)section};
	stack->ip[THPRACE_STACK_MAX - 1] = value;
}

/* A race from a file: what each side has saved. */
static void dumped_saved(void **state)
{
	static const char *const event[RACE_EVENTS] = {"f entry", "f return", "g entry", NULL};
	const unsigned int class = race_class__add_file("a-race", event);
	struct thprace_incident pair = incident(THPRACE_ESCAPE, 5000);
	char *text;

	(void)state;
	race_class__save(class, 0, "flags");
	race_class__save(class, 1, "order");
	pair.walk.class = (uint8_t) class;
	save(&pair.opener_stack, 0, 4096);
	save(&pair.walker_stack, 1, 9);
	text = dumped(RENDER_TEXT, &pair);
	assert_non_null(
		strstr(text, " opener-saved=\"flags=0x1000\" walker-saved=\"order=9\" proof: "));
	assert_null(strstr(text, " level="));
	assert_null(strstr(text, " removed="));
	free(text);
	text = dumped(RENDER_CSV, &pair);
	assert_non_null(strstr(text, ",\"flags=0x1000\",\"order=9\",,,,,,,,,,,,,,\n"));
	free(text);
	memset(&pair.window, 0, sizeof(pair.window));
	text = dumped(RENDER_CSV, &pair);
	assert_non_null(strstr(text, ",,,\"order=9\",,,,,,,,,,,,,,\n"));
	free(text);
	race_class__forget_foreign();
}

/* Who both tasks are: a container's with a name in the trace, and one whose cgroup has none. */
static void dumped_who(void **state)
{
	struct summary_cgroup cgroup = {.id = 2917,
					.path = "/system.slice/docker-0123456789ab0123456789ab0123"
						"456789ab0123456789ab0123456789ab0123.scope"};
	struct summary *names = calloc(1, sizeof(*names));
	struct thprace_incident pair = incident(THPRACE_ESCAPE, 5000);
	struct json_object *object, *side;
	char *text;

	(void)state;
	assert_non_null(names);
	names->cgroups = &cgroup;
	names->nr_cgroups = 1;
	pair.opener_stack.flags = pair.walker_stack.flags = THPRACE_STACK_WHO;
	pair.opener_stack.uid = 1000;
	pair.opener_stack.cgroup = 2917;
	pair.walker_stack.cgroup = 5;
	text = dumped_with(RENDER_CSV, &pair, names);
	assert_non_null(strstr(
		text,
		",1000,2917,\"/system.slice/docker-0123456789ab0123456789ab0123456789ab0123456789ab"
		"0123456789ab0123.scope\",\"docker-0123456789ab0123456789ab0123456789ab0123456789ab"
		"0123456789ab0123.scope\",\"docker\",\"0123456789ab0123456789ab0123456789ab0123"
		"456789ab0123456789ab0123\",,0,5,,,,,\n"));
	free(text);
	text = dumped_with(RENDER_TEXT, &pair, names);
	assert_non_null(
		strstr(text, " opener-is=\"user 1000, docker container 0123456789ab, docker-"));
	assert_non_null(strstr(text, " walker-is=\"user 0, cgroup 5\" "));
	free(text);
	text = dumped_with(RENDER_JSON, &pair, names);
	object = json_tokener_parse(text);
	side = json__get(json__get(object, "window", json_type_object), "who", json_type_object);
	assert_string_equal(json__get_text(side, "runtime"), "docker");
	json_object_put(object);
	free(text);
	/* From a pipe there are no names. */
	text = dumped(RENDER_CSV, &pair);
	assert_non_null(strstr(text, ",1000,2917,,,,,,0,5,,,,,\n"));
	free(text);
	/* Names from a trace are not to be trusted. */
	strcpy(cgroup.path, "/a\"b,\n\x1b.service");
	text = dumped_with(RENDER_CSV, &pair, names);
	assert_non_null(strstr(
		text, ",1000,2917,\"/a\"\"b,??.service\",\"a\"\"b,??.service\",,,,0,5,,,,,\n"));
	free(text);
	/* Alone: the columns of a window are empty. */
	memset(&pair.window, 0, sizeof(pair.window));
	text = dumped_with(RENDER_CSV, &pair, names);
	assert_non_null(strstr(text, ",,,,,,,,,0,5,,,,,\n"));
	free(text);
	free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters),	cmocka_unit_test(filter_words),
		cmocka_unit_test(dumped_lines), cmocka_unit_test(dumped_saved),
		cmocka_unit_test(dumped_who),
	};

	return cmocka_run_group_tests_name("dump", tests, make_file, remove_file);
}
