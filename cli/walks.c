// SPDX-License-Identifier: GPL-2.0-only
#include "walks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "check/walk_watch.h"

#define LOAD "split-shared"
#define SECONDS "10" /* at most; it ends by itself after 20 pages */
#define TICK_NS 20000000
#define TICKS_MAX 750

static void wait_for(struct child *child)
{
	struct timespec tick = {.tv_nsec = TICK_NS};
	int i;

	for (i = 0; i < TICKS_MAX && !child->ended; i++) {
		nanosleep(&tick, NULL);
		child__check(child);
	}
}

int walks__measure(struct check_watch *seen, const char *verb, const char *stressor,
		   enum probe_attach attach, char *why, size_t why_size)
{
	const char *const args[] = {stressor, LOAD, "-d", SECONDS, NULL};
	int none = open("/dev/null", O_RDWR | O_CLOEXEC), err;
	struct walk_watch *watch = NULL;
	struct child child = {0};

	if (none < 0)
		return -errno;
	/* Before anything is loaded, so that the child inherits none of it. */
	err = child__start(&child, verb, (char *const *)args, none, none, none);
	close(none);
	if (err) {
		snprintf(why, why_size, "cannot start %s: %s", stressor, strerror(-err));
		return err;
	}
	err = walk_watch__open(&watch, attach, why, why_size);
	if (!err) {
		walk_watch__start(watch);
		child__release(&child, verb);
		wait_for(&child);
		walk_watch__stop(watch, seen);
	}
	child__end(&child);
	walk_watch__close(watch);
	if (!err && (!child.ended || !WIFEXITED(child.status) || WEXITSTATUS(child.status))) {
		snprintf(why, why_size, "%s " LOAD " failed", stressor);
		return -EIO;
	}
	return err;
}

const struct check_defect *walks__explain(char *buf, size_t size, enum thprace_class class,
					  const char *verb, const char *stressor,
					  enum probe_attach attach)
{
	const struct check_defect *defect = check_defect__of(class);
	const struct check_fact *ends;
	struct check_watch seen;
	char since[200], why[256];

	buf[0] = '\0';
	if (!defect)
		return NULL;
	if (walks__measure(&seen, verb, stressor, attach, why, sizeof(why))) {
		snprintf(buf, size,
			 "It could not be measured whether the kernel's walks end early: %s", why);
		return NULL;
	}
	ends = check_watch__ends(&seen, class);
	if (ends->answer != CHECK_YES) {
		if (ends->text[0])
			snprintf(buf, size, "The kernel's walks do not end early: %s", ends->text);
		else
			snprintf(buf, size, "It was not seen whether the kernel's walks end early");
		return NULL;
	}
	snprintf(buf, size, "A defect of this kernel: %s. Measured: %s. It is there %s",
		 defect->text, ends->text, check_defect__since(defect, since, sizeof(since)));
	return defect;
}
