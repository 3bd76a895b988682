# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# A machine of the fleet: runs thpraced, and writes each text of its metrics to stdout, as
# node_exporter would find it. ROLE says what happens on it:
#   escape  a race from a file, which this kernel loses
#   shed    a budget that is too small for the load
#   stale   thpraced dies
#
# What it looks like is on stderr. SECONDS_MORE: for how long it goes on after that.
# shellcheck disable=SC2317 # functions that within() calls

set -u
t=/tmp/test
mkdir -p "$t" /boot /run/thprace
cd "$t" || exit 1
# The kernel's file is from outside the guest: thpraced reads it for what it says of the fixes.
cp /root/kernel-image "/boot/vmlinuz-$(uname -r)"

say() {
	echo "$ROLE: $*" >&2
}

# configure LINE...: everything else has its default. Under emulation the programs cost more than
# the default budget.
configure() {
	printf '%s\n' "[alerts]" "target=stderr" "[spool]" "directory=$t/spool" "[metrics]" "interval=2s" "$@" >conf
}

# value REGEX: the sum of the samples
value() {
	sed -n "s/^\(thprace_$1\) \([0-9.e+-]*\)\$/\2/p" /run/thprace/thprace.prom 2>/dev/null |
		awk '{ n += $1 } END { print n + 0 }'
}

# above REGEX: their sum is not 0
above() {
	[ "$(value "$1")" != 0 ]
}

# within SECONDS COMMAND...
within() {
	within_until=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$within_until" ] || {
			say "not within the time: $*"
			tail -n 20 daemon.err >&2
			exit 1
		}
		usleep 200000
	done
}

# Each text, once, between two lines that are none of it.
export_texts() {
	last=
	while :; do
		now=$(stat -c '%i %Y' /run/thprace/thprace.prom 2>/dev/null)
		if [ -n "$now" ] && [ "$now" != "$last" ]; then
			last=$now
			cat /run/thprace/thprace.prom
			echo "### end"
		fi
		usleep 500000
	done
}

case $ROLE in
escape) configure "[observe]" "races=swapin-nocache" "[overhead]" "budget=0" ;;
shed) configure "[overhead]" "budget=0.01%" "period=2s" ;;
stale) configure "[overhead]" "budget=0" ;;
esac
thpraced --config conf >daemon.out 2>daemon.err </dev/null &
daemon=$!
export_texts &
exporter=$!
within 300 above updated_timestamp_seconds
# What the kernel's code says comes some seconds later.
within 600 above 'class_possible{class="split-unmap"}'
within 600 grep -q '^thprace_class_fixed' /run/thprace/thprace.prom
say "metrics are there"

case $ROLE in
escape)
	thprace-stress swapin-nocache -d 600 >stress.log 2>&1 &
	within 600 above 'incidents_total{class="swapin-nocache",verdict="escape"}'
	;;
shed)
	thprace-stress split-migrate -d 600 >stress.log 2>&1 &
	within 600 above probes_shed
	;;
esac
say "it has happened"
sleep "$SECONDS_MORE"
# Without a last text.
kill -9 "$daemon"
kill "$exporter"
grep -v '^thpraced: .*escape' daemon.err | tail -n 20 >&2
grep -m 3 escape daemon.err >&2
exit 0
