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

#include "log.h"
#include "names.h"

#define RECORD_MAX 8192 /* CONSOLE_EXT_LOG_MAX of printk: no record is longer */
#define RECORDS_AT_ONCE 1024 /* others in the event loop have to get their turn */
#define FOLLOWING_NS 100000000ULL /* how long lines that follow are waited for */
#define CLASS(name) (1U << THPRACE_##name)

/* The classes whose walkers look at page tables. */
#define PAGE_TABLE_CLASSES                                                                       \
	(CLASS(SPLIT_UNMAP) | CLASS(SPLIT_MIGRATE) | CLASS(SPLIT_HEAD) | CLASS(HWPOISON_UNMAP) | \
	 CLASS(TRUNCATE_UNMAP) | CLASS(INVALIDATE_UNMAP))

struct kmsg {
	int fd;
	int timer; /* expires when no more lines are waited for */
	int epoll; /* both */
	kmsg_fn complaint;
	void *ctx;
	bool pending; /* now: its lines may not have all come yet */
	struct complaint now;
	bool gap_told;
};

/*
 * How a line begins, and what else stands in it. The texts are those of 5.10 to 6.12:
 * filemap_unaccount_folio() (unaccount_page_cache_page() before 5.16), unmap_folio() (unmap_page()
 * before 6.0; the WARN came with 5.10.47 and 5.13, and went with 5.18), zap_huge_pmd(),
 * find_lock_entry() and its followers, filemap_fault(), invalidate_inode_pages2_range(),
 * hwpoison_user_mappings(), has_extra_refcount() (page_action() before 5.16), print_bad_pte(), bad_page(),
 * check_mm().
 */
static const struct {
	const char *begins;
	const char *has;
	uint32_t classes;
} patterns[] = {
	{"BUG: Bad page cache in process", "", CLASS(TRUNCATE_UNMAP) | CLASS(INVALIDATE_UNMAP)},
	{"kernel BUG at ",
	 "mm/huge_memory.c:", CLASS(SPLIT_UNMAP) | CLASS(SPLIT_MIGRATE) | CLASS(SPLIT_HEAD)},
	{"kernel BUG at ",
	 "mm/filemap.c:", CLASS(TRUNCATE_UNMAP) | CLASS(INVALIDATE_UNMAP) | CLASS(COLLAPSE_REUSE)},
	{"kernel BUG at ", "mm/truncate.c:", CLASS(INVALIDATE_UNMAP)},
	{"page dumped because: VM_BUG_ON_PAGE(!unmap_success)", "",
	 CLASS(SPLIT_UNMAP) | CLASS(SPLIT_MIGRATE)},
	{"page dumped because: VM_WARN_ON_ONCE_PAGE(page_mapped(page))", "",
	 CLASS(SPLIT_UNMAP) | CLASS(SPLIT_MIGRATE)},
	{"WARNING: ", " unmap_page+", CLASS(SPLIT_UNMAP) | CLASS(SPLIT_MIGRATE)},
	{"page dumped because: VM_BUG_ON_PAGE(!PageHead(page))", "", CLASS(SPLIT_HEAD)},
	{"page dumped because: VM_BUG_ON_PAGE(page_mapped(page))", "",
	 CLASS(TRUNCATE_UNMAP) | CLASS(INVALIDATE_UNMAP)},
	{"page dumped because: VM_BUG_ON_FOLIO(folio_mapped(folio))", "",
	 CLASS(TRUNCATE_UNMAP) | CLASS(INVALIDATE_UNMAP)},
	{"page dumped because: VM_BUG_ON_PAGE(page_to_pgoff(page) != offset)", "",
	 CLASS(COLLAPSE_REUSE)},
	{"page dumped because: VM_BUG_ON_PAGE(!thp_contains(page", "", CLASS(COLLAPSE_REUSE)},
	{"page dumped because: VM_BUG_ON_FOLIO(!folio_contains(folio", "", CLASS(COLLAPSE_REUSE)},
	{"Memory failure: 0x", "still referenced by ", CLASS(HWPOISON_UNMAP)},
	{"Memory failure: 0x", "failed to unmap ", CLASS(HWPOISON_UNMAP)},
	{"BUG: Bad page state in process", "", PAGE_TABLE_CLASSES},
	{"BUG: Bad page map in process", "", PAGE_TABLE_CLASSES},
	{"BUG: Bad rss-counter state", "", PAGE_TABLE_CLASSES},
};

int kmsg__match(const char *line, uint32_t *classes)
{
	size_t i;

	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (strncmp(line, patterns[i].begins, strlen(patterns[i].begins)) ||
		    !strstr(line, patterns[i].has))
			continue;
		*classes = patterns[i].classes;
		return 1;
	}
	return 0;
}

