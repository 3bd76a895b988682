// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traces that were handed out. Their memory is the daemon's for as long as anybody holds the descriptor, so each is
 * emptied after a while, and the oldest one of a user when the user gets more than a few.
 */
#include "control_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct given {
	struct given *next; /* older */
	uid_t uid;
	int fd; /* a duplicate */
	uint64_t until; /* us, CLOCK_MONOTONIC */
};

static void empty(struct given **link)
{
	struct given *given = *link;

	*link = given->next;
	(void)!ftruncate(given->fd, 0);
	close(given->fd);
	free(given);
}

/* Empty what is older than the newest `keep` of this user. */
static void keep_few(struct control *control, uid_t uid, unsigned int keep)
{
	struct given **link = &control->given;
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
	struct given **link = &control->given;
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

	if (!control->given_timer)
		return sd_event_add_time_relative(control->event, &control->given_timer,
						  CLOCK_MONOTONIC, control->given_time, 0, on_time,
						  control);
	sd_event_source_get_enabled(control->given_timer, &enabled);
	if (enabled != SD_EVENT_OFF)
		return 0;
	sd_event_source_set_time_relative(control->given_timer, control->given_time);
	return sd_event_source_set_enabled(control->given_timer, SD_EVENT_ONESHOT);
}

bool control_given__add(struct control *control, uid_t uid, int fd)
{
	struct given *given = calloc(1, sizeof(*given));
	uint64_t now;

	if (!given)
		return false;
	/*
	 * Nobody can make it grow, nor forbid that it is emptied. Not F_SEAL_WRITE: that waits until no CPU refers to
	 * a page of it any more. Other files than those of memory have no seals.
	 */
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SEAL);
	given->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (given->fd < 0 || sd_event_now(control->event, CLOCK_MONOTONIC, &now) < 0 ||
	    arm(control) < 0) {
		if (given->fd >= 0)
			close(given->fd);
		free(given);
		return false;
	}
	given->uid = uid;
	given->until = now + control->given_time;
	given->next = control->given;
	control->given = given;
	keep_few(control, uid, CONTROL_GIVEN_MAX);
	return true;
}

void control_given__free(struct control *control)
{
	/* Whoever has one just now keeps it: with the daemon its bound ends. */
	while (control->given) {
		struct given *given = control->given;

		control->given = given->next;
		close(given->fd);
		free(given);
	}
	sd_event_source_disable_unref(control->given_timer);
}
