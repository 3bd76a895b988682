/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A control socket in a folder under /tmp, served by a thread with the test's own hooks, and its
 * clients.
 */
#ifndef THPRACE_CONTROL_SUPPORT_H
#define THPRACE_CONTROL_SUPPORT_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include <json-c/json.h>
#include "build_incident.h"
#include "control.h"
#include "trace/trace_writer.h"
#include "class_ids.h"

#define MEMORY 1024 /* incidents that the fake spool keeps */
#define ANSWERS_MAX 2048
#define PATIENCE 30 /* s: a limit for what must happen */

/*
 * What the hooks of a server have and were asked. The test reads it when no request is under way.
 */
struct fake {
	uint64_t wall; /* see fake_wall_of() */
	struct config config;
	struct state state;
	struct session_totals totals;
	struct probe_plan plan;
	struct engine_program program;
	struct thprace_incident incidents[MEMORY]; /* number n at n % MEMORY */
	uint64_t next; /* number of the next one */
	uint64_t first; /* memory has those from here on, or later ones */
	unsigned int flushes;
	unsigned int reloads;
	const char *complaint; /* of reload, or NULL */
	bool live_later; /* live_done() when poked, else at once */
	const char *live_error; /* or NULL */
	size_t live_memory; /* bytes of a memory file that stands for a trace, or 0 */
	bool any_cancel; /* several traces are under way */
	uint64_t live_id;
	double live_seconds;
	bool live_from_now;
	unsigned int cancelled;
	unsigned int logged;
	char logged_text[512];
};

struct server {
	struct fake fake;
	struct control *control;
	sd_event *event;
	pthread_t thread;
	int poke[2]; /* a letter to the server: see on_poke() */
	int done[2]; /* a letter back */
	int err; /* of control__open() */
	char why[256];
	char folder[32];
	char socket[64]; /* in folder, or in one below it */
};

/* All answers to one request. */
struct answers {
	size_t nr;
	struct json_object *line[ANSWERS_MAX];
	int fd; /* the descriptor that came with it, or -1 */
	bool closed; /* the server ended the connection */
};

static inline const struct state *fake_state(void *ctx)
{
	struct server *server = ctx;
	struct fake *fake = &server->fake;

	fake->state.spool.next_id = fake->next;
	if (server->control)
		control__state(server->control, &fake->state.control);
	return &fake->state;
}

static inline char *fake_metrics(void *ctx)
{
	(void)ctx;
	return strdup("# HELP a b\nthprace_up{a=\"b\"} 1\n");
}

static inline uint64_t fake_first(void *ctx)
{
	const struct fake *fake = &((struct server *)ctx)->fake;

	return fake->next > fake->first + MEMORY ? fake->next - MEMORY : fake->first;
}

static inline int fake_recent(void *ctx, uint64_t number, struct thprace_incident *incident)
{
	const struct fake *fake = &((struct server *)ctx)->fake;

	if (number < fake_first(ctx) || number >= fake->next)
		return -ENOENT;
	*incident = fake->incidents[number % MEMORY];
	return 0;
}

/* As if for a file that has only number 2. */
static inline uint64_t fake_wall_of(void *ctx, uint64_t number)
{
	return number == 2 ? ((struct server *)ctx)->fake.wall : 0;
}

static inline bool fake_file_of(void *ctx, uint64_t number, char *path, size_t size)
{
	snprintf(path, size, "%s/incidents-%012u.thpr", ((struct server *)ctx)->folder, 1);
	return number != 3;
}

/* Only the first address of fake_incident() has a name. */
static inline bool fake_name_of(void *ctx, uint64_t address, char *name)
{
	(void)ctx;
	strcpy(name, "__x64_sys_munmap+0x1a");
	return address == 0xffffffff81000000;
}

static inline const char *fake_cgroup_of(void *ctx, uint64_t id)
{
	(void)ctx;
	return id == 77 ? "/system.slice/web.service" : NULL;
}

static inline void fake_flush(void *ctx)
{
	((struct server *)ctx)->fake.flushes++;
}

static inline const char *fake_directory(void *ctx)
{
	return ((struct server *)ctx)->folder;
}

static inline int fake_reload(void *ctx, char *why, size_t why_size)
{
	struct server *server = ctx;
	struct fake *fake = &server->fake;

	fake->reloads++;
	if (fake->complaint) {
		snprintf(why, why_size, "%s", fake->complaint);
		return -EINVAL;
	}
	control__configure(server->control, &fake->config);
	return 0;
}

