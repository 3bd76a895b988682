/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a cgroup's path says of those in it: the unit of systemd, the container and its runtime, the
 * pod. The forms are those that systemd, Docker, Podman, CRI-O, containerd, Kubernetes, LXC and
 * systemd-nspawn give their cgroups.
 */
#ifndef THPRACE_CGROUP_NAME_H
#define THPRACE_CGROUP_NAME_H

#define CGROUP_NAME_UNIT_LEN 128
#define CGROUP_NAME_CONTAINER_LEN 80

/* Each is "" if the path does not say it. Cut off at its size. */
struct cgroup_name {
	/* The last part that is a service or a scope, else a slice. */
	char unit[CGROUP_NAME_UNIT_LEN];
	/* "docker", "podman", "cri-o", "containerd", "kubernetes", "lxc", "systemd-nspawn", "machine";
	 * "": it is not known whose number the container's is. */
	char runtime[16];
	char container[CGROUP_NAME_CONTAINER_LEN]; /* number, or name */
	char pod[40]; /* the pod's uid in Kubernetes */
};

/* path: below the root of the hierarchy, "/a.slice/b.service". */
void cgroup_name__read(struct cgroup_name *name, const char *path);

#endif
