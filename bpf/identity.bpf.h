/* SPDX-License-Identifier: GPL-2.0-only */
/* Who a task is: its user and its cgroup. Read where a report is made, never on the way of a zap. */
#ifndef THPRACE_IDENTITY_BPF_H
#define THPRACE_IDENTITY_BPF_H

#include "kernel.bpf.h"

struct kernfs_node {
	u64 id;
} CORE;

struct cgroup {
	struct kernfs_node *kn;
} CORE;

struct css_set {
	struct cgroup *dfl_cgrp;
} CORE;

struct task_struct___cgroups {
	struct css_set *cgroups;
} CORE;

/*
 * The number of the current task's cgroup in the hierarchy of version 2; 0: this kernel has no
 * cgroups. Not by the helper: such kernels lack it and would refuse the program.
 */
static __always_inline u64 current_cgroup(void)
{
	struct task_struct___cgroups *task = (void *)bpf_get_current_task();

	if (!bpf_core_field_exists(struct task_struct___cgroups, cgroups))
		return 0;
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

#endif