/* A trace with as many incidents as seconds were requested. */
static inline int make_trace(const struct server *server, unsigned int count)
{
	struct trace_writer *writer;
	char path[96];
	unsigned int i;
	int fd;

	if (server->fake.live_memory) {
		fd = memfd_create("trace", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(ftruncate(fd, (off_t)server->fake.live_memory), 0);
		return fd;
	}
	snprintf(path, sizeof(path), "%s/live.thpr", server->folder);
	assert_int_equal(trace_writer__open(&writer, path, 1, 2, 0), 0);
	for (i = 0; i < count; i++)
		trace_writer__incident(writer, &server->fake.incidents[1]);
	assert_int_equal(trace_writer__close(writer), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	return fd;
}

static inline int fake_live(void *ctx, uint64_t id, double seconds, bool from_now, char *why,
			    size_t why_size)
{
	struct server *server = ctx;
	struct fake *fake = &server->fake;

	fake->live_id = id;
	fake->live_seconds = seconds;
	fake->live_from_now = from_now;
	if (fake->live_error) {
		snprintf(why, why_size, "%s", fake->live_error);
		return -EIO;
	}
	if (!fake->live_later)
		control__live_done(server->control, id, make_trace(server, (unsigned int)seconds),
				   NULL);
	return 0;
}

static inline void fake_cancel(void *ctx, uint64_t id)
{
	struct server *server = ctx;

	if (!server->fake.any_cancel)
		assert_int_equal(id, server->fake.live_id);
	server->fake.cancelled++;
	/* This must not harm anybody either. */
	control__live_done(server->control, id, -EIO, "too late");
}

static inline void fake_log(void *ctx, int priority, const char *text)
{
	struct fake *fake = &((struct server *)ctx)->fake;

	(void)priority;
	fake->logged++;
	snprintf(fake->logged_text, sizeof(fake->logged_text), "%s", text);
}

static inline struct thprace_incident fake_incident(uint64_t number)
{
	struct thprace_incident incident = build_incident(
		number % 2 ? THPRACE_CONTAINED : THPRACE_ESCAPE,
		build_window(7, 1000 * number, 0, 1000 * number + 500),
		build_walk(8, number % 3 ? THPRACE_SPLIT_UNMAP : THPRACE_TRUNCATE_UNMAP,
			   1000 * number + 100, 1000 * number + 900));

	strcpy(incident.window.comm, "opener");
	strcpy(incident.walk.comm, "walk\x1b[2Jer");
	incident.opener_stack.flags = THPRACE_STACK_WHO;
	incident.opener_stack.uid = 1000;
	incident.opener_stack.cgroup = 77;
	incident.opener_stack.nr = 1;
	incident.opener_stack.ip[0] = 0xffffffff81000000;
	return incident;
}

static inline void add_incident(struct server *server)
{
	struct fake *fake = &server->fake;

	fake->incidents[fake->next % MEMORY] = fake_incident(fake->next);
	fake->next++;
	control__incident(server->control, fake->next - 1,
			  &fake->incidents[(fake->next - 1) % MEMORY]);
}

/* i: an incident; s: a storm of them; n: one without a number; l: live_done(); x: exit. */
static inline int on_poke(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct server *server = data;
	char letter = 0;
	int i;

	(void)source;
	(void)events;
	if (read(fd, &letter, 1) != 1 || letter == 'x')
		return sd_event_exit(server->event, 0);
	if (letter == 'i')
		add_incident(server);
	for (i = 0; letter == 's' && i < 256; i++)
		add_incident(server);
	if (letter == 'n')
		control__incident(server->control, 0, &server->fake.incidents[1]);
	if (letter == 'l')
		control__live_done(server->control, server->fake.live_id, make_trace(server, 3),
				   NULL);
	return write(server->done[1], &letter, 1) == 1 ? 0 : -EIO;
}

static inline void *serve(void *data)
{
	static const struct control_hooks hooks = {
		.state = fake_state,
		.metrics = fake_metrics,
		.recent = fake_recent,
		.wall_of = fake_wall_of,
		.recent_first = fake_first,
		.file_of = fake_file_of,
		.name_of = fake_name_of,
		.cgroup_of = fake_cgroup_of,
		.flush = fake_flush,
		.directory = fake_directory,
		.reload = fake_reload,
		.live = fake_live,
		.live_cancel = fake_cancel,
		.log = fake_log,
	};
	struct server *server = data;
	struct control_hooks own = hooks;
	char ready = 'r';

	own.ctx = server;
	sd_event_new(&server->event);
	sd_event_add_io(server->event, NULL, server->poke[0], POLLIN, on_poke, server);
	server->err = control__open(&server->control, server->event, &server->fake.config, &own,
				    server->why, sizeof(server->why));
	if (write(server->done[1], &ready, 1) == 1 && !server->err)
		sd_event_loop(server->event);
	control__close(server->control);
	sd_event_unref(server->event);
	return NULL;
}

static inline void await(const struct server *server, char letter)
{
	struct pollfd in = {.fd = server->done[0], .events = POLLIN};
	char got = 0;

	assert_int_equal(poll(&in, 1, PATIENCE * 1000), 1);
	assert_int_equal(read(server->done[0], &got, 1), 1);
	assert_int_equal(got, letter);
}

static inline void poke(const struct server *server, char letter)
{
	assert_int_equal(write(server->poke[1], &letter, 1), 1);
	if (letter != 'x')
		await(server, letter);
}

/* A server that is not started yet, with what its state says. */
static inline struct server *server_new(void)
{
	struct server *server = calloc(1, sizeof(*server));
	struct fake *fake;
	int i;

	assert_non_null(server);
	fake = &server->fake;
	strcpy(server->folder, "/tmp/test_control.XXXXXX");
	assert_non_null(mkdtemp(server->folder));
	assert_int_equal(chmod(server->folder, 0755), 0);
	snprintf(server->socket, sizeof(server->socket), "%s/control.sock", server->folder);
	snprintf(fake->config.control.socket, sizeof(fake->config.control.socket), "%s",
		 server->socket);
	strcpy(fake->config.control.group, "daemon");
	fake->config.control.clients = 16;
	fake->config.control.timeout = PATIENCE;
	fake->next = 1;
	fake->first = 1;
	for (i = 0; i < THPRACE_POINT_MAX; i++) {
		fake->plan.probe[i].point = &probe_points[i];
		fake->plan.probe[i].state = PROBE_ATTACHED;
		fake->plan.probe[i].function = probe_points[i].functions[0];
	}
	fake->totals.classes[THPRACE_SPLIT_UNMAP].escapes = 2;
	fake->totals.escapes = 2;
	fake->totals.lost = 3;
	fake->totals.counters.sum.lost[THPRACE_LOSS_SLOT] = 3;
	fake->state.config = &fake->config;
	fake->state.kernel = "6.1.0-test";
	fake->state.machine = "x86_64";
	fake->state.cpus = 2;
	fake->state.now = 11523000000000ULL;
	fake->wall = (uint64_t)time(NULL) * 1000000000;
	fake->state.now_wall = 1700000000000000000ULL;
	fake->state.started = 3000000000ULL;
	fake->state.plan = &fake->plan;
	fake->state.totals = &fake->totals;
	fake->state.programs = &fake->program;
	fake->state.nr_programs = 1;
	fake->program = (struct engine_program){
		.name = "zap_enter", .function = "zap_huge_pmd", .kind = "fentry", .runs = 5};
	fake->state.overhead.measured = true;
	fake->state.overhead.share = 0.00012;
	fake->state.overhead.budget = 0.005;
	fake->state.spool.directory = server->folder;
	fake->state.spool.max_bytes = 1 << 20;
	fake->state.alert.target = "journal";
	fake->state.exposure.classes[THPRACE_SPLIT_UNMAP].window_ns = NAN;
	fake->state.exposure.classes[THPRACE_SPLIT_UNMAP].estimated = true;
	fake->state.exposure.classes[THPRACE_SPLIT_UNMAP].expected_per_day = 0.25;
	return server;
}

static inline void server_start(struct server *server)
{
	assert_int_equal(pipe2(server->poke, O_CLOEXEC), 0);
	assert_int_equal(pipe2(server->done, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
	await(server, 'r');
}

/* End the thread. The server may be started again. */
static inline void server_stop(struct server *server)
{
	int i;

	if (!server->err)
		poke(server, 'x');
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	for (i = 0; i < 2; i++) {
		close(server->poke[i]);
		close(server->done[i]);
	}
	server->control = NULL;
}

static inline void server_free(struct server *server)
{
	rmdir(server->folder);
	free(server);
}

/*
 * --- the client's side ---------------------------------------------------------------------------
 */

/* Returns a descriptor, or negative errno. */
static inline int try_connect(const char *path)
{
	struct timeval bound = {.tv_sec = PATIENCE};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -errno;
}

static inline int connect_to(const struct server *server)
{
	int fd = try_connect(server->socket);

	assert_true(fd >= 0);
	return fd;
}

static inline void send_bytes(int fd, const void *bytes, size_t size)
{
	/* A server that has answered already may have closed the connection. */
	if (send(fd, bytes, size, MSG_NOSIGNAL) < 0)
		assert_true(errno == EPIPE || errno == ECONNRESET);
}

static inline void send_line(int fd, const char *text)
{
	send_bytes(fd, text, strlen(text));
	send_bytes(fd, "\n", 1);
}

/* Bytes of the next message, with the descriptor that comes with it. 0 at the end. */
static inline size_t take(int fd, char *buf, size_t size, int *passed)
{
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} space;
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = space.bytes,
				 .msg_controllen = sizeof(space.bytes)};
	struct cmsghdr *header;
	ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

	if (got < 0)
		assert_int_equal(errno, ECONNRESET);
	header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header) {
		assert_int_equal(header->cmsg_type, SCM_RIGHTS);
		assert_int_equal(*passed, -1);
		memcpy(passed, CMSG_DATA(header), sizeof(int));
	}
	return got > 0 ? (size_t)got : 0;
}

/* Read lines until the server closes the connection, or until there are max of them. */
static inline void read_answers(int fd, struct answers *answers, size_t max)
{
	static char buf[1 << 20];
	size_t size = 0, got;
	char *end;

	memset(answers, 0, sizeof(*answers));
	answers->fd = -1;
	while (answers->nr < max) {
		got = take(fd, buf + size, max == ANSWERS_MAX ? sizeof(buf) - size : 1,
			   &answers->fd);
		answers->closed = !got;
		if (!got)
			break;
		size += got;
		while ((end = memchr(buf, '\n', size))) {
			*end = '\0';
			assert_true(answers->nr < ANSWERS_MAX);
			answers->line[answers->nr] = json_tokener_parse(buf);
			assert_non_null(answers->line[answers->nr]);
			answers->nr++;
			size -= (size_t)(end + 1 - buf);
			memmove(buf, end + 1, size);
		}
	}
	assert_int_equal(size, 0);
}

static inline void drop_answers(struct answers *answers)
{
	size_t i;

	for (i = 0; i < answers->nr; i++)
		json_object_put(answers->line[i]);
	if (answers->fd >= 0)
		close(answers->fd);
}

static inline void call(const struct server *server, const char *request, struct answers *answers)
{
	int fd = connect_to(server);

	send_line(fd, request);
	read_answers(fd, answers, ANSWERS_MAX);
	assert_true(answers->closed);
	close(fd);
}

static inline struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(object, name, &value));
	return value;
}

