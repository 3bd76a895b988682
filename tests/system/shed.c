// SPDX-License-Identifier: GPL-2.0-only
/*
 * shed POINT TIMES GROUP: records in light mode; sheds the point and attaches it again, TIMES
 * times, each for at least half a second and until splits have run. The processes of GROUP, which
 * split, pause while probes are attached and detached (docs/testing.md says why). Prints what was
 * lost, and how many calls of splits there were in both states.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "session/session.h"

#define TURNS_MIN 5 /* of 100 ms */
#define TURNS_MAX 300

/* Runs of programs at a point. */
static uint64_t runs(struct session *session, enum thprace_point point)
{
	struct engine_program programs[ENGINE_PROGRAMS_MAX];
	size_t i, count = engine__programs(session__engine(session), programs, ENGINE_PROGRAMS_MAX);
	uint64_t sum = 0;

	for (i = 0; i < count; i++)
		sum += programs[i].unit == point ? programs[i].runs : 0;
	return sum;
}

/* Continues until splits have run. Returns their runs. */
static uint64_t go_on(struct session *session)
{
	uint64_t before = runs(session, THPRACE_POINT_SPLIT), more = 0;
	int turns;

	for (turns = 0; turns < TURNS_MAX && (turns < TURNS_MIN || more < 4); turns++) {
		session__poll(session, 100);
		session__check(session);
		more = runs(session, THPRACE_POINT_SPLIT) - before;
	}
	return more;
}

static int shed(struct session *session, int point, pid_t group)
{
	int err;

	kill(-group, SIGSTOP);
	err = engine__shed(session__engine(session), point, "for a test");
	kill(-group, SIGCONT);
	return err;
}

static int restore(struct session *session, int point, pid_t group)
{
	int err;

	kill(-group, SIGSTOP);
	err = engine__restore(session__engine(session), point);
	kill(-group, SIGCONT);
	return err;
}

static int find_point(const char *name)
{
	int point;

	for (point = 0; point < THPRACE_POINT_MAX; point++)
		if (!strcmp(probe_points[point].name, name))
			return point;
	return -1;
}

int main(int argc, char **argv)
{
	const struct session_options options = {.stats_fd = -1};
	int point = argc == 4 ? find_point(argv[1]) : -1, times, err;
	uint64_t without = 0, watched = 0;
	pid_t group = argc == 4 ? atoi(argv[3]) : 0;
	struct session_totals totals;
	struct session *session;
	char why[512];
	int i;

	if (point < 0)
		return 2;
	err = session__open(&session, &options, why, sizeof(why));
	if (err) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	session__start(session);
	for (times = atoi(argv[2]); times && !err; times--) {
		watched += go_on(session);
		err = shed(session, point, group);
		if (!err)
			without += go_on(session);
		if (!err)
			err = restore(session, point, group);
	}
	watched += go_on(session);
	session__stop(session);
	session__totals(session, &totals);
	printf("kind %s\n",
	       probe__kind_name(&engine__plan(session__engine(session))->probe[point]));
	printf("shed %" PRIu64 "\nwatched %" PRIu64 "\nwalkers %" PRIu64 "\n", without, watched,
	       totals.walkers);
	for (i = 0; i < THPRACE_LOSS_MAX; i++)
		printf("%s %" PRIu64 "\n", names__loss(i), (uint64_t)totals.counters.sum.lost[i]);
	session__close(session);
	if (err)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-err));
	return err ? 1 : 0;
}
