/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internals of control: control.c listens and checks who may ask, control_client.c has the clients,
 * control_request.c reads requests, control_answer.c answers them, control_traces.c limits the
 * traces that were sent.
 */
#ifndef THPRACE_DAEMON_CONTROL_PRIVATE_H
#define THPRACE_DAEMON_CONTROL_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "control.h"

struct json_object;

enum request_type {
	REQUEST_STATUS,
	REQUEST_INCIDENTS,
	REQUEST_INCIDENT,
	REQUEST_METRICS,
	REQUEST_RELOAD,
	REQUEST_LIVE,
};

struct request {
	enum request_type type;
	unsigned int class; /* enum thprace_class; NONE: any */
	unsigned int verdict; /* enum thprace_verdict; CLEAN: any */
	bool follow;
	bool from_now;
	bool raw;
	uint64_t since; /* number of an incident */
	uint64_t id;
	double seconds; /* 0: not given */
};

/*
 * Read a request. Returns NULL, or the error's code ("malformed" …) with a sentence in why, which
 * is clean.
 */
const char *control_request__parse(struct request *request, const char *line, size_t length,
				   char *why, size_t why_size);

/* New lines are made while less than this waits to be sent. */
#define CLIENT_OUT_ENOUGH 16384

enum client_state {
	CLIENT_REQUEST, /* its request is not complete yet */
	CLIENT_INCIDENTS, /* sends incidents as the client reads them; or the client follows */
	CLIENT_LIVE, /* waits for control__live_done() */
	CLIENT_LAST, /* everything is queued: it ends when the client has read it */
	CLIENT_GONE, /* ended, to be freed */
};

struct client {
	struct control *control;
	struct client *next;
	uint64_t id;
	uid_t uid;
	int fd;
	int passed; /* descriptor to send with the next byte, or -1 */
	enum client_state state;
	sd_event_source *io;
	sd_event_source *timer; /* for the request, then for the data in out */
	struct request request;
	uint64_t number; /* number of the next incident to look at … */
	uint64_t end; /* … and of the first that does not exist yet */
	size_t in_size;
	char *out;
	size_t out_size; /* bytes in out … */
	size_t out_sent; /* … of which this many are sent */
	size_t out_room;
	char in[CONTROL_REQUEST_MAX + 1];
};

/* Answers to a client; their lines are sent with control_client__line() and similar functions. */
struct control_answers {
	/* Answer the request that was read. */
	void (*request)(struct client *client);
	/* State CLIENT_INCIDENTS: make lines while there is space for them. */
	void (*incidents)(struct client *client);
};

extern const struct control_answers control_answers; /* control_answer.c */

struct control {
	sd_event *event;
	struct control_hooks hooks;
	const struct control_answers *answers;
	char path[CONFIG_PATH_MAX];
	char group[CONFIG_NAME_MAX];
	bool has_group;
	gid_t gid; /* of group */
	uint64_t timeout; /* us */
	uint64_t clients_max;
	dev_t dev; /* of the socket, so that no other one is removed */
	ino_t ino;
	int fd;
	sd_event_source *listener;
	sd_event_source *pause; /* until the next accept, if descriptors or memory ran out */
	sd_event_source *reaper; /* frees clients that have gone */
	struct client *clients;
	unsigned int nr_clients; /* not gone */
	struct sent_trace *sent_traces; /* traces that were sent, the newest first */
	sd_event_source *traces_timer; /* empties the oldest */
	uint64_t trace_lifetime; /* us */
	uint64_t last_id;
	uint64_t requests;
	uint64_t refused;
};

/* Begin to serve a user's connection. Takes ownership of fd, also on failure. */
int control_client__new(struct control *control, int fd, uid_t uid);

/*
 * Has a user one of this many places left? Root and the daemon's own user have their own places;
 * one of the other users has at most half of theirs. live: only those that wait for a trace.
 */
bool control_client__room(const struct control *control, uid_t uid, uint64_t places, bool live);

/*
 * Append a line. Takes ownership of object; if it is NULL, or memory runs out, the client is
 * closed.
 */
void control_client__line(struct client *client, struct json_object *object);

/* The last line: "end" with members of object (takes ownership, may be NULL), or an error. */
void control_client__end(struct client *client, struct json_object *object);
void control_client__error(struct client *client, const char *code, const char *why);

/* Build an error's line. */
struct json_object *control_client__make_error(const char *code, const char *why);

/*
 * Send what the socket accepts, make more lines if there are any, close when everything was sent.
 */
void control_client__send(struct client *client);

/* Close it at once; it is freed later. */
void control_client__drop(struct client *client);

/* Free those that have gone, or all. */
void control_client__reap(struct control *control, bool all);

#define CONTROL_LIVE_PLACES 4 /* traces under way */
#define CONTROL_TRACES_MAX 4 /* traces that one user may hold */
#define CONTROL_TRACE_LIFETIME_US 60000000ULL /* until a trace is emptied */

/*
 * A trace is sent to a user: limit its memory. fd still belongs to the caller. Returns false if
 * that is impossible: then it must not be sent.
 */
bool control_traces__add(struct control *control, uid_t uid, int fd);
void control_traces__free(struct control *control);

#endif
