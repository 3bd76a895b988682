// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control socket: members of the group cannot lock out root or each other, nor use up the
 * daemon's memory.
 */
#include "control_support.h"
#include "control_private.h"

#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define ALICE 64001
#define BOB 64002
#define MEMBERS 1 /* "daemon", the server's group */
#define FOLLOW "{\"request\":\"incidents\",\"follow\":true}"
#define LIVE "{\"request\":\"live\",\"seconds\":1,\"from_now\":true}"

static struct server *server;
static uint64_t statuses; /* requested by look() */

static int start(void **state)
{
	(void)state;
	statuses = 0;
	server = server_new();
	server_start(server);
	return server->err;
}

static int stop(void **state)
{
	(void)state;
	server_stop(server);
	server_free(server);
	return 0;
}

/* The server's counts, without the status requests of this function. */
static void look(uint64_t *requests, uint64_t *refused, uint64_t *clients)
{
	struct json_object *control;
	struct answers answers;

	call(server, "{\"request\":\"status\"}", &answers);
	assert_int_equal(answers.nr, 2);
	control = member(answers.line[0], "control");
	*requests = count(control, "requests") - ++statuses;
	*refused = count(control, "refused");
	*clients = count(control, "clients") - 1;
	drop_answers(&answers);
}

/* Make the request this many times as a user, and hold the connections. */
_Noreturn static void hold_in_child(uid_t user, const char *request, int times, int ready,
				    int until)
{
	char byte = 't';
	int i, fd;

	if (setgroups(0, NULL) || setgid(MEMBERS) || setuid(user))
		_exit(9);
	for (i = 0; i < times; i++) {
		fd = try_connect(server->socket);
		if (fd < 0)
			_exit(9);
		send_line(fd, request);
	}
	if (write(ready, &byte, 1) != 1)
		_exit(9);
	(void)!read(until, &byte, 1);
	_exit(0);
}

/*
 * Returns how many of these are served. The others are refused when they connect, or, with `asked`,
 * when they ask.
 */
static uint64_t hold(uid_t user, const char *request, int times, bool complete, pid_t *holder,
		     int *end)
{
	uint64_t requests, refused, clients, now_requests, now_refused, now_clients, seen;
	int ready[2], until[2];
	char byte;

	look(&requests, &refused, &clients);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(until, O_CLOEXEC), 0);
	*holder = fork();
	assert_true(*holder >= 0);
	if (!*holder) {
		close(until[1]);
		hold_in_child(user, request, times, ready[1], until[0]);
	}
	close(ready[1]);
	close(until[0]);
	*end = until[1];
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	do {
		look(&now_requests, &now_refused, &now_clients);
		seen = now_requests - requests + (complete ? 0 : now_refused - refused);
	} while (seen < (uint64_t)times);
	return now_clients - clients;
}

static void release(pid_t holder, int end)
{
	int status;

	close(end);
	assert_int_equal(waitpid(holder, &status, 0), holder);
	assert_int_equal(status, 0);
}

static bool root_is_served(void)
{
	struct answers answers;
	size_t nr;

	call(server, "{\"request\":\"status\"}", &answers);
	statuses++;
	nr = answers.nr;
	drop_answers(&answers);
	return nr == 2;
}

static void test_followers(void **state)
{
	pid_t alice, bob;
	int alice_end, bob_end;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(hold(ALICE, FOLLOW, 20, false, &alice, &alice_end), 8);
	assert_true(root_is_served());
	assert_int_equal(hold(BOB, FOLLOW, 20, false, &bob, &bob_end), 8);
	assert_true(root_is_served());
	/* Bob was created after Alice, and has her end too. */
	release(bob, bob_end);
	release(alice, alice_end);
}

