#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A trace from before META named the classes (tests/traces, in hexadecimal): it is read as it was
# then.

set -u
export LC_ALL=C.UTF-8

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$root" && realpath "${THPRACE_BUILD:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PATH=$build:$PATH

# shellcheck source=tests/system/tap.sh
. "$root/tests/system/tap.sh"

perl -ne 'chomp; print pack "H*", $_' "$root/tests/traces/v3-no-classes.hex" >"$work/trace.thpr"
thprace dump --format csv "$work/trace.thpr" >"$work/csv" 2>"$work/err"
is $? 0 "it is read"
is "$(cat "$work/err")" "" "nothing is wrong with it"
is "$(diff "$work/csv" "$root/tests/traces/v3-no-classes.csv")" "" "its records and incidents are what they were"
thprace report --format json "$work/trace.thpr" >"$work/report"
while read -r class; do
	like "$work/report" "\"type\":\"class\",\"class\":\"$class\",.*\"overlaps\":1,\"contained\":1," "$class: counted"
done <<'END'
split-unmap
split-migrate
split-head
hwpoison-unmap
truncate-unmap
invalidate-unmap
collapse-reuse
END

# All classes are in it, so all members are.
thprace report --format json --incidents 99 "$work/trace.thpr" >"$work/report"
perl -MJSON::PP -e '
	my %names;
	sub collect {
		my ($value) = @_;
		collect($_) for ref $value eq "HASH" ? values %$value : ref $value eq "ARRAY" ? @$value : ();
		@names{keys %$value} = () if ref $value eq "HASH";
	}
	collect(decode_json($_)) while <STDIN>;
	print "$_\n" for sort keys %names;' <"$work/report" >"$work/names"
more "$(wc -l <"$work/names")" 100 "report's JSON has members"
while read -r name; do
	grep -qw -- "$name" "$root/docs/man/thprace-report.1" || echo "$name"
done <"$work/names" >"$work/absent"
is "$(cat "$work/absent")" "" "... which thprace-report.1 names"

done_testing
