// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel itself shows about the races: in its log, in the last boot's, and in its code. */
#include "daemon_private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "classes/race_class.h"
#include "last_boot.h"
#include "log.h"

static void on_complaint(void *ctx, const struct complaint *complaint)
{
	struct daemon *daemon = ctx;

	alert__complaint(daemon->alert, complaint, clock__now());
}

static bool on_pfn(void *ctx, uint64_t page, uint64_t *pfn)
{
	const struct daemon *daemon = ctx;

	return engine__pfn(observer__engine(daemon->observer), page, pfn);
}

/* A huge page has as many pages as a page has entries of 8 bytes. */
static unsigned int pmd_order(void)
{
	long size = sysconf(_SC_PAGESIZE);

	return (unsigned int)__builtin_ctzl((unsigned long)size) - 3;
}

void daemon__compare_pages(struct daemon *daemon)
{
	alert__compare_pages(daemon->alert, on_pfn, daemon, 1U << pmd_order());
}

static int on_kmsg(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct daemon *daemon = ctx;
	int err;

	(void)fd;
	(void)events;
	err = kmsg__read(daemon->kmsg, clock__now());
	if (err < 0) {
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		log__print(LOG_WARNING, NULL,
			   "the kernel's log cannot be followed any more: %s. The kernel's own "
			   "complaints are no longer tied to incidents",
			   strerror(-err));
	}
	return 0;
}

void daemon__close_kmsg(struct daemon *daemon)
{
	daemon->kmsg_source = sd_event_source_disable_unref(daemon->kmsg_source);
	kmsg__close(daemon->kmsg);
	daemon->kmsg = NULL;
}

/*
 * The classes to which complaints can belong: by the kernel's configuration, and by its code once
 * that was read.
 */
static struct complaint_kernel complaint_kernel(const struct daemon *daemon)
{
	const struct check_state *check = daemon->check ? kernel_check__state(daemon->check) : NULL;
	struct complaint_kernel kernel = {
		.known = true,
		.possible = engine__possible(observer__engine(daemon->observer)),
		.pmd_order = pmd_order(),
	};
	unsigned int class;

	for (class = 1; check && class < race_class__end(); class ++) {
		if (check->classes[class].status == CHECK_CANNOT_HAPPEN)
			kernel.possible &= ~(1U << class);
	}
	return kernel;
}

void daemon__open_kmsg(struct daemon *daemon)
{
	struct complaint_kernel kernel;
	int err;

	if (!daemon->config.alerts.kernel_log || daemon->kmsg)
		return;
	kernel = complaint_kernel(daemon);
	err = kmsg__open(&daemon->kmsg, "/dev/kmsg", &kernel, on_complaint, daemon);
	if (!err)
		err = sd_event_add_io(daemon->event, &daemon->kmsg_source, kmsg__fd(daemon->kmsg),
				      EPOLLIN, on_kmsg, daemon);
	if (err >= 0)
		return;
	daemon__close_kmsg(daemon);
	log__print(
		LOG_WARNING, NULL,
		"cannot read the kernel's log, /dev/kmsg: %s. The kernel's own complaints are not "
		"tied to incidents. [alerts] kernel_log=no silences this",
		strerror(-err));
}

void daemon__last_boot(struct daemon *daemon)
{
	if (daemon->config.alerts.kernel_log)
		last_boot__report(daemon->fd_store.last_boot_fd, daemon->config.spool.directory,
				  log__send);
	fd_store__close_last_boot(&daemon->fd_store);
}

static void on_checked_kernel(void *ctx, const struct check_state *state)
{
	struct daemon *daemon = ctx;
	struct complaint_kernel kernel = complaint_kernel(daemon);

	if (daemon->kmsg)
		kmsg__set_kernel(daemon->kmsg, &kernel);
	alert__checked(daemon->alert, state);
	kernel_check__log(state);
}

int daemon__check_kernel(struct daemon *daemon)
{
	daemon->check = kernel_check__start(daemon->event, NULL, daemon->fd_store.image_fd,
					    on_checked_kernel, daemon);
	fd_store__close_image(&daemon->fd_store);
	return daemon->check ? 0 : -ENOMEM;
}
