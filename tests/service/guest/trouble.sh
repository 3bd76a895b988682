# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Failures around the service: its loop hangs, it is killed in a storm, the disk is full, no journal
# forwards, it is over budget.

# shellcheck source=tests/service/guest/common.sh
. ./common.sh

# stored_above N
stored_above() {
	says ".spool.stored > $1"
}

# last_id: number of the last incident, which is in a file when this returns
last_id() {
	thprace incidents --count 1 --format json | jq -r .number | tee last
	thprace show "$(cat last)" >/dev/null
}

# rising FILE: numbers, each higher than the previous one
rising() {
	sort -nu "$1" | cmp -s - "$1"
}

# files_read NAME: every file of the spool is read to its end
files_read() {
	for file in "$spool"/incidents-*.thpr; do
		thprace report "$file" >said 2>&1
		case $? in
		0 | 3) ;;
		*)
			ok 1 "$1: report reads ${file##*/}" || diag "$(cat said)"
			return
			;;
		esac
	done
	ok 0 "$1: report reads all $(find "$spool" -name 'incidents-*.thpr' | wc -l) files"
}

# --- the loop stands still ---

install_packages
printf '[Service]\nWatchdogSec=8\n' >"$unit/watchdog.conf"
printf '[spool]\ncontained_per_hour=1000000\n' >"$conf/50-test.conf"
start "with a watchdog of 8 s"
first=$(pid)
kill -STOP "$first"
soon "its loop stands still: systemd starts it again" 60 active_as_another "$first"
is "$(shown NRestarts)" 1 "... once"
journalctl -q -b -u thpraced -o cat --no-pager >journal
like journal "Watchdog timeout" "... by the watchdog"
thprace status >out 2>err
ok $? "... and it answers" || diag "$(cat err)"
rm "$unit/watchdog.conf"

# --- killed in a storm ---

start "again"
first=$(pid)
thprace incidents --follow --format json >follow 2>follow.err &
follower=$!
stress split-migrate
soon "a storm" 120 stored_above 10
last=$(last_id)
hold_still
systemctl kill --signal=KILL thpraced
wait "$follower"
soon "killed in it: it is started again" 60 active_as_another "$first"
go_on
thprace incidents --spool "$spool" --count 1000000 --format json 2>err | jq -r .number >stored
grep -qx "$last" stored
ok $? "what was in a whole block is there" || diag "$last is not among:" "$(tail -n 3 stored)"
rising stored
ok $? "... each with its own number" || diag "$(sort -n stored | uniq -d | head -n 5)"
files_read "after SIGKILL"
seen=$(jq -r .number follow | sort -n | tail -n 1)
more "$seen" $((last - 1)) "a follower got numbers up to the end" || diag "$(cat follow.err)"
soon "it goes on" 120 stored_above 5
last=$(last_id)
ids "$spool" >stored.later
rising stored.later
ok $? "numbers go on upwards" || diag "$(sort -n stored.later | uniq -d | head -n 5)"
before=$(wc -l <stored)
more "$(sed -n "$((before + 1)){p;q}" stored.later)" "$seen" "... and no reported number is used again" ||
	diag "reported up to $seen"
end_stress

# --- the disk is full ---

systemctl stop thpraced
mount -t tmpfs -o "size=16m,mode=750,uid=thprace,gid=thprace" spool "$spool"
# A message via syslog: rsyslog has /dev/log, and no journal forwards to it.
systemctl mask --runtime --now systemd-journald-dev-log.socket 2>/dev/null
systemctl stop syslog.socket rsyslog 2>/dev/null
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nForwardToSyslog=no\n' >/etc/systemd/journald.conf.d/zz-test.conf
systemctl restart systemd-journald
rm -f /dev/log
cat >/etc/rsyslog.conf <<'END'
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="/dev/log")
template(name="test" type="string"
	string="%syslogfacility-text%.%syslogseverity-text% %programname%:%msg%\n")
action(type="omfile" file="/var/log/test.log" template="test")
END
systemctl restart rsyslog
printf '[Service]\nExecStart=\nExecStart=/usr/sbin/thpraced --log-target=syslog\n' >"$unit/syslog.conf"
printf '[alerts]\nfacility=local3\n' >"$conf/60-test.conf"
start "with --log-target=syslog, and a small disk"
is "$(of_status .alerts.target)" syslog "messages go to syslog"
log=/var/log/test.log
# in_log REGEX
in_log() {
	grep -qE "$1" "$log" 2>/dev/null
}
soon "rsyslog's file has the start, with facility and severity" 10 \
	in_log "^local3\.info thpraced: thpraced .* watches .* light mode" || diag "$(tail -n 5 "$log")"
