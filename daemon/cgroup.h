/* SPDX-License-Identifier: GPL-2.0-only */
/* What a cgroup's number, which BPF programs know, is called. */
#ifndef THPRACE_DAEMON_CGROUP_H
#define THPRACE_DAEMON_CGROUP_H

#include <stddef.h>
#include <stdint.h>

/*
 * The path of cgroup id below root: a folder, or NULL for where the hierarchy of version 2 is mounted. Reads
 * folders, a bounded number of entries. Returns 0, or negative errno: -ENOENT when there is none of that
 * number, or no such hierarchy. path: "/system.slice/x.service"; the root's is "/".
 */
int cgroup__path(const char *root, uint64_t id, char *path, size_t size);

/* The last part of the path that names a unit of systemd's: a service or scope, else a slice; "" if none. */
const char *cgroup__unit(const char *path, char *unit, size_t size);

#endif
