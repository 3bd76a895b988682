# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Huge pages that a fork shares are split, and nobody unmaps. DEFECT: yes if the kernel's walks end
# after the first mapping. The image is in /root/image.
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

# counted KEY: of split-migrate, in the JSON in out
counted() {
	grep -F '"class":"split-migrate"' out | sed 's/.*"watched":{//; s/"others".*//' |
		sed -n "s/.*\"$1\":\([0-9]*\),.*/\1/p"
}

found='"class":"split-migrate".*"defect":null'
cut_short=0
if [ "$DEFECT" = yes ]; then
	found='"class":"split-migrate".*"defect":{.*"commit":"60fbb14396d5".*"mended_in":"7.0"'
	cut_short=20
fi

for attach in auto kprobe; do
	try thprace check --watch --attach "$attach" --format json -- thprace-stress split-shared
	diag "$(grep -F '"class":"split-migrate"' out)"
	is "$(counted calls)" 20 "$attach: 20 pages, 20 calls"
	is "$(counted shared)" 20 "$attach: each page is mapped whole more than once"
	is "$(counted cut_short)" "$cut_short" "$attach: so many calls left a mapping without a look"
	more "$(counted walks)" "$((cut_short ? 19 : 39))" "$attach: walks"
	like out "$found" "$attach: as watched, the defect: $DEFECT"
	like out '"class":"split-migrate","word":"fixed"' "$attach: ... which is not the race" ||
		diag "$(cat out err)"
done
is_clean "check --watch"

try thprace check --kernel /root/image --format json
like out "$found" "by its code, the defect: $DEFECT" || diag "$(cat out err)"

for mode in light precise; do
	try thprace record -o x.thpr --mode "$mode" --all -- thprace-stress split-shared
	is "$status" 0 "$mode: no escape" || diag "$(cat out err)"
	thprace report --format json x.thpr >report.json
	is "$(of_class walkers split-migrate report.json)" 20 "$mode: each walker was seen"
	is "$(of_class remained split-migrate report.json)" "$cut_short" "$mode: so many remained"
	is "$(of_class unattributed split-migrate report.json)" 0 "$mode: ... and none is unexplained"
	thprace report --crosscheck x.thpr >check
	is $? 0 "$mode: crosscheck" || diag "$(cat check)"
done

# A stressor in which nobody unmaps.
printf '#!/bin/sh\nexec thprace-stress split-shared -d 60\n' >shared
chmod +x shared
try thprace provoke split-migrate -d 60 --stressor ./shared --format json --this-is-a-test-machine
diag "$(cat out)"
like out '"outcome":"not shown"' "provoke: not shown" || diag "$(cat err)"
if [ "$DEFECT" = yes ]; then
	like out '"reason":".*20 left a mapping without a look.*mended in 7.0.*"defect":"60fbb14396d5"' \
		"... names the defect, and what was measured"
else
	like out '"defect":null' "... and nothing to explain"
fi
is_clean "provoke"
done_testing
