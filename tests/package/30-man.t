#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Man pages: one for every verb and program, each without warnings, found by apropos, and with every
# option in --help.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
export LC_ALL=C.UTF-8 MANWIDTH=100 MANROFFOPT=-c
man=$root/docs/man

command -v lexgrog >/dev/null || {
	echo "Bail out! no lexgrog: make deps"
	exit 1
}

for page in "$man"/*; do
	name=${page##*/}
	man --warnings=w --local-file "$page" 2>"$work/warnings" >"$work/page"
	is "$?$(cat "$work/warnings")" 0 "$name has no warnings"
	is "$(lexgrog "$page" 2>&1 | grep -c ': ".* - ')" 1 "$name can be found by apropos"
	grep -oE '\b(thprace(-[a-z]+)?|thpraced|thpr|thprace\.conf)\([158]\)' "$work/page" | sort -u |
		sed 's/(\(.\))/.\1/' | while read -r other; do
		[ -e "$man/$other" ] || echo "$other"
	done >"$work/absent"
	is "$(cat "$work/absent")" "" "$name points to no page that is not there"
done

# documented PAGE PROGRAM [VERB]: the options of --help are on the page, except those of every verb,
# which thprace(1) explains
documented() {
	local page=$1 option

	shift
	ok "$([ -e "$man/$page" ]; echo $?)" "$*: there is $page" || return
	man --local-file "$man/$page" 2>/dev/null | col -b >"$work/page"
	"$@" --help | grep -oE '^ {2,6}(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+' |
		grep -vxE -- '--(color|help|usage)' >"$work/options"
	while read -r option; do
		grep -qE -- "$option([^a-z-]|$)" "$work/page" || echo "$option"
	done <"$work/options" >"$work/absent"
	is "$(cat "$work/absent")" "" "$page has every option"
}

thprace --help | awk '/^  [a-z]/ { print $1 }' >"$work/verbs"
more "$(wc -l <"$work/verbs")" 4 "--help lists verbs"
man --local-file "$man/thprace.1" | col -b >"$work/thprace"
for option in --help --color; do
	like "$work/thprace" "$option" "thprace.1 has $option, of every verb"
done
while read -r verb; do
	documented "thprace-$verb.1" thprace "$verb"
	like "$work/thprace" "thprace-$verb\(1\)" "thprace.1 points to thprace-$verb.1"
done <"$work/verbs"
man --local-file "$man/thprace-dump.1" | col -b >"$work/page"
sed -n '/^COLUMNS/,/^EXIT/p' "$work/page" >"$work/columns"
sed -n '/"row,number/,/;$/p' "$root/core/report/render_record.c" | grep -oE '[a-z0-9_]+' |
	grep -vxE 'fputs|n|render|out' | sort -u >"$work/names"
more "$(wc -l <"$work/names")" 25 "the columns of csv are found"
while read -r name; do
	grep -qw -- "$name" "$work/columns" || echo "$name"
done <"$work/names" >"$work/absent"
is "$(cat "$work/absent")" "" "thprace-dump.1 explains every column of csv"
documented thprace-stress.1 thprace-stress
documented thpraced.8 thpraced

done_testing
