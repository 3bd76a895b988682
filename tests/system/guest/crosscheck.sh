# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

# Ends process $1 some seconds after the trace is long enough, so that the stressor has had its
# rounds beside the noise (its own limit is only for hangs), and prints the highest VmHWM, in KiB,
# that could be read meanwhile: it never falls. A record is some eight bytes of the trace.
watch() {
	turns=0
	while kib=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null) &&
		[ -n "$kib" ]; do
		echo "$kib"
		size=$(wc -c <x.thpr) 2>/dev/null
		[ "${size:-0}" -lt 1200000 ] || turns=$((turns + 1))
		[ "$turns" -lt 8 ] || kill -TERM "$1" 2>/dev/null
		sleep 1
	done | tail -n 1
}

: >x.thpr
thprace record -o x.thpr --mode precise --all -- \
	thprace-stress split-unmap -d 25min --noise 1 >out 2>err &
record=$!
kib=$(watch "$record")
wait "$record"
status=$?
is "$status" 0 "record: done, no escape" || diag "$(cat err)"
like out "noise [1-9]" "the stressor made noise" || diag "$(cat out err)"
thprace report --format json x.thpr >report.json
is $? 0 "report: done"

records=$(number header records report.json)
echo "# $records records in $(wc -c <x.thpr) bytes, $kib KiB resident"
more "$records" 100000 "more than 100,000 records"
is "$(number loss lost report.json)" 0 "nothing lost" || diag "$(grep -E '"type":"loss"|"missed":[1-9]' report.json)"
is "$(number loss seen report.json)" "$(($(number loss submitted report.json) + $(number loss filtered report.json)))" \
	"seen = submitted + filtered"
more "$(number header pte_removals report.json)" 50000 "PTE-level removals"
more "$(of_class overlaps split-unmap report.json)" 0 "split-unmap: overlaps"
more "${kib:-0}" 1024 "peak resident memory is known"
less "${kib:-0}" 32768 "peak resident memory below 32 MiB"

thprace report --crosscheck --format json x.thpr >check
is $? 0 "crosscheck: status 0" || diag "$(cat check)"
is "$(number crosscheck records check)" "$records" "crosscheck: of all records"
more "$(number crosscheck equal check)" 0 "crosscheck: incidents"
is "$(number crosscheck equal check)" "$(number crosscheck kernel check)" \
	"crosscheck: the kernel's are the detector's"
is "$(number crosscheck equal check)" "$(number crosscheck detector check)" \
	"crosscheck: the detector's are the kernel's"
like check '"lost":0,"complete":true,"same":true' "crosscheck: equal" || diag "$(cat check)"
is_clean "record"
done_testing
