// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users and groups of a static program: /etc/passwd and /etc/group alone. glibc would load what
 * /etc/nsswitch.conf names besides (libnss_systemd, libnss_sss), which works only with the very
 * glibc that the program was linked with, and may crash with another.
 */
#include <nss.h>

__attribute__((constructor)) static void use_files(void)
{
	__nss_configure_lookup("passwd", "files");
	__nss_configure_lookup("group", "files");
}
