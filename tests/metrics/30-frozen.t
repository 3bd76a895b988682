#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The types and labels of all metrics are those of frozen.list: docs/compatibility.md promises them.
# tests/lint/frozen.t has their names and their descriptions.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
here=$(cd "$(dirname "$0")" && pwd)

# NAME TYPE LABEL...
"$build/unit/test_metrics" --print | perl -ne '
	if (/^# TYPE (\S+) (\S+)/) {
		$name = $1;
		$type{$name} = $2;
	} elsif (/^thprace_\w+\{(.*)\} /) {
		$label{$name}{$1} = 1 while $_ =~ /[{,](\w+)="/g;
	}
	END { print join(" ", $_, $type{$_}, sort keys %{$label{$_}}), "\n" for sort keys %type }' >"$work/has"
more "$(wc -l <"$work/has")" 60 "the metrics are found"
grep -v '^#' "$here/frozen.list" >"$work/promised"
is "$(comm -13 "$work/has" "$work/promised")" "" "each that was promised is there, with its type and labels"
is "$(comm -23 "$work/has" "$work/promised")" "" "none is new: it gets a line in tests/metrics/frozen.list"
done_testing
