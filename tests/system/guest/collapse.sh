# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
. ./common.sh

try thprace record -o x.thpr --all -- thprace-stress collapse -d 2
is "$status" 0 "collapse: recorded, no escape" || told "$(cat err)"
thprace dump --format json x.thpr >dump
is $? 0 "collapse: dump"
grep '"collapse-enter"' dump >enter
grep '"collapse-return"' dump >return
more "$(wc -l <enter)" 0 "collapse: begins"
more "$(wc -l <return)" 0 "collapse: ends"
head -n 1 return | sed 's/^/# /'
thprace report --format json x.thpr >report
is $? 0 "collapse: report"
more "$(number header collapses report)" 0 "collapse: counted"
is "$(number header collapses report)" "$(wc -l <return)" "collapse: as often as recorded"
is "$(number loss lost report)" 0 "collapse: nothing lost"
done_testing
