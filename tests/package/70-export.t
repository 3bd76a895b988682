#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace export: protoc reads Perfetto's format by the fields of its schema, perl the JSON; what is
# refused, and what is said of a damaged trace.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
export LC_ALL=C.UTF-8

command -v protoc >/dev/null || {
	echo "Bail out! no protoc: make deps"
	exit 1
}

cd "$work" || exit 1
perl -ne 'chomp; print pack "H*", $_' "$root/tests/traces/v3-no-classes.hex" >trace.thpr
sum=$(cksum <trace.thpr)

# decode FILE: as text into $work/text
decode() {
	protoc --decode=perfetto.protos.Trace -I "$root/tests/traces" perfetto.proto <"$1" >text 2>err
}

# events FILE: how many lines the JSON has of each kind
events() {
	perl -MJSON::PP -0777 -ne '
		my %nr;
		$nr{$_->{ph}}++ for @{decode_json($_)->{traceEvents}};
		print join(" ", map { "$_=$nr{$_}" } sort keys %nr), "\n"' "$1"
}

thprace export --perfetto -o out.pftrace trace.thpr 2>err
is "$?$(cat err)" 0 "Perfetto's format is written"
is "$(stat -c %a out.pftrace)" 600 "... readable for its owner only"
decode out.pftrace
is "$?$(cat err)" 0 "protoc reads it"
unlike text '^ *[0-9]+[:{ ]' "... and knows every field"
is "$(grep -c 'TYPE_SLICE_BEGIN' text)" "$(grep -c 'TYPE_SLICE_END' text)" "each slice that begins ends"
more "$(grep -c 'TYPE_SLICE_BEGIN' text)" 20 "... and there are some"
is "$(grep -c ' flow_ids: ' text)" 7 "an arrow begins for each incident"
is "$(grep -c ' terminating_flow_ids: ' text)" 7 "... and ends"
like text 'timestamp_clock_id: 3' "times are those of CLOCK_MONOTONIC"
for name in window "phase 1" "truncate-unmap walker" "wait for a page" contained "CPU 1" opener; do
	like text "name: \"$name\"" "there is '$name'"
done

thprace export --chrome-json trace.thpr >out.json 2>err
is "$?$(cat err)" 0 "Chrome's format is written to standard output"
events out.json >nr
like nr ' f=7 i=15 s=7$' "it has as many arrows, instants at their ends, and one more"
is "$(grep -c 'TYPE_SLICE_BEGIN' text)" "$(grep -o 'X=[0-9]*' nr | tr -d X=)" "... and the same slices"
thprace export --chrome-json - <trace.thpr >from-stdin.json
is $? 0 "standard input is read"
# shellcheck disable=SC2002 # a pipe, not the file
cat trace.thpr | thprace export --chrome-json - >from-pipe.json
is $? 0 "... a pipe, too"
is "$(cat from-stdin.json from-pipe.json | md5sum)" "$(cat out.json out.json | md5sum)" "... with the same result"

head -c 700 trace.thpr >cut.thpr
thprace export --chrome-json -o cut.json cut.thpr 2>err
is $? 1 "a truncated trace: 1"
is "$(wc -l <err)" 1 "... with one message"
like err 'thprace export: cut.thpr: the file is cut off at byte 700' "... that says what it lacks"
events cut.json >nr
like nr '^M=[0-9]+ X=[0-9]+' "... and what it has is there"

# refused STATUS PATTERN ARGUMENT...
refused() {
	local status=$1 pattern=$2

	shift 2
	"$@" >out 2>err
	is $? "$status" "$*: refused"
	like err "$pattern" "... and why"
}

refused 2 'which format: --perfetto or --chrome-json' thprace export trace.thpr
refused 2 'not both' thprace export --perfetto --chrome-json trace.thpr
refused 2 'one FILE only' thprace export --perfetto trace.thpr cut.thpr
refused 1 'thprace.thpr: No such file' thprace export --perfetto
refused 1 'this is the trace itself' thprace export --perfetto -o trace.thpr trace.thpr
is "$(cksum <trace.thpr)" "$sum" "... and it is as it was"
refused 1 'not a thprace trace' thprace export --perfetto -o other out.json
is "$(test -e other; echo $?)" 1 "... and no file is made"
is "$(script -qec 'thprace export --perfetto trace.thpr' /dev/null </dev/null | tr -d '\r')" \
	"thprace export: standard output: a trace is binary, and this is a terminal" "nothing binary goes to a terminal"
thprace export --perfetto trace.thpr >/dev/full 2>err
is $? 1 "a full disk: 1"
like err 'No space left on device' "... and why"
thprace export --perfetto -o /dev/full trace.thpr 2>err
is $? 1 "... also with --output"
like err '/dev/full: No space left on device' "... and why"

done_testing
