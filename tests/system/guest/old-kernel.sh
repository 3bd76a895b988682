# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

for attach in fentry kprobe; do
	record_until walkers:truncate-unmap=10 "--attach $attach --mode precise --all" \
		"thprace-stress truncate-unmap -d 2"
	is "$status" 0 "$attach: recorded, no escape" || diag "$(cat err)"
	thprace report --format json x.thpr >report.json
	is $? 0 "$attach: report"
	like report.json '"kernel":"5\.10\.' "$attach: on 5.10"
	like report.json '"point":"truncate","function":"truncate_cleanup_page",.*"attached"' \
		"$attach: by the name of the function then"
	like report.json '"class":"split-migrate",.*"observable":false,"reason":"try_to_migrate' \
		"$attach: split-migrate: not observable, with the reason"
	more "$(number header windows report.json)" 0 "$attach: windows"
	more "$(of_phase count phase1 report.json)" 0 "$attach: phase 1 measured"
	more "$(of_class walkers truncate-unmap report.json)" 0 "$attach: walkers"
	is "$(of_class escapes truncate-unmap report.json)" 0 "$attach: no escape"
	is "$(number loss lost report.json)" 0 "$attach: nothing lost"
	thprace report --crosscheck x.thpr >check
	is $? 0 "$attach: crosscheck" || diag "$(cat check)"
	is_clean "$attach"
done
done_testing
