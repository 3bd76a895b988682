#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The output of dump and report: formats, filters, standard input, and the closest pass of a run
# without overlaps. Recorded in a guest, read here.

# shellcheck disable=SC2016 # in single quotes is Perl

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

thprace=${THPRACE_BUILD:-$system/../../build}/thprace

# all_json FILE: each line is an object
all_json() {
	perl -MJSON::PP -ne 'chomp; ref(decode_json($_)) eq "HASH" or exit 1' "$1"
}

# Fields of a dump in JSON, one record or incident per line: the expected result of a filter. chosen
# PERL-EXPRESSION: over $o; prints the lines for which it is true
chosen() {
	perl -MJSON::PP -ne '$o = decode_json($_); next if $o->{type} eq "header"; print if '"$1" \
		"$work/all.json"
}

# filters NAME EXPRESSION OPTION...: dump with the options prints exactly those lines, which are
# some but not all
filters() {
	local name=$1 expression=$2

	shift 2
	chosen "$expression" >"$work/expected"
	"$thprace" dump --format json "$@" "$work/out/x.thpr" | grep -v '"type":"header"' >"$work/got"
	passes "dump $name: just these" cmp "$work/expected" "$work/got"
	more "$(wc -l <"$work/got")" 0 "dump $name: some"
	less "$(wc -l <"$work/got")" "$lines" "dump $name: not all"
}

kernel bookworm
guest "$kernel" output.sh --file "$BPFTOOL"

"$thprace" dump --format json "$work/out/x.thpr" >"$work/all.json" 2>"$work/err"
is $? 0 "dump: status 0"
is "$(cat "$work/err")" "" "dump: no message"
passes "dump: JSON" all_json "$work/all.json"
lines=$(chosen 1 | wc -l)
more "$lines" 100 "dump: many records"
started=$(perl -MJSON::PP -ne 'print decode_json($_)->{started_ns}; exit' "$work/all.json")
pid=$(perl -MJSON::PP -ne '$o = decode_json($_); if ($o->{pid} && $o->{pid} != $o->{tgid}) {
	print $o->{pid}; exit }' "$work/all.json")

filters --class '$o->{class} eq "truncate-unmap"' --class truncate-unmap
filters --verdict '$o->{type} eq "incident" && $o->{verdict} eq "contained"' --verdict contained
filters --cpu '$o->{type} eq "record" ? $o->{cpu} == 1 :
	$o->{walker}{cpu} == 1 || ($o->{window} && $o->{window}{cpu} == 1)' --cpu 1
filters --pid "\$o->{type} eq 'record' ? \$o->{pid} == $pid :
	\$o->{walker}{pid} == $pid || (\$o->{window} && \$o->{window}{pid} == $pid)" --pid "$pid"
