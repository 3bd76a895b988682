/* SPDX-License-Identifier: GPL-2.0-only */
/* Which machine this is, and which of its boots. */
#ifndef THPRACE_HOST_H
#define THPRACE_HOST_H

#include <json-c/json.h>

/* Each is "" if it is not known. */
struct host {
	char name[65]; /* uname -n */
	char machine_id[33]; /* /etc/machine-id, machine-id(5) */
	char boot_id[37]; /* /proc/sys/kernel/random/boot_id */
	char kernel[65]; /* uname -r */
};

/* Those of this machine; valid as long as the program runs. */
const struct host *host__this(void);

/* Add hostname, machine_id, boot_id to an object, and kernel if with_kernel. */
void host__add(struct json_object *object, const struct host *host, int with_kernel);

#endif
