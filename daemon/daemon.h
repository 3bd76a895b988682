/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon: everything put together in one event loop. */
#ifndef THPRACE_DAEMON_DAEMON_H
#define THPRACE_DAEMON_DAEMON_H

#include "config.h"

struct daemon_options {
	const char *config; /* this file alone, or NULL */
	enum log_target target; /* overrides the configuration's, unless AUTO and not given */
	bool target_given;
};

/*
 * Run until SIGTERM or SIGINT. Returns 0, or negative errno: then it has said why, once, in the log.
 */
int daemon__run(const struct daemon_options *options);

#endif
