# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Two recordings, and the output of dump and report for them in /out, for the host to check.
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

record_until "overlaps:split-unmap=1 overlaps:truncate-unmap=1" "--mode precise --all" \
	"thprace-stress split-unmap -d 4" "thprace-stress truncate-unmap -d 1"
is "$status" 0 "recorded" || diag "$(cat err)"
try thprace record -o apart.thpr --mode precise --all -- \
	thprace-stress split-unmap -d 2 --apart 5
is "$status" 0 "recorded: never both at once" || diag "$(cat err)"
cp x.thpr apart.thpr /out/
thprace probes --format json >/out/probes.json
is $? 0 "probes"
thprace-stress list --format json >/out/stress.json
is $? 0 "thprace-stress list"
done_testing
