# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Everything that can go wrong on a cloud kernel.
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

# fails NAME REGEX COMMAND...: status 1, one message, nothing left attached
fails() {
	name=$1
	regex=$2
	shift 2
	try "$@"
	is "$status" 1 "$name: status 1"
	one_message "$name" "$regex"
	is_clean "$name"
}

# misused COMMAND...: status 2 and a message
misused() {
	try "$@"
	is "$status" 2 "wrong usage: $*"
	like err '^(Usage: )?thprace' "... has a message"
	is "$(wc -c <out)" 0 "... on stderr"
}

# start_record OPTION...: in the background, until it records; its process is in $record
start_record() {
	rm -f started
	thprace record "$@" -- sh -c ': >started; exec sleep 100' >out 2>err &
	record=$!
	within 60 test -e started
	ok $? "it records" || diag "$(cat err)"
	passes "... with programs attached" something_attached
}

# First the test of "nothing attached" itself: it must see what there is.
is_clean "before"

as_nobody() {
	su -s /bin/sh nobody -c "$*"
}

fails "not root" "root" as_nobody thprace record -d 1 -o /tmp/nobody.thpr
fails "not root, probes" "root" as_nobody thprace probes --load

mount -t tmpfs tmpfs /sys/kernel/btf
fails "no BTF" "BTF.*CONFIG_DEBUG_INFO_BTF" thprace record -d 1 -o x.thpr
fails "no BTF, probes" "BTF.*CONFIG_DEBUG_INFO_BTF" thprace probes
is "$(ls x.thpr 2>/dev/null)" "" "no BTF: no file"
echo old >kept.thpr
fails "no BTF, a file that is there" "BTF" thprace record -d 1 -o kept.thpr
is "$(cat kept.thpr)" old "... keeps what it has"
fails "no BTF, no folder: the file is tried first" "/nowhere/x.thpr.*No such file" \
	thprace record -d 1 -o /nowhere/x.thpr
umount /sys/kernel/btf

echo 0 >/proc/sys/kernel/ftrace_enabled
fails "function tracing switched off" "ftrace_enabled" thprace record -d 1 -o x.thpr
echo 1 >/proc/sys/kernel/ftrace_enabled

# The classes that depend on the function whose fentry is refused. auto uses a kprobe, fentry alone
# cannot.
try occupy zap_huge_pmd thprace record -o x.thpr --attach auto --mode precise -- \
	thprace-stress truncate-unmap -d 1
is "$status" 0 "fentry refused, auto: records" || diag "$(cat err)"
thprace report --format json x.thpr >report.json
like report.json '"point":"zap",.*"kind":"kprobe\+kretprobe","state":"attached","reason":".*fentry was refused' \
	"... by a kprobe, with the reason"
like report.json '"point":"lock",.*"kind":"fexit","state":"attached"' "... and the others by fentry"
more "$(number header windows report.json)" 0 "... and sees windows"
is "$(number loss lost report.json)" 0 "... all of them"
is_clean "fentry refused, auto"
fails "fentry refused, --attach=fentry" "zap_huge_pmd|fentry refused" \
	occupy zap_huge_pmd thprace record --attach fentry -d 1 -o x.thpr
try occupy truncate_cleanup_folio thprace record -o x.thpr --attach fentry --mode precise -- \
	thprace-stress split-migrate -d 1
is "$status" 0 "one function refuses fentry, --attach=fentry: records the rest" ||
	diag "$(cat err)"
thprace report --format json x.thpr >report.json
like report.json '"point":"truncate",.*"kind":"-","state":"failed","reason":".*fentry refused' \
	"... names what is missing, with the reason"
like report.json '"class":"truncate-unmap",.*"observable":false,"reason":".*refused' \
	"... and the class that cannot be seen"

# As without CONFIG_KPROBE_EVENTS: perf_event_open(2) has no kprobes.
mount -t tmpfs tmpfs /sys/bus/event_source/devices
try thprace probes --load
is "$status" 0 "no kprobes: fentry will do" || diag "$(cat err)"
tr -s ' \n' ' ' <out >words
like words 'kprobes at its calls were refused: this kernel has no kprobes \(CONFIG_KPROBE_EVENTS\)' \
	"... and the reason is named" || diag "$(cat out)"
