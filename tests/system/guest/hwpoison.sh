# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

record_until "walkers:hwpoison-unmap=400 overlaps:hwpoison-unmap=101" "--mode precise --all" "thprace-stress hwpoison-unmap -d 6"
is "$status" 0 "hwpoison-unmap: recorded, no escape" || diag "$(cat err)"
thprace report --format json x.thpr >report.json
is $? 0 "hwpoison-unmap: report"
like report.json '"class":"hwpoison-unmap",.*"observable":true' "hwpoison-unmap: observable"
like report.json '"point":"poison","function":"memory_failure",.*"state":"attached"' \
	"hwpoison-unmap: memory_failure is probed"
more "$(of_class walkers hwpoison-unmap report.json)" 0 "hwpoison-unmap: walkers"
more "$(number header pte_removals report.json)" 100 "hwpoison-unmap: PTE-level removals"
is "$(of_class escapes hwpoison-unmap report.json)" 0 "hwpoison-unmap: no escape"
is "$(of_class unattributed hwpoison-unmap report.json)" 0 "hwpoison-unmap: none unattributed"
is "$(number loss lost report.json)" 0 "hwpoison-unmap: nothing lost"
echo "# $(of_class walkers hwpoison-unmap report.json) walkers," \
	"$(of_class overlaps hwpoison-unmap report.json) overlaps"
thprace report --crosscheck x.thpr >check
is $? 0 "hwpoison-unmap: crosscheck" || diag "$(cat check)"
done_testing
