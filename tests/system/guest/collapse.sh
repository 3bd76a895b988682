# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# A kernel on which collapse-reuse cannot happen: it says so, and collapse_file's calls are recorded.
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

cannot='cannot happen here: collapse_file'

thprace probes >probes.txt
like probes.txt "^collapse-reuse  *$cannot" "probes: the class says that it cannot happen"
grep -A1 "^hold  .*skipped" probes.txt >hold.txt
like hold.txt "cannot happen" "probes: nobody watches holders"
tries=0
until [ "$tries" -eq 20 ]; do
	tries=$((tries + 1))
	try thprace record -o x.thpr --all -- thprace-stress collapse-reuse -d 2
	thprace dump --format json x.thpr >dump.json
	dumped=$?
	grep '"collapse-enter"' dump.json >entered && break
done
is "$status" 0 "collapse-reuse: recorded, no escape" || diag "$(cat err)"
is "$dumped" 0 "collapse-reuse: dump"
grep '"collapse-return"' dump.json >returned
more "$(wc -l <entered)" 0 "collapse-reuse: begins"
more "$(wc -l <returned)" 0 "collapse-reuse: ends"
head -n 1 returned | sed 's/^/# /'
thprace report x.thpr >report.txt
like report.txt "^  collapse-reuse  *$cannot" "report: the class says that it cannot happen"
thprace report --format json x.thpr >report.json
is $? 0 "collapse-reuse: report"
like report.json "\"class\":\"collapse-reuse\",.*\"observable\":false,\"reason\":\"$cannot" \
	"collapse-reuse: the same as JSON"
more "$(number header collapses report.json)" 0 "collapse-reuse: counted"
is "$(number header collapses report.json)" "$(wc -l <returned)" \
	"collapse-reuse: as often as recorded"
is "$(number header reuses report.json)" 0 "collapse-reuse: no reuse"
is "$(number loss lost report.json)" 0 "collapse-reuse: nothing lost"
done_testing
