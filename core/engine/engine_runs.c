// SPDX-License-Identifier: GPL-2.0-only
/* Internals of the engine: how often programs ran, also before they were loaded again. */
#include <string.h>

#include <bpf/bpf.h>

#include "engine_private.h"

bool engine__read_program(int fd, const struct engine_runs *before, struct bpf_prog_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, info, &size))
		return false;
	info->run_cnt += before->runs;
	info->run_time_ns += before->run_ns;
	info->recursion_misses += before->missed;
	return true;
}

void engine__keep_runs(int fd, struct engine_runs *before)
{
	struct bpf_prog_info info;

	if (engine__read_program(fd, before, &info))
		*before =
			(struct engine_runs){info.run_cnt, info.run_time_ns, info.recursion_misses};
}
