# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

cp /sys/kernel/btf/vmlinux /out/btf

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

# observes NAME OPTION...: windows, walkers, nothing lost, crosscheck equal
observes() {
	name=$1
	shift
	record_until walkers:split-unmap=10 "--mode precise --all $*" "thprace-stress split-unmap -d 2"
	is "$status" 0 "$name: recorded, no escape" || diag "$(cat err)"
	thprace report --format json x.thpr >report.json
	more "$(number header windows report.json)" 0 "$name: windows"
	more "$(of_phase count phase1 report.json)" 0 "$name: phase 1 measured"
	more "$(of_class walkers split-unmap report.json)" 0 "$name: walkers"
	is "$(number loss lost report.json)" 0 "$name: nothing lost"
	thprace report --crosscheck x.thpr >check
	is $? 0 "$name: crosscheck" || diag "$(cat check)"
	is_clean "$name"
}

# daemon FILE: thpraced with [observe] btf=FILE, in the foreground; its messages are in err
daemon() {
	cat >daemon.conf <<-END
		[observe]
		btf = $1
		[spool]
		directory = $t/spool
		[alerts]
		target = stderr
		[metrics]
		textfile = none
		[control]
		socket = none
	END
	thpraced --config daemon.conf >out 2>err </dev/null
}

all_kprobes() {
	is "$(grep '"type":"probe"' "$1" | grep '"state":"attached"' | grep -c '"kind":"f')" 0 \
		"$2: no fentry"
	more "$(grep -c '"kind":"[kc].*"state":"attached"' "$1")" 8 "$2: kprobes, some at calls"
}

# --- BTF without static functions; the kernel has its own ---
check=unaccount_page_cache_page
grep -q " filemap_unaccount_folio$" /proc/kallsyms && check=filemap_unaccount_folio
drop_func /out/btf static.btf collapse_file "$check" dump_page
ok $? "static functions taken out of BTF"
observes "static functions left out" --btf static.btf
like report.json '"point":"zap",.*"kind":"fentry\+fexit","state":"attached"' "... the rest is on fentry"
like report.json "\"point\":\"check\",\"function\":\"$check\",\"kind\":\"kprobe\",\"state\":\"attached\",\"reason\":\"kprobe, since $check has no prototype" \
	"... what is known of old is on kprobe"
if grep -q ' madvise_collapse$' /proc/kallsyms; then
	like report.json '"class":"collapse-reuse",.*"observable":false,"reason":"collapse_file: no prototype in BTF' \
		"... an unknown prototype: not observable, and not called impossible"
else
	like report.json '"point":"collapse",.*"kind":"kprobe\+kretprobe","state":"attached","reason":"kprobe, since' \
		"... collapse_file too"
	like report.json '"class":"collapse-reuse",.*"observable":true' "... and its class can be observed"
fi
drop_func /out/btf needed.btf __pmd_trans_huge_lock try_to_unmap
try thprace probes --load --btf needed.btf --format json
like out '"point":"lock",.*"kind":"kretprobe","state":"attached","reason":"kprobe, since' \
	"a function whose arguments are not needed: kprobe"
like out '"class":"split-unmap",.*"observable":false,"reason":"try_to_unmap: no prototype in BTF' \
	"a function whose arguments are not known: named, with its class"
try thprace probes --load --attach fentry --btf static.btf --format json
like out '"point":"check",.*"kind":"-","state":"failed","reason":".*which fentry needs' \
	"fentry asked for: not by a kprobe"

# --- unusable files ---
: >empty.btf
head -c 100000 /out/btf >cut.btf
mkdir folder.btf
fails "not BTF" "/proc/version has no BTF|proc/version.*regular" thprace record -d 1 -o y --btf /proc/version
fails "empty" "empty.btf has no BTF" thprace record -d 1 -o y --btf empty.btf
fails "truncated" "cut.btf is BTF, but cut off" thprace record -d 1 -o y --btf cut.btf
fails "a folder" "folder.btf: not a regular file" thprace record -d 1 -o y --btf folder.btf
fails "no file" "nowhere.btf: No such file" thprace record -d 1 -o y --btf nowhere.btf
fails "no file, probes" "nowhere.btf: No such file" thprace probes --btf nowhere.btf
fails "truncated, provoke" "cut.btf is BTF, but cut off" \
	thprace provoke split-unmap -d 1 --this-is-a-test-machine --btf cut.btf
if [ -e /root/other.btf ]; then
	fails "of another kernel" "other.btf is the BTF of another kernel than the running one" \
		thprace record -d 1 -o y --btf /root/other.btf
	fails "of another kernel, probes --load" "BTF of another kernel" \
		thprace probes --load --btf /root/other.btf
fi
is "$(ls y 2>/dev/null)" "" "no trace is left by any of these"

# --- without the kernel's own ---
mount -t tmpfs tmpfs /sys/kernel/btf
fails "no BTF" "offers no BTF.*CONFIG_DEBUG_INFO_BTF.*--btf" thprace record -d 1 -o y
fails "no BTF, --attach=fentry" "no BTF of its own, which fentry needs" \
	thprace record -d 1 -o y --attach fentry --btf /out/btf
observes "no BTF, a file" --btf /out/btf
all_kprobes report.json "no BTF, a file"
like report.json '"point":"zap",.*"reason":"kprobe, since the kernel has no BTF of its own' "... says why"

# --- the daemon, by its configuration ---
mkdir -p spool
: >err
daemon /out/btf &
daemon=$!
within 60 grep -q "thpraced .* watches" err
like err "^thpraced.* watches $(uname -r) in light mode: [1-9]" "thpraced, btf= names a file: starts" || diag "$(cat err)"
something_attached
ok $? "... and attaches"
# It continues watching if the file is unusable.
sed -i 's|^btf = .*|btf = /proc/version|' daemon.conf
killall -HUP thpraced
within 60 grep -q "was not applied, the old settings stay" err
ok $? "... a reload with a file that will not do: the old settings stay" || diag "$(cat err)"
within 10 grep -q "/proc/version" err
ok $? "... and which file it was" || diag "$(cat err)"
something_attached
ok $? "... it goes on watching"
killall thpraced
wait "$daemon"
is $? 0 "... ends in order"
is_clean "thpraced, btf="
status=0
daemon none || status=$?
is "$status" 1 "thpraced, no BTF and btf= none: status 1"
like err "offers no BTF" "... says why"
if [ -e /root/other.btf ]; then
	status=0
	daemon /root/other.btf || status=$?
	is "$status" 1 "thpraced, btf= of another kernel: status 1"
	like err "other.btf is the BTF of another kernel than the running one" "... says why"
	is_clean "thpraced, btf= of another kernel"
fi

mkdir -p /usr/local/lib/thprace/btf /usr/lib/thprace/btf
cp /out/btf "/usr/local/lib/thprace/btf/$(uname -r).btf"
observes "no BTF, a file in the search path"
all_kprobes report.json "no BTF, a file in the search path"
: >"/usr/lib/thprace/btf/$(uname -r).btf"
fails "/usr/lib goes before /usr/local/lib" "/usr/lib/thprace/btf/$(uname -r).btf has no BTF" \
	thprace record -d 1 -o y
thprace provoke truncate-unmap -d 2 --this-is-a-test-machine --btf /out/btf --format json >out 2>err
# Two seconds may be too short for a verdict.
status=$?
[ "$status" = 0 ] || [ "$status" = 4 ]
ok $? "provoke by a file: status 0, or 4" || diag "$status" "$(cat err)"
more "$(number provoke windows out)" 0 "provoke by a file: windows"
umount /sys/kernel/btf
done_testing
