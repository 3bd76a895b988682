# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

echo 0 >/proc/sys/kernel/panic_on_oops

for load in "" --load; do
	# shellcheck disable=SC2086 # words
	try thprace probes $load --format json
	is "$status" 0 "probes $load: status 0" || diag "$(cat err)"
	like out '"point":"unmap","function":"try_to_unmap","kind":"fentry.fexit"' \
		"probes $load: the function, and not its calls"
	like out '"point":"unmap",.*"reason":"try_to_unmap itself, not its calls: this kernel runs no program at a kprobe that is a breakpoint' \
		"probes $load: ... and why"
	# What gcc's default options leave of collapse_file without NUMA.
	like out '"point":"collapse","function":"collapse_file.constprop.0","kind":"kprobe.kretprobe"' \
		"probes $load: a compiler's variant is probed, where its code tells its arguments"
	like out '"class":"collapse-reuse","observable":true' "probes $load: collapse-reuse is observable"
done
is "$(grep -c '"kind":"call"' out)" 0 "probes --load: no program at a call"

# open CLASS OPTION...: it ends with the first proved escape.
open() {
	try thprace provoke "$@" -d 10min --format json --this-is-a-test-machine
	is "$status" 3 "$*: status 3" || diag "$(cat out err)"
	like out '"outcome":"open"' "$*: open"
	more "$(number provoke walkers out)" 0 "$*: walkers were seen"
}

open hwpoison-unmap
open hwpoison-unmap -A kprobe
try thprace provoke split-unmap -d 10min --until walkers=1 --format json --this-is-a-test-machine
more "$(number provoke walkers out)" 0 "split-unmap: walkers were seen" || diag "$(cat out err)"
try thprace record -o x.thpr -- thprace-stress collapse-reuse -d 3
thprace report --format json x.thpr >report.json
is "$(grep -c '"type":"silent"' report.json)" 0 "no entry is silent"

# A task that writes to a frozen file system waits forever, whatever signal it gets.
gunzip -c /root/xfs.gz >/tmp/xfs
mkdir -p /mnt/xfs
mount -t xfs -o loop /tmp/xfs /mnt/xfs
fsfreeze --freeze /mnt/xfs
printf '#!/bin/sh\n: >/mnt/xfs/file\n' >stuck
chmod +x stuck
try thprace provoke truncate-unmap -d 1 --stressor ./stuck --this-is-a-test-machine
is "$status" 4 "a stressor that hangs in the kernel: status 4" || diag "$(cat out err)"
is "$(sed -n '1s/(process [0-9]*) hangs in the kernel, in .* and cannot be ended.*/hangs/p' out)" \
	"truncate-unmap: the stressor hangs" "... is said first" || diag "$(cat out)"
like out "^truncate-unmap: not shown: the stressor hangs in the kernel, in " "... and in the verdict"
try thprace provoke truncate-unmap -d 1 --stressor ./stuck --this-is-a-test-machine --format json
like out '"outcome":"not shown",.*"kernel":{"own":false,"lines":\[\],"hung":[0-9]*,"hung_in":"' \
	"... and in JSON" || diag "$(cat out)"
fsfreeze --unfreeze /mnt/xfs
is_clean "breakpoint"
done_testing
