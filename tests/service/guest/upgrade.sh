# shellcheck shell=dash disable=SC2154 # service.sh has sourced common.sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Part of service.sh: packages of an older version, which find a spool of the oldest one, are upgraded
# while the stressor runs. What was settled before is there afterwards, all else is accounted for, and
# the new daemon goes on with the old one's numbers.

# numbers: of what `thprace incidents` lists, for comm
numbers() {
	jq -r 'select(.number).number' | LC_ALL=C sort
}

# told FILE FILTER: jq on the report of a file of the spool, with the totals of the daemon that wrote it
told() {
	thprace report --format json --incidents 0 "$1" | jq -rs "$2"
}

# emulated: without KVM, probes are not attached or detached under load (docs/testing.md)
emulated() {
	grep -q 'QEMU TCG' /proc/cpuinfo
}

# version: of the package that is installed
version() {
	dpkg-query -W -f '${Version}' thprace
}

try systemctl stop thpraced
mv "$spool" /tmp/spool
cp -R "$home/old-spool" "$spool"
chown -R thprace:thprace "$spool"
chmod 750 "$spool"
printf '[spool]\ncontained_per_hour=1000000\n' >"$conf/20-upgrade.conf"
dpkg -i "$home"/older/*.deb >out 2>&1
ok $? "an older version is installed" || diag "$(cat out)"
older=$(version)
start "with a spool of version 1"
is "$(of_status .spool.next)" 5000 "... whose numbers it continues"
former=$(shown InvocationID)
first=$(pid)
stress truncate-unmap
soon "incidents are stored" 280 says '.spool.stored > 20'

dpkg --unpack "$home"/deb/*.deb >out 2>&1
ok $? "unpacked under load" || diag "$(cat out)"
is "$(pid)" "$first" "... beside the old daemon, which goes on"
emulated && hold_still
thprace status --format json >before
thprace incidents --count 1000000 --format json | numbers >settled
more "$(wc -l <settled)" 25 "incidents are settled, and some wait for the disk" || diag "$(cat before)"
dpkg --configure thprace thprace-tests >out 2>&1
ok $? "upgraded" || diag "$(cat out)"
soon "the new daemon runs" 60 active_as_another "$first"
dpkg --compare-versions "$(version)" gt "$older"
ok $? "... of the newer package" || diag "$older, $(version)"
soon "... and answers" 20 says '.mode == "light"'
emulated && go_on
next=$(jq .spool.next before)
soon "... and stores incidents, with further numbers" 280 says ".spool.stored > 5 and .spool.next > $next"
end_stress
ok $? "the stressor ends well" || diag "$(tail -n 5 stress.log)"
is "$(shown NRestarts)" 0 "no daemon died"
identity "upgraded"

try systemctl stop thpraced
thprace incidents --spool "$spool" --count 1000000 --format json 2>list.err | numbers >stored
is "$(cat list.err)" "" "the spool is in order"
is "$(comm -23 settled stored | wc -l)" 0 "each incident that was settled before is in the spool" ||
	diag "missing: $(comm -23 settled stored | head | xargs)"
is "$(uniq -d stored)" "" "... under its number alone"
sort -n stored >ordered
last=$(tail -n 1 ordered)
is "$(head -n 5 ordered | xargs)" "1 2 3 4 5" "... those of the oldest version, too"
is "$(sed 1,5d ordered)" "$(seq 5000 "$last")" "no number is missing between both daemons"
set -- "$spool"/incidents-*.thpr
is "$#" 4 "each daemon has its own file" || diag "$*"
old_file=$3
new_file=$4
new=${new_file##*-}
new=$(echo "${new%.thpr}" | sed 's/^0*//')
overlaps='[.[] | select(.type == "class").overlaps] | add'
is "$(told "$old_file" "$overlaps")" $((new - 5000)) "the old daemon stored each overlap that it counted"
is "$(told "$old_file" '.[] | select(.type == "loss") | "\(.identity) \(.lost)"')" "true 0" "... and lost nothing" ||
	diag "$(told "$old_file" '.[] | select(.type == "loss")')"
is "$(told "$new_file" "$overlaps")" $((last - new + 1)) "the new one, too"
# What was said in the journal can be looked up.
journalctl --sync
journalctl -q -b -o json -t thpraced "_SYSTEMD_INVOCATION_ID=$former" | jq -r '.THPRACE_ID // empty' | LC_ALL=C sort -u >said
more "$(wc -l <said)" 0 "the old daemon's messages name incidents"
is "$(comm -23 said stored)" "" "... which are there"
thprace show --spool "$spool" "$(tail -n 1 said)" >out 2>&1
like out "truncate-unmap" "... and can be shown" || diag "$(cat out)"

rm "$conf/20-upgrade.conf"
rm -r "$spool"
mv /tmp/spool "$spool"
start "with its own spool again"
