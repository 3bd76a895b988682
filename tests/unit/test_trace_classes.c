// SPDX-License-Identifier: GPL-2.0-only
/* The class of an id in a trace: as META names it; and which META is refused. */
#include <errno.h>
#include "class_ids.h"
#include "classes/race_class.h"
#include "report/record_lines.h"
#include "report_support.h"
#include "trace/trace_classes.h"

#define TABLE                                                                                      \
	"\"classes\":[{\"id\":5,\"name\":\"split-unmap\"},{\"id\":1,\"name\":\"truncate-unmap\"}," \
	"{\"id\":9,\"name\":\"toy-race\",\"shape\":\"walk\",\"deletes\":true,\"point\":\"toy\","   \
	"\"function\":\"toy_walk\"},{\"id\":31,\"name\":\"toy-split\",\"shape\":\"split\"}]"

static const char table[] = "{\"mode\":\"precise\"," TABLE "}";

static void write_meta(struct trace_writer *writer, const char *text)
{
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, text), 0);
}

static void write_record(struct trace_writer *writer, unsigned int class)
{
	struct thprace_record one = record(THPRACE_REC_WALK_ENTER, 100, 100, 7, 0);

	one.class = (uint8_t) class;
	assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &one), 0);
	assert_int_equal(trace_writer__flush(writer), 0);
}

static struct trace_writer *begin_empty(void)
{
	struct trace_writer *writer = NULL;

	race_class__forget_foreign();
	assert_int_equal(trace_writer__open(&writer, path, START, WALL, THPRACE_TF_ALL), 0);
	return writer;
}

/* The classes of all records in order; -1: a block that was left out. Returns the last error. */
static int read_classes(int *classes, size_t nr, char why[256])
{
	struct trace_reader *reader = NULL;
	const struct thprace_record *records;
	struct trace_block block;
	int got, err = 0;

	memset(classes, 0, nr * sizeof(*classes));
	why[0] = '\0';
	assert_int_equal(trace_reader__open(&reader, path, why, 256), 0);
	while ((got = trace_reader__next(reader, &block)) != 0) {
		records = got > 0 ? block.data : NULL;
		if (got < 0) {
			err = got;
			snprintf(why, 256, "%s", trace_reader__why(reader));
		}
		if ((got < 0 && got != -E2BIG) ||
		    (got > 0 && block.type == THPRACE_BLOCK_RECORDS)) {
			assert_true(nr-- > 0);
			*classes++ = records ? records->class : -1;
		}
	}
	trace_reader__close(reader);
	return err;
}

/* The file's ids become this run's by name, also those of unknown classes. */
static void ids_by_name(void **state)
{
	struct trace_writer *writer = begin_empty();
	char why[256];
	int classes[8];

	(void)state;
	write_record(writer, 2); /* META is not there yet: an old trace's */
	write_meta(writer, table);
	write_record(writer, 5);
	write_record(writer, 1);
	write_record(writer, 9);
	write_record(writer, 31);
	write_record(writer, 0);
	write_record(writer, 2); /* META does not name it */
	assert_int_equal(trace_writer__close(writer), 0);
	assert_int_equal(read_classes(classes, 8, why), -EBADMSG);
	assert_non_null(strstr(why, "its class is not known"));
	assert_int_equal(classes[0], THPRACE_SPLIT_MIGRATE);
	assert_int_equal(classes[1], THPRACE_SPLIT_UNMAP);
	assert_int_equal(classes[2], THPRACE_TRUNCATE_UNMAP);
	assert_string_equal(names__class((unsigned int)classes[3]), "toy-race");
	assert_true(race_class__deletes((unsigned int)classes[3]));
	assert_string_equal(names__class((unsigned int)classes[4]), "toy-split");
	assert_int_equal(race_class__shape((unsigned int)classes[4]), RACE_SPLIT);
	assert_int_equal(classes[5], THPRACE_CLASS_NONE);
	assert_int_equal(classes[6], -1);
	/* Named, but not observed here. */
	assert_int_equal(race_class__end(), classes[3]);
}

/* No table: 1 to 7 have their old meaning, and there is no other. */
static void no_table(void **state)
{
	static const char *const metas[] = {"{\"mode\":\"light\"}", "{\"classes\":7}",
					    "{\"classes\":{\"id\":1}}"};
	struct trace_writer *writer;
	char why[256];
	int classes[8];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(metas) / sizeof(metas[0]); i++) {
		writer = begin_empty();
		write_meta(writer, metas[i]);
		write_record(writer, 7);
		write_record(writer, 8);
		assert_int_equal(trace_writer__close(writer), 0);
		assert_int_equal(read_classes(classes, 8, why), -EBADMSG);
		assert_int_equal(classes[0], THPRACE_COLLAPSE_REUSE);
		assert_int_equal(classes[1], -1);
	}
}

