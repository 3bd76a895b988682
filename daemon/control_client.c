// SPDX-License-Identifier: GPL-2.0-only
/* One connection: reads one request, and sends answers as fast as the socket accepts them. */
#include "control_private.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/host.h"
#include "base/json.h"

static void free_client(struct client *client)
{
	sd_event_source_disable_unref(client->io);
	sd_event_source_disable_unref(client->timer);
	if (client->fd >= 0)
		close(client->fd);
	if (client->passed >= 0)
		close(client->passed);
	free(client->out);
	free(client);
}

void control_client__reap(struct control *control, bool all)
{
	struct client **link = &control->clients, *client;

	while ((client = *link)) {
		if (!all && client->state != CLIENT_GONE) {
			link = &client->next;
			continue;
		}
		*link = client->next;
		free_client(client);
	}
}

void control_client__drop(struct client *client)
{
	struct control *control = client->control;
	bool waits = client->state == CLIENT_LIVE;

	if (client->state == CLIENT_GONE)
		return;
	client->state = CLIENT_GONE;
	control->nr_clients--;
	/*
	 * The caller may still use the client: only resources that others need are freed at once.
	 */
	client->io = sd_event_source_disable_unref(client->io);
	client->timer = sd_event_source_disable_unref(client->timer);
	close(client->fd);
	client->fd = -1;
	sd_event_source_set_enabled(control->reaper, SD_EVENT_ONESHOT);
	if (waits && control->hooks.live_cancel)
		control->hooks.live_cancel(control->hooks.ctx, client->id);
}

static void arm(struct client *client)
{
	int enabled = SD_EVENT_OFF;

	sd_event_source_get_enabled(client->timer, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(client->timer, client->control->timeout);
	sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
}

static void disarm(struct client *client)
{
	sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
}

static bool append(struct client *client, const char *text, size_t length)
{
	size_t room = client->out_room;
	char *grown;

	if (client->out_sent) {
		memmove(client->out, client->out + client->out_sent,
			client->out_size - client->out_sent);
		client->out_size -= client->out_sent;
		client->out_sent = 0;
	}
	while (room < client->out_size + length + 1)
		room = room ? 2 * room : 1024;
	if (room != client->out_room) {
		grown = realloc(client->out, room);
		if (!grown)
			return false;
		client->out = grown;
		client->out_room = room;
	}
	memcpy(client->out + client->out_size, text, length);
	client->out[client->out_size + length] = '\n';
	client->out_size += length + 1;
	return true;
}

void control_client__line(struct client *client, struct json_object *object)
{
	struct json_object *host = json_object_new_object();
	size_t length = 0;
	const char *text;

	/* A line says where it comes from, wherever it is collected. */
	host__add(host, host__this(), 1);
	json__add(object, "host", host);
	text = json__line_of(object, &length);
	if (client->state != CLIENT_GONE && (!text || !append(client, text, length)))
		control_client__drop(client);
	json_object_put(object);
}

void control_client__end(struct client *client, struct json_object *object)
{
	if (!object)
		object = json_object_new_object();
	if (object)
		json__add_name(object, "type", "end");
	control_client__line(client, object);
	if (client->state != CLIENT_GONE)
		client->state = CLIENT_LAST;
}

struct json_object *control_client__make_error(const char *code, const char *why)
{
	struct json_object *object = json__new("error");

	if (!object)
		return NULL;
	json__add_name(object, "error", code);
	json__add_name(object, "message", why);
	return object;
}

void control_client__error(struct client *client, const char *code, const char *why)
{
	control_client__line(client, control_client__make_error(code, why));
	if (client->state != CLIENT_GONE)
		client->state = CLIENT_LAST;
}

/* Returns the number of bytes sent, or negative errno. */
static ssize_t send_some(struct client *client)
{
	struct iovec iov = {
		.iov_base = client->out + client->out_sent,
		.iov_len = client->out_size - client->out_sent,
	};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} passed = {0};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *header;
	ssize_t sent;

	if (client->passed >= 0) {
		message.msg_control = passed.bytes;
		message.msg_controllen = sizeof(passed.bytes);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &client->passed, sizeof(int));
	}
	sent = sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	client->out_sent += (size_t)sent;
	if (client->passed >= 0)
		close(client->passed);
	client->passed = -1;
	return sent;
}

/* Returns 0 if everything was sent, -EAGAIN if the socket is full, or another negative errno. */
static int send_all(struct client *client)
{
	ssize_t sent = 0;

	while (client->out_sent < client->out_size) {
		sent = send_some(client);
		if (sent < 0 && sent != -EINTR)
			return (int)sent;
	}
	client->out_size = 0;
	client->out_sent = 0;
	disarm(client);
	return 0;
}

