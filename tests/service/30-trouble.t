#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The service in trouble, on Debian 12's stock kernel: watchdog, SIGKILL in a storm, a full disk with
# syslog instead of the journal, a budget that is too small.

# shellcheck source=tests/service/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

"${CC:-cc}" -O2 -Wall -Wextra -Werror -static -pthread -o "$work/flood" "$system/flood.c" ||
	skip_all "flood.c can't be compiled"
kernel bookworm
# For hangs alone: a busy machine sheds again for a while.
limit=2400
service "$kernel" trouble.sh --file "$work/flood:/usr/bin/flood"
done_testing
