// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/kmsg: one record per read, "PRIORITY,SEQUENCE,STAMP,FLAGS[,…];TEXT\n KEY=VALUE\n…". Any process
 * with access may write there, but never with the kernel's facility, which is 0.
 */
#include "kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <syslog.h>
#include <unistd.h>

#include "base/number.h"

#include "log.h"

#define RECORD_MAX 8192 /* CONSOLE_EXT_LOG_MAX of printk: no record is longer */
#define RECORDS_AT_ONCE 1024 /* other users of the event loop must get their turn */
#define CALLER_LEN 16

struct kmsg {
	int fd;
	int timer; /* expires when the last line of a complaint should have come */
	int epoll; /* both */
	struct complaint_parser *parser;
	bool gap_logged;
};

static int poll_fd(struct kmsg *kmsg, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(kmsg->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

int kmsg__open(struct kmsg **kmsg, const char *path, const struct complaint_kernel *kernel,
	       complaint_fn found, void *ctx)
{
	struct kmsg *opened = calloc(1, sizeof(*opened));
	int err = 0;

	if (!opened)
		return -ENOMEM;
	opened->timer = opened->epoll = opened->fd = -1;
	opened->parser = complaint_parser__new(kernel, found, ctx);
	if (!opened->parser) {
		kmsg__close(opened);
		return -ENOMEM;
	}
	opened->fd = open(path ? path : "/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (opened->fd < 0)
		err = -errno;
	/* A test's replacement cannot seek, and has no old lines. */
	if (!err && lseek(opened->fd, 0, SEEK_END) < 0 && errno != ESPIPE)
		err = -errno;
	if (!err &&
	    (opened->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) < 0)
		err = -errno;
	if (!err && (opened->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		err = -errno;
	if (!err)
		err = poll_fd(opened, opened->fd);
	if (!err)
		err = poll_fd(opened, opened->timer);
	if (err)
		kmsg__close(opened);
	else
		*kmsg = opened;
	return err;
}

void kmsg__set_kernel(struct kmsg *kmsg, const struct complaint_kernel *kernel)
{
	complaint_parser__set_kernel(kmsg->parser, kernel);
}

int kmsg__fd(const struct kmsg *kmsg)
{
	return kmsg->epoll;
}

/* Become readable when a complaint under way should have had its last line. */
static void set_timer(struct kmsg *kmsg, uint64_t now)
{
	uint64_t deadline = complaint_parser__deadline(kmsg->parser);
	uint64_t left = deadline > now ? deadline - now : 1;
	struct itimerspec spec = {0};

	if (deadline) {
		spec.it_value.tv_sec = (time_t)(left / 1000000000);
		spec.it_value.tv_nsec = (long)(left % 1000000000);
	}
	/* This also clears an expiration. */
	timerfd_settime(kmsg->timer, 0, &spec, NULL);
}

/* ",caller=T12" among the fields that end at text: "T12", or "". */
static void find_caller(char caller[CALLER_LEN], const char *fields, const char *text)
{
	const char *at = strstr(fields, ",caller=");
	size_t length;

	caller[0] = '\0';
	if (!at || at > text)
		return;
	at += 8;
	length = strcspn(at, ",;");
	if (length < CALLER_LEN) {
		memcpy(caller, at, length);
		caller[length] = '\0';
	}
}

/* One record as it was read, with a NUL at its end. */
static void take_record(struct kmsg *kmsg, char *record, uint64_t now)
{
	char *text = strchr(record, ';');
	const char *end = record;
	char caller[CALLER_LEN];
	uint64_t priority;

	if (!text)
		return;
	if (number__take(&end, 10, &priority) || *end != ',' || priority >> 3 != LOG_KERN >> 3)
		return;
	find_caller(caller, end, text);
	text++;
	complaint_parser__record(kmsg->parser, text, strcspn(text, "\n"), caller, now);
}

static void log_gap(struct kmsg *kmsg)
{
	if (kmsg->gap_logged)
		return;
	kmsg->gap_logged = true;
	log__print(LOG_NOTICE, NULL,
		   "lines of the kernel's log were overwritten before they were read: complaints "
		   "may have been missed (this is said once)");
}

static int read_records(struct kmsg *kmsg, uint64_t now)
{
	char record[RECORD_MAX + 1];
	ssize_t length;
	int i;

	for (i = 0; i < RECORDS_AT_ONCE; i++) {
		length = read(kmsg->fd, record, RECORD_MAX);
		if (length > 0) {
			record[length] = '\0';
			take_record(kmsg, record, now);
		} else if (!length) {
			return -ENODATA;
		} else if (errno == EPIPE) {
			/* Reading continues with the oldest record that is still there. */
			log_gap(kmsg);
		} else if (errno == EAGAIN) {
			return 0;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int kmsg__read(struct kmsg *kmsg, uint64_t now)
{
	int err = read_records(kmsg, now);

	if (err)
		complaint_parser__finish(kmsg->parser);
	else
		complaint_parser__expire(kmsg->parser, now);
	set_timer(kmsg, now);
	return err;
}

void kmsg__close(struct kmsg *kmsg)
{
	if (!kmsg)
		return;
	if (kmsg->parser)
		complaint_parser__finish(kmsg->parser);
	complaint_parser__free(kmsg->parser);
	if (kmsg->epoll >= 0)
		close(kmsg->epoll);
	if (kmsg->timer >= 0)
		close(kmsg->timer);
	if (kmsg->fd >= 0)
		close(kmsg->fd);
	free(kmsg);
}
