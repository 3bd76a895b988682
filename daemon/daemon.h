/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon: everything put together in one event loop. */
#ifndef THPRACE_DAEMON_DAEMON_H
#define THPRACE_DAEMON_DAEMON_H

#include "config.h"

struct daemon_options {
	const char *config; /* this file alone, or NULL */
	enum log_target target; /* overrides the configuration's, unless AUTO and not given */
	bool target_set;
};

/* Exit statuses of thpraced. */
enum daemon_exit {
	DAEMON_DONE = 0,
	DAEMON_FAILED = 1,
	DAEMON_USAGE =
		2, /* wrong usage, or a configuration with a fault: systemd does not try again */
};

/* Run until SIGTERM or SIGINT. Returns enum daemon_exit; it has said why, once, in the log. */
int daemon__run(const struct daemon_options *options);

#endif
