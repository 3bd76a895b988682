// SPDX-License-Identifier: GPL-2.0-only
/* The control socket: errors, limits, who may ask, and the socket's file. */
#include "control_support.h"

#include <grp.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct server *server;

static int start(void **state)
{
	(void)state;
	server = server_new();
	server_start(server);
	return server->err;
}

/* With a timeout of one second for each client. */
static int start_impatient(void **state)
{
	(void)state;
	server = server_new();
	server->fake.config.control.timeout = 1;
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

/* --- errors and limits --------------------------------------------------------------------------- */

static const struct {
	const char *request, *code;
} wrong[] = {
	{"", "malformed"},
	{"{", "malformed"},
	{"status", "malformed"},
	{"12", "malformed"},
	{"null", "malformed"},
	{"[]", "malformed"},
	{"\"status\"", "malformed"},
	{"{}", "malformed"},
	{"{\"request\":1}", "malformed"},
	{"{'request':'status'}", "malformed"},
	{"{\"request\":\"status\"} x", "malformed"},
	{"{\"request\":\"status\"}{\"request\":\"reload\"}", "malformed"},
	{"{\"request\":\"status\",}", "malformed"},
	{"{\"request\":\"status\",\"id\":1}", "malformed"},
	{"{\"request\":\"incidents\",\"clas\":\"split-unmap\"}", "malformed"},
	{"{\"request\":\"incidents\",\"since\":{\"a\":{\"b\":{}}}}", "malformed"},
	{"{\"request\":\"stat\\u0000us\"}", "unknown-request"},
	{"{\"request\":\"\xc3\x28\"}", "malformed"},
	{"{\"request\":\"shutdown\"}", "unknown-request"},
	{"{\"request\":\"\"}", "unknown-request"},
	{"{\"request\":\"incidents\",\"since\":-1}", "invalid"},
	{"{\"request\":\"incidents\",\"since\":\"1\"}", "invalid"},
	{"{\"request\":\"incidents\",\"since\":1.5}", "invalid"},
	{"{\"request\":\"incidents\",\"class\":\"none\"}", "invalid"},
	{"{\"request\":\"incidents\",\"class\":null}", "invalid"},
	{"{\"request\":\"incidents\",\"verdict\":\"clean\"}", "invalid"},
	{"{\"request\":\"incidents\",\"follow\":1}", "invalid"},
	{"{\"request\":\"incidents\",\"raw\":1}", "invalid"},
	{"{\"request\":\"incident\",\"id\":1,\"raw\":true}", "malformed"},
	{"{\"request\":\"incident\"}", "invalid"},
	{"{\"request\":\"incident\",\"id\":0}", "invalid"},
	{"{\"request\":\"incident\",\"id\":[]}", "invalid"},
	{"{\"request\":\"live\",\"seconds\":0}", "invalid"},
	{"{\"request\":\"live\",\"seconds\":-1}", "invalid"},
	{"{\"request\":\"live\",\"seconds\":1e300}", "invalid"},
	{"{\"request\":\"live\",\"seconds\":3601}", "invalid"},
	{"{\"request\":\"live\",\"seconds\":\"1\"}", "invalid"},
	{"{\"request\":\"live\",\"from_now\":true}", "invalid"},
};

#define NR_WRONG (sizeof(wrong) / sizeof(wrong[0]))

static void test_wrong(void **state)
{
	struct answers answers;
	size_t i;

	(void)state;
	for (i = 0; i < NR_WRONG; i++) {
		call(server, wrong[i].request, &answers);
		expect_error(&answers, wrong[i].code);
	}
	call(server, "{\"request\":\"status\"}", &answers);
	assert_int_equal(count(member(answers.line[0], "control"), "refused"), NR_WRONG);
	drop_answers(&answers);
}

static void test_size(void **state)
{
	static char line[2 * CONTROL_REQUEST_MAX];
	static const char request[] = "{\"request\":\"status\"}";
	struct answers answers;
	int fd;

	(void)state;
	memset(line, ' ', sizeof(line));
	memcpy(line, request, strlen(request));
	line[CONTROL_REQUEST_MAX] = '\0';
	call(server, line, &answers);
	assert_int_equal(answers.nr, 2);
	drop_answers(&answers);
	line[CONTROL_REQUEST_MAX] = ' ';
	line[CONTROL_REQUEST_MAX + 1] = '\0';
	call(server, line, &answers);
	expect_error(&answers, "too-large");
	/* In pieces: complete except for its end, it is not too large yet. */
	line[CONTROL_REQUEST_MAX] = '\0';
	fd = connect_to(server);
	send_bytes(fd, line, CONTROL_REQUEST_MAX);
	call(server, request, &answers);
	drop_answers(&answers);
	send_bytes(fd, "\n", 1);
	read_answers(fd, &answers, ANSWERS_MAX);
	close(fd);
	assert_int_equal(answers.nr, 2);
	drop_answers(&answers);
	/* Without a newline: the end of the data is enough. */
	fd = connect_to(server);
	send_bytes(fd, request, 5);
	call(server, request, &answers);
	drop_answers(&answers);
	send_bytes(fd, request + 5, strlen(request) - 5);
	shutdown(fd, SHUT_WR);
	read_answers(fd, &answers, ANSWERS_MAX);
	close(fd);
	assert_int_equal(answers.nr, 2);
	drop_answers(&answers);
}

static void test_clients(void **state)
{
	struct answers answers;
	int fds[16], i;

	(void)state;
	for (i = 0; i < 16; i++)
		fds[i] = connect_to(server);
	call(server, "{\"request\":\"status\"}", &answers);
	expect_error(&answers, "busy");
	/* When one leaves, another may come; the server sees it in this order. */
	send_line(fds[0], "{\"request\":\"status\"}");
	read_answers(fds[0], &answers, ANSWERS_MAX);
	assert_int_equal(answers.nr, 2);
	drop_answers(&answers);
	call(server, "{\"request\":\"status\"}", &answers);
	assert_int_equal(answers.nr, 2);
	assert_int_equal(count(member(answers.line[0], "control"), "clients"), 16);
	drop_answers(&answers);
	for (i = 0; i < 16; i++)
		close(fds[i]);
}

/* A separate process connects, reports that it is connected, and gets its answer. */
static pid_t call_in_child(int connected)
{
	struct answers answers;
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	fd = try_connect(server->socket);
	if (fd < 0 || write(connected, "c", 1) != 1)
		_exit(1);
	send_line(fd, "{\"request\":\"status\"}");
	read_answers(fd, &answers, ANSWERS_MAX);
	_exit(answers.nr != 2);
}

/* When descriptors have run out, a client waits, and is served when there are some again. */
static void test_no_descriptors(void **state)
{
	struct rlimit limit, none;
	int ends[2], status, next;
	char letter;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	next = dup(0);
	close(next);
	none = limit;
	none.rlim_cur = (rlim_t)next;
	pid = call_in_child(ends[1]);
	assert_true(pid > 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(read(ends[0], &letter, 1), 1);
	/* It is connected: the loop finds that it cannot be accepted. */
	pokes("nnnn");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
}

static void test_slow_request(void **state)
{
	struct answers answers;
	int fd = connect_to(server);

	(void)state;
	send_bytes(fd, "{\"requ", 7);
	read_answers(fd, &answers, ANSWERS_MAX);
	expect_error(&answers, "timeout");
	close(fd);
}

/* Until the server has closed a connection from which nobody reads. */
static void wait_for_end(int fd)
{
	struct pollfd end = {.fd = fd};

	assert_int_equal(poll(&end, 1, PATIENCE * 1000), 1);
	assert_true(end.revents & POLLHUP);
	close(fd);
}

/* Neither a client that does not read its answer stays, nor a follower that does not read. */
static void test_slow_reader(void **state)
{
	unsigned int before = descriptors();
	int slow, follower;

	(void)state;
	pokes("ssss");
	slow = connect_to(server);
	send_line(slow, "{\"request\":\"incidents\"}");
	follower = connect_to(server);
	send_line(follower, "{\"request\":\"incidents\",\"follow\":true}");
	wait_for_end(slow);
	wait_for_end(follower);
	assert_int_equal(descriptors(), before);
}

/* A follower is told that it lost some: it reads what waited, and then the reason. */
static void test_overtaken(void **state)
{
	struct answers answers;
	struct json_object *last;
	int fd = connect_to(server);

	(void)state;
	pokes("ssss");
	send_line(fd, "{\"request\":\"incidents\",\"follow\":true}");
	pokes("ssssssss");
	read_answers(fd, &answers, ANSWERS_MAX);
	close(fd);
	assert_true(answers.nr > 1);
	last = answers.line[answers.nr - 1];
	assert_string_equal(text_of(last, "error"), "timeout");
	assert_non_null(strstr(text_of(last, "message"), "faster"));
	drop_answers(&answers);
}

static uint32_t next_random(void)
{
	static uint64_t seed = 0x9e3779b97f4a7c15ULL;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32);
}

/* Random data: bytes, nesting, halves of requests, connections that are closed at once. */
static size_t make_junk(char *junk, size_t size)
{
	const char *request = wrong[next_random() % NR_WRONG].request;
	size_t length = next_random() % size, i;

	switch (next_random() % 4) {
	case 0:
		for (i = 0; i < length; i++)
			junk[i] = (char)next_random();
		return length;
	case 1:
		memset(junk, next_random() % 2 ? '[' : '{', length);
		return length;
	case 2:
		length = strlen(request);
		memcpy(junk, request, length);
		for (i = 0; i < 3 && length; i++)
			junk[next_random() % length] ^= (char)(1 << next_random() % 8);
		return length;
	default:
		memset(junk, '\0', length);
		return length;
	}
}

static void test_thousand(void **state)
{
	static char junk[2 * CONTROL_REQUEST_MAX];
	unsigned int before = descriptors(), i;
	struct answers answers;
	size_t j;
	int fd;

	(void)state;
	for (i = 0; i < 1000; i++) {
		fd = connect_to(server);
		send_bytes(fd, junk, make_junk(junk, sizeof(junk)));
		if (i % 8) {
			send_bytes(fd, "\n", 1);
			read_answers(fd, &answers, ANSWERS_MAX);
			for (j = 0; j < answers.nr; j++)
				assert_string_equal(text_of(answers.line[j], "type"), "error");
			assert_int_equal(answers.nr, 1);
			drop_answers(&answers);
		}
		close(fd);
	}
	wait_for_clients(server, 0);
	assert_int_equal(descriptors(), before);
	assert_int_equal(server->fake.reloads, 0);
}

/* --- who may ask --------------------------------------------------------------------------------- */

static const gid_t member_gid = 1; /* "daemon", the server's group */
static const gid_t other_gid = 65534;

/*
 * Ask as another user, in a separate process. Exit status: 0 served, 1 forbidden, 2 no connection.
 */
static int call_as(gid_t gid, const gid_t *groups, size_t nr)
{
	struct answers answers;
	int fd, status, code = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		if (setgroups(nr, groups) || setgid(gid) || setuid(65534))
			_exit(9);
		fd = try_connect(server->socket);
		if (fd < 0)
			_exit(fd == -EACCES ? 2 : 9);
		send_line(fd, "{\"request\":\"status\"}");
		read_answers(fd, &answers, ANSWERS_MAX);
		if (answers.nr == 1)
			code = strcmp(text_of(answers.line[0], "error"), "forbidden") ? 9 : 1;
		if (code == 1 && !strstr(text_of(answers.line[0], "message"), "'daemon'"))
			code = 9;
		_exit(code);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_peers(void **state)
{
	gid_t groups[200] = {0};
	struct stat st;
	size_t i;

	(void)state;
	assert_int_equal(stat(server->socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	if (geteuid())
		skip();
	assert_int_equal(st.st_gid, member_gid);
	assert_int_equal(call_as(member_gid, NULL, 0), 0);
	assert_int_equal(call_as(other_gid, NULL, 0), 2);
	/* If the file's mode allows everybody, the credentials decide. */
	assert_int_equal(chmod(server->socket, 0666), 0);
	assert_int_equal(call_as(member_gid, NULL, 0), 0);
	assert_int_equal(call_as(other_gid, NULL, 0), 1);
	for (i = 0; i < 200; i++)
		groups[i] = (gid_t)(5000 + i);
	assert_int_equal(call_as(other_gid, groups, 200), 1);
	groups[199] = member_gid;
	assert_int_equal(call_as(other_gid, groups, 200), 0);
	assert_int_equal(call_as(other_gid, groups + 199, 1), 0);
	assert_int_equal(call_as(other_gid, groups, 2), 1);
	assert_int_equal(server->fake.logged, 0);
}

static void test_no_group(void **state)
{
	struct answers answers;

	(void)state;
	server = server_new();
	strcpy(server->fake.config.control.group, "no-such-group");
	server_start(server);
	assert_int_equal(server->err, 0);
	assert_int_equal(server->fake.logged, 1);
	assert_non_null(strstr(server->fake.logged_text, "no-such-group"));
	call(server, "{\"request\":\"status\"}", &answers);
	assert_int_equal(answers.nr, 2);
	drop_answers(&answers);
	stop(NULL);
}

/* --- the socket's file --------------------------------------------------------------------------- */

static void test_second_daemon(void **state)
{
	struct server *second = server_new();
	struct answers answers;

	(void)state;
	strcpy(second->fake.config.control.socket, server->socket);
	server_start(second);
	assert_int_equal(second->err, -EADDRINUSE);
	assert_non_null(strstr(second->why, "another thpraced"));
	server_stop(second);
	server_free(second);
	call(server, "{\"request\":\"status\"}", &answers);
	assert_int_equal(answers.nr, 2);
	drop_answers(&answers);
}

static void test_stale_socket(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct answers answers;

	(void)state;
	server = server_new();
	/* A socket left by a killed process. */
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	server_start(server);
	assert_int_equal(server->err, 0);
	call(server, "{\"request\":\"status\"}", &answers);
	assert_int_equal(answers.nr, 2);
	drop_answers(&answers);
	/* Another process's socket stays. */
	unlink(server->socket);
	fd = open(server->socket, O_CREAT | O_WRONLY, 0600);
	close(fd);
	server_stop(server);
	assert_int_equal(access(server->socket, F_OK), 0);
	/* A file that is no socket is not replaced. */
	server_start(server);
	assert_int_equal(server->err, -EEXIST);
	assert_non_null(strstr(server->why, server->socket));
	server_stop(server);
	unlink(server->socket);
	server_free(server);
}

static void test_folder(void **state)
{
	char folder[48];
	struct stat st;

	(void)state;
	server = server_new();
	snprintf(folder, sizeof(folder), "%s/run", server->folder);
	snprintf(server->socket, sizeof(server->socket), "%s/c.sock", folder);
	strcpy(server->fake.config.control.socket, server->socket);
	server_start(server);
	assert_int_equal(server->err, 0);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	server_stop(server);
	assert_int_equal(rmdir(folder), 0);
	/* Too long for a socket's name; and no name. */
	memset(server->fake.config.control.socket, 'x', 200);
	server_start(server);
	assert_int_equal(server->err, -ENAMETOOLONG);
	server_stop(server);
	server->err = 0;
	strcpy(server->fake.config.control.socket, "none");
	server_start(server);
	assert_int_equal(server->err, 0);
	pokes("in");
	server_stop(server);
	server_free(server);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)
#define IMPATIENT(function) cmocka_unit_test_setup_teardown(function, start_impatient, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_wrong),
		TEST(test_size),
		TEST(test_clients),
		TEST(test_no_descriptors),
		IMPATIENT(test_slow_request),
		IMPATIENT(test_slow_reader),
		TEST(test_overtaken),
		TEST(test_thousand),
		TEST(test_peers),
		cmocka_unit_test(test_no_group),
		TEST(test_second_daemon),
		cmocka_unit_test(test_stale_socket),
		cmocka_unit_test(test_folder),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