umount /sys/bus/event_source/devices
is_clean "no kprobes"

thprace probes >out
grep -A1 '^poison +memory_failure +- +absent' -E out >poison
like poison '^ +memory_failure: not in this kernel' \
	"a function that is absent is listed with the reason"
like out '^hwpoison-unmap +not observable: memory_failure' "... and the class that needs it"

fails "no folder" "/nowhere/x.thpr.*No such file" thprace record -d 1 -o /nowhere/x.thpr
mkdir ro && mount -t tmpfs -o ro tmpfs ro
fails "read-only file system" "ro/x.thpr.*Read-only" thprace record -d 1 -o ro/x.thpr
fails "a folder" "Is a directory" thprace record -d 1 -o .
thprace record -d 1 -o x.thpr >/dev/full 2>err
is $? 1 "the summary cannot be written: status 1"
like err '^thprace: cannot write to standard output: No space left' "... says so"
is_clean "no summary"
try thprace report --format json x.thpr
like out '"type":"header".*"complete":true' "... the trace is whole"
try thprace record -o x.thpr -- /nowhere/command
is "$status" 127 "no such command: status 127"
like err '^thprace record: cannot run /nowhere/command: No such file' "... says why"
try thprace report x.thpr
is "$status" 0 "... and what was recorded until then can be read"
is_clean "no such command"
# ends STATUS NAME COMMAND...: record's status when its command ended like this
ends() {
	expected=$1 name=$2
	shift 2
	try thprace record -q -o x.thpr "$@"
	is "$status" "$expected" "$name: status $expected" || diag "$(cat err)"
}
ends 0 "a command that ends well" -- true
ends 7 "a command that fails" -- sh -c 'exit 7'
like err '^thprace record: sh exited with status 7' "... is named"
ends 1 "a command with a status that means an escape here" -- sh -c 'exit 3'
ends 137 "a command that a signal ends" -- sh -c 'kill -KILL $$'
ends 0 "a command that is ended when the time is over" -d 1 -- sleep 100
is "$(cat err)" "" "... without a message"

echo never >/sys/kernel/mm/transparent_hugepage/enabled
# --until: not a condition, not observable here, not reached, and reached.
for wrong in overlaps overlaps= overlaps=0 overlaps=x overlaps:split-unmap=1x :split-unmap=1 nothing=1 \
	overlaps:no-class=1 =1; do
	try thprace record -o x.thpr --until "$wrong"
	is "$status" 2 "wrong usage: --until $wrong"
done
like err "'=1' is not WHAT=N or WHAT:CLASS=N|no count ''" "... says why" || diag "$(cat err)"
fails "--until of what is not observable" "hwpoison-unmap, which is not observable here: .*memory_failure" \
	thprace record -q -o x.thpr --until walkers:hwpoison-unmap=1
try thprace record -q -o x.thpr --until overlaps:split-unmap=1 -d 1
is "$status" 4 "--until of what does not come: status 4"
one_message "--until" "not seen: overlaps:split-unmap 0 of 1"
try thprace record -q -o x.thpr --until walkers:split-unmap=3 -d 15min -- thprace-stress split-unmap -d 1000
is "$status" 0 "--until of what comes: ends, and the command with it" || diag "$(cat err)"
try thprace report --format json x.thpr
more "$(of_class walkers split-unmap out)" 2 "... with that in the trace"

try thprace record -q -o x.thpr -d 1
try thprace report x.thpr
like out '^hint +no window was seen' "nothing was unmapped: a hint"
like out '^hint +transparent huge pages were set to never' "no huge pages: a hint"
try thprace report --format json x.thpr
like out '"thp_enabled":"never","hints":\["no window' "... in JSON as well"
echo always >/sys/kernel/mm/transparent_hugepage/enabled

mkdir full && mount -t tmpfs -o size=128k tmpfs full
# On a busy host little happens in a few seconds.
for seconds in 4 40 400; do
	try thprace record -o full/x.thpr --mode precise --all -- \
		thprace-stress split-unmap -d "$seconds" --noise 1
	[ "$status" = 0 ] || break
