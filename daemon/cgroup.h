/* SPDX-License-Identifier: GPL-2.0-only */
/* The name of a cgroup, of which BPF programs know the number. */
#ifndef THPRACE_DAEMON_CGROUP_H
#define THPRACE_DAEMON_CGROUP_H

#include <stddef.h>
#include <stdint.h>

/*
 * The path of cgroup id below root: a folder, or NULL for the place where the hierarchy of version
 * 2 is mounted. Reads folders, a limited number of entries. Returns 0, or negative errno: -ENOENT
 * if there is no such number or no such hierarchy. path: "/system.slice/x.service"; the root's is
 * "/".
 */
int cgroup__path(const char *root, uint64_t id, char *path, size_t size);

/*
 * The last part of the path that names a unit of systemd: a service or scope, else a slice; "" if
 * there is none.
 */
const char *cgroup__unit(const char *path, char *unit, size_t size);

#endif
