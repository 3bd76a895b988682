/* SPDX-License-Identifier: GPL-2.0-only */
/* Capabilities: those that are not needed any more are dropped for good. */
#ifndef THPRACE_DAEMON_PRIVILEGE_H
#define THPRACE_DAEMON_PRIVILEGE_H

#include <stddef.h>

/*
 * Keep CAP_BPF and CAP_PERFMON (a shed probe is attached again, a reload may load programs; kernels
 * before 5.19 also require CAP_BPF to read a map), or CAP_SYS_ADMIN if the process does not have
 * these two; drop all others from every set, and forbid gaining any. kept: their names, for a
 * message. Returns 0 or negative errno.
 */
int privilege__drop(char *kept, size_t kept_size);

#endif
