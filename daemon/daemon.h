/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon: everything in one event loop. */
#ifndef THPRACE_DAEMON_DAEMON_H
#define THPRACE_DAEMON_DAEMON_H

#include "config.h"

struct daemon_options {
	const char *config; /* only this file, or NULL */
	enum log_target target; /* overrides the configuration's, unless AUTO and not given */
	bool target_set;
};

/* Exit statuses of thpraced. */
enum daemon_exit {
	DAEMON_DONE = 0,
	DAEMON_FAILED = 1,
	DAEMON_USAGE = 2, /* wrong usage or a wrong configuration: systemd does not try again */
};

/* Run until SIGTERM or SIGINT. Returns enum daemon_exit; the reason was logged once. */
int daemon__run(const struct daemon_options *options);

#endif
