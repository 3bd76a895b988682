#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The journal of a machine on another one: two guests, joined by a cable. systemd-journal-upload sends what the
# real thpraced has reported, systemd-journal-remote stores it, and no field is lost.

set -u
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "$root" && realpath "${THPRACE_BUILD:-build}")
work=$(mktemp -d)
pids=()
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null
	wait
	mkdir -p "$build/fleet"
	cp "$work"/*.out "$work"/*.err "$build/fleet" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# shellcheck source=tests/system/tap.sh
. "$root/tests/system/tap.sh"

kernel=$("$root/tests/vm/kernel" bookworm) || {
	echo "Bail out! no kernel: tests/vm/kernel"
	exit 1
}
userland=$("$root/tests/vm/userland" --package systemd-journal-remote 2>"$work/userland.err") || {
	sed 's/^/# /' "$work/userland.err"
	echo "Bail out! no userland: tests/vm/userland"
	exit 1
}

# guest NAME LINK [OPTION OF tests/vm/run]...: in the background
guest() {
	local name=$1 link=$2

	shift 2
	"$root/tests/vm/run" --kernel "$kernel" --userland "$userland" --timeout 800 --quiet --mem 1536 \
		--append "tsc=reliable clocksource=tsc" --modules "virtio_pci virtio_net" --link "$link" \
		--file "$here/guest/$name.sh:/root/$name.sh" "$@" -- sh "$name.sh" \
		>"$work/$name.out" 2>"$work/$name.err" </dev/null &
	pids+=($!)
}

# Where the receiver listens, and where the sender sends: what docs/fleet.md has there.
printf '[Upload]\nURL=http://10.77.0.1:19532\n' >"$work/upload.conf"
mkdir "$work/service.d"
printf '[Service]\nExecStart=\nExecStart=/lib/systemd/systemd-journal-remote --listen-http=-3 --output=/var/log/journal/remote/\n' \
	>"$work/service.d/http.conf"
guest receiver "$work/a:$work/b" --cpus 1 \
	--file "$work/service.d/http.conf:/etc/systemd/system/systemd-journal-remote.service.d/http.conf"
guest sender "$work/b:$work/a" --file "$work/upload.conf:/etc/systemd/journal-upload.conf" \
	--file "$build/thpraced:/usr/sbin/thpraced" --file "$build/thprace-stress:/usr/bin/thprace-stress"

wait "${pids[0]}"
is $? 0 "the other guest has received it all" || diag "$(tail -n 30 "$work/receiver.err" "$work/sender.err")"
kill "${pids[1]}" 2>/dev/null
pids=()

# fields FILE: a line for each field of each message of thpraced, without those that the receiver adds
fields() {
	perl -MJSON::PP -ne '
		next unless /^\{/;
		my $message = decode_json($_);
		for my $field (grep { /^(THPRACE_|MESSAGE|PRIORITY|SYSLOG_|_SYSTEMD_UNIT|_HOSTNAME|_MACHINE_ID|_BOOT_ID)/ } sort keys %$message) {
			my $value = $message->{$field};
			print "$message->{__REALTIME_TIMESTAMP} $field=", ref $value ? JSON::PP->new->canonical->encode($value) : $value, "\n";
		}' "$1" | sort
}
fields "$work/sender.out" >"$work/sent"
fields "$work/receiver.out" >"$work/received"
more "$(grep -c ' MESSAGE_ID=' "$work/sent")" 1 "thpraced has reported something"
more "$(grep -o ' THPRACE_[A-Z_]*=' "$work/sent" | sort -u | wc -l)" 15 "... with fields"
more "$(grep -c ' THPRACE_OPENER_COMM=thprace-stress' "$work/sent")" 0 "... of an incident"
is "$(diff "$work/sent" "$work/received" | head -n 20)" "" "all fields of all messages are there"
is "$(grep -o ' _HOSTNAME=.*' "$work/received" | sort -u)" " _HOSTNAME=web1" "... and whose they are"

done_testing
