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

#include <bpf/libbpf.h>

#define PMU_TYPE "/sys/bus/event_source/devices/kprobe/type" /* since 4.17 */

void kprobe__name(char *name, const char *symbol, uint32_t offset)
{
	snprintf(name, KPROBE_NAME_MAX, "%.80s+%#x", symbol, offset);
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

static int open_kprobe(const char *symbol, uint32_t offset, bool at_return)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config = at_return, /* bit 0: events/kprobe/format/retprobe */
		.kprobe_func = (uintptr_t)symbol,
		.probe_offset = offset,
	};
	int type = pmu_type();
	long fd;

	if (type < 0)
		return type;
	attr.type = type;
	fd = syscall(__NR_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

int kprobe__open(const char *symbol, uint32_t offset)
{
	return open_kprobe(symbol, offset, false);
}

int kprobe__open_return(const char *symbol)
{
	return open_kprobe(symbol, 0, true);
}

int kprobe__run(int fd, int program)
{
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return 0;
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
	char name[KPROBE_NAME_MAX];
	size_t i;

	kprobe__name(name, symbol, offset);
	for (i = 0; i < count; i++)
		if (!strcmp(kprobe_fds[i].name, name) &&
		    !attach(link, program, fcntl(kprobe_fds[i].fd, F_DUPFD_CLOEXEC, 3)))
			return 0;
	return attach(link, program, kprobe__open(symbol, offset));
}
