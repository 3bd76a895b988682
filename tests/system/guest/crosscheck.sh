#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
. ./common.sh

seconds=8

# The stressor starts when the recording does, and is no child of it: time tells of children too.
mkfifo go
{
	read -r _ <go && exec thprace-stress split-unmap -d "$seconds" --noise 1 >stress
} &
try env time -v thprace record -o x.thpr --mode precise --all -- \
	sh -c "echo >go; exec sleep $seconds"
wait
is "$status" 0 "record: done, no escape" || told "$(cat err)"
like stress "noise [1-9]" "the stressor made noise" || told "$(cat stress)"
thprace report --format json x.thpr >report
is $? 0 "report: done"

records=$(number header records report)
kib=$(sed -n 's/.*Maximum resident set size (kbytes): //p' err)
echo "# $records records in $(wc -c <x.thpr) bytes, $kib KiB resident"
more "$records" 100000 "more than 100,000 records"
is "$(number loss lost report)" 0 "nothing lost" || told "$(grep '"type":"loss"' report)"
is "$(number loss seen report)" "$(($(number loss submitted report) + $(number loss filtered report)))" \
	"seen = submitted + filtered"
more "$(number header pte_removals report)" 50000 "PTE-level removals"
more "$(of_class overlaps split-unmap report)" 0 "split-unmap: overlaps"
more "${kib:-0}" 1024 "peak resident memory is known"
less "${kib:-0}" 32768 "peak resident memory below 32 MiB"

thprace report --crosscheck --format json x.thpr >check
is $? 0 "crosscheck: status 0" || told "$(cat check)"
is "$(number crosscheck records check)" "$records" "crosscheck: of all records"
more "$(number crosscheck equal check)" 0 "crosscheck: incidents"
is "$(number crosscheck equal check)" "$(number crosscheck kernel check)" \
	"crosscheck: the kernel's are the detector's"
is "$(number crosscheck equal check)" "$(number crosscheck detector check)" \
	"crosscheck: the detector's are the kernel's"
like check '"lost":0,"complete":true,"same":true' "crosscheck: equal" || told "$(cat check)"
is_clean "record"
done_testing