filters --since "\$o->{type} eq 'record' ? \$o->{time_ns} >= $started + 1e9 :
	(sort { \$b <=> \$a } \$o->{walker}{leave_ns}, \$o->{window}{close_ns} // 0)[0] >=
	$started + 1e9" --since 1s
filters --until "\$o->{type} eq 'record' ? \$o->{time_ns} <= $started + 1e9 :
	(sort { \$a <=> \$b } \$o->{walker}{enter_ns}, \$o->{window}{open_ns} // 9e18)[0] <=
	$started + 1e9" --until 1000ms

for format in text json csv; do
	"$thprace" dump --format "$format" "$work/out/x.thpr" >"$work/by-name"
	is $? 0 "dump --format $format: status 0"
	"$thprace" dump --format "$format" - <"$work/out/x.thpr" >"$work/by-stdin"
	passes "dump --format $format -: the same" cmp "$work/by-name" "$work/by-stdin"
	more "$(wc -l <"$work/by-name")" "$((lines - 1))" "dump --format $format: every line"
done
"$thprace" dump --format csv "$work/out/x.thpr" |
	awk -F, 'NR == 1 { n = NF } NF != n && !/"/ { bad++ } END { exit bad + 0 > 0 || n < 5 }'
is $? 0 "dump --format csv: as many fields in each line"

"$thprace" report --format json "$work/out/x.thpr" >"$work/report.json"
is $? 0 "report: status 0"
passes "report: JSON" all_json "$work/report.json"
for type in header class phase task probe program loss incident; do
	like "$work/report.json" "^\{\"type\":\"$type\"," "report: $type"
done
unlike "$work/report.json" '^\{"type":"closest"' "report: no closest pass where both sides met"
is "$(sed -n 's/.*"type":"header".*"incidents":\([0-9]*\).*/\1/p' "$work/report.json")" \
	"$(chosen '$o->{type} eq "incident"' | wc -l)" "report: as many incidents as dump prints"
"$thprace" report "$work/out/x.thpr" >"$work/by-name"
"$thprace" report - <"$work/out/x.thpr" >"$work/by-stdin"
passes "report -: the same" cmp "$work/by-name" "$work/by-stdin"
like "$work/by-name" 'split-unmap +[0-9]+ +[1-9]' "report: walkers and overlaps"
# A loss is possible on a busy machine.
head -n 1 "$work/by-name" >"$work/answer"
like "$work/answer" '^no escape: [0-9,]+ overlaps? contained, |^not told: .*records? lost' "report: the answer first"
"$thprace" report --kernel "$kernel" --format json "$work/out/x.thpr" >"$work/with-image"
like "$work/with-image" '"text":"(no escape: .*, kernel has the fixes of 4 classes, |not told: .*records? lost)' \
	"report --kernel: how many fixes it has"
is "$(grep -c '"check":"fixed"' "$work/with-image")" 4 "report --kernel: each class's"
for type in group answer; do
	like "$work/report.json" "^\{\"type\":\"$type\"," "report: $type"
done
like "$work/by-name" 'zap_huge_pmd' "report: draws incidents"
"$thprace" report --crosscheck --format json "$work/out/x.thpr" >"$work/check.json"
is $? 0 "crosscheck: equal"
passes "crosscheck: JSON" all_json "$work/check.json"
passes "probes: JSON" all_json "$work/out/probes.json"
passes "thprace-stress list: JSON" all_json "$work/out/stress.json"

# On a terminal, which script(1) provides, there are colours unless NO_COLOR forbids them.
escape=$(printf '\033')
if command -v script >/dev/null; then
	script -qec "'$thprace' report '$work/out/x.thpr'" /dev/null </dev/null >"$work/coloured"
	like "$work/coloured" "$escape\[" "report: colours on a terminal"
	NO_COLOR=1 script -qec "'$thprace' report '$work/out/x.thpr'" /dev/null </dev/null >"$work/plain"
	like "$work/plain" 'split-unmap' "report: with NO_COLOR as well"
	unlike "$work/plain" "$escape\[" "report: no colours then"
else
	skip "report: colours" "no script(1)"
fi
unlike "$work/by-name" "$escape" "report: no colours in a file"

"$thprace" report --format json "$work/out/apart.thpr" >"$work/apart.json"
is $? 0 "apart: status 0"
is "$(sed -n 's/.*"type":"class".*"overlaps":\([0-9]*\).*/\1/p' "$work/apart.json" | sort -u)" 0 \
	"apart: nothing overlapped"
more "$(sed -n 's/.*"class":"split-unmap","walkers":\([0-9]*\).*/\1/p' "$work/apart.json")" 0 \
	"apart: walkers"
closest=$(sed -n 's/.*"type":"closest","distance_ns":\([0-9]*\).*/\1/p' "$work/apart.json")
more "$closest" 5000000 "apart: the closest pass was at no less than 5 ms"
less "$closest" 1000000000 "apart: ... and is known"
"$thprace" report "$work/out/apart.thpr" >"$work/apart"
like "$work/apart" '^closest pass$' "apart: the report draws the closest pass"
like "$work/apart" 'missed each other by [0-9.]+ ms' "apart: ... with the distance"
done_testing
