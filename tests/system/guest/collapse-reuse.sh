# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel whose collapse_file gets its huge page from its caller, and which releases the page if
# others refer to it (5.10 with NUMA: always). So holders overlap, and each is contained.
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

for attach in auto fentry kprobe; do
	record_until contained:collapse-reuse=1 "--attach $attach --all" "thprace-stress collapse-reuse -d 5"
	thprace report --format json x.thpr >report.json
	is "$status" 0 "$attach: recorded, no escape" || diag "$(cat err)"
	more "$(number header collapses_failed report.json)" 0 "$attach: collapses that failed"
	more "$(of_class walkers collapse-reuse report.json)" 0 "$attach: holders"
	more "$(of_class contained collapse-reuse report.json)" 0 "$attach: contained"
	is "$(of_class escapes collapse-reuse report.json)" 0 "$attach: no escape"
	is "$(of_class unattributed collapse-reuse report.json)" 0 "$attach: none unattributed"
	is "$(number loss lost report.json)" 0 "$attach: nothing lost"
	thprace report x.thpr >report.txt
	like report.txt '  collapse_file\+.*|  khugepaged\+' "$attach: the collapser's stack"
	like report.txt ' find_lock_entry\+' "$attach: the holder's stack" || diag "$(grep -c . report.txt)"
	thprace report --crosscheck x.thpr >check
	is $? 0 "$attach: crosscheck" || diag "$(cat check)"
	echo "# $(of_class walkers collapse-reuse report.json) holders," \
		"$(of_class contained collapse-reuse report.json) contained"
done
done_testing