static inline const char *text_of(struct json_object *object, const char *name)
{
	const char *text = json_object_get_string(member(object, name));

	return text ? text : "null";
}

static inline uint64_t count(struct json_object *object, const char *name)
{
	return json_object_get_uint64(member(object, name));
}

/* Is this error the only answer? */
static inline void expect_error(struct answers *answers, const char *code)
{
	assert_int_equal(answers->nr, 1);
	assert_string_equal(text_of(answers->line[0], "type"), "error");
	assert_string_equal(text_of(answers->line[0], "error"), code);
	assert_true(strlen(text_of(answers->line[0], "message")) > 5);
	drop_answers(answers);
}

/* Until the server has this many, without the one that asks. */
static inline void wait_for_clients(const struct server *server, uint64_t clients)
{
	struct answers answers;
	uint64_t now = clients + 1;
	int i;

	for (i = 0; i < PATIENCE * 100 && now != clients; i++) {
		usleep(10000);
		call(server, "{\"request\":\"status\"}", &answers);
		now = count(member(answers.line[0], "control"), "clients") - 1;
		drop_answers(&answers);
	}
	assert_int_equal(now, clients);
}

static inline unsigned int descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int nr = 0;

	assert_non_null(folder);
	while (readdir(folder))
		nr++;
	closedir(folder);
	return nr;
}

#endif
