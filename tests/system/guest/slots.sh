# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only

# shellcheck source=tests/system/guest/common.sh
. ./common.sh

flood 3000 8 collide >flood.out &
flood=$!
within 60 grep -q ready flood.out
ok $? "there are 8 threads with numbers alike, which zap all the time"
for mode in light precise; do
	try thprace record -q --mode "$mode" -o slots.thpr -d 5
	is "$status" 0 "a recording beside them: $mode" || diag "$(cat err)"
	thprace report --format json slots.thpr >report.json
	runs=$(number program runs report.json '"point":"zap"' | sum)
	more "$runs" 1000 "... sees them" || diag "$(grep '"point":"zap"' report.json)"
	echo "# $mode: $runs runs"
	is "$(number loss lost report.json)" 0 "... and loses nothing" || diag "$(grep '"loss"' report.json)"
done
kill "$flood"
done_testing
