// SPDX-License-Identifier: GPL-2.0-only
/* The control socket: requests and their answers. */
#include "base/host.h"
#include "control_support.h"
#include "trace/trace_reader.h"
#include "classes/race_class.h"

static struct server *server;

static int start(void **state)
{
	(void)state;
	server = server_new();
	server_start(server);
	return server->err;
}

static int stop(void **state)
{
	(void)state;
	server_stop(server);
	assert_int_equal(access(server->socket, F_OK), -1);
	server_free(server);
	return 0;
}

static void pokes(const char *letters)
{
	for (; *letters; letters++)
		poke(server, *letters);
}

/* --- requests ------------------------------------------------------------------------------------ */

static void test_status(void **state)
{
	struct json_object *status, *class, *config;
	struct answers answers;

	(void)state;
	call(server, "{\"request\":\"status\"}", &answers);
	assert_int_equal(answers.nr, 2);
	status = answers.line[0];
	assert_string_equal(text_of(status, "type"), "status");
	assert_string_equal(text_of(answers.line[1], "type"), "end");
	assert_string_equal(text_of(status, "kernel"), "6.1.0-test");
	assert_string_equal(text_of(status, "mode"), "light");
	assert_int_equal(count(status, "now_ns"), 11523000000000ULL);
	assert_int_equal(count(status, "now_wall_ns"), 1700000000000000000ULL);
	assert_int_equal(json_object_array_length(member(status, "classes")),
			 race_class__end() - 1);
	class = json_object_array_get_idx(member(status, "classes"), 0);
	assert_string_equal(text_of(class, "class"), "split-unmap");
	assert_int_equal(count(class, "escapes"), 2);
	/* JSON has no NaN. */
	assert_null(member(class, "window_mean_ns"));
	assert_true(json_object_get_double(member(class, "expected_per_day")) == 0.25);
	class = json_object_array_get_idx(member(status, "classes"), 1);
	assert_null(member(class, "expected_per_day"));
	assert_int_equal(count(member(member(status, "loss"), "causes"), "slot"), 3);
	assert_int_equal(json_object_array_length(member(status, "probes")), THPRACE_POINT_MAX);
	assert_int_equal(json_object_array_length(member(status, "programs")), 1);
	assert_true(json_object_get_double(member(member(status, "overhead"), "budget")) == 0.005);
	assert_string_equal(text_of(member(status, "spool"), "health"), "ok");
	assert_int_equal(count(member(status, "control"), "requests"), 1);
	assert_int_equal(count(member(status, "control"), "clients"), 1);
	config = member(member(status, "config"), "control");
	assert_string_equal(text_of(config, "socket"), server->socket);
	assert_int_equal(count(config, "timeout"), PATIENCE);
	drop_answers(&answers);
}

/* Does a request list exactly these? expected ends with 0. */
static void expect_incidents(const char *request, const uint64_t *expected, uint64_t first)
{
	struct answers answers;
	size_t i;

	call(server, request, &answers);
	for (i = 0; expected[i]; i++) {
		assert_true(i < answers.nr);
		assert_string_equal(text_of(answers.line[i], "type"), "incident");
		assert_int_equal(count(answers.line[i], "number"), expected[i]);
	}
	assert_int_equal(answers.nr, i + 1);
	assert_string_equal(text_of(answers.line[i], "type"), "end");
	assert_int_equal(count(answers.line[i], "first"), first);
	assert_int_equal(count(answers.line[i], "next"), server->fake.next);
	assert_string_equal(text_of(answers.line[i], "directory"), server->folder);
	drop_answers(&answers);
}

static void test_incidents(void **state)
{
	(void)state;
	expect_incidents("{\"request\":\"incidents\"}", (uint64_t[]){0}, 1);
	pokes("iiiiii");
	expect_incidents("{\"request\":\"incidents\"}", (uint64_t[]){1, 2, 3, 4, 5, 6, 0}, 1);
	expect_incidents("{\"request\":\"incidents\",\"since\":5}", (uint64_t[]){5, 6, 0}, 1);
	expect_incidents("{\"request\":\"incidents\",\"since\":18446744073709551615}",
			 (uint64_t[]){0}, 1);
	expect_incidents("{\"request\":\"incidents\",\"verdict\":\"escape\"}",
			 (uint64_t[]){2, 4, 6, 0}, 1);
	expect_incidents("{\"request\":\"incidents\",\"class\":\"truncate-unmap\"}",
			 (uint64_t[]){3, 6, 0}, 1);
	expect_incidents("{\"class\":\"truncate-unmap\",\"verdict\":\"contained\",\"follow\":"
			 "false,\"request\":\"incidents\"}",
			 (uint64_t[]){3, 0}, 1);
}

