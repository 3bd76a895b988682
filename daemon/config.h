/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration: thprace.conf and its drop-ins, with systemd's rules of overriding
 * (thprace.conf(5)).
 *
 * The main file is the first of /etc/thprace/thprace.conf, /run/thprace/thprace.conf,
 * /usr/lib/thprace/thprace.conf. Then thprace.conf.d/ *.conf of all three places, sorted by file
 * name. If two have the same name, the one in /etc counts, then the one in /run; an empty one, or a
 * link to /dev/null, hides the others. A later key overrides an earlier one; an empty value means
 * the default.
 */
#ifndef THPRACE_DAEMON_CONFIG_H
#define THPRACE_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/race.h>

#include "probe/probe.h"

#define CONFIG_PATH_MAX 256
#define CONFIG_NAME_MAX 64

enum log_target {
	LOG_TARGET_AUTO, /* the journal if one runs, else syslog if a daemon listens, else stderr */
	LOG_TARGET_JOURNAL,
	LOG_TARGET_SYSLOG,
	LOG_TARGET_STDERR,
};

#define LOG_TARGET_NAMES                              \
	{                                             \
		"auto", "journal", "syslog", "stderr" \
	}

/* A plain value. Sizes in bytes, times in seconds unless stated otherwise. */
struct config {
	struct {
		enum thprace_mode mode; /* [observe] mode= light */
		enum probe_attach attach; /* attach= auto */
		char btf[CONFIG_PATH_MAX]; /* btf= none: "", the kernel's own */
		char races[CONFIG_PATH_MAX]; /* races= none: "": names and files, with blanks
					      * between them (race_set.h) */
	} observe;
	struct {
		char directory[CONFIG_PATH_MAX]; /* [spool] directory= /var/lib/thprace */
		uint64_t max_size; /* max_size= 256M; of all files, at least 1M */
		uint64_t file_size; /* file_size= 16M; above it a new file is begun, at least 64K */
		uint64_t max_age; /* max_age= 30d; older files are removed */
		uint64_t file_age; /* file_age= 1d; a new file is begun */
		uint64_t
			contained_per_hour; /* contained_per_hour= 1000; per class; 0: none stored */
	} spool;
	struct {
		enum log_target target; /* [alerts] target= auto */
		int facility; /* facility= daemon; LOG_DAEMON …, as in syslog(3) */
		uint64_t fold; /* fold= 60s: identical incidents within it are one message */
		uint64_t per_minute; /* per_minute= 10: messages per class */
		bool kernel_log; /* kernel_log= yes: follow /dev/kmsg */
	} alerts;
	struct {
		char textfile
			[CONFIG_PATH_MAX]; /* [metrics] textfile= /run/thprace/thprace.prom; none: "" */
		uint64_t interval; /* interval= 15s */
		bool all; /* all= no: the file has what a fleet needs */
	} metrics;
	struct {
		char socket
			[CONFIG_PATH_MAX]; /* [control] socket= /run/thprace/control.sock; none: "" */
		char group[CONFIG_NAME_MAX]; /* group= thprace: may ask, as root may */
		uint64_t clients; /* clients= 16: at the same time; root has as many for itself */
		uint64_t timeout; /* timeout= 10s: to send the request, and to read the answer */
	} control;
	struct {
		double budget; /* [overhead] budget= 0.5%, as a share: 0.005; 0: no limit */
		uint64_t period; /* period= 10s: between two measurements */
		uint64_t
			patience; /* patience= 3: periods above the budget before a probe is shed */
		uint64_t recovery; /* recovery= 6: periods below half of it before one comes back */
	} overhead;
};

/* The built-in defaults. */
void config__defaults(struct config *config);

/*
 * Read all files. path: only this file instead (--config), or NULL. root: a prefix for the three
 * places (normally ""; tests use a folder).
 *
 * Returns 0; or negative errno (-EINVAL: something is wrong in a file), and in why all error
 * messages, one per line: "FILE:LINE: unknown key 'x' in [spool]; thprace.conf(5) lists them"; the
 * last line says how many did not fit. *config is complete and checked on success and not changed
 * on failure. A missing file is no error, unless path names it.
 */
int config__load(struct config *config, const char *root, const char *path, char *why,
		 size_t why_size);

/* Print it completely to a FILE, as a configuration file with the same result. */
void config__print(const struct config *config, void *file);

#endif
