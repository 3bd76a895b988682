#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How the programs handle their arguments: the same in every verb.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
export LC_ALL=C.UTF-8

thprace --help | awk '/^  [a-z]/ { print $1 }' >"$work/verbs"
while read -r verb; do
	is "$(thprace "$verb" -h | md5sum)" "$(thprace "$verb" --help | md5sum)" "$verb -h is --help"
done <"$work/verbs"
is "$(thpraced -h | md5sum)" "$(thpraced --help | md5sum)" "thpraced -h is --help"
is "$(thprace-stress -h | md5sum)" "$(thprace-stress --help | md5sum)" "thprace-stress -h is --help"

# refused PATTERN ARGUMENT...: wrong usage, with a message that matches the pattern
refused() {
	local pattern=$1

	shift
	"$@" >"$work/out" 2>"$work/err"
	is $? 2 "$*: wrong usage"
	like "$work/err" "$pattern" "$*: says what there is"
}

for verb in "dump" "incidents" "provoke"; do
	option=--class
	[ "$verb" = provoke ] && option=
	# shellcheck disable=SC2086 # no option is no word
	refused "'foo': split-unmap, .*or collapse-reuse" thprace "$verb" $option foo
done
refused "'foo': contained, " thprace dump --verdict foo
refused "'foo': text, json or csv" thprace dump --format foo
refused "'foo': light or precise" thprace record --mode foo
refused "'foo': text, json or html" thprace report --format foo
refused "has no page" thprace report --crosscheck --format html
refused "'foo': auto, always or never" thprace report --color foo

# One grammar for times.
for command in "thprace record -d" "thprace provoke all -d" "thprace dump --live -d" "thprace check -w" \
	"thprace-stress list -d"; do
	# shellcheck disable=SC2086 # words
	refused "a length of time: 90, 1.5s, 500ms, 10min, 2h, 1d" ${command}1y
done
refused "-10min, -2h, today" thprace incidents --since=1y
refused "a length of time: .*-10min, -2h, today" thprace dump --since=1y
for time in 1m "1h 30min" 1.5s 90; do
	is "$(thprace-stress list -d "$time" >"$work/out" 2>&1; echo $?)" 0 "-d '$time' is taken"
	is "$(cd "$work" && thprace dump --since "$time" 2>&1)" \
		"thprace dump: thprace.thpr: No such file or directory" "--since '$time' is taken"
done
is "$(cd "$work" && thprace dump --since -1h --until now 2>&1)" \
	"thprace dump: thprace.thpr: No such file or directory" "--since -1h is taken"
is "$(cd "$work" && thprace report 2>&1)" "thprace report: thprace.thpr: No such file or directory" \
	"report reads what record writes, unless told otherwise"

# A failed write is never a success, whatever a program prints and however it ends.
while read -r words; do
	# shellcheck disable=SC2086 # words
	$words >/dev/full 2>"$work/err"
	is $? 1 "$words >/dev/full: 1"
	like "$work/err" 'cannot write to standard output: No space left on device' "... and says so"
	# shellcheck disable=SC2086 # words
	is "$($words 2>"$work/err" | true; echo "${PIPESTATUS[0]}$(cat "$work/err")")" 0 \
		"... a reader that goes away is no failure"
done <<'END'
thprace --version
thprace --help
thprace record --help
thprace help dump
thprace-stress --help
thprace-stress list
thpraced --version
thpraced --help
thpraced --print-config
END

done_testing
