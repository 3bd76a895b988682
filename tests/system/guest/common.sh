# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# For the scripts in the guest: sourced, next to tap.sh in the working folder.

set -u
# shellcheck source=tests/system/tap.sh
. ./tap.sh

t=/tmp/test
mkdir -p "$t"
cd "$t" || exit 1

# number TYPE KEY FILE [WORDS]: of the objects of TYPE in FILE that contain WORDS, each KEY's number
number() {
	grep "\"type\":\"$1\"" "$3" | grep -F -- "${4-}" |
		sed -n "s/.*\"$2\":\(-\{0,1\}[0-9][0-9]*\).*/\1/p"
}

# of_class KEY CLASS FILE
of_class() {
	number class "$1" "$3" "\"class\":\"$2\""
}

# of_phase KEY PHASE FILE
of_phase() {
	number phase "$1" "$3" "\"phase\":\"$2\""
}

# try COMMAND...: sets status; its output is in out and err
# shellcheck disable=SC2034 # status is for those who source this
try() {
	status=0
	"$@" >out 2>err </dev/null || status=$?
}

# Runs the commands in turn, each as a shell command, until it is ended or one of them fails.
cat >turns <<'END'
trap 'kill "$!" 2>/dev/null; wait; exit 0' TERM
while :; do
	for command; do
		$command &
		wait "$!" || exit
	done
done
END

# record_until "WHAT:CLASS=N..." "OPTION OF RECORD..." COMMAND...: records x.thpr while the commands
# run in turn, until each count is reached; sets status. The limit is only for hangs.
record_until() {
	until_words=
	for condition in $1; do
		until_words="$until_words --until $condition"
	done
	until_options=$2
	shift 2
	# shellcheck disable=SC2086 # words
	try thprace record -o x.thpr $until_words -d 15min $until_options -- sh ./turns "$@"
}

# stress_some CLASS [OPTION]...: a second, and more where a starved machine does nothing in that
stress_some() {
	until thprace-stress "$@" -d 1 --format json >stress && grep -q '"opener_runs":[1-9]' stress; do
		:
	done
}

# sum NUMBER...: of those on stdin
sum() {
	awk '{ n += $1 } END { print n + 0 }'
}

# within SECONDS COMMAND...: true as soon as the command succeeds
within() {
	within_tries=$(($1 * 20))
	shift
	until "$@"; do
		[ "$within_tries" -gt 0 ] || return 1
		within_tries=$((within_tries - 1))
		usleep 50000
	done
}

# All that is attached to the kernel's functions now, by any process. One word per program.
attached() {
	cat /sys/kernel/tracing/enabled_functions /sys/kernel/debug/kprobes/list 2>/dev/null |
		awk '{ print $1 }'
	bpftool prog list 2>/dev/null | grep '^[0-9]' | grep -vE ' name (dump_bpf_|iter)'
	bpftool link list 2>/dev/null | grep '^[0-9]'
}

nothing_attached() {
	[ -z "$(attached)" ]
}

something_attached() {
	[ -n "$(attached)" ]
}

# A program may live on for a moment after its last user, because of RCU.
is_clean() {
	within 10 nothing_attached
	ok $? "$1: nothing stays attached" || diag "$(attached)"
}

# one_message NAME REGEX: exactly one line on stderr, from thprace, that matches
one_message() {
	is "$(wc -l <err)" 1 "$1: one message" || diag "$(cat err)"
	like err "^thprace.*($2)" "$1: says why"
}
