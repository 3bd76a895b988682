/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the last boot left of its kernel's log: in pstore (/sys/fs/pstore, or systemd-pstore's folder),
 * if the kernel died, else in the journal, if that is kept on disk. Only root can read both: a
 * privileged process copies the log (thpraced --hold-last-boot), and the service, which has no
 * privilege, parses it.
 */
#ifndef THPRACE_DAEMON_LAST_BOOT_H
#define THPRACE_DAEMON_LAST_BOOT_H

#include <stddef.h>

#include "alert.h"

/*
 * Copy the log to memory. Returns a descriptor, to be closed; -ENOENT: the last boot left nothing;
 * or negative errno with a sentence in why.
 */
int last_boot__copy(char *why, size_t why_size);

/*
 * Report what is in the copy, by one message, unless this was done since this boot: a file in
 * directory says so. fd -1: nothing. Returns the number of messages.
 */
int last_boot__report(int fd, const char *directory, alert_send_fn send);

#endif
