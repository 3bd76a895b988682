/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The destination of messages: the journal (with fields), syslog, or standard error. One per
 * process. Before log__open() everything goes to standard error.
 */
#ifndef THPRACE_DAEMON_LOG_H
#define THPRACE_DAEMON_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"

/* MESSAGE_IDs, 128 bits in hex; systemd/thprace.catalog explains each. Never changed. */
#define LOG_ID_ESCAPE "1f0e7c3ad0b04a9f9c52b1a6b9d3e501"
#define LOG_ID_UNATTRIBUTED "1f0e7c3ad0b04a9f9c52b1a6b9d3e502"
#define LOG_ID_UNPROVEN "1f0e7c3ad0b04a9f9c52b1a6b9d3e503"
#define LOG_ID_OVERLAP "1f0e7c3ad0b04a9f9c52b1a6b9d3e504" /* first overlap of a class */
#define LOG_ID_FOLDED "1f0e7c3ad0b04a9f9c52b1a6b9d3e505"
#define LOG_ID_LOSS_BEGAN "1f0e7c3ad0b04a9f9c52b1a6b9d3e506"
#define LOG_ID_LOSS_ENDED "1f0e7c3ad0b04a9f9c52b1a6b9d3e507"
#define LOG_ID_SHED "1f0e7c3ad0b04a9f9c52b1a6b9d3e508"
#define LOG_ID_RESTORED "1f0e7c3ad0b04a9f9c52b1a6b9d3e509"
#define LOG_ID_OVER_BUDGET "1f0e7c3ad0b04a9f9c52b1a6b9d3e50a"
#define LOG_ID_CONFIRMED "1f0e7c3ad0b04a9f9c52b1a6b9d3e50b"
#define LOG_ID_COMPLAINT "1f0e7c3ad0b04a9f9c52b1a6b9d3e50c" /* of the kernel, no window seen */
#define LOG_ID_SPOOL_DEGRADED "1f0e7c3ad0b04a9f9c52b1a6b9d3e50d"
#define LOG_ID_SPOOL_RECOVERED "1f0e7c3ad0b04a9f9c52b1a6b9d3e50e"
#define LOG_ID_STARTED "1f0e7c3ad0b04a9f9c52b1a6b9d3e50f"
#define LOG_ID_RELOADED "1f0e7c3ad0b04a9f9c52b1a6b9d3e510"
#define LOG_ID_RELOAD_FAILED "1f0e7c3ad0b04a9f9c52b1a6b9d3e511"
#define LOG_ID_CLOCK_STEP "1f0e7c3ad0b04a9f9c52b1a6b9d3e512"

#define LOG_ID_REMAINED "1f0e7c3ad0b04a9f9c52b1a6b9d3e515"
#define LOG_ID_LIKELY "1f0e7c3ad0b04a9f9c52b1a6b9d3e516" /* an escape that is not proved */
#define LOG_ID_VULNERABLE "1f0e7c3ad0b04a9f9c52b1a6b9d3e514" /* a class, by the kernel's code */
#define LOG_ID_LAST_BOOT "1f0e7c3ad0b04a9f9c52b1a6b9d3e517" /* what it left */

#define LOG_FIELDS_MAX 56
#define LOG_VALUE_MAX 512

/* A message being composed: a plain value, filled in by log__begin() and log__field(). */
struct log_message {
	int priority; /* LOG_CRIT … */
	const char *id; /* LOG_ID_* or NULL */
	char text[1024];
	size_t nr_fields;
	struct {
		char name[32]; /* "THPRACE_CLASS": capitals, digits, '_' */
		char value[LOG_VALUE_MAX];
	} fields[LOG_FIELDS_MAX];
};

/* Choose the target; AUTO decides by what runs on this machine. Returns the target in force. */
enum log_target log__open(enum log_target target, int facility);

/*
 * Begin a message; text is a printf format. Newlines and control characters in it, and the digits
 * of kernel addresses, become '?'; also in fields.
 */
void log__begin(struct log_message *message, int priority, const char *id, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Add a field. More than LOG_FIELDS_MAX are dropped. Syslog and stderr do not show fields. */
void log__field(struct log_message *message, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Send it. Returns 0 or negative errno of the target; if the target has gone, the message goes to
 * standard error.
 */
int log__send(const struct log_message *message);

/* A message without fields, in one call. */
void log__print(int priority, const char *id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Name of the target in force: "journal", "syslog", "stderr". */
const char *log__target_name(void);

#endif