static void incidents_too(void **state)
{
	struct thprace_incident one = incident(THPRACE_ESCAPE, 0);
	struct trace_writer *writer = begin_empty();
	struct summary *summary;
	unsigned int toy;
	char *text;

	(void)state;
	write_meta(writer, table);
	one.walk.class = 9;
	assert_int_equal(trace_writer__incident(writer, &one), 0);
	assert_int_equal(trace_writer__flush(writer), 0);
	assert_int_equal(
		trace_writer__json(
			writer, THPRACE_BLOCK_STATS,
			"{\"classes\":{\"toy-race\":{\"walkers\":77},\"?\":{\"walkers\":99}},"
			"\"not_observable\":[{\"class\":\"toy-split\",\"reason\":\"no toys\"}],"
			"\"closest\":{\"distance\":7,\"window\":{},\"walk\":{\"class\":\"toy-"
			"race\"}}}"),
		0);
	assert_int_equal(trace_writer__close(writer), 0);
	summary = read_summary();
	toy = (unsigned int)names__find_class("toy-race");
	assert_int_equal(toy, race_class__end());
	assert_int_equal(summary->class[toy].walkers, 77);
	assert_int_equal(summary->class[toy].escapes, 1);
	assert_int_equal(summary->closest.walk.class, toy);
	summary__free(summary);
	text = report(1, 0);
	assert_has(text, "\n  toy-race                  77          1 ");
	assert_has(text, "\n  toy-split         not observable: no toys\n");
	assert_has(text, "incident 1: toy-race, ");
	assert_has(text, "toy_walk()");
	free(text);
	text = report(1, 1);
	assert_has(text, "{\"type\":\"class\",\"class\":\"toy-race\",\"walkers\":77,");
	free(text);
}

/* A class is printed by its name, even if it became known after the printing had begun. */
static void dump_by_name(void **state)
{
	static const enum render_format formats[] = {RENDER_TEXT, RENDER_JSON, RENDER_CSV};
	static const char *const wanted[] = {" class=a-name-of-thirty-one-characters ",
					     ",\"class\":\"a-name-of-thirty-one-characters\",",
					     ",a-name-of-thirty-one-characters,"};
	struct thprace_record one = record(THPRACE_REC_WALK_ENTER, 100, 100, 7, 0);
	struct race_class class = {.name = "a-name-of-thirty-one-characters"};
	struct record_place place = {.record = &one};
	struct render_record render = {.started = START};
	struct record_lines *lines;
	char *text = NULL;
	size_t size, i;
	FILE *out;

	(void)state;
	assert_int_equal(strlen(class.name), RACE_NAME_MAX);
	one.origin = THPRACE_ORIGIN_INVALIDATE;
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		race_class__forget_foreign();
		render.format = formats[i];
		lines = record_lines__new(&render);
		assert_non_null(lines);
		one.class = (uint8_t)race_class__add_foreign(&class);
		out = open_memstream(&text, &size);
		assert_non_null(out);
		record_lines__print(lines, out, &place, 1, 0);
		fclose(out);
		assert_has(text, wanted[i]);
		record_lines__free(lines);
		free(text);
	}
}

/* A wrong table of classes is a META that thprace does not write: nothing is read from there on. */
static void hostile_tables(void **state)
{
	static const struct {
		const char *list, *why;
	} cases[] = {
		{"{\"id\":1}", "no name"},
		{"{\"id\":1,\"name\":7}", "no name"},
		{"{\"id\":1,\"name\":\"\"}", "no name"},
		{"{\"id\":1,\"name\":\"Upper\"}", "no name"},
		{"{\"id\":1,\"name\":\"a\\u001b[2J\"}", "no name"},
		{"{\"id\":1,\"name\":\"a-name-of-thirty-two-characters-\"}", "no name"},
		{"7", "no name"},
		{"null", "no name"},
		{"{\"name\":\"toy\"}", "no id"},
		{"{\"id\":0,\"name\":\"toy\"}", "no id"},
		{"{\"id\":-1,\"name\":\"toy\"}", "no id"},
		{"{\"id\":32,\"name\":\"toy\"}", "no id"},
		{"{\"id\":18446744073709551615,\"name\":\"toy\"}", "no id"},
		{"{\"id\":\"1\",\"name\":\"toy\"}", "no id"},
		{"{\"id\":1,\"name\":\"toy\"},{\"id\":1,\"name\":\"toy-2\"}", "no id"},
		{"{\"id\":1,\"name\":\"toy\",\"point\":\"\\u0007\"}", "cannot be printed"},
		{"{\"id\":1,\"name\":\"toy\",\"function\":\"\\u001bc\"}", "cannot be printed"},
	};
	struct trace_writer *writer;
	char text[512], why[256];
	int classes[8];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		writer = begin_empty();
		snprintf(text, sizeof(text), "{\"classes\":[%s]}", cases[i].list);
		write_meta(writer, text);
		write_record(writer, 1);
		assert_int_equal(trace_writer__close(writer), 0);
		assert_int_equal(read_classes(classes, 8, why), -E2BIG);
		assert_non_null(strstr(why, cases[i].why));
		assert_int_equal(classes[0], 0);
	}
}