dd if=/dev/zero of="$spool/ballast" bs=64k 2>/dev/null
stress split-migrate
soon "the disk is full, in a storm: one warning" 60 in_log "^local3\.err thpraced: cannot write to the spool"
soon "the first overlap is there too" 30 in_log "^local3\.info thpraced: contained: split-migrate"
is "$(of_status .spool.health)" degraded "thprace status says so"
had=$(of_status .totals.overlaps)
soon "incidents are kept in memory" 120 says '.spool.memory > 5'
soon "... and it continues" 60 overlaps_above "$had"
last=$(thprace incidents --count 1 --format json | jq -r .number)
is "$(grep -c "cannot write to the spool" "$log")" 1 "... without another warning"
thprace show "$last" >out 2>err
ok $? "one in memory can be shown" || diag "$(cat err)"
rm "$spool/ballast"
soon "room again: it says so" 60 in_log "^local3\.notice thpraced: the spool can be written to again"
in_a_file() {
	ids "$spool" | grep -qx "$last"
}
soon "... and what was in memory is in a file" 30 in_a_file
# If records come all the time, those of the last second are not in a block yet.
is "$(of_status '.spool.health + " " + (.spool.dropped | tostring)')" "ok 0" "... all of it"
is "$(grep -c "can be written to again" "$log")" 1 "... said once"
end_stress
identity "over all that"
files_read "after a full disk"
is "$(journalctl -q -b -o cat --no-pager -t thpraced "_SYSTEMD_INVOCATION_ID=$(shown InvocationID)" | wc -l)" 0 \
	"nothing of it went to the journal by itself"
systemctl stop thpraced
umount "$spool"
rm "$unit/syslog.conf" "$conf/60-test.conf"
systemctl unmask --runtime systemd-journald-dev-log.socket 2>/dev/null

# --- it costs more than it may ---

# The file of metrics is disabled: each time it is replaced, pages leave the page cache, and the two
# probes that see this cost more than such a budget.
printf '[overhead]\nperiod=1\n[metrics]\ntextfile=none\n' >"$conf/60-test.conf"
start "without a load"
# What an idle guest costs by its clock, being asked included: that depends on the machine, and a busy
# one interrupts the programs as well. The budget is so far above it that the rest is calm.
sleep 3
for _ in 1 2 3 4 5 6 7 8 9 10; do
	of_status .overhead.share
	sleep 1
