// SPDX-License-Identifier: GPL-2.0-only
/* The socket, and who may use it. */
#include "control_private.h"

#include <errno.h>
#include <grp.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/json.h"

#define BACKLOG 16
#define PAUSE_US 1000000
#define GROUPS_SOME 64
#define GROUP_SIZE_MAX (64u << 20) /* bytes of a group with its members */

__attribute__((format(printf, 3, 4))) static void log_text(const struct control *control,
							   int priority, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!control->hooks.log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	control->hooks.log(control->hooks.ctx, priority, text);
}

/*
 * --- who may ask ---------------------------------------------------------------------------------
 */

/* Look the group up here and not per client, because the lookup may use the network. */
static void find_group(struct control *control)
{
	struct group group, *found = NULL;
	size_t size = 1024;
	char *buf = NULL;
	int err;

	control->has_group = false;
	if (!control->group[0])
		return;
	/* It includes all members: no fixed size is enough for every group. */
	do {
		free(buf);
		size *= 4;
		buf = malloc(size);
		err = buf ? getgrnam_r(control->group, &group, buf, size, &found) : ENOMEM;
	} while (err == ERANGE && size < GROUP_SIZE_MAX);
	if (found) {
		control->has_group = true;
		control->gid = group.gr_gid;
	}
	free(buf);
	if (found)
		return;
	log_text(control, LOG_WARNING,
		 "no group '%s' (%s): only root may use the control socket. 'groupadd --system %s' "
		 "creates it; then restart or reload thpraced",
		 control->group, err ? strerror(err) : "not found", control->group);
}

/* Root's own rights are not needed if the daemon is a member of the group. */
static void set_socket_group(struct control *control)
{
	struct stat st;

	if (!control->has_group || control->fd < 0)
		return;
	if (!lchown(control->path, (uid_t)-1, control->gid))
		return;
	if (!lstat(control->path, &st) && st.st_gid == control->gid)
		return;
	log_text(control, LOG_WARNING, "cannot give %s to the group '%s': %s; only root may use it",
		 control->path, control->group, strerror(errno));
}

/* Is one of the peer's supplementary groups ours? */
static bool peer_in_group(int fd, gid_t gid)
{
	gid_t some[GROUPS_SOME], *groups = some, *many = NULL;
	socklen_t length = sizeof(some);
	bool found = false;
	size_t i;
	int err;

	err = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length);
	if (err && errno == ERANGE) {
		/* The kernel says how many: at most NGROUPS_MAX. */
		groups = many = malloc(length);
		if (many)
			err = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length);
	}
	for (i = 0; !err && i < length / sizeof(gid_t) && !found; i++)
		found = groups[i] == gid;
	free(many);
	return found;
}

static bool allowed(const struct control *control, int fd, uid_t *uid)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) || length != sizeof(peer))
		return false;
	*uid = peer.uid;
	if (!peer.uid || peer.uid == geteuid())
		return true;
	if (!control->has_group)
		return false;
	return peer.gid == control->gid || peer_in_group(fd, control->gid);
}

/* Sends one line, for which the socket has space, and closes. */
static void reject(struct control *control, int fd, const char *code, const char *why)
{
	struct json_object *object = control_client__make_error(code, why);
	size_t length = 0;
	const char *text = json__line_of(object, &length);
	struct iovec iov[2];
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};

	control->refused++;
	if (text) {
		iov[0] = (struct iovec){(char *)text, length};
		iov[1] = (struct iovec){(char[]){'\n'}, 1};
		sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	json_object_put(object);
	close(fd);
}

static void take_client(struct control *control, int fd)
{
	char why[256];
	uid_t uid;

	if (!allowed(control, fd, &uid)) {
		if (control->has_group)
			snprintf(why, sizeof(why),
				 "only root and members of the group '%s' may ask", control->group);
		else
			snprintf(why, sizeof(why), "only root may ask%s%s%s",
				 control->group[0] ? ": there is no group '" : "", control->group,
				 control->group[0] ? "'" : "");
		reject(control, fd, "forbidden", why);
		return;
	}
	if (!control_client__room(control, uid, control->clients_max, false)) {
		snprintf(why, sizeof(why),
			 "%u clients are connected, the limit for your user or for all users: try "
			 "again later",
			 control->nr_clients);
		reject(control, fd, "busy", why);
		return;
	}
	/* The descriptor is closed in any case; the client sees the end of the connection. */
	control_client__new(control, fd, uid);
}

/* --- the listening socket ------------------------------------------------------------------------ */

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct control *control = data;
	int client;

	(void)source;
	(void)events;
	client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client >= 0) {
		take_client(control, client);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		/* Otherwise it would be called again at once, without success. */
		sd_event_source_set_enabled(control->listener, SD_EVENT_OFF);
		sd_event_source_set_time_relative(control->pause, PAUSE_US);
		sd_event_source_set_enabled(control->pause, SD_EVENT_ONESHOT);
	}
	return 0;
}

static int on_pause(sd_event_source *source, uint64_t usec, void *data)
{
	struct control *control = data;

	(void)source;
	(void)usec;
	sd_event_source_set_enabled(control->listener, SD_EVENT_ON);
	return 0;
}