/* As many classes are accepted as there are ids, and no more, from one file or several. */
static void too_many(void **state)
{
	struct trace_writer *writer;
	unsigned int nr, id, used;
	char text[4096], why[256];
	int classes[8];

	(void)state;
	for (nr = THPRACE_CLASS_MAX - race_class__end(); nr <= THPRACE_CLASS_MAX; nr++) {
		writer = begin_empty();
		used = (unsigned int)snprintf(text, sizeof(text), "{\"classes\":[");
		for (id = 1; id <= nr; id++)
			used += (unsigned int)snprintf(text + used, sizeof(text) - used,
						       "%s{\"id\":%u,\"name\":\"toy-%u\"}",
						       id > 1 ? "," : "", id, id);
		snprintf(text + used, sizeof(text) - used, "]}");
		write_meta(writer, text);
		write_record(writer, 1);
		assert_int_equal(trace_writer__close(writer), 0);
		if (nr == THPRACE_CLASS_MAX - race_class__end()) {
			assert_int_equal(read_classes(classes, 8, why), 0);
			assert_int_equal(classes[0], race_class__end());
			/* Once more: they are known already. */
			assert_int_equal(read_classes(classes, 8, why), 0);
			continue;
		}
		assert_int_equal(read_classes(classes, 8, why), -E2BIG);
		assert_non_null(strstr(why, "more classes than"));
	}
}

/* Names of saved values, by section: of a class of this run, through META, and what may not be there. */
static void saved_values(void **state)
{
	static const char *const event[RACE_EVENTS] = {"f entry", "f return", "g entry", NULL};
	struct json_object *object = json_object_new_object();
	struct trace_writer *writer = begin_empty();
	unsigned int class = race_class__add_file("a-race", event);
	char name[RACE_SAVED_TEXT], why[256];
	int classes[1];

	(void)state;
	race_class__save(class, 2, "flags page");
	race_class__locate(class, 1, (const char *const[RACE_PLACES]){"g entry", "g return"});
	json_object_object_add(object, "classes", trace_classes__json());
	assert_non_null(strstr(json_object_to_json_string(object),
			       "\"saved\": [ \"\", \"\", \"flags page\" ]"));
	write_meta(writer, json_object_to_json_string(object));
	json_object_put(object);
	write_record(writer, class);
	assert_int_equal(trace_writer__close(writer), 0);
	race_class__forget_foreign();
	assert_int_equal(race_class__values(class, 2), 0);
	assert_int_equal(read_classes(classes, 1, why), 0);
	class = race_class__find("a-race");
	assert_null(race_class__of(class)->place[0][RACE_PLACE_BEGIN]);
	assert_string_equal(race_class__of(class)->place[1][RACE_PLACE_BEGIN], "g entry");
	assert_string_equal(race_class__of(class)->place[1][RACE_PLACE_END], "g return");
	assert_int_equal(race_class__values(class, 2), 2);
	assert_string_equal(race_class__value(class, 2, 0, name), "flags");
	assert_string_equal(race_class__value(class, 2, 1, name), "page");
	assert_null(race_class__value(class, 2, 2, name));
	assert_null(race_class__value(class, 0, 0, name));
	assert_null(race_class__value(class, 200, 0, name));
	assert_int_equal(race_class__values(1, 0), 0);
	writer = begin_empty();
	write_meta(writer,
		   "{\"classes\":[{\"id\":9,\"name\":\"a-race\",\"shape\":\"file\",\"saved\":[7,"
		   "\" a  b \",null,\"1 2 3 4 5 6 7 8 9 10\",\"\",{},[],\"x\",\"y\"]}]}");
	assert_int_equal(trace_writer__close(writer), 0);
	assert_int_equal(read_classes(classes, 1, why), 0);
	class = race_class__find("a-race");
	assert_int_equal(race_class__values(class, 0), 0);
	assert_int_equal(race_class__values(class, 1), 2);
	assert_string_equal(race_class__value(class, 1, 1, name), "b");
	assert_int_equal(race_class__values(class, 3), THPRACE_STACK_VALUES_MAX);
	assert_string_equal(race_class__value(class, 7, 0, name), "x");
	writer = begin_empty();
	write_meta(writer,
		   "{\"classes\":[{\"id\":9,\"name\":\"a-race\",\"saved\":[\"a\\u001b\"]}]}");
	assert_int_equal(trace_writer__close(writer), 0);
	assert_true(read_classes(classes, 1, why) < 0);
	assert_non_null(strstr(why, "cannot be printed"));
	race_class__forget_foreign();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_by_name),	  cmocka_unit_test(no_table),
		cmocka_unit_test(incidents_too),  cmocka_unit_test(dump_by_name),
		cmocka_unit_test(hostile_tables), cmocka_unit_test(too_many),
		cmocka_unit_test(saved_values),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
