/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon's state as the answer to a request `status` (docs/control.md). */
#ifndef THPRACE_DAEMON_STATUS_JSON_H
#define THPRACE_DAEMON_STATUS_JSON_H

#include "state.h"

struct json_object;

/* Returns a new object that does not refer to state, or NULL (out of memory). */
struct json_object *status_json__new(const struct state *state);

#endif