/* Root's clients take no other user's place. */
static void test_root_alone(void **state)
{
	int fds[15], i, end; /* and one that asks for the status */
	pid_t alice;

	(void)state;
	if (geteuid())
		skip();
	for (i = 0; i < 15; i++)
		fds[i] = connect_to(server);
	assert_int_equal(hold(ALICE, FOLLOW, 1, false, &alice, &end), 1);
	release(alice, end);
	for (i = 0; i < 15; i++)
		close(fds[i]);
}

static void test_live_places(void **state)
{
	pid_t alice, bob;
	uint64_t requests, before, refused, clients;
	int alice_end, bob_end, fd;
	struct pollfd in;

	(void)state;
	if (geteuid())
		skip();
	server->fake.live_later = true;
	server->fake.any_cancel = true;
	assert_int_equal(hold(ALICE, LIVE, 4, true, &alice, &alice_end), 2);
	assert_int_equal(hold(BOB, LIVE, 4, true, &bob, &bob_end), 2);
	look(&before, &refused, &clients);
	fd = connect_to(server);
	send_line(fd, LIVE);
	do
		look(&requests, &refused, &clients);
	while (requests == before);
	/* No output: it waits for its trace. */
	in = (struct pollfd){.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&in, 1, 0), 0);
	close(fd);
	/* Bob was created after Alice, and has her end too. */
	release(bob, bob_end);
	release(alice, alice_end);
}

/* A descriptor of a live trace, which has 1 MiB of memory. */
static int take_live(void)
{
	struct answers answers;
	int fd;

	call(server, "{\"request\":\"live\"}", &answers);
	assert_int_equal(answers.nr, 2);
	assert_true(answers.fd >= 0);
	fd = fcntl(answers.fd, F_DUPFD_CLOEXEC, 3);
	drop_answers(&answers);
	return fd;
}

static off_t size_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_size;
}

static void test_memory(void **state)
{
	int fds[20], i;
	off_t held = 0;

	(void)state;
	server->fake.live_memory = 1 << 20;
	for (i = 0; i < 20; i++)
		fds[i] = take_live();
	for (i = 0; i < 20; i++)
		held += size_of(fds[i]);
	assert_int_equal(held, 4 << 20);
	assert_int_equal(size_of(fds[19]), 1 << 20);
	/* Its holder can neither enlarge it, nor keep the daemon from emptying it. */
	assert_int_equal(write(fds[19], "x", 1), -1);
	assert_int_equal(ftruncate(fds[19], 2 << 20), -1);
	assert_int_equal(fcntl(fds[19], F_ADD_SEALS, F_SEAL_SHRINK), -1);
	for (i = 0; i < 20; i++)
		close(fds[i]);
}

static void test_memory_in_time(void **state)
{
	int fd, i;

	(void)state;
	server->fake.live_memory = 1 << 20;
	server->control->trace_lifetime = 100000;
	fd = take_live();
	for (i = 0; i < PATIENCE * 100 && size_of(fd); i++)
		usleep(10000);
	assert_int_equal(size_of(fd), 0);
	close(fd);
}

/* A group whose members need more than any plausible buffer. */
static void test_large_group(void **state)
{
	pid_t pid = fork();
	int status, i;
	FILE *out;

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		/* 77: not possible here. */
		out = fopen("/tmp/test_control.group", "w");
		if (!out)
			_exit(77);
		fprintf(out, "root:x:0:\nmany:x:4711:user0");
		for (i = 1; i < 20000; i++)
			fprintf(out, ",user%d", i);
		fprintf(out, "\n");
		fclose(out);
		if ((unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("/tmp/test_control.group", "/etc/group", NULL, MS_BIND, NULL))
			_exit(77);
		server = server_new();
		strcpy(server->fake.config.control.group, "many");
		server_start(server);
		if (server->err || !server->control->has_group || server->control->gid != 4711)
			_exit(1);
		stop(NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink("/tmp/test_control.group");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_followers), TEST(test_root_alone),	 TEST(test_live_places),
		TEST(test_memory),    TEST(test_memory_in_time), cmocka_unit_test(test_large_group),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
