// SPDX-License-Identifier: GPL-2.0-only
#include "fd_store.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <systemd/sd-daemon.h>

#include "kernel/booted.h"
#include "engine/kprobe_trial.h"
#include "engine/race_kprobes.h"
#include "kernel/target.h"
#include "config.h"
#include "last_boot.h"
#include "probe/probe.h"
#include "race/race_kernel.h"
#include "race/types.h"
#include "race_set.h"

#define STATS "bpf-stats"
#define IMAGE "kernel-image"
#define LAST_BOOT "last-boot"
#define COPIES 2
#define NAMES_MAX (PROBE_NAMES_MAX + 1024)
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
static int store_kprobe(const struct kprobe_place *place, bool *refused)
{
	char name[KPROBE_NAME_MAX];
	int fds[COPIES], count, err = 0;

	for (count = 0; count < COPIES && !err; count++) {
		fds[count] = kprobe__open(place);
		if (fds[count] < 0) {
			err = fds[count];
			*refused = true;
			break;
		}
	}
	kprobe__name(name, place);
	if (!err)
		err = store(name, fds, count, false);
	while (count)
		close(fds[--count]);
	return err;
}

/* What is opened and stored. */
struct kprobes {
	struct target *target;
	struct race_set *races;
	bool calls; /* those at calls too */
	bool refused; /* by the kernel */
};

/* A kprobe of a race that the kernel refuses is missing there only. */
static int store_of_race(void *ctx, const struct kprobe_place *place)
{
	struct kprobes *kprobes = ctx;
	bool refused = false;
	int err;

	if (place->offset && !kprobes->calls)
		return 0;
	err = store_kprobe(place, &refused);
	if (err == -EPERM || err == -EACCES)
		kprobes->refused |= refused;
	return refused && !kprobes->refused ? 0 : err;
}

static int store_races(struct kprobes *kprobes, char *why, size_t why_size)
{
	const struct race *const *races;
	struct types *types = NULL;
	struct btf *btf;
	size_t count, i;
	int err = 0;

	races = race_set__list(kprobes->races, &count);
	if (!count)
		return 0;
	btf = target__read_btf(kprobes->target, why, why_size);
	if (!btf)
		return -ENOTSUP;
	types = types__new(btf);
	if (!types)
		err = -ENOMEM;
	for (i = 0; i < count && !err; i++)
		err = race_kprobes__each(kprobes->target, types, races[i], store_of_race, kprobes);
	types__free(types);
	btf__free(btf);
	return err;
}

/* Those of the calls in the plan, and of the trial by which the service finds out that it may. */
static int store_calls(struct kprobes *kprobes)
{
	struct kprobe_place place = {0};
	const struct probe_site *site;
	const struct probe *probe;
	struct probe_site tried;
	struct probe_trial trial;
	struct probe_plan plan;
	char unused[128];
	int point, i, err = 0;

	kprobe_trial__run(&trial, kprobes->target, NULL, 0);
	probe__plan(&plan, kprobes->target, THPRACE_LIGHT, PROBE_ATTACH_AUTO, &trial);
	if (kprobe_trial__site(&tried, kprobes->target, unused, sizeof(unused))) {
		place = (struct kprobe_place){.symbol = tried.symbol, .offset = tried.at};
		err = store_kprobe(&place, &kprobes->refused);
	}
	for (point = 0; point < THPRACE_POINT_MAX && !err; point++) {
		probe = &plan.probe[point];
		for (i = 0; probe->kind == PROBE_CALLS && i < probe->site_count && !err; i++) {
			site = &probe->sites[i];
			place = (struct kprobe_place){.symbol = site->symbol, .offset = site->at};
			err = store_kprobe(&place, &kprobes->refused);
			place.offset = site->next;
			if (!err && probe->point->exit)
				err = store_kprobe(&place, &kprobes->refused);
		}
	}
	return err;
}

static int open_target(struct kprobes *kprobes, char *why, size_t why_size)
{
	const char *names[NAMES_MAX];
	const struct race *const *races;
	size_t count, i, known = probe__names(names, NAMES_MAX);

	races = race_set__list(kprobes->races, &count);
	for (i = 0; i < count; i++)
		known = race_kernel__names(races[i], names, known, NAMES_MAX);
	return target__new(&kprobes->target, &(struct target_options){}, names, known, why,
			   why_size);
}

int fd_store__add_kprobes(const char *path, char *why, size_t why_size)
{
	struct kprobes kprobes = {0};
	struct config config;
	const char *machine;
	int err;

	/* The service says what is wrong with its configuration. */
	if (config__load(&config, "", path, why, why_size) ||
	    race_set__read(&kprobes.races, config.observe.races, why, why_size))
		return -EINVAL;
	err = open_target(&kprobes, why, why_size);
	if (err) {
		race_set__free(kprobes.races);
		return err;
	}
	machine = target__machine(kprobes.target);
	kprobes.calls = !strcmp(machine, "x86_64");
	err = store_races(&kprobes, why, why_size);
	if (kprobes.calls && !err) {
		err = store_calls(&kprobes);
	} else if (!err) {
		snprintf(why, why_size,
			 "on %s kprobes at calls are not held: the service could not find the "
			 "calls any more",
			 machine);
		err = -ENOTSUP;
	}
	target__free(kprobes.target);
	race_set__free(kprobes.races);
	if (err == -ENOTSUP && !kprobes.refused) {
		sd_notify_barrier(0, BARRIER_USEC);
		return err;
	}
	if (!kprobes.refused)
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
