# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# From the package's installation to its removal: the service starts, drops the capabilities that it
# no longer needs, counts what the stressor does, and leaves nothing behind.

# shellcheck source=tests/service/guest/common.sh
. ./common.sh

# BPF programs and links except systemd's own.
programs() {
	bpftool prog show | grep '^[0-9]' | grep -vE ' name (sd_|dump_bpf_|iter)'
}

links() {
	bpftool link show | grep '^[0-9]'
}

# Kprobes that exist in the kernel, whichever process holds them open.
kprobes() {
	cat /sys/kernel/debug/kprobes/list
}

nothing_attached() {
	[ -z "$(programs)$(links)$(kprobes)" ]
}

# kind POINT: how it is attached
kind() {
	of_status ".probes[] | select(.point == \"$1\").kind"
}

# Functions called for each small page, which would pay for it.
hot="unmap migrate truncate unmap-folio check"
kinds() {
	for point in $hot; do
		kind "$point"
	done | sort | uniq -c | tr -s ' '
}

# capability KEY: of the daemon's process
capability() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$(pid)/status"
}

# switches: how often the daemon went to sleep voluntarily
switches() {
	kb voluntary_ctxt_switches
}

# --- installed, enabled, started ---

is "$(programs)$(links)" "" "no BPF program but systemd's"
# As systemd-pstore leaves it: only root can read it.
mkdir -p /var/lib/systemd/pstore/1764400000
chmod 700 /var/lib/systemd/pstore/1764400000
grep -v '^#' "$home/46-memory-failure.log" >/var/lib/systemd/pstore/1764400000/dmesg.txt
chmod 600 /var/lib/systemd/pstore/1764400000/dmesg.txt
install_packages
is "$(systemctl is-active thpraced)" inactive "installing does not start it"
is "$(systemctl is-enabled thpraced)" disabled "... nor enable it"
try systemctl enable --now thpraced
is "$status" 0 "systemctl enable --now thpraced" ||
	diag "$(cat err; journalctl -u thpraced -n 15 --no-pager -o cat)"
is "$(shown ActiveState)/$(shown SubState)" active/running "active"
is "$(systemctl is-enabled thpraced)" enabled "enabled"
is "$(shown Type)" notify "of type notify"
is "$(shown WatchdogUSec)" 30s "with a watchdog"
status_text() {
	shown StatusText | grep -q "^light mode: [0-9]* windows, .* 0 lost"
}
soon "its status text counts" 10 status_text || diag "$(shown StatusText)"
is "$(ps -o user=,group= -p "$(pid)" | tr -s ' ')" "thprace thprace" "runs as its own user and group"
# CAP_PERFMON is 38, CAP_BPF 39, CAP_SYSLOG 34.
is "$(capability CapEff)" 000000c000000000 "effective: CAP_BPF and CAP_PERFMON alone"
is "$(capability CapPrm)" 000000c000000000 "permitted: the same"
is "$(capability CapAmb)" 0000000000000000 "ambient: none"
is "$(capability CapBnd)" 000000c400000000 "bounding: no more than the unit gives"
is "$(capability NoNewPrivs)" 1 "no new privileges"
is "$(capability Seccomp)" 2 "a syscall filter"
more "$(programs | wc -l)" 10 "BPF programs are loaded"
more "$(links | wc -l)" 10 "... and attached"
is "$(cat /proc/sys/kernel/perf_event_paranoid)" 3 "kprobes take CAP_SYS_ADMIN here"
is "$(kinds)" " 5 calls" "what is called for each small page is probed at its calls" || diag "$(of_status .probes)"
is "$(count STARTED)" 1 "one message of the start"
is "$(count LAST_BOOT)" 1 "one of what the last boot left"
is "$(messages LAST_BOOT | jq -r '.THPRACE_CLASS + " " + .THPRACE_LOG')" \
	"hwpoison-unmap /var/lib/systemd/pstore/1764400000" "... of which class, and where" ||
	diag "$(messages LAST_BOOT)"
