// SPDX-License-Identifier: GPL-2.0-only
#include "client.h"

#include <errno.h>
#include <grp.h>
#include <json-c/json.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/json.h"
#include "base/json_bounds.h"
#include "base/names.h"

#define LINE_MAX_BYTES (16u << 20)
#define READ_BYTES 65536

struct client {
	int fd;
	int passed; /* a received descriptor, or -1 */
	char *buf;
	size_t size; /* bytes in buf … */
	size_t taken; /* … of which this many were returned */
	size_t room;
};

/* Who may ask, according to the socket's group. */
static void explain_forbidden(const char *path, char *why, size_t why_size)
{
	const struct passwd *user = getpwuid(geteuid());
	const struct group *group = NULL;
	struct stat st;

	if (!stat(path, &st) && st.st_gid)
		group = getgrgid(st.st_gid);
	if (group)
		snprintf(why, why_size,
			 "not allowed to ask the daemon: root and members of the group '%s' are "
			 "(adduser %s %s, then log in again)",
			 group->gr_name, user ? user->pw_name : "USER", group->gr_name);
	else
		snprintf(why, why_size, "not allowed to ask the daemon at %s: only root is", path);
}

static int explain_connect(const char *path, int err, char *why, size_t why_size)
{
	if (err == EACCES)
		explain_forbidden(path, why, why_size);
	else if (err == ENOENT || err == ECONNREFUSED)
		snprintf(why, why_size,
			 "nobody answers on %s: is thpraced running? See: systemctl status "
			 "thpraced",
			 path);
	else
		snprintf(why, why_size, "cannot ask the daemon at %s: %s", path, strerror(err));
	return -err;
}

static int connect_to(struct client *client, const char *path, unsigned int patience)
{
	struct timeval bound = {.tv_sec = patience};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return -errno;
	if (setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound)) ||
	    connect(client->fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return 0;
}

/* A daemon that refuses does so before it has read everything: its answer can still be read. */
static int send_request(const struct client *client, struct json_object *request)
{
	const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	struct iovec iov[2];
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
	char end = '\n';

	if (!text)
		return -ENOMEM;
	iov[0] = (struct iovec){(char *)text, strlen(text)};
	iov[1] = (struct iovec){&end, 1};
	if (sendmsg(client->fd, &message, MSG_NOSIGNAL) < 0 && errno != EPIPE &&
	    errno != ECONNRESET)
		return -errno;
	return 0;
}

int client__call(struct client **result, const char *path, struct json_object *request,
		 unsigned int patience, char *why, size_t why_size)
{
	struct client *client = calloc(1, sizeof(*client));
	int err = -ENOMEM;

	*result = NULL;
	if (!client || !request)
		goto cleanup;
	client->fd = -1;
	client->passed = -1;
	err = connect_to(client, path, patience);
	if (!err)
		err = send_request(client, request);
	if (err)
		goto cleanup;
	*result = client;
	client = NULL;
cleanup:
	if (err)
		explain_connect(path, -err, why, why_size);
	json_object_put(request);
	client__close(client);
	return err;
}

static int make_room(struct client *client)
{
	char *grown;

	if (client->taken) {
		memmove(client->buf, client->buf + client->taken, client->size - client->taken);
		client->size -= client->taken;
		client->taken = 0;
	}
	if (client->room - client->size >= READ_BYTES)
		return 0;
	if (client->room >= LINE_MAX_BYTES)
		return -EMSGSIZE;
	grown = realloc(client->buf, 2 * client->room + READ_BYTES);
	if (!grown)
		return -ENOMEM;
	client->buf = grown;
	client->room = 2 * client->room + READ_BYTES;
	return 0;
}

/* Returns the number of bytes received, 0 at the end, or negative errno. */
static ssize_t receive(struct client *client)
{
	struct iovec iov = {client->buf + client->size, client->room - client->size};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} space;
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space.bytes,
		.msg_controllen = sizeof(space.bytes),
	};
	struct cmsghdr *header;
	ssize_t got = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC);

	if (got < 0)
		return errno == EAGAIN ? -ETIMEDOUT : errno == ECONNRESET ? 0 : -errno;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
		if (client->passed >= 0)
			close(client->passed);
		memcpy(&client->passed, CMSG_DATA(header), sizeof(int));
	}
	client->size += (size_t)got;
	return got;
}

/* Returns 0 and a complete line, NUL terminated, or negative errno. */
static int read_line(struct client *client, char **line)
{
	size_t looked = client->taken;
	char *end = NULL;
	ssize_t got;
	int err;

	for (;;) {
		if (client->size > looked)
			end = memchr(client->buf + looked, '\n', client->size - looked);
		if (end)
			break;
		looked = client->size - client->taken;
		err = make_room(client);
		if (err)
			return err;
		do
			got = receive(client);
		while (got == -EINTR);
		if (got <= 0)
			return got ? (int)got : -EPIPE;
	}
	*end = '\0';
	*line = client->buf + client->taken;
	client->taken = (size_t)(end + 1 - client->buf);
	return 0;
}

/* The daemon's error, in its own words. */
static int take_error(struct json_object *line, char *why, size_t why_size)
{
	const char *text = json__get_text(line, "message"), *code = json__get_text(line, "error");

	names__clean_lines(why, why_size, text, strlen(text), 1);
	if (!why[0])
		snprintf(why, why_size, "the daemon failed, and gives no reason");
	return strcmp(code, "not-found") ? -EREMOTEIO : -ENOENT;
}

static int explain_read(int err, char *why, size_t why_size)
{
	if (err == -EPIPE)
		snprintf(why, why_size,
			 "the daemon ended the connection before its answer was complete");
	else if (err == -ETIMEDOUT)
		snprintf(why, why_size,
			 "the daemon does not answer; see: systemctl status thpraced");
	else if (err == -EBADMSG)
		snprintf(why, why_size, "what answers there is not thpraced");
	else
		snprintf(why, why_size, "reading the daemon's answer: %s", strerror(-err));
	return err;
}

int client__next(struct client *client, struct json_object **line, char *why, size_t why_size)
{
	const char *type;
	char *text;
	int err;

	*line = NULL;
	err = read_line(client, &text);
	if (err)
		return explain_read(err, why, why_size);
	if (!json_bounds__check(text, strlen(text), NULL))
		json__parse(line, text, strlen(text));
	type = json__get_text(*line, "type");
	if (!strcmp(type, "error"))
		return take_error(*line, why, why_size);
	if (*type)
		return strcmp(type, "end") != 0;
	json_object_put(*line);
	*line = NULL;
	return explain_read(-EBADMSG, why, why_size);
}

int client__take_fd(struct client *client)
{
	int fd = client->passed;

	client->passed = -1;
	return fd;
}

void client__close(struct client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	if (client->passed >= 0)
		close(client->passed);
	free(client->buf);
	free(client);
}

int client__call_once(const char *path, struct json_object *request, struct json_object **line,
		      char *why, size_t why_size)
{
	struct client *client;
	int err;

	*line = NULL;
	err = client__call(&client, path, request, CLIENT_PATIENCE, why, why_size);
	if (err)
		return err;
	err = client__next(client, line, why, why_size);
	if (!err)
		err = explain_read(-EBADMSG, why, why_size);
	client__close(client);
	return err > 0 ? 0 : err;
}

struct json_object *client__request(const char *name)
{
	struct json_object *request = json_object_new_object();

	if (request)
		json__add_name(request, "request", name);
	return request;
}