static int on_reap(sd_event_source *source, void *data)
{
	(void)source;
	control_client__reap(data, false);
	return 0;
}

/* systemd creates the folder of /run/thprace/control.sock, but not if the daemon is run by hand. */
static void make_folder(const char *path)
{
	char folder[CONFIG_PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return;
	*slash = '\0';
	/* If something is wrong with it, bind() says so. */
	if (mkdir(folder, 0755) == 0)
		(void)!chmod(folder, 0755);
}

/* Removes a socket on which nobody listens. Returns 0, or negative errno with why. */
static int clear_path(const struct sockaddr_un *address, char *why, size_t why_size)
{
	const char *path = address->sun_path;
	struct stat st;
	int fd, err;

	if (lstat(path, &st))
		return 0; /* bind() reports any error except ENOENT */
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, why_size, "%s exists and is not a socket: remove it", path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? errno : 0;
	close(fd);
	/* EAGAIN: somebody listens, and has more connections than it accepts. */
	if (!err || err == EAGAIN) {
		snprintf(why, why_size,
			 "another thpraced listens on %s; see: systemctl status thpraced", path);
		return -EADDRINUSE;
	}
	if (err == ECONNREFUSED && unlink(path))
		err = errno;
	if (err == ECONNREFUSED || err == ENOENT)
		return 0;
	snprintf(why, why_size, "the old socket %s cannot be replaced: %s", path, strerror(err));
	return -err;
}

static int listen_on(struct control *control, char *why, size_t why_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	int err;

	if (strlen(control->path) >= sizeof(address.sun_path)) {
		snprintf(why, why_size,
			 "the path of the control socket is too long: %s has %zu of "
			 "%zu characters",
			 control->path, strlen(control->path), sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, control->path, strlen(control->path) + 1);
	make_folder(control->path);
	err = clear_path(&address, why, why_size);
	if (err)
		return err;
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0 || bind(control->fd, (struct sockaddr *)&address, sizeof(address)) ||
	    lstat(control->path, &st))
		return -errno;
	control->dev = st.st_dev;
	control->ino = st.st_ino;
	/* Before it listens, so that nobody connects in between. */
	if (chmod(control->path, 0660))
		return -errno;
	set_socket_group(control);
	return listen(control->fd, BACKLOG) ? -errno : 0;
}

static int add_sources(struct control *control)
{
	int err;

	err = sd_event_add_defer(control->event, &control->reaper, on_reap, control);
	if (err >= 0)
		err = sd_event_source_set_enabled(control->reaper, SD_EVENT_OFF);
	if (err >= 0)
		err = sd_event_add_time_relative(control->event, &control->pause, CLOCK_MONOTONIC,
						 PAUSE_US, 0, on_pause, control);
	if (err >= 0)
		err = sd_event_source_set_enabled(control->pause, SD_EVENT_OFF);
	if (err >= 0 && control->fd >= 0)
		err = sd_event_add_io(control->event, &control->listener, control->fd, EPOLLIN,
				      on_connect, control);
	return err < 0 ? err : 0;
}

static void take_config(struct control *control, const struct config *config)
{
	snprintf(control->group, sizeof(control->group), "%s", config->control.group);
	control->clients_max = config->control.clients;
	control->timeout = config->control.timeout * 1000000;
	find_group(control);
}

int control__open(struct control **result, sd_event *event, const struct config *config,
		  const struct control_hooks *hooks, char *why, size_t why_size)
{
	struct control *control = calloc(1, sizeof(*control));
	int err = 0;

	*result = NULL;
	why[0] = '\0';
	if (!control) {
		snprintf(why, why_size, "the control socket: out of memory");
		return -ENOMEM;
	}
	control->fd = -1;
	control->event = sd_event_ref(event);
	control->hooks = *hooks;
	control->answers = &control_answers;
	control->trace_lifetime = CONTROL_TRACE_LIFETIME_US;
	snprintf(control->path, sizeof(control->path), "%s", config->control.socket);
	take_config(control, config);
	if (control->path[0] && strcmp(control->path, "none"))
		err = listen_on(control, why, why_size);
	if (!err)
		err = add_sources(control);
	if (err) {
		if (!why[0])
			snprintf(why, why_size, "cannot listen on %s: %s", control->path,
				 strerror(-err));
		control__close(control);
		return err;
	}
	*result = control;
	return 0;
}

void control__configure(struct control *control, const struct config *config)
{
	take_config(control, config);
	set_socket_group(control);
}

void control__state(const struct control *control, struct control_state *state)
{
	state->requests = control->requests;
	state->refused = control->refused;
	state->clients = control->nr_clients;
}

void control__close(struct control *control)
{
	struct stat st;

	if (!control)
		return;
	/* No live_cancel: what it would cancel ends with the daemon. */
	control_client__reap(control, true);
	control_traces__free(control);
	sd_event_source_disable_unref(control->listener);
	sd_event_source_disable_unref(control->pause);
	sd_event_source_disable_unref(control->reaper);
	if (control->fd >= 0)
		close(control->fd);
	if (control->ino && !lstat(control->path, &st) && st.st_dev == control->dev &&
	    st.st_ino == control->ino)
		unlink(control->path);
	sd_event_unref(control->event);
	free(control);
}