is "$(messages STARTED '.THPRACE_MODE + " " + .THPRACE_KERNEL')" "light $(uname -r)" "... with its fields"
journalctl -x -q -b --no-pager "MESSAGE_ID=$(id STARTED)" >out
like out "Subject: " "journalctl -x explains it"
says .overhead.measured
ok $? "own cost is measured" || diag "$(of_status .overhead)"
soon "the kernel's code is read by a process without a capability" 120 checked ||
	diag "$(of_status .check)"
is "$(words)" "fixed, fixed, cannot happen, cannot happen, fixed, fixed, cannot happen" \
	"... and each class has its word" || diag "$(of_status .classes)"
is "$(pgrep -c -x thprace)" 0 "... by a process that has ended"
is "$(count VULNERABLE)" 0 "... no class is vulnerable, no warning"
thprace metrics | grep '^thprace_class_' >out
is "$(grep -c '^thprace_class_fixed{.*} 1$' out)" 7 "... the metrics say so" || diag "$(cat out)"
is "$(grep '^thprace_class_possible{class="hwpoison-unmap"}' out)" \
	'thprace_class_possible{class="hwpoison-unmap"} 0' "... and that this kernel has no memory_failure"
is "$(of_status '.mode + " " + (.pid | tostring)')" "light $(pid)" "thprace status speaks of this process"
is "$(stat -c '%U:%G %a' /run/thprace/control.sock)" "thprace:thprace 660" "the socket is the group's"

# --- idle ---

before=$(switches)
from=$(uptime_cs)
sleep 10
slept=$((($(uptime_cs) - from) / 100))
woken=$(($(switches) - before))
# Once a second; the watchdog and the file of metrics every 15 s each.
less "$woken" $((slept + slept / 5 + 4)) "idle: no more than one wakeup a second" ||
	diag "$woken in $slept s"
resident_below() {
	[ "$(kb VmRSS)" -lt "$1" ]
}
soon "at rest: less than 8 MiB resident" 60 resident_below 8192 || diag "$(kb VmRSS) kB"
echo "# idle: $woken wakeups in $slept s, $(kb VmRSS) kB resident"

# --- the stressor ---

for class in split-migrate truncate-unmap; do
	stress "$class"
	soon "$class: overlaps are counted" 280 \
		says ".classes[] | select(.class == \"$class\").overlaps > 20"
	end_stress
	ok $? "$class: the stressor ends well" || diag "$(tail -n 5 stress.log)"
	is "$(messages OVERLAP .THPRACE_CLASS | grep -cx "$class")" 1 "$class: its first overlap is reported once"
	is "$(messages OVERLAP 'select(.THPRACE_CLASS == "'"$class"'").THPRACE_CHECK')" fixed \
		"$class: ... with what the kernel's code says"
done
is "$(of_status .totals.escapes)" 0 "no escape on a stock kernel"
identity "after the stressor"
is "$(count ESCAPE)" 0 "no alert"
more "$(of_status .spool.stored)" 20 "incidents are stored"
try thprace status
is "$status" 0 "thprace status: 0"
try thprace provoke split-unmap -d 60 --format json --this-is-a-test-machine
is "$status" 0 "provoke beside the service: status 0" || diag "$(cat out err)"
more "$(jq .overlaps out)" 0 "... it sees overlaps" || diag "$(cat out err)"
is "$(jq '.escapes + .lost' out)" 0 "... no escape, and nothing lost"
soon "split-unmap: the service counts them" 5 \
	says '.classes[] | select(.class == "split-unmap").overlaps > 0'
identity "after provoke"
less "$(kb VmRSS)" 12288 "after a storm: less than 12 MiB resident"
echo "# after a storm: $(kb VmRSS) kB resident; $(of_status .totals | tr -d "\n ")"
soon "... and at rest less than 9" 60 resident_below 9216 || diag "$(kb VmRSS) kB"

# --- metrics ---

try thprace metrics
is "$status" 0 "thprace metrics"
cp out /out/socket.prom
is "$(sed -n 's/^thprace_overlaps_total{class="split-migrate"} //p' out)" \
	"$(of_status '.classes[] | select(.class == "split-migrate").overlaps')" "... counts what status counts"
