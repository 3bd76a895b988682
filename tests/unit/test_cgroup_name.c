// SPDX-License-Identifier: GPL-2.0-only
/* What a cgroup's path says: unit, container, pod. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cgroup_name.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define POD "8d3c7a10-51f2-4c8e-9a6b-0f1e2d3c4b5a"
#define POD_ "8d3c7a10_51f2_4c8e_9a6b_0f1e2d3c4b5a"
#define STATIC_POD "00112233445566778899aabbccddeeff"

static const struct {
	const char *path, *unit, *runtime, *container, *pod;
} paths[] = {
	{"/", "", "", "", ""},
	{"", "", "", "", ""},
	{"/.slice", "", "", "", ""},
	{"/system.slice", "system.slice", "", "", ""},
	{"/system.slice/ssh.service", "ssh.service", "", "", ""},
	{"/system.slice/ssh.service/payload", "ssh.service", "", "", ""},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope", "app-x.scope", "",
	 "", ""},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice", "user@1000.service", "", "",
	 ""},
	/* Docker, by systemd and by itself. */
	{"/system.slice/docker-" ID ".scope", "docker-" ID ".scope", "docker", ID, ""},
	{"/docker/" ID, "", "docker", ID, ""},
	{"/docker/" ID "/system.slice/cron.service", "cron.service", "docker", ID, ""},
	/* Podman; its monitor is no container. */
	{"/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope", "podman", ID, ""},
	{"/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope", "", "", ""},
	{"/libpod_parent/libpod-" ID, "", "podman", ID, ""},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope",
	 "libpod-" ID ".scope", "podman", ID, ""},
	/* Kubernetes, with CRI-O, containerd and without systemd. */
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_ ".slice/crio-" ID
	 ".scope",
	 "crio-" ID ".scope", "cri-o", ID, POD},
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" POD_
	 ".slice/cri-containerd-" ID ".scope",
	 "cri-containerd-" ID ".scope", "containerd", ID, POD},
	{"/kubepods/burstable/pod" POD "/" ID, "", "kubernetes", ID, POD},
	{"/kubepods.slice/kubepods-pod" STATIC_POD ".slice/cri-containerd-" ID ".scope",
	 "cri-containerd-" ID ".scope", "containerd", ID, STATIC_POD},
	{"/system.slice/containerd.service/kubepods-burstable-pod" POD_ ".slice:cri-containerd:" ID,
	 "containerd.service", "containerd", ID, POD},
	{"/kubepods.slice/kubepods-pod" POD_ ".slice", "kubepods-pod" POD_ ".slice", "", "", POD},
	/* Names. */
	{"/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service",
	 "nginx.service", "systemd-nspawn", "web", ""},
	{"/machine.slice/machine-my\\x2dbox.scope/init.scope", "init.scope", "machine", "my-box",
	 ""},
	{"/lxc.payload.alpine/init", "", "lxc", "alpine", ""},
	{"/lxc/alpine", "", "lxc", "alpine", ""},
	{"/lxc.monitor.alpine", "", "", "", ""},
	/* Amazon's: the number alone. */
	{"/ecs/11112222333344445555666677778888/" ID, "", "", ID, ""},
	/* None of these. */
	{"/docker-0123.scope", "docker-0123.scope", "", "", ""},
	{"/docker-" ID "x.scope", "docker-" ID "x.scope", "", "", ""},
	{"/podinfo/" ID "0", "", "", "", ""},
	{"/machine-.scope", "machine-.scope", "", "", ""},
	{"/a\\x2", "", "", "", ""},
	{"//system.slice//x.service//", "x.service", "", "", ""},
};

static void forms(void **state)
{
	struct cgroup_name name;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		cgroup_name__read(&name, paths[i].path);
		if (strcmp(name.unit, paths[i].unit) != 0 ||
		    strcmp(name.runtime, paths[i].runtime) != 0 ||
		    strcmp(name.container, paths[i].container) != 0 ||
		    strcmp(name.pod, paths[i].pod) != 0)
			fail_msg("%s: unit \"%s\", runtime \"%s\", container \"%s\", pod \"%s\"",
				 paths[i].path, name.unit, name.runtime, name.container, name.pod);
	}
}

/* Parts that are longer than any that is read. */
static void lengths(void **state)
{
	struct cgroup_name name;
	char path[3000];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	strcpy(path + 2000, ".service");
	cgroup_name__read(&name, path);
	assert_string_equal(name.unit, "");
	memcpy(path + 150, ".service", sizeof(".service"));
	cgroup_name__read(&name, path);
	assert_int_equal(strlen(name.unit), CGROUP_NAME_UNIT_LEN - 1);
	memcpy(path, "/lxc/", 5);
	cgroup_name__read(&name, path);
	assert_int_equal(strlen(name.container), CGROUP_NAME_CONTAINER_LEN - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests_name("cgroup_name", tests, NULL, NULL);
}
