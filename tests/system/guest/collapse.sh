# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

try thprace record -o x.thpr --all -- thprace-stress collapse -d 2
is "$status" 0 "collapse: recorded, no escape" || told "$(cat err)"
thprace dump --format json x.thpr >dump.json
is $? 0 "collapse: dump"
grep '"collapse-enter"' dump.json >entered
grep '"collapse-return"' dump.json >returned
more "$(wc -l <entered)" 0 "collapse: begins"
more "$(wc -l <returned)" 0 "collapse: ends"
head -n 1 returned | sed 's/^/# /'
thprace report --format json x.thpr >report.json
is $? 0 "collapse: report"
more "$(number header collapses report.json)" 0 "collapse: counted"
is "$(number header collapses report.json)" "$(wc -l <returned)" "collapse: as often as recorded"
is "$(number loss lost report.json)" 0 "collapse: nothing lost"
done_testing
