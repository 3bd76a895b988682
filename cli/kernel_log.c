// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/kmsg: one record per read, "PRIORITY,SEQUENCE,STAMP,FLAGS[,…];TEXT\n KEY=VALUE\n…".
 * Processes may write there as well, but never with the kernel's facility, which is 0.
 */
#include "kernel_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thprace/race.h>

#include "complaint/complaint.h"
#include "base/clock.h"
#include "base/names.h"
#include "base/number.h"

#define RECORD_MAX 8192 /* CONSOLE_EXT_LOG_MAX of printk: no record is longer */

struct kernel_log {
	int fd;
	struct complaint_parser *parser;
	struct kernel_messages messages;
};

/* The beginnings of lines with which a kernel reports that something is broken. */
static bool alarming(const char *text)
{
	static const char *const begins[] = {
		"BUG: ",
		"kernel BUG at ",
		"WARNING: ",
		"Oops",
		"general protection",
		"Kernel panic",
		"INFO: task ",
		"Internal error: ",
		"invalid opcode: ",
		"page dumped because",
		"watchdog: BUG: ",
		"rcu: INFO: ",
	};
	size_t i;

	for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(text, begins[i], strlen(begins[i])))
			return true;
	return false;
}

static void on_complaint(void *ctx, const struct complaint *complaint)
{
	struct kernel_log *log = ctx;

	/* There are also innocent reasons why memory_failure could not unmap a page. */
	if (complaint->kind == COMPLAINT_MEMORY_FAILURE)
		return;
	log->messages.classes |= complaint->classes;
	if (!complaint->classes && !log->messages.reason[0])
		snprintf(log->messages.reason, sizeof(log->messages.reason), "%s",
			 complaint->reason);
}

int kernel_log__open(struct kernel_log **result, const char *path)
{
	/* Classes that cannot happen on this kernel are not provoked. */
	const struct complaint_kernel kernel = {.known = true, .possible = ~0U};
	struct kernel_log *log = calloc(1, sizeof(*log));
	int err = 0;

	if (!log)
		return -ENOMEM;
	log->fd = open(path ? path : "/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	/* A test's replacement cannot seek, and has no old lines. */
	if (log->fd < 0 || (lseek(log->fd, 0, SEEK_END) < 0 && errno != ESPIPE))
		err = -errno;
	if (!err) {
		log->parser = complaint_parser__new(&kernel, on_complaint, log);
		err = log->parser ? 0 : -ENOMEM;
	}
	if (err)
		kernel_log__close(log);
	else
		*result = log;
	return err;
}

/* One record as it was read, with a NUL at its end. */
static void take_record(struct kernel_log *log, char *record)
{
	struct kernel_messages *messages = &log->messages;
	char *text = strchr(record, ';'), *caller;
	const char *at = record;
	uint64_t priority;
	size_t length;

	if (!text)
		return;
	*text++ = '\0';
	if (number__take(&at, 10, &priority) || *at != ',' || priority >> 3)
		return;
	caller = strstr(record, "caller=");
	length = strcspn(text, "\n");
	text[length] = '\0';
	complaint_parser__record(log->parser, text, length, caller ? caller + 7 : NULL,
				 clock__now());
	messages->struck = messages->struck || alarming(text);
	if (messages->struck && messages->lines < KERNEL_LOG_LINES)
		names__clean(messages->line[messages->lines++], KERNEL_LOG_TEXT, text, length, 0);
}

void kernel_log__read(struct kernel_log *log)
{
	char record[RECORD_MAX + 1];
	ssize_t length;

	for (;;) {
		length = read(log->fd, record, RECORD_MAX);
		if (length > 0) {
			record[length] = '\0';
			take_record(log, record);
		} else if (!length || (errno != EPIPE && errno != EINTR)) {
			break; /* EPIPE: lines were overwritten, the oldest one left comes next */
		}
	}
	complaint_parser__expire(log->parser, clock__now());
}

void kernel_log__finish(struct kernel_log *log)
{
	kernel_log__read(log);
	complaint_parser__finish(log->parser);
}

const struct kernel_messages *kernel_log__messages(const struct kernel_log *log)
{
	return &log->messages;
}

void kernel_log__close(struct kernel_log *log)
{
	if (!log)
		return;
	complaint_parser__free(log->parser);
	if (log->fd >= 0)
		close(log->fd);
	free(log);
}