void control_client__send(struct client *client)
{
	uint32_t events = client->state == CLIENT_REQUEST ? EPOLLIN : 0;
	int err = 0;

	while (client->state != CLIENT_GONE) {
		if (client->state == CLIENT_INCIDENTS)
			client->control->answers->incidents(client);
		if (client->state == CLIENT_GONE)
			return;
		err = send_all(client);
		/* If incidents are left, there is more to send. */
		if (err || client->state != CLIENT_INCIDENTS || client->number >= client->end)
			break;
	}
	if (client->state == CLIENT_GONE)
		return;
	if (err && err != -EAGAIN) {
		control_client__drop(client);
		return;
	}
	if (!err && client->state == CLIENT_LAST) {
		control_client__drop(client);
		return;
	}
	if (err)
		arm(client);
	if (sd_event_source_set_io_events(client->io, events | (err ? EPOLLOUT : 0)) < 0)
		control_client__drop(client);
}

/* The line of the request is complete, or no more of it will come. */
static void take_request(struct client *client, size_t length)
{
	struct control *control = client->control;
	const char *code;
	char why[256];

	disarm(client);
	code = control_request__parse(&client->request, client->in, length, why, sizeof(why));
	if (code) {
		control->refused++;
		control_client__error(client, code, why);
	} else {
		control->requests++;
		control->answers->request(client);
	}
	control_client__send(client);
}

static void refuse(struct client *client, const char *code, const char *why)
{
	disarm(client);
	client->control->refused++;
	control_client__error(client, code, why);
	control_client__send(client);
}

static void read_request(struct client *client)
{
	char *end;
	ssize_t got;

	got = recv(client->fd, client->in + client->in_size, sizeof(client->in) - client->in_size,
		   MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0 || (!got && !client->in_size)) {
		control_client__drop(client);
		return;
	}
	end = memchr(client->in + client->in_size, '\n', (size_t)got);
	client->in_size += (size_t)got;
	if (end)
		take_request(client, (size_t)(end - client->in));
	else if (client->in_size > CONTROL_REQUEST_MAX)
		refuse(client, "too-large", "a request has at most 4096 bytes");
	else if (!got)
		take_request(client, client->in_size);
}

_Static_assert(CONTROL_REQUEST_MAX == 4096, "said above");

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct client *client = data;

	(void)source;
	(void)fd;
	if (client->state == CLIENT_GONE)
		return 0;
	if (client->state == CLIENT_REQUEST)
		read_request(client);
	else if (events & (EPOLLHUP | EPOLLERR))
		control_client__drop(client);
	else
		control_client__send(client);
	return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct client *client = data;
	bool requesting = client->state == CLIENT_REQUEST;

	(void)source;
	(void)usec;
	if (client->state == CLIENT_GONE)
		return 0;
	if (requesting) {
		refuse(client, "timeout", "the request was not complete in time");
		return 0;
	}
	/* It may have been freed space just now; it cannot be waited for. */
	client->control->refused++;
	control_client__error(client, "timeout", "the client did not read the answer in time");
	if (client->state != CLIENT_GONE)
		send_all(client);
	control_client__drop(client);
	return 0;
}

static bool is_trusted(uid_t uid)
{
	return !uid || uid == geteuid();
}

bool control_client__room(const struct control *control, uid_t uid, uint64_t places, bool live)
{
	uint64_t taken = 0, own = 0;
	const struct client *client;

	for (client = control->clients; client; client = client->next) {
		if (client->state == CLIENT_GONE || (live && client->state != CLIENT_LIVE) ||
		    is_trusted(client->uid) != is_trusted(uid))
			continue;
		taken++;
		own += client->uid == uid;
	}
	if (taken >= places)
		return false;
	return is_trusted(uid) || own < (places + 1) / 2;
}

int control_client__new(struct control *control, int fd, uid_t uid)
{
	struct client *client = calloc(1, sizeof(*client));
	int err;

	if (!client) {
		close(fd);
		return -ENOMEM;
	}
	client->control = control;
	client->fd = fd;
	client->uid = uid;
	client->passed = -1;
	err = sd_event_add_io(control->event, &client->io, fd, EPOLLIN, on_io, client);
	if (err >= 0)
		err = sd_event_add_time_relative(control->event, &client->timer, CLOCK_MONOTONIC,
						 control->timeout, 0, on_time, client);
	if (err < 0) {
		free_client(client);
		return err;
	}
	client->id = ++control->last_id;
	client->next = control->clients;
	control->clients = client;
	control->nr_clients++;
	return 0;
}
