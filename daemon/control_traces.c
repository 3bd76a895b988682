// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traces that were sent to clients. Their memory counts as the daemon's as long as anybody holds
 * the descriptor, so each is emptied after a while, and a user's oldest one when the user gets more
 * than a few.
 */
#include "control_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct sent_trace {
	struct sent_trace *next; /* older */
	uid_t uid;
	int fd; /* a duplicate */
	uint64_t until; /* us, CLOCK_MONOTONIC */
};

static void empty(struct sent_trace **link)
{
	struct sent_trace *trace = *link;

	*link = trace->next;
	(void)!ftruncate(trace->fd, 0);
	close(trace->fd);
	free(trace);
}

/* Empty all but the newest `keep` traces of this user. */
static void keep_few(struct control *control, uid_t uid, unsigned int keep)
{
	struct sent_trace **link = &control->sent_traces;
	unsigned int count = 0;

	while (*link) {
		if ((*link)->uid == uid && ++count > keep)
			empty(link);
		else
			link = &(*link)->next;
	}
}

static int on_time(sd_event_source *source, uint64_t usec, void *data)
{
	struct control *control = data;
	struct sent_trace **link = &control->sent_traces;
	uint64_t next = 0;

	while (*link) {
		if ((*link)->until <= usec) {
			empty(link);
			continue;
		}
		next = (*link)->until; /* the last one is the oldest */
		link = &(*link)->next;
	}
	if (!next)
		return 0;
	sd_event_source_set_time(source, next);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Returns 0 or negative errno. */
static int arm(struct control *control)
{
	int enabled = SD_EVENT_OFF;

	if (!control->traces_timer)
		return sd_event_add_time_relative(control->event, &control->traces_timer,
						  CLOCK_MONOTONIC, control->trace_lifetime, 0,
						  on_time, control);
	sd_event_source_get_enabled(control->traces_timer, &enabled);
	if (enabled != SD_EVENT_OFF)
		return 0;
	sd_event_source_set_time_relative(control->traces_timer, control->trace_lifetime);
	return sd_event_source_set_enabled(control->traces_timer, SD_EVENT_ONESHOT);
}

bool control_traces__add(struct control *control, uid_t uid, int fd)
{
	struct sent_trace *trace = calloc(1, sizeof(*trace));
	uint64_t now;

	if (!trace)
		return false;
	/*
	 * Nobody can make it grow, or prevent that it is emptied. Not F_SEAL_WRITE, which waits
	 * until no CPU refers to one of its pages. Files that are not in memory have no seals.
	 */
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SEAL);
	trace->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (trace->fd < 0 || sd_event_now(control->event, CLOCK_MONOTONIC, &now) < 0 ||
	    arm(control) < 0) {
		if (trace->fd >= 0)
			close(trace->fd);
		free(trace);
		return false;
	}
	trace->uid = uid;
	trace->until = now + control->trace_lifetime;
	trace->next = control->sent_traces;
	control->sent_traces = trace;
	keep_few(control, uid, CONTROL_TRACES_MAX);
	return true;
}

void control_traces__free(struct control *control)
{
	/* Users who still hold one keep it: the limit ends with the daemon. */
	while (control->sent_traces) {
		struct sent_trace *trace = control->sent_traces;

		control->sent_traces = trace->next;
		close(trace->fd);
		free(trace);
	}
	sd_event_source_disable_unref(control->traces_timer);
}
