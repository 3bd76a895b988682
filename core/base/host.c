// SPDX-License-Identifier: GPL-2.0-only
#include "host.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "json.h"

static void read_line(const char *path, char *to, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	if (fgets(to, (int)size, file))
		to[strcspn(to, "\n")] = '\0';
	fclose(file);
}

const struct host *host__this(void)
{
	static struct host host;
	struct utsname name;

	if (*host.kernel)
		return &host;
	if (!uname(&name)) {
		snprintf(host.name, sizeof(host.name), "%s", name.nodename);
		snprintf(host.kernel, sizeof(host.kernel), "%s", name.release);
	}
	read_line("/etc/machine-id", host.machine_id, sizeof(host.machine_id));
	read_line("/proc/sys/kernel/random/boot_id", host.boot_id, sizeof(host.boot_id));
	return &host;
}

void host__add(struct json_object *object, const struct host *host, int with_kernel)
{
	json__add_text(object, "hostname", host->name);
	json__add_text(object, "machine_id", host->machine_id);
	json__add_text(object, "boot_id", host->boot_id);
	if (with_kernel)
		json__add_text(object, "kernel", host->kernel);
}
