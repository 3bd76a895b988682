# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# On a kernel without huge pages. HWPOISON: provoke's result for hwpoison-unmap there, open or
# closed. UNMAP: how the point unmap is attached: at its calls; or as a function, if a program in a
# breakpoint's handler cannot write.
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

others="split-unmap split-migrate split-head truncate-unmap invalidate-unmap collapse-reuse"

try thprace probes
is "$status" 0 "probes: one class is enough" || diag "$(cat err)"
try thprace probes --load --format json
is "$status" 0 "probes --load: the kernel takes them" || diag "$(cat err)"
like out '"class":"hwpoison-unmap","observable":true' "... hwpoison-unmap is observable"
for class in $others; do
	like out "\"class\":\"$class\",\"observable\":false,\"reason\":\".*needs CONFIG_TRANSPARENT_HUGEPAGE" \
		"... $class says what it needs"
done
attached_by='"kind":"calls","state":"attached"'
[ "$UNMAP" = calls ] || attached_by='"kind":"f[^"]*","state":"attached",.*write no record at a kprobe'
like out "\"point\":\"unmap\",.*$attached_by" "... unmap is attached as this kernel allows it"
is "$(grep -E '"point":"(truncate|check|split)"' out | grep -c '"state":"attached"')" 0 \
	"... and nothing for the others"
is_clean "probes --load"

thprace-stress list >out
like out '^hwpoison-unmap +yes' "the stressor: hwpoison-unmap"
is "$(grep -c 'no: .*needs CONFIG_TRANSPARENT_HUGEPAGE' out)" 6 "... and not the others"
try thprace-stress hwpoison-unmap -d 1 --dir /
is "$status" 0 "... in whatever folder" || diag "$(cat err)"
more "$(sed -n 's/.*walker \([0-9]*\) runs.*/\1/p' out)" 0 "... it ran there"

for mode in light precise; do
	record_until "walkers:hwpoison-unmap=1 $([ "$mode" = light ] || echo overlaps:hwpoison-unmap=1)" \
		"--mode $mode --all" "thprace-stress hwpoison-unmap -d 3"
	[ "$status" = 0 ] || [ "$HWPOISON$status" = open3 ]
	ok $? "$mode: recorded" || diag "$(cat err)"
	thprace report --format json x.thpr >report.json
	more "$(of_class walkers hwpoison-unmap report.json)" 0 "$mode: walkers"
	is "$(number loss lost report.json)" 0 "$mode: nothing lost"
	thprace report --crosscheck x.thpr >check
	is $? 0 "$mode: crosscheck" || diag "$(cat check)"
	is_clean "$mode"
done
more "$(of_class overlaps hwpoison-unmap report.json)" 0 "precise: the two sides met"

# An escape ends it, else enough contained overlaps. A busy host may lose a record: then nothing is
# shown.
until=
[ "$HWPOISON" = open ] || until=--until=contained=100
for _ in 1 2 3; do
	try thprace provoke hwpoison-unmap -d 10min $until --format json --this-is-a-test-machine
	diag "$(cat out)"
	grep -q '"outcome":"not shown"' out || break
done
like out "\"outcome\":\"$HWPOISON\"" "provoke hwpoison-unmap: $HWPOISON" || diag "$(cat out err)"
echo "# $(cat out)"
try thprace provoke split-unmap -d 1 --this-is-a-test-machine
like out '^split-unmap: not possible: .*needs CONFIG_TRANSPARENT_HUGEPAGE' \
	"provoke split-unmap: not possible, with the reason"
is_clean "provoke"

cat >daemon.conf <<-END
	[spool]
	directory = $t/spool
	[alerts]
	target = stderr
	[metrics]
	textfile = none
	[control]
	socket = $t/control
END
mkdir -p spool
thpraced --config daemon.conf >daemon.out 2>daemon.err </dev/null &
daemon=$!
within 120 grep -q "thpraced .* watches" daemon.err
like daemon.err "^thpraced.* watches $(uname -r) in light mode: .* 1 of 7 classes observable" \
	"thpraced starts" || diag "$(cat daemon.err)"
try thprace status --socket "$t/control"
like out 'hwpoison-unmap' "... answers" || diag "$(cat err)"
thprace-stress hwpoison-unmap -d 2 >/dev/null
walked() {
	thprace status --socket "$t/control" --format json |
		grep -q '"class":"hwpoison-unmap"[^}]*"walkers":[1-9]'
}
within 60 walked
ok $? "... and counts walkers" || diag "$(thprace status --socket "$t/control" --format json)"
kill "$daemon"
wait "$daemon"
is $? 0 "... and ends"
is_clean "thpraced"
done_testing