static int watch(struct kmsg *kmsg, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(kmsg->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

int kmsg__open(struct kmsg **kmsg, const char *path, kmsg_fn complaint, void *ctx)
{
	struct kmsg *opened = calloc(1, sizeof(*opened));
	int err = 0;

	if (!opened)
		return -ENOMEM;
	opened->complaint = complaint;
	opened->ctx = ctx;
	opened->timer = opened->epoll = -1;
	opened->fd = open(path ? path : "/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (opened->fd < 0)
		err = -errno;
	/* What a test gives instead cannot seek, and has no old lines. */
	if (!err && lseek(opened->fd, 0, SEEK_END) < 0 && errno != ESPIPE)
		err = -errno;
	if (!err &&
	    (opened->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) < 0)
		err = -errno;
	if (!err && (opened->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		err = -errno;
	if (!err)
		err = watch(opened, opened->fd);
	if (!err)
		err = watch(opened, opened->timer);
	if (err)
		kmsg__close(opened);
	else
		*kmsg = opened;
	return err;
}

int kmsg__fd(const struct kmsg *kmsg)
{
	return kmsg->epoll;
}

/* ns: 0 stops it. */
static void set_timer(struct kmsg *kmsg, uint64_t ns)
{
	struct itimerspec spec = {.it_value = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)}};

	timerfd_settime(kmsg->timer, 0, &spec, NULL);
}

static void deliver(struct kmsg *kmsg)
{
	if (!kmsg->pending)
		return;
	kmsg->pending = false;
	set_timer(kmsg, 0);
	kmsg->complaint(kmsg->ctx, &kmsg->now);
}

/* "CPU: 1 PID: 7 Comm: x", since 6.11 with a UID before PID; "WARNING: CPU: 1 PID: 7 at mm/…". */
static bool find_pid(const char *line, uint32_t *pid)
{
	const char *at;
	unsigned int value;

	if (!strncmp(line, "WARNING: ", 9))
		line += 9;
	if (strncmp(line, "CPU: ", 5))
		return false;
	at = strstr(line, " PID: ");
	if (!at || sscanf(at, " PID: %u", &value) != 1)
		return false;
	*pid = value;
	return true;
}

/* Is this matching line one more of the complaint that is under way? */
static bool follows(const struct kmsg *kmsg, const char *line, uint32_t classes)
{
	if (!kmsg->pending)
		return false;
	/* The BUG of the check whose page was dumped, wherever that stands. */
	if (!strncmp(line, "kernel BUG at ", 14) &&
	    !strncmp(kmsg->now.text, "page dumped because: VM_BUG_ON", 30))
		return true;
	return kmsg->now.classes & classes;
}

static void begin(struct kmsg *kmsg, const char *line, uint32_t classes, uint64_t now)
{
	deliver(kmsg);
	memset(&kmsg->now, 0, sizeof(kmsg->now));
	kmsg->now.classes = classes;
	kmsg->now.when = now;
	names__clean(kmsg->now.text, sizeof(kmsg->now.text), line, strlen(line), 0);
	kmsg->pending = true;
	set_timer(kmsg, FOLLOWING_NS);
}

static void take_line(struct kmsg *kmsg, const char *line, uint64_t now)
{
	uint32_t classes;

	if (kmsg__match(line, &classes)) {
		if (!follows(kmsg, line, classes))
			begin(kmsg, line, classes, now);
		else if (kmsg->now.classes & classes)
			kmsg->now.classes &= classes; /* two lines tell more than one */
	}
	if (kmsg->pending && find_pid(line, &kmsg->now.pid))
		deliver(kmsg);
}

/* One record as it was read, with a NUL at its end. */
static void take_record(struct kmsg *kmsg, char *record, uint64_t now)
{
	char *text = strchr(record, ';'), *end;
	unsigned long priority;

	if (!text)
		return;
	priority = strtoul(record, &end, 10);
	if (end == record || *end != ',' || priority >> 3 != LOG_KERN >> 3)
		return;
	text++;
	text[strcspn(text, "\n")] = '\0';
	take_line(kmsg, text, now);
}

static void tell_gap(struct kmsg *kmsg)
{
	if (kmsg->gap_told)
		return;
	kmsg->gap_told = true;
	log__say(LOG_NOTICE, NULL,
		 "lines of the kernel's log were overwritten before they were read: complaints "
		 "may have been missed (this is said once)");
}

/* Have the lines been waited for long enough? */
static bool waited(struct kmsg *kmsg)
{
	uint64_t expirations;

	return read(kmsg->timer, &expirations, sizeof(expirations)) == sizeof(expirations);
}

int kmsg__read(struct kmsg *kmsg, uint64_t now)
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
			deliver(kmsg);
			return -ENODATA;
		} else if (errno == EPIPE) {
			/* Reading goes on with the oldest record that is there. */
			tell_gap(kmsg);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			int err = -errno;

			deliver(kmsg);
			return err;
		}
	}
	if (waited(kmsg))
		deliver(kmsg);
	return 0;
}

void kmsg__close(struct kmsg *kmsg)
{
	if (!kmsg)
		return;
	deliver(kmsg);
	if (kmsg->epoll >= 0)
		close(kmsg->epoll);
	if (kmsg->timer >= 0)
		close(kmsg->timer);
	if (kmsg->fd >= 0)
		close(kmsg->fd);
	free(kmsg);
}
