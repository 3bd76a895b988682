// SPDX-License-Identifier: GPL-2.0-only
/* Who a task is, in words and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "report/who.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POD "8d3c7a10-51f2-4c8e-9a6b-0f1e2d3c4b5a"

static const char *words(uint32_t uid, uint64_t cgroup, const char *path)
{
	const struct thprace_stack stack = {
		.flags = THPRACE_STACK_WHO, .uid = uid, .cgroup = cgroup};
	static char text[WHO_TEXT_LEN];
	struct who who;

	who__read(&who, &stack, path);
	return who__text(text, sizeof(text), &who);
}

static void in_words(void **state)
{
	char path[600], small[12];
	struct who who;

	(void)state;
	assert_string_equal(words(0, 1, "/system.slice/web.service"), "user 0, web.service");
	assert_string_equal(words(1000, 1, "/mine"), "user 1000, cgroup /mine");
	assert_string_equal(words(1000, 4711, NULL), "user 1000, cgroup 4711");
	assert_string_equal(words(1000, 0, NULL), "user 1000");
	assert_string_equal(words(7, 1, "/lxc/a"), "user 7, lxc container a");
	assert_string_equal(words(7, 1, "/ecs/" ID), "user 7, container 0123456789ab");
	assert_string_equal(words(7, 1, "/kubepods/pod" POD "/" ID),
			    "user 7, kubernetes container 0123456789ab, pod " POD);
	/* From outside. */
	assert_string_equal(words(7, 1, "/a\033[2J\n.service"), "user 7, a?[2J?.service");
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_true(strlen(words(7, 1, path)) < WHO_TEXT_LEN);
	who__read(&who, &(struct thprace_stack){.flags = THPRACE_STACK_WHO}, "/a.service");
	assert_string_equal(who__text(small, sizeof(small), &who), "user 0, a.s");
	/* An older trace. */
	who__read(&who, &(struct thprace_stack){.uid = 9, .cgroup = 9}, "/a.service");
	assert_string_equal(who__text(path, sizeof(path), &who), "");
	assert_null(who__json(&who));
}

static void as_json(void **state)
{
	const struct thprace_stack stack = {.flags = THPRACE_STACK_WHO, .uid = 5, .cgroup = 6};
	struct json_object *object;
	struct who who;
	size_t length;

	(void)state;
	who__read(&who, &stack, "/machine.slice/libpod-" ID ".scope");
	object = who__json(&who);
	assert_string_equal(json__line_of(object, &length),
			    "{\"uid\":5,\"cgroup_id\":6,\"cgroup\":\"/machine.slice/libpod-" ID
			    ".scope\",\"unit\":\"libpod-" ID ".scope\",\"runtime\":\"podman\","
			    "\"container\":\"" ID "\",\"pod\":null}");
	json_object_put(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_words),
		cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests_name("who", tests, NULL, NULL);
}