/* More than a socket accepts at once, and more than memory has. */
static void test_many_incidents(void **state)
{
	static uint64_t expected[MEMORY + 1];
	uint64_t i;

	(void)state;
	pokes("sssss");
	for (i = 0; i < MEMORY; i++)
		expected[i] = server->fake.next - MEMORY + i;
	expect_incidents("{\"request\":\"incidents\"}", expected, 257);
}

/* Does a line have incident `number` as it is in memory? */
static void expect_raw(struct json_object *line, uint64_t number)
{
	struct thprace_incident incident = fake_incident(number);
	const char *raw = text_of(line, "raw");
	char byte[3];
	size_t i;

	assert_int_equal(strlen(raw), 2 * sizeof(incident));
	for (i = 0; i < sizeof(incident); i++) {
		snprintf(byte, sizeof(byte), "%02x", ((unsigned char *)&incident)[i]);
		assert_memory_equal(raw + 2 * i, byte, 2);
	}
}

static void test_incident(void **state)
{
	struct answers answers;
	struct json_object *line;

	(void)state;
	pokes("iii");
	/* Whole in the list only if that is asked for. */
	call(server, "{\"request\":\"incidents\",\"raw\":true}", &answers);
	assert_int_equal(answers.nr, 4);
	expect_raw(answers.line[2], 3);
	drop_answers(&answers);
	call(server, "{\"request\":\"incidents\",\"raw\":false}", &answers);
	assert_false(json_object_object_get_ex(answers.line[2], "raw", NULL));
	drop_answers(&answers);
	call(server, "{\"request\":\"incident\",\"id\":2}", &answers);
	assert_int_equal(answers.nr, 2);
	line = answers.line[0];
	assert_int_equal(count(line, "number"), 2);
	assert_string_equal(text_of(line, "verdict"), "escape");
	assert_non_null(strstr(text_of(line, "file"), "/incidents-000000000001.thpr"));
	assert_string_equal(text_of(line, "directory"), server->folder);
	assert_string_equal(text_of(member(line, "walker"), "comm"), "walk?[2Jer");
	assert_int_equal(json_object_array_length(member(line, "opener_stack")), 1);
	assert_int_equal(count(line, "wall_ns"), server->fake.wall);
	expect_raw(line, 2);
	assert_int_equal(json_object_object_length(member(line, "symbols")), 2);
	assert_string_equal(text_of(member(line, "symbols"), "cgroup 77"),
			    "/system.slice/web.service");
	assert_string_equal(text_of(member(member(line, "window"), "who"), "unit"), "web.service");
	assert_int_equal(count(member(member(line, "window"), "who"), "uid"), 1000);
	assert_null(member(member(line, "walker"), "who"));
	assert_string_equal(text_of(member(line, "host"), "hostname"), host__this()->name);
	assert_string_equal(text_of(member(line, "host"), "boot_id"), host__this()->boot_id);
	assert_string_equal(text_of(member(line, "host"), "kernel"), host__this()->kernel);
	assert_string_equal(text_of(member(line, "symbols"), "0xffffffff81000000"),
			    "__x64_sys_munmap+0x1a");
	drop_answers(&answers);
	assert_int_equal(server->fake.flushes, 1);
	/* In no file. */
	call(server, "{\"request\":\"incident\",\"id\":3}", &answers);
	assert_null(member(answers.line[0], "file"));
	drop_answers(&answers);
	call(server, "{\"request\":\"incident\",\"id\":4}", &answers);
	assert_string_equal(text_of(answers.line[0], "directory"), server->folder);
	expect_error(&answers, "not-found");
}

static void test_metrics(void **state)
{
	struct answers answers;

	(void)state;
	call(server, "{\"request\":\"metrics\"}\r", &answers);
	assert_int_equal(answers.nr, 2);
	assert_string_equal(text_of(answers.line[0], "type"), "metrics");
	assert_string_equal(text_of(answers.line[0], "text"),
			    "# HELP a b\nthprace_up{a=\"b\"} 1\n");
	drop_answers(&answers);
}

