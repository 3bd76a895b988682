// SPDX-License-Identifier: GPL-2.0-only
#include "kprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define PMU_TYPE "/sys/bus/event_source/devices/kprobe/type" /* since 4.17 */

void kprobe__name(char *name, const struct kprobe_place *place)
{
	if (place->at_return)
		snprintf(name, KPROBE_NAME_MAX, "%.80s+return", place->symbol);
	else
		snprintf(name, KPROBE_NAME_MAX, "%.80s+%#x", place->symbol, place->offset);
}

static int pmu_type(void)
{
	FILE *file = fopen(PMU_TYPE, "re");
	int type, err;

	if (!file)
		return -errno;
	err = fscanf(file, "%d", &type) == 1 ? 0 : -EINVAL;
	fclose(file);
	return err ? err : type;
}

bool kprobe__missing(void)
{
	return !access("/sys/bus/event_source/devices", F_OK) && access(PMU_TYPE, F_OK);
}

int kprobe__open(const struct kprobe_place *place)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config = place->at_return, /* bit 0: events/kprobe/format/retprobe */
		.kprobe_func = (uintptr_t)place->symbol,
		.probe_offset = place->offset,
	};
	int type = pmu_type();
	long fd;

	if (type < 0)
		return type;
	attr.type = type;
	fd = syscall(__NR_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

/* Takes ownership of the descriptor. */
static int attach(struct bpf_link **link, const struct bpf_program *program, int fd)
{
	libbpf_print_fn_t print;
	int err;

	if (fd < 0)
		return fd;
	print = libbpf_set_print(NULL); /* a descriptor in use is no warning */
	*link = bpf_program__attach_perf_event(program, fd);
	err = *link ? 0 : -errno;
	libbpf_set_print(print);
	if (err)
		close(fd);
	return err;
}

int kprobe__attach(struct bpf_link **link, const struct bpf_program *program, const char *symbol,
		   uint32_t offset, const struct kprobe_fd *kprobe_fds, size_t count)
{
	const struct kprobe_place place = {.symbol = symbol, .offset = offset};
	char name[KPROBE_NAME_MAX];
	size_t i;

	kprobe__name(name, &place);
	for (i = 0; i < count; i++)
		if (!strcmp(kprobe_fds[i].name, name) &&
		    !attach(link, program, fcntl(kprobe_fds[i].fd, F_DUPFD_CLOEXEC, 3)))
			return 0;
	return attach(link, program, kprobe__open(&place));
}

/* The descriptor belongs to the program then, and is closed if that fails. */
static int run(int fd, int program)
{
	int err;

	if (fd < 0)
		return fd;
	if (!ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) && !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/*
 * A link ends when it is closed, and then the kprobe is free again. Before 5.15 there are none
 * (b89fbfbb854c), and a program stays as long as somebody has the kprobe open.
 */
static int run_held(int fd, int program)
{
	int link = bpf_link_create(program, fd, BPF_PERF_EVENT, NULL);

	if (link == -EINVAL)
		return run(fcntl(fd, F_DUPFD_CLOEXEC, 3), program);
	if (link >= 0)
		ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	return link;
}

int kprobe__attach_program(int program, const struct kprobe_place *place,
			   const struct kprobe_fd *kprobe_fds, size_t count)
{
	char name[KPROBE_NAME_MAX];
	size_t i;
	int fd;

	kprobe__name(name, place);
	for (i = 0; i < count; i++) {
		if (strcmp(kprobe_fds[i].name, name) != 0)
			continue;
		fd = run_held(kprobe_fds[i].fd, program);
		if (fd >= 0)
			return fd;
	}
	return run(kprobe__open(place), program);
}
