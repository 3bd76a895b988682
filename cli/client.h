/* SPDX-License-Identifier: GPL-2.0-only */
/* The client side of the daemon's control socket (docs/control.md). */
#ifndef THPRACE_CLIENT_H
#define THPRACE_CLIENT_H

#include <stddef.h>

#define CLIENT_SOCKET "/run/thprace/control.sock"
/* How long the verbs wait for an answer that the daemon has at once, in s. */
#define CLIENT_PATIENCE 30

struct client;
struct json_object;

/*
 * Connect to the daemon's socket at path and send a request, of which it takes ownership (NULL: out
 * of memory). patience: seconds to wait for each line of the answer, 0: forever.
 *
 * Returns 0 and *client, to be closed with client__close(); or negative errno with a sentence in
 * why: what is wrong, and what to do.
 */
int client__call(struct client **client, const char *path, struct json_object *request,
		 unsigned int patience, char *why, size_t why_size);

/*
 * Read the next line of the answer into *line, which the caller puts. Returns 1; 0 for the last one
 * ("end"); or negative errno with a sentence in why: -ENOENT for an unknown object and -EREMOTEIO
 * for other errors, both with the daemon's answer in *line; -EPIPE the daemon ended, -ETIMEDOUT,
 * -EBADMSG not a line of JSON, and others, with *line NULL.
 */
int client__next(struct client *client, struct json_object **line, char *why, size_t why_size);

/* The descriptor that came with a line, from now on owned by the caller; -1: none. */
int client__take_fd(struct client *client);

/* client may be NULL. */
void client__close(struct client *client);

/* For requests with one line as the answer: returns 0 and *line, or as client__next(). */
int client__call_once(const char *path, struct json_object *request, struct json_object **line,
		      char *why, size_t why_size);

/* A request without members except its name. */
struct json_object *client__request(const char *name);

#endif
