// SPDX-License-Identifier: GPL-2.0-only
#include "fd_store.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <systemd/sd-daemon.h>

#include "kernel/booted.h"
#include "engine/kprobe_trial.h"
#include "last_boot.h"
#include "probe/probe.h"

#define STATS "bpf-stats"
#define IMAGE "kernel-image"
#define LAST_BOOT "last-boot"
#define COPIES 2
#define NAMES_MAX 64
#define BARRIER_USEC 5000000

/*
 * Let systemd keep these under a name. poll: systemd drops a descriptor that reports end of file.
 */
static int store(const char *name, const int *fds, unsigned int count, bool poll)
{
	char text[64 + KPROBE_NAME_MAX];
	int err;

	/* One from an earlier start may still be kept. */
	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	sd_notify(0, text);
	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s%s", name, poll ? "" : "\nFDPOLL=0");
	err = sd_pid_notify_with_fds(0, 0, text, fds, count);
	return err > 0 ? 0 : err ? err : -ENOTCONN;
}

/* systemd can only identify this process while it lives: wait until it has read everything. */
static int finish(int err, char *why, size_t why_size)
{
	if (!err)
		err = sd_notify_barrier(0, BARRIER_USEC);
	if (err < 0)
		snprintf(why, why_size,
			 "systemd does not accept the descriptor: %s. This is for ExecStartPre= "
			 "of a unit with NotifyAccess=exec and FileDescriptorStoreMax=",
			 strerror(-err));
	return err < 0 ? err : 0;
}

int fd_store__add_stats(char *why, size_t why_size)
{
	int fd, err;

	fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (fd < 0) {
		snprintf(why, why_size,
			 "cannot open the kernel's BPF statistics: %s. This needs CAP_SYS_ADMIN",
			 strerror(-fd));
		return fd;
	}
	err = finish(store(STATS, &fd, 1, true), why, why_size);
	close(fd);
	return err;
}

/*
 * The kprobes of a place. perf_poll() reports end of file for such a descriptor, so it must not be
 * polled.
 */
static int store_kprobe(const char *symbol, uint32_t offset, bool *refused)
{
	char name[KPROBE_NAME_MAX];
	int fds[COPIES], count, err = 0;

	for (count = 0; count < COPIES && !err; count++) {
		fds[count] = kprobe__open(symbol, offset);
		if (fds[count] < 0) {
			err = fds[count];
			*refused = true;
			break;
		}
	}
	kprobe__name(name, symbol, offset);
	if (!err)
		err = store(name, fds, count, false);
	while (count)
		close(fds[--count]);
	return err;
}

int fd_store__add_kprobes(char *why, size_t why_size)
{
	const char *names[NAMES_MAX];
	const struct probe *probe;
	const struct probe_site *site;
	struct probe_site tried;
	struct probe_trial trial;
	struct probe_plan plan;
	struct target *target;
	const char *machine;
	char unused[128];
	bool refused = false, try_again;
	int point, i, err;

	err = target__new(&target, &(struct target_options){}, names,
			  probe__names(names, NAMES_MAX), why, why_size);
	if (err)
		return err;
	kprobe_trial__run(&trial, target, NULL, 0);
	probe__plan(&plan, target, THPRACE_LIGHT, PROBE_ATTACH_AUTO, &trial);
	try_again = kprobe_trial__site(&tried, target, unused, sizeof(unused));
	machine = target__machine(target);
	if (strcmp(machine, "x86_64") != 0) {
		snprintf(
			why, why_size,
			"on %s kprobes are not held: the service could not find the calls any more",
			machine);
		err = -ENOTSUP;
	}
	target__free(target);
	if (!err && try_again) /* the service also tries it */
		err = store_kprobe(tried.symbol, tried.at, &refused);
	for (point = 0; point < THPRACE_POINT_MAX && !err; point++) {
		probe = &plan.probe[point];
		for (i = 0; probe->kind == PROBE_CALLS && i < probe->site_count && !err; i++) {
			site = &probe->sites[i];
			err = store_kprobe(site->symbol, site->at, &refused);
			if (!err && probe->point->exit)
				err = store_kprobe(site->symbol, site->next, &refused);
		}
	}
	if (!refused)
		return finish(err, why, why_size);
	snprintf(why, why_size, "cannot open a kprobe: %s. This needs CAP_SYS_ADMIN",
		 strerror(-err));
	return err;
}

int fd_store__add_image(char *why, size_t why_size)
{
	int fd, err;

	fd = booted__open(why, why_size);
	if (fd < 0)
		return fd;
	err = finish(store(IMAGE, &fd, 1, false), why, why_size);
	close(fd);
	return err;
}

int fd_store__add_last_boot(char *why, size_t why_size)
{
	int fd, err;

	fd = last_boot__copy(why, why_size);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = finish(store(LAST_BOOT, &fd, 1, false), why, why_size);
	close(fd);
	return err;
}

void fd_store__take(struct fd_store *fd_store)
{
	struct kprobe_fd *kprobe;
	char **names = NULL;
	int count, i, fd;

	fd_store->stats_fd = -1;
	fd_store->image_fd = -1;
	fd_store->last_boot_fd = -1;
	fd_store->kprobe_count = 0;
	count = sd_listen_fds_with_names(1, &names);
	for (i = 0; i < count; i++) {
		fd = SD_LISTEN_FDS_START + i;
		if (!strcmp(names[i], STATS) && fd_store->stats_fd < 0) {
			fd_store->stats_fd = fd;
		} else if (!strcmp(names[i], IMAGE) && fd_store->image_fd < 0) {
			fd_store->image_fd = fd;
		} else if (!strcmp(names[i], LAST_BOOT) && fd_store->last_boot_fd < 0) {
			fd_store->last_boot_fd = fd;
		} else if (strchr(names[i], '+') && fd_store->kprobe_count < FD_STORE_KPROBES_MAX) {
			kprobe = &fd_store->kprobes[fd_store->kprobe_count++];
			snprintf(kprobe->name, sizeof(kprobe->name), "%s", names[i]);
			kprobe->fd = fd;
		} else {
			close(fd);
		}
	}
	for (i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void fd_store__close_image(struct fd_store *fd_store)
{
	close_one(&fd_store->image_fd);
}

void fd_store__close_last_boot(struct fd_store *fd_store)
{
	/* systemd keeps a copy. */
	if (fd_store->last_boot_fd >= 0)
		sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" LAST_BOOT);
	close_one(&fd_store->last_boot_fd);
}

void fd_store__close(struct fd_store *fd_store)
{
	fd_store__close_image(fd_store);
	fd_store__close_last_boot(fd_store);
	close_one(&fd_store->stats_fd);
	while (fd_store->kprobe_count)
		close(fd_store->kprobes[--fd_store->kprobe_count].fd);
}