written() {
	[ "$(sed -n 's/^thprace_windows_total //p' /run/thprace/thprace.prom)" = "$(of_status .totals.windows)" ]
}
soon "the textfile follows" 20 written
cp /run/thprace/thprace.prom /out/textfile.prom
is "$(stat -c %a /run/thprace/thprace.prom)" 644 "... and node_exporter may read it"

# --- upgraded ---

# shellcheck source=tests/service/guest/upgrade.sh
. "$home/upgrade.sh"
is "$(systemctl is-enabled thpraced)" enabled "upgraded: still enabled"

# --- other programs for another mode, and back; killed ---

is "$(kinds)" " 5 calls" "upgraded: probed at the calls" || diag "$(of_status .probes)"
for mode in precise light; do
	printf '[observe]\nmode=%s\n' "$mode" >"$conf/60-test.conf"
	systemctl reload thpraced
	soon "reloaded: $mode mode" 60 says ".mode == \"$mode\""
	is "$(kinds)" " 5 calls" "... probed at the calls" || diag "$(of_status .probes)"
	sleep 4 # both sessions run for two seconds
done
first=$(pid)
systemctl kill -s KILL thpraced
soon "killed: it is started again" 60 active_as_another "$first"
soon "... and answers" 20 says '.mode == "light"'
is "$(count LAST_BOOT)" 0 "... and what the last boot left is not reported again"
is "$(kinds)" " 5 calls" "... probed at the calls" || diag "$(of_status .probes)"

# Without the helper, the functions themselves are probed, and a message says so.
printf '[Service]\nExecStartPre=\nFileDescriptorStoreMax=0\n' >"$unit/helper.conf"
systemctl daemon-reload
systemctl restart thpraced
soon "without kprobes: started" 60 says '.mode == "light"'
is "$(kinds | tr -d '\n')" " 1 fentry 4 fentry+fexit" "... the functions themselves are probed" || diag "$(of_status .probes)"
is "$(of_status '[.probes[] | select((.reason // "") | test("kprobes at its calls were refused: "))] | length')" 5 \
	"... and why" || diag "$(of_status .probes)"
is "$(kind invalidate)" "fentry+fexit" "... and what brackets invalidations"
rm "$unit/helper.conf"
systemctl daemon-reload
systemctl restart thpraced
soon "with them again" 60 says '[.probes[] | select(.kind == "calls")] | length == 5'

# --- stopped, removed, purged ---

try systemctl stop thpraced
is "$status" 0 "systemctl stop"
is "$(shown Result)" success "... in order"
soon "no BPF program or link is left" 10 nothing_attached || diag "$(programs; links)"
gone() {
	[ ! -e "$1" ]
}
soon "the socket is gone" 5 gone /run/thprace/control.sock
try thprace status
is "$status" 1 "thprace status: 1"
like err "is thpraced running" "... says why"
try thprace incidents --format json
more "$(wc -l <out)" 20 "incidents can be read without the daemon"
try systemctl disable thpraced
mkdir -p "$unit" "$conf"
echo '[Service]' >"$unit/operator.conf"
echo '[alerts]' >"$conf/70-operator.conf"
dpkg -r thprace thprace-tests >out 2>&1
ok $? "removed" || diag "$(cat out)"
gone /usr/sbin/thpraced
ok $? "... the program is gone"
test -d "$spool"
ok $? "... the evidence stays"
dpkg -P thprace thprace-tests >out 2>&1
ok $? "purged" || diag "$(cat out)"
is "$(find / -xdev -path /proc -prune -o -name '*thprace*' -print |
	grep -vE '^/(thprace-vm|root|out|sys|tmp|etc/systemd/system/thprace-vm|etc/systemd/system/multi-user.target.wants/thprace-vm|etc/systemd/journald.conf.d/thprace-vm)')" \
	"" "nothing is left but what tests brought"
systemctl daemon-reload
is "$(systemctl is-failed thpraced)" inactive "... and systemd knows it no more"
done_testing
