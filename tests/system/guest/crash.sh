#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel that dies while thprace records and the stressor runs: crash.sh [OPTION OF record]..., or
# crash.sh --daemon: while thpraced runs.

# The stressor, and the end.
load='thprace-stress truncate-unmap -d 6
	thprace-stress all -d 6
	thprace-stress all -d 300 &
	sleep 1
	echo c >/proc/sysrq-trigger
	sleep 300'
if [ "${1-}" != --daemon ]; then
	exec thprace record --output /tmp/crash.thpr "$@" -- sh -c "$load"
fi
mkdir spool
cat >daemon.conf <<END
[spool]
directory = $PWD/spool
[alerts]
target = stderr
[metrics]
textfile = none
[control]
socket = none
END
thpraced --config daemon.conf >out 2>err </dev/null &
until grep -q "thpraced .* watches" err; do
	sleep 0.2
	kill -0 $! || exit 1
done
sh -c "$load"