done
is "$status" 1 "disk full: status 1"
like err '^thprace record: .*full/x.thpr.*No space left' "disk full: says so"
unlike err '^thprace$|^[^t]' "disk full: nothing but messages of thprace"
is_clean "disk full"
thprace report --format json full/x.thpr >report.json 2>err
more "$(number header records report.json)" 100 "disk full: what was written can be read"
like report.json '"type":"header".*"complete":false|"type":"loss".*"write":[1-9]' \
	"disk full: known to be incomplete"
try thprace dump full/x.thpr
more "$(wc -l <out)" 100 "disk full: dump prints what there is"

try thprace record -o whole.thpr --mode precise --all --until walkers:split-unmap=50 -d 15min -- \
	thprace-stress split-unmap -d 900 --noise 1
head -c "$(($(wc -c <whole.thpr) - 1000))" whole.thpr >cut.thpr
try thprace report cut.thpr
like out 'split-unmap' "truncated file: report shows what there is"
cat out err >both
like both 'cut|end mark|truncated|incomplete|interrupted' "... and says that it is cut off"
try thprace dump cut.thpr
is "$status" 1 "truncated file: dump's status"
one_message "truncated file, dump" "cut"
more "$(wc -l <out)" 100 "truncated file: dump prints what there is"
: >empty.thpr
fails "empty file, report" "empty.thpr" thprace report empty.thpr
fails "no trace, dump" "err" thprace dump err
fails "no file, report" "No such file" thprace report nowhere.thpr
try thprace dump whole.thpr
more "$(wc -l <out)" 1000 "a dump of many lines"
thprace dump whole.thpr 2>err | head -n 1 >out
is "$(wc -l <out)" 1 "dump to head"
is "$(cat err)" "" "... without a message"

# The terminal disappears.
start_record -o x.thpr --mode precise
stress_some split-unmap
kill -HUP "$record"
wait "$record"
is $? 0 "SIGHUP: ends in order" || diag "$(cat err)"
is_clean "SIGHUP"
try thprace report --format json x.thpr
like out '"type":"header".*"complete":true' "... the trace is whole"
more "$(number header windows out)" 0 "... with its counters"

# Whole blocks are in the file while the recording goes on; on a busy machine a second may not fill one.
written() {
	thprace report --format json x.thpr >grown 2>/dev/null
	records=$(number header records grown)
	[ "${records:-0}" -gt 100 ]
}

for attach in fentry kprobe; do
	rm -f x.thpr
	start_record -o x.thpr --attach "$attach" --mode precise --all
	until written; do
		stress_some split-unmap --noise 1
	done
	kill -KILL "$record"
	wait "$record"
	is $? 137 "SIGKILL, $attach: killed"
	is_clean "SIGKILL, $attach"
	is "$(cat /sys/kernel/tracing/kprobe_events)" "" "... and no event defined"
	try thprace report --format json x.thpr
	more "$(number header records out)" 100 "... and the trace can be read"
done

# A shell's background jobs ignore SIGINT; a trap that is set and reset makes them accept it.
trap : INT
start_record -o x.thpr
kill -INT "$record"
wait "$record"
is $? 0 "SIGINT: status 0" || diag "$(cat err)"
like out 's in light mode: [0-9,]+ windows?' "SIGINT: summary"
thprace report --format json x.thpr >report.json
like report.json '"type":"header".*"complete":true' "SIGINT: the trace is complete"
is_clean "SIGINT"

misused thprace
misused thprace nonsense
misused thprace record --nonsense
misused thprace record -d nonsense
misused thprace record -d -1
misused thprace record --mode nonsense
misused thprace record --attach nonsense
misused thprace dump --class nonsense x.thpr
misused thprace dump --verdict nonsense x.thpr
misused thprace dump --since nonsense x.thpr
misused thprace dump --format nonsense x.thpr
misused thprace dump x.thpr x.thpr
misused thprace report --format nonsense x.thpr
misused thprace report --incidents nonsense x.thpr
misused thprace probes nonsense
done_testing
