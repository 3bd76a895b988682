// SPDX-License-Identifier: GPL-2.0-only
#include "privilege.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

static int has(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t value = CAP_CLEAR;

	return CAP_IS_SUPPORTED(cap) && !cap_get_flag(caps, cap, CAP_PERMITTED, &value) &&
	       value == CAP_SET;
}

/* Which of the present ones are still needed. Returns their number. */
static int choose(cap_t now, cap_value_t keep[3])
{
	int count = 0;

	if (has(now, CAP_BPF))
		keep[count++] = CAP_BPF;
	if (has(now, CAP_PERFMON))
		keep[count++] = CAP_PERFMON;
	if (count < 2 && has(now, CAP_SYS_ADMIN))
		keep[count++] = CAP_SYS_ADMIN;
	return count;
}

/*
 * Needs CAP_SETPCAP, which the service does not have: there the unit has already limited the set.
 */
static void drop_bounding(const cap_value_t *keep, int count)
{
	cap_value_t cap;
	int i;

	for (cap = 0; cap <= cap_max_bits(); cap++) {
		for (i = 0; i < count && keep[i] != cap; i++)
			;
		if (i == count && cap_drop_bound(cap))
			return;
	}
}

int privilege__drop(char *kept, size_t kept_size)
{
	cap_value_t keep[3];
	cap_t now, then;
	char *text;
	int count, err = 0;

	now = cap_get_proc();
	then = cap_init();
	if (!now || !then) {
		err = -ENOMEM;
		goto cleanup;
	}
	count = choose(now, keep);
	drop_bounding(keep, count);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
	    cap_set_flag(then, CAP_PERMITTED, count, keep, CAP_SET) ||
	    cap_set_flag(then, CAP_EFFECTIVE, count, keep, CAP_SET) || cap_set_proc(then)) {
		err = -errno;
		goto cleanup;
	}
	text = cap_to_text(then, NULL);
	snprintf(kept, kept_size, "%s", text ? text : "?");
	cap_free(text);

cleanup:
	cap_free(now);
	cap_free(then);
	return err;
}
