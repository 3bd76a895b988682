// SPDX-License-Identifier: GPL-2.0-only
/* Reading JSON, with members that another version of thprace omits or writes differently. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/json.h"

static void written(void **state)
{
	struct json_object *object = json__new("x");
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	(void)state;
	json__add_number(object, "large", UINT64_MAX);
	json__add_address(object, "address", 0xffff888000000000ULL);
	json__add_real(object, "nan", NAN);
	json__add_bool(object, "yes", true);
	json__add_name(object, "path", "/a\"b");
	json__add_name(object, "none", NULL);
	json__add_text(object, "empty", "");
	json__add_text(object, "dirty", "a\033[2Jb");
	json__add_name(object, "delete",
		       "a\x7f"
		       "b");
	out = open_memstream(&text, &size);
	assert_int_equal(json__print(out, object), 0);
	fclose(out);
	assert_string_equal(text, "{\"type\":\"x\",\"large\":18446744073709551615,"
				  "\"address\":\"0xffff888000000000\",\"nan\":null,\"yes\":true,"
				  "\"path\":\"/a\\\"b\",\"none\":null,\"empty\":null,"
				  "\"dirty\":\"a?[2Jb\",\"delete\":\"a?b\"}\n");
	free(text);
}

/* Without memory for an object nothing is written, and values are freed. */
static void without_object(void **state)
{
	size_t length;

	(void)state;
	json__add_number(NULL, "n", 1);
	assert_null(json__line_of(NULL, &length));
	assert_null(json__take_text(NULL));
	assert_int_equal(json__print(stdout, NULL), -ENOMEM);
}

static struct json_object *parsed(const char *text)
{
	struct json_object *object;

	assert_int_equal(json__parse(&object, text, strlen(text)), 0);
	return object;
}

static void members(void **state)
{
	struct json_object *object =
		parsed("{\"n\":7,\"hex\":\"0x1f\",\"text\":\"t\",\"real\":2.5,"
		       "\"minus\":-1,\"bad\":\"7x\",\"yes\":true,\"null\":null,"
		       "\"list\":[1,{\"n\":3}]}");
	struct json_object *list = json__get_array(object, "list");

	(void)state;
	assert_int_equal(json__get_number(object, "n"), 7);
	assert_int_equal(json__get_number(object, "hex"), 0x1f);
	assert_int_equal(json__get_number(object, "real"), 2);
	assert_int_equal(json__get_number(object, "minus"), 0);
	assert_int_equal(json__get_number(object, "bad"), 0);
	assert_int_equal(json__get_number(object, "null"), 0);
	assert_int_equal(json__get_number(object, "missing"), 0);
	assert_true(json__get_real(object, "real") == 2.5);
	assert_true(json__get_real(object, "n") == 7);
	assert_string_equal(json__get_text(object, "text"), "t");
	assert_string_equal(json__get_text(object, "n"), "");
	assert_string_equal(json__get_text(object, "null"), "");
	assert_true(json__get_bool(object, "yes"));
	assert_false(json__get_bool(object, "n"));
	assert_null(json__get_object(object, "list"));
	assert_int_equal(json__length(list), 2);
	assert_int_equal(json__get_number(json__at(list, 1), "n"), 3);
	assert_int_equal(json__get_number(json__at(list, 0), "n"), 0);
	assert_null(json__at(list, 2));
	assert_int_equal(json__length(json__get_array(object, "n")), 0);
	assert_string_equal(json__get_text(NULL, "n"), "");
	json_object_put(object);
}

static void no_json(void **state)
{
	static const char *const texts[] = {"", "{", "7", "\"x\"", "{\"a\":}", "nonsense", "null"};
	struct json_object *object;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(json__parse(&object, texts[i], strlen(texts[i])), -EINVAL);
		assert_null(object);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),
		cmocka_unit_test(without_object),
		cmocka_unit_test(members),
		cmocka_unit_test(no_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
