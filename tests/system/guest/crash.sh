#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel that dies while thprace watches and the stressor runs:
#   crash.sh [--unread] [OPTION OF record]...    --unread: thprace record stops to read before
#   crash.sh --daemon        while thpraced watches
#   crash.sh --provoke       under thprace provoke

stop=:
if [ "${1-}" = --unread ]; then
	# shellcheck disable=SC2016 # the parent of the load
	stop='kill -STOP $PPID'
	shift
fi
# The stressor, and the end.
load="thprace-stress truncate-unmap -d 6
	thprace-stress all -d 6
	$stop
	thprace-stress all -d 300 &
	sleep 1
	echo c >/proc/sysrq-trigger
	sleep 300"

daemon() {
	mkdir spool
	cat >daemon.conf <<-END
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
}

# It dies when the trace has incidents, which are written some at a time.
provoke() {
	thprace provoke truncate-unmap --whole --duration 600 --output /tmp/provoked \
		--this-is-a-test-machine >out 2>err </dev/null &
	until [ "$(wc -c 2>/dev/null </tmp/provoked-truncate-unmap.thpr || echo 0)" -gt 16384 ]; do
		sleep 0.2
		kill -0 $! || exit 1
	done
	echo c >/proc/sysrq-trigger
	sleep 300
}

case ${1-} in
--daemon) daemon ;;
--provoke) provoke ;;
*) exec thprace record --output /tmp/crash.thpr "$@" -- sh -c "$load" ;;
esac
