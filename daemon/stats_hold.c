// SPDX-License-Identifier: GPL-2.0-only
#include "stats_hold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <systemd/sd-daemon.h>

#define NAME "bpf-stats"

int stats_hold__give(char *why, size_t why_size)
{
	int fd, err;

	fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (fd < 0) {
		snprintf(why, why_size,
			 "the kernel doesn't open its BPF statistics: %s. It takes Linux 5.8 and "
			 "CAP_SYS_ADMIN",
			 strerror(-fd));
		return fd;
	}
	/* One of an earlier start may be kept still. */
	sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" NAME);
	err = sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=" NAME, &fd, 1);
	if (err > 0)
		err = sd_notify_barrier(
			0, 5000000); /* systemd knows this process only while it lives */
	else if (!err)
		err = -ENOTCONN;
	if (err < 0)
		snprintf(why, why_size,
			 "systemd doesn't take the descriptor: %s. This is for ExecStartPre= of a "
			 "unit with NotifyAccess=exec and FileDescriptorStoreMax=1",
			 strerror(-err));
	close(fd);
	return err < 0 ? err : 0;
}

int stats_hold__take(void)
{
	char **names = NULL;
	int count, i, fd, found = -1;

	count = sd_listen_fds_with_names(1, &names);
	for (i = 0; i < count; i++) {
		fd = SD_LISTEN_FDS_START + i;
		if (found < 0 && !strcmp(names[i], NAME))
			found = fd;
		else
			close(fd);
	}
	for (i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return found;
}