static void test_reload(void **state)
{
	struct answers answers;

	(void)state;
	call(server, "{\"request\":\"reload\"}", &answers);
	assert_int_equal(answers.nr, 2);
	assert_string_equal(text_of(answers.line[0], "type"), "reloaded");
	drop_answers(&answers);
	server->fake.complaint = "a.conf:1: unknown key 'x'\na.conf:2: bad \x1b value";
	call(server, "{\"request\":\"reload\"}", &answers);
	assert_string_equal(text_of(answers.line[0], "message"),
			    "a.conf:1: unknown key 'x'\na.conf:2: bad ? value");
	expect_error(&answers, "failed");
	assert_int_equal(server->fake.reloads, 2);
	/* What a reload changed is in force. */
	server->fake.complaint = NULL;
	server->fake.config.control.clients = 0;
	call(server, "{\"request\":\"reload\"}", &answers);
	drop_answers(&answers);
	call(server, "{\"request\":\"status\"}", &answers);
	expect_error(&answers, "busy");
}

static void test_follow(void **state)
{
	struct answers answers;
	int fd = connect_to(server);
	uint64_t i;

	(void)state;
	pokes("ii");
	send_line(fd, "{\"request\":\"incidents\",\"follow\":true,\"verdict\":\"escape\"}");
	read_answers(fd, &answers, 1);
	assert_int_equal(count(answers.line[0], "number"), 2);
	drop_answers(&answers);
	/* A follower that shuts down its sending side stays. */
	shutdown(fd, SHUT_WR);
	for (i = 4; i < 10; i += 2) {
		pokes("nii");
		read_answers(fd, &answers, 1);
		assert_int_equal(answers.nr, 1);
		assert_int_equal(count(answers.line[0], "number"), i);
		assert_string_equal(text_of(answers.line[0], "verdict"), "escape");
		drop_answers(&answers);
	}
	close(fd);
	wait_for_clients(server, 0);
}

static unsigned int incidents_in(int fd)
{
	struct trace_reader *reader;
	struct trace_block block;
	unsigned int nr = 0;
	char why[128];

	assert_true(fd >= 0);
	assert_int_equal(trace_reader__open_fd(&reader, fd, why, sizeof(why)), 0);
	while (trace_reader__next(reader, &block) > 0)
		nr += block.count;
	assert_true(trace_reader__ended(reader));
	trace_reader__close(reader);
	return nr;
}

static void test_live(void **state)
{
	unsigned int before = descriptors();
	struct answers answers;
	int fd;

	(void)state;
	pokes("i");
	call(server, "{\"request\":\"live\",\"seconds\":5}", &answers);
	assert_int_equal(answers.nr, 2);
	assert_string_equal(text_of(answers.line[0], "type"), "live");
	assert_true(count(answers.line[0], "bytes") > 40);
	assert_int_equal(incidents_in(answers.fd), 5);
	drop_answers(&answers);
	assert_false(server->fake.live_from_now);
	/* The trace comes later. */
	server->fake.live_later = true;
	fd = connect_to(server);
	send_line(fd, "{\"request\":\"live\",\"seconds\":2.5,\"from_now\":true}");
	call(server, "{\"request\":\"status\"}", &answers);
	drop_answers(&answers);
	assert_true(server->fake.live_from_now);
	assert_true(server->fake.live_seconds == 2.5);
	pokes("l");
	read_answers(fd, &answers, ANSWERS_MAX);
	close(fd);
	assert_int_equal(answers.nr, 2);
	assert_int_equal(incidents_in(answers.fd), 3);
	drop_answers(&answers);
	assert_int_equal(server->fake.cancelled, 0);
	server->fake.live_error = "the flight recorder sleeps";
	call(server, "{\"request\":\"live\"}", &answers);
	assert_string_equal(text_of(answers.line[0], "message"), "the flight recorder sleeps");
	assert_true(server->fake.live_seconds == 0);
	expect_error(&answers, "failed");
	/* The server keeps a descriptor for each of the two that were sent, for the time being. */
	assert_int_equal(descriptors(), before + 2);
}

/* The client leaves before its trace is ready. */
static void test_live_cancelled(void **state)
{
	struct answers answers;
	unsigned int before;
	int fd, i;

	(void)state;
	pokes("i");
	server->fake.live_later = true;
	before = descriptors();
	fd = connect_to(server);
	send_line(fd, "{\"request\":\"live\",\"seconds\":1,\"from_now\":true}");
	call(server, "{\"request\":\"status\"}", &answers);
	drop_answers(&answers);
	close(fd);
	for (i = 0; i < 1000 && !server->fake.cancelled; i++) {
		call(server, "{\"request\":\"status\"}", &answers);
		drop_answers(&answers);
	}
	assert_int_equal(server->fake.cancelled, 1);
	pokes("l");
	assert_int_equal(descriptors(), before);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_status),   TEST(test_incidents), TEST(test_many_incidents),
		TEST(test_incident), TEST(test_follow),	   TEST(test_metrics),
		TEST(test_reload),   TEST(test_live),	   TEST(test_live_cancelled),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
