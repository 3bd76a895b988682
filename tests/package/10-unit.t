#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# systemd's files: the unit is valid, and exposes no more than allowed; the programs that read user,
# folder, message catalog and the examples accept them. Whether the service works is tested
# elsewhere, because that needs a kernel.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"

for tool in systemd-analyze systemd-sysusers systemd-tmpfiles journalctl; do
	command -v "$tool" >/dev/null || {
		echo "Bail out! no $tool: make deps"
		exit 1
	}
done

unit=$root/systemd/thpraced.service

# exposure UNIT: its exposure times ten
exposure() {
	systemd-analyze security --no-pager --offline=true "$1" |
		sed -n 's/.*exposure level for .*: \([0-9]*\)\.\([0-9]\).*/\1\2/p'
}

is "$(exposure "$unit" | grep -c .)" 1 "systemd-analyze computes an exposure"
less "$(exposure "$unit")" 16 "the exposure is at most 1.5"

# The unit with an existing program, and the drop-in.
mkdir "$work/thpraced.service.d"
sed -E 's#/usr/s?bin/(thpraced|thprace)#/bin/true#' "$unit" >"$work/thpraced.service"
systemd-analyze verify --man=no "$work/thpraced.service" >"$work/verify" 2>&1
ok $? "the unit passes systemd-analyze verify"
is "$(cat "$work/verify")" "" "and systemd-analyze has no message"
sed 's/^WatchdogSec=/&no-time/' "$unit" >"$work/thprace-broken.service"
systemd-analyze verify --man=no "$work/thprace-broken.service" >"$work/verify" 2>&1
like "$work/verify" 'no-time' "verify finds a wrong value"
cp "$root/systemd/older-kernel.conf" "$work/thpraced.service.d/"
systemd-analyze verify --man=no "$work/thpraced.service" >"$work/verify" 2>&1
is "$?$(cat "$work/verify")" 0 "so does the drop-in for older kernels"
systemd-analyze security --no-pager --offline=true "$work/thpraced.service" >"$work/security"
like "$work/security" 'CAP_SYS_ADMIN +Service has' "the drop-in gives CAP_SYS_ADMIN"
like "$work/security" 'CAP_BPF +Service may not' "and takes CAP_BPF: the daemon keeps one or the other"

mkdir -p "$work/root/etc" "$work/root/var/lib"
systemd-sysusers --root="$work/root" "$root/systemd/thprace.sysusers" >"$work/log" 2>&1
ok $? "systemd-sysusers takes the user" || diag "$(cat "$work/log")"
like "$work/root/etc/passwd" '^thprace:.*:/var/lib/thprace:/usr/sbin/nologin$' "it cannot log in"
like "$work/root/etc/group" '^thprace:' "its group is there"
if [ "$(id -u)" = 0 ]; then
	systemd-tmpfiles --root="$work/root" --create "$root/systemd/thprace.tmpfiles" >"$work/log" 2>&1
	ok $? "systemd-tmpfiles takes the folder" || diag "$(cat "$work/log")"
	is "$(stat -c %a "$work/root/var/lib/thprace")" 750 "others may not look into the spool"
else
	skip "systemd-tmpfiles takes the folder" "only root may give files away"
fi

mkdir -p "$work/root/usr/lib/systemd/catalog" "$work/root/var/lib/systemd/catalog"
for catalog in "$root"/systemd/*.catalog; do
	[ -e "$catalog" ] || continue
	cp "$catalog" "$work/root/usr/lib/systemd/catalog/"
	journalctl --root="$work/root" --update-catalog >"$work/log" 2>&1
	is "$?$(cat "$work/log")" 0 "journalctl takes ${catalog##*/}"
	journalctl --root="$work/root" --list-catalog >"$work/log" 2>&1
	grep -oE 'LOG_ID_[A-Z_]+ "[0-9a-f]{32}"' "$root/daemon/log.h" | grep -oE '[0-9a-f]{32}' |
		while read -r id; do grep -q "^$id" "$work/log" || echo "$id"; done >"$work/absent"
	is "$(cat "$work/absent")" "" "and every message of daemon/log.h is in it"
done

# The programs that the examples are for may not be installed here.
if command -v rsyslogd >/dev/null; then
	rsyslogd -N1 -f "$root/systemd/rsyslog.conf" >"$work/log" 2>&1
	ok $? "rsyslog takes its example" || diag "$(cat "$work/log")"
else
	skip "rsyslog takes its example" "no rsyslog"
fi
if command -v logrotate >/dev/null; then
	logrotate --debug --state "$work/state" "$root/systemd/logrotate" >"$work/log" 2>&1
	ok $? "logrotate takes its example" || diag "$(cat "$work/log")"
else
	skip "logrotate takes its example" "no logrotate"
fi

done_testing
