/* SPDX-License-Identifier: GPL-2.0-only */
/* Capabilities: what has been used up is given away for good. */
#ifndef THPRACE_DAEMON_PRIVILEGE_H
#define THPRACE_DAEMON_PRIVILEGE_H

#include <stddef.h>

/*
 * Keep CAP_BPF and CAP_PERFMON (a probe that was shed is attached again, a reload may load anew; kernels
 * before 5.19 want CAP_BPF for reading a map as well), or CAP_SYS_ADMIN where the process doesn't have
 * these two; drop all others from every set, forbid to gain any. kept: their names, for a message.
 * Returns 0 or negative errno.
 */
int privilege__drop(char *kept, size_t kept_size);

#endif
