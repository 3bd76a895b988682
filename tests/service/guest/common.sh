# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# For the scripts in the guest: sourced, next to tap.sh in the working folder. Debian's own tools.

set -u
# shellcheck source=tests/system/tap.sh
. ./tap.sh

home=$PWD
t=/tmp/test
conf=/etc/thprace/thprace.conf.d
unit=/etc/systemd/system/thpraced.service.d
# shellcheck disable=SC2034 # for those who source this
spool=/var/lib/thprace
mkdir -p "$t" "$conf" "$unit"
cd "$t" || exit 1
trap 'journalctl -b --no-pager -o short-monotonic >/out/journal' EXIT

# try COMMAND...: sets status; its output is in out and err
# shellcheck disable=SC2034 # status is for those who source this
try() {
	status=0
	"$@" >out 2>err </dev/null || status=$?
}

# uptime_cs: hundredths of a second, because a test sets the wall clock
uptime_cs() {
	tr -d . </proc/uptime | cut -d' ' -f1
}

# until_ok SECONDS COMMAND...: true as soon as the command succeeds
until_ok() {
	until_end=$(($(uptime_cs) + $1 * 100))
	shift
	until "$@"; do
		[ "$(uptime_cs)" -lt "$until_end" ] || return 1
		sleep 0.1
	done
}

# soon NAME SECONDS COMMAND...: a test that it becomes true; the seconds are those of a machine with
# nothing else to do, and a hang takes longer than five times that
soon() {
	soon_name=$1
	soon_limit=$(($2 * 5))
	shift 2
	until_ok "$soon_limit" "$@"
	ok $? "$soon_name" || diag "not within $soon_limit s: $*"
}

# --- the daemon ---

# Under emulation the programs cost so much that probes would be shed with the default budget.
install_packages() {
	dpkg -i "$home"/deb/*.deb >out 2>&1
	ok $? "the packages install" || {
		diag "$(cat out)"
		echo "Bail out! nothing to test; if a package is missing: tests/vm/userland has the list"
		exit 1
	}
	printf '[overhead]\nbudget=0\n' >"$conf/10-emulated.conf"
	# The kernel's file is from outside the guest. On some distributions only root can read it.
	mkdir -p /boot
	install -m 600 "$home/kernel-image" "/boot/vmlinuz-$(uname -r)"
}

# checked: the kernel's code has been read, in the background
checked() {
	says '.check.state == "done"'
}

# words: the result for each class
words() {
	of_status '[.classes[].check] | join(", ")'
}

# start NAME: (again), with the present drop-ins
start() {
	systemctl daemon-reload
	systemctl reset-failed thpraced 2>/dev/null
	systemctl restart thpraced 2>err
	ok $? "thpraced starts: $1" || diag "$(cat err; journalctl -u thpraced -n 15 --no-pager -o cat)"
}

shown() {
	systemctl show -P "$1" thpraced
}

pid() {
	shown MainPID
}

# active_as_another PID: running, as another process. One question: of two, the second may come after
# the end of the process that the first one found active.
active_as_another() {
	systemctl show -p ActiveState -p MainPID thpraced >now
	grep -qx ActiveState=active now && ! grep -qx "MainPID=$1" now
}

# of_status FILTER: jq on `thprace status`
of_status() {
	thprace status --format json 2>/dev/null | jq -r "$1"
}

# says FILTER: true, or not
says() {
	[ "$(of_status "$1")" = true ]
}

# kb KEY: of /proc/PID/status
kb() {
	sed -n "s/^$1:[[:space:]]*\([0-9]*\).*/\1/p" "/proc/$(pid)/status"
}

# --- messages ---

# id NAME: the MESSAGE_ID of LOG_ID_NAME
id() {
	sed -n "s/^#define LOG_ID_$1 \"\(.*\)\".*/\1/p" "$home/log.h"
}

# messages NAME [FILTER]: those of this run of the daemon, one JSON object each, oldest first. All
# messages sent before are in the journal then: journald may be later than what status shows.
messages() {
	journalctl --sync
	journalctl -q -b -o json "_SYSTEMD_INVOCATION_ID=$(shown InvocationID)" \
		"MESSAGE_ID=$(id "$1")" | jq -cr "${2-.}"
}

# texts NAME
texts() {
	messages "$1" .MESSAGE
}

count() {
	messages "$1" | wc -l
}

# more_than N NAME: messages
more_than() {
	[ "$(count "$2")" -gt "$1" ]
}

# --- incidents ---

# ids DIR: of all incidents in the files of DIR
ids() {
	thprace incidents --spool "$1" --count 1000000 --format json 2>>ids.err | jq -r 'select(.number).number'
}

# stress CLASS: in the background until end_stress, however long that takes on a busy machine, with
# all its processes in a separate session; it is $stressor
stress() {
	setsid thprace-stress "$1" -d 24h >>stress.log 2>&1 &
	stressor=$!
}

# end_stress: returns its status
end_stress() {
	kill -INT "$stressor" 2>/dev/null
	wait "$stressor"
}

# While probes are attached and detached, the stressor pauses: otherwise a guest has hung
# (docs/testing.md).
hold_still() {
	kill -STOP "-$stressor"
}

go_on() {
	kill -CONT "-$stressor"
}

overlaps_above() {
	says ".totals.overlaps > $1"
}

# identity NAME: every record is accounted for, and none was lost
identity() {
	says .loss.identity
	ok $? "$1: the identity holds" || diag "$(of_status .loss)"
	is "$(of_status .loss.lost)" 0 "$1: nothing lost" || diag "$(of_status .loss)"
}
