// SPDX-License-Identifier: GPL-2.0-only
/* Messages to the journal, to syslog or to standard error. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/names.h"

#define IDENTIFIER "thpraced"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"
/* MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, SYSLOG_FACILITY, MESSAGE_ID */
#define OWN_FIELDS 5
#define FIELD_MAX (32 + 1 + LOG_VALUE_MAX)

static struct {
	enum log_target target;
	int facility;
	bool prefixed; /* standard error is the journal's: it understands "<N>" */
} log_state = {.target = LOG_TARGET_STDERR, .facility = LOG_DAEMON};

/*
 * Is standard error a stream of the journal? JOURNAL_STREAM identifies the stream: sd-journal(3).
 */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) != 2)
		return false;
	return !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

enum log_target log__open(enum log_target target, int facility)
{
	if (target == LOG_TARGET_AUTO)
		target = !access(JOURNAL_SOCKET, F_OK)	? LOG_TARGET_JOURNAL
			 : !access(SYSLOG_SOCKET, F_OK) ? LOG_TARGET_SYSLOG
							: LOG_TARGET_STDERR;
	log_state.target = target;
	log_state.facility = facility;
	log_state.prefixed = stderr_is_journal();
	closelog();
	if (target == LOG_TARGET_SYSLOG)
		openlog(IDENTIFIER, LOG_PID | LOG_NDELAY, facility);
	return target;
}

/*
 * A number of 16 digits in the kernel's half is a kernel address: readers of the log must not learn
 * where the kernel is. The kernel's lines contain such numbers, and so may errors from libraries.
 */
static void hide_addresses(char *text)
{
	size_t length;

	for (; *text; text += length) {
		length = strspn(text, "0123456789abcdefABCDEF");
		if (length == 16 && !strncasecmp(text, "fff", 3))
			memset(text, '?', length);
		length += !length;
	}
}

void log__begin(struct log_message *message, int priority, const char *id, const char *format, ...)
{
	char text[sizeof(message->text)];
	va_list args;

	message->priority = priority;
	message->id = id;
	message->nr_fields = 0;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	names__clean(message->text, sizeof(message->text), text, sizeof(text), 1);
	hide_addresses(message->text);
}

void log__field(struct log_message *message, const char *name, const char *format, ...)
{
	char value[LOG_VALUE_MAX];
	va_list args;
	size_t i = message->nr_fields;

	if (i >= LOG_FIELDS_MAX)
		return;
	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	snprintf(message->fields[i].name, sizeof(message->fields[i].name), "%s", name);
	names__clean(message->fields[i].value, sizeof(message->fields[i].value), value,
		     sizeof(value), 1);
	hide_addresses(message->fields[i].value);
	message->nr_fields++;
}

static void to_stderr(const struct log_message *message)
{
	if (log_state.prefixed)
		fprintf(stderr, "<%d>%s\n", message->priority, message->text);
	else
		fprintf(stderr, IDENTIFIER ": %s\n", message->text);
	fflush(stderr);
}

/* One "NAME=value", printed into *at, which is moved past it. */
__attribute__((format(printf, 3, 4))) static void add(struct iovec *entry, char **at,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	entry->iov_base = *at;
	entry->iov_len = (size_t)vsprintf(*at, format, args);
	va_end(args);
	*at += entry->iov_len + 1;
}

static int to_journal(const struct log_message *message)
{
	char text[OWN_FIELDS * 48 + sizeof(message->text) + LOG_FIELDS_MAX * FIELD_MAX];
	struct iovec entries[OWN_FIELDS + LOG_FIELDS_MAX];
	char *at = text;
	int nr = 0;
	size_t i;

	/* sd_journal_sendv() reports success if nothing listens. */
	if (access(JOURNAL_SOCKET, F_OK))
		return -errno;
	add(&entries[nr++], &at, "MESSAGE=%s", message->text);
	add(&entries[nr++], &at, "PRIORITY=%d", message->priority);
	add(&entries[nr++], &at, "SYSLOG_IDENTIFIER=" IDENTIFIER);
	add(&entries[nr++], &at, "SYSLOG_FACILITY=%d", LOG_FAC(log_state.facility));
	if (message->id)
		add(&entries[nr++], &at, "MESSAGE_ID=%.32s", message->id);
	for (i = 0; i < message->nr_fields; i++)
		add(&entries[nr++], &at, "%s=%s", message->fields[i].name,
		    message->fields[i].value);
	return sd_journal_sendv(entries, nr);
}

static int to_syslog(const struct log_message *message)
{
	/* syslog(3) reports no error. */
	if (access(SYSLOG_SOCKET, F_OK))
		return -errno;
	syslog(log_state.facility | message->priority, "%s", message->text);
	return 0;
}

int log__send(const struct log_message *message)
{
	int err = 0;

	if (log_state.target == LOG_TARGET_JOURNAL)
		err = to_journal(message);
	else if (log_state.target == LOG_TARGET_SYSLOG)
		err = to_syslog(message);
	if (err || log_state.target == LOG_TARGET_STDERR)
		to_stderr(message);
	return err;
}

void log__print(int priority, const char *id, const char *format, ...)
{
	struct log_message message;
	char text[sizeof(message.text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log__begin(&message, priority, id, "%s", text);
	log__send(&message);
}

const char *log__target_name(void)
{
	static const char *const target_names[] = LOG_TARGET_NAMES;

	return target_names[log_state.target];
}