done | sort -g | tail -n 1 >idle
budget=$(jq -r '[. * 100 * 4, 0.005] | max * 10000 | round / 10000' idle)
echo "# idle $(cat idle), budget $budget%"
# tiny_budget PERCENT RECOVERY
tiny_budget() {
	printf '[overhead]\nbudget=%s%%\nperiod=1\npatience=1\nrecovery=%s\n[metrics]\ntextfile=none\n' "$1" "$2" \
		>"$conf/60-test.conf"
}
tiny_budget "$budget" 8
start "with a tiny budget"
stress split-migrate
# load NAME: bursts of it until there is a message, each a little longer than the one before: how much they must
# be depends on the machine, as what an idle guest costs does
load() {
	until_end_of_load=$(($(uptime_cs) + 90000))
	tenths=2
	until more_than 0 "$1"; do
		[ "$(uptime_cs)" -lt "$until_end_of_load" ] || return 1
		go_on
		sleep "$((tenths / 10)).$((tenths % 10))"
		hold_still
		sleep 0.5
		[ "$tenths" -ge 50 ] || tenths=$((tenths + 2))
	done
}
load SHED
ok $? "above the budget, a probe is shed" || diag "$(of_status .overhead)"
more "$(of_status .overhead.sheds)" 0 "... status counts it"
of_status '.probes[] | select(.state == "shed").point' | sort >shed
messages SHED .THPRACE_PROBE | sort -u >shed.told
[ -s shed ] && [ -z "$(comm -23 shed shed.told)" ]
ok $? "... and says which" || diag "$(cat shed)" "told:" "$(texts SHED)"
# What a burst costs once all that may be shed is shed depends on the machine, too, and between bursts that are
# too cheap probes come back: so the budget shrinks until nothing is below it.
tiny_budget 0.0005 8
systemctl reload thpraced
load OVER_BUDGET
ok $? "with nothing left to shed, that is said" || diag "$(of_status .overhead)"
more "$(of_status '[.probes[] | select(.state == "shed")] | length')" 0 "... while probes are shed"
# Seconds of rest are doubled each time that a probe is shed, three times at most.
tiny_budget "$budget" 2
systemctl reload thpraced
messages SHED .THPRACE_PROBE | sort -u >shed.told
restored() {
	says '[.probes[] | select(.state == "shed")] | length == 0'
}
# all_back SECONDS: until no probe is shed. It follows the journal, and asks the daemon only when the
# messages say so: with such a budget each question is a load that has a probe shed again.
all_back() {
	away=
	mkfifo changes
	timeout "$1" journalctl -q -b -f -n all -o json "_SYSTEMD_INVOCATION_ID=$(shown InvocationID)" \
		"MESSAGE_ID=$(id SHED)" "MESSAGE_ID=$(id RESTORED)" |
		jq --unbuffered -r --arg shed "$(id SHED)" \
			'"\(if .MESSAGE_ID == $shed then "shed" else "back" end) \(.THPRACE_PROBE)"' >changes &
	while read -r change probe; do
		others=
		for one in $away; do
			[ "$one" = "$probe" ] || others="$others $one"
		done
		away=$others
		[ "$change" = back ] || away="$away $probe"
		if [ -z "$away" ] && restored; then
			break
		fi
	done <changes
	kill "$!" 2>/dev/null
	rm changes
	restored
}
all_back 4500
come_back=$?
echo "# shed $(count SHED) times, back $(count RESTORED) times"
ok $come_back "the load is gone: all come back" || diag "$(of_status '[.probes[] | select(.state == "shed")]')"
# (By name: other work in the guest may cause one to be shed again meanwhile.)
messages RESTORED .THPRACE_PROBE | sort -u >back
is "$(cat back)" "$(cat shed.told)" "... each is reported" || diag "$(texts SHED; texts RESTORED)"
had=$(of_status .totals.overlaps)
rm "$conf/60-test.conf"
systemctl reload thpraced
go_on
soon "... and they see overlaps again" 60 overlaps_above "$had"
end_stress
says .loss.identity
ok $? "the identity holds" || diag "$(of_status .loss)"
is "$(of_status .loss.causes.missed)" 0 "nothing is lost by shedding" || diag "$(of_status .loss)"

# --- a load that nobody can shed ---

printf '[overhead]\nbudget=0.1%%\nperiod=1\npatience=3\nrecovery=8\n[metrics]\ntextfile=none\n' \
	>"$conf/60-test.conf"
start "with a small budget"
systemd-run --quiet --unit=flood --uid=nobody /usr/bin/flood 600 8
soon "zaps of the huge zero page: over budget" 120 more_than 0 OVER_BUDGET || diag "$(of_status .overhead)"
messages OVER_BUDGET | head -n 1 >out
is "$(jq -r '.THPRACE_ZAPPER_UID + " " + .THPRACE_ZAPPER_UNIT + " " + .THPRACE_ZAPPER_COMM' out)" \
	"65534 flood.service flood" "... whose they are" || diag "$(cat out)"
like out '"MESSAGE":"over budget: .*zap [0-9.]*%.*% of the zaps within a second were by uid' \
	"... in words, too"
named() {
	says '.overhead.over and .overhead.zappers[0].uid == 65534 and .overhead.zappers[0].unit == "flood.service"'
}
soon "status says so, and whose they are" 60 named || diag "$(of_status .overhead)"
is "$(count SHED)" 0 "nothing was shed for it" || diag "$(texts SHED)"
is "$(of_status '[.probes[] | select(.state == "shed")] | length')" 0 "... everything is attached"
systemctl stop flood
relieved() {
	says '.overhead.over | not'
}
soon "the load is gone: not over budget" 60 relieved || diag "$(of_status .overhead)"
is "$(of_status .loss.lost)" 0 "nothing was lost" || diag "$(of_status .loss)"
systemctl stop thpraced
is "$(shown Result)" success "ended in order"
done_testing
