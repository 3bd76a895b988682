#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace explain: each log of tests/complaints has the result stated in its head, in text and in
# JSON; the journal's formats, a folder of pstore, an image, and what cannot be read. Needs
# bookworm's cloud kernel.

set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${THPRACE_BUILD:-$root/build}
thprace=$build/thprace
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/system/tap.sh
. "$root/tests/system/tap.sh"

# explain ARGUMENT...: status, out and err
explain() {
	status=0
	"$thprace" explain "$@" >"$work/out" 2>"$work/err" || status=$?
}

for log in "$root"/tests/complaints/*.log; do
	name=${log##*/}
	grep -v '^#' "$log" >"$work/log"
	# "# expect: KIND: CLASS…" or "KIND: none (REASON)"
	sed -nE 's/^# expect: [^:]+: (none \(.*\)|[a-z -]+-[a-z-]+)(,.*)?$/\1/p' "$log" >"$work/expected"
	explain "$work/log"
	awk '
		/^[0-9]+\. / { if (line) print line; line = "" }
		$1 == "class" && $2 == "none:" { sub(/^ *class *none: /, ""); line = "none (" $0 ")" }
		$1 == "class" && $2 ~ /:$/ { sub(/:$/, "", $2); line = line (line ? " " : "") $2 }
		END { if (line) print line }' "$work/out" >"$work/found"
	is "$(cat "$work/found")" "$(cat "$work/expected")" "$name: the classes that its head says"
	is "$status" "$(grep -qv '^none' "$work/expected" && echo 3 || echo 0)" "... and the exit status"
	explain -f json "$work/log"
	is "$(grep -c '"type":"complaint"' "$work/out")" "$(wc -l <"$work/expected")" "... in JSON, too"
done

log=$root/tests/complaints/45-journal.log
"$thprace" explain <"$log" >"$work/out"
is $? 3 "standard input"
like "$work/out" '^1 complaint about pages, 1 of a race class: split-unmap 1$' "the first line is the answer"
like "$work/out" 'fixed in 5\.13 and 5\.10\.47 by 732ed55823fc' "where it is fixed"
like "$work/out" 'next +Check the image' "... and what to do without the image"
COLUMNS=60 "$thprace" explain "$log" >"$work/out"
is "$(awk 'length > 60' "$work/out")" "" "no line is wider than the terminal"

kernel=$("$root/tests/vm/kernel" bookworm cloud) && {
	explain -k "$kernel" "$log"
	is "$status" 3 "with an image"
	like "$work/out" '^  image +fixed: ' "... its own word and what shows it"
	like "$work/out" 'next +This image has the fix' "... and what to do"
	explain -k "$log" "$log"
	is "$status" 1 "what is no image is refused"
	is "$(wc -l <"$work/err")" 1 "... in one line"
}

mkdir "$work/pstore"
{
	echo 'Panic#1 Part1'
	grep -v '^#' "$log" | sed -n '4,$p'
} >"$work/pstore/dmesg-efi_pstore-170000000001001"
{
	echo 'Panic#1 Part2'
	grep -v '^#' "$log" | sed -n '1,3p'
} >"$work/pstore/dmesg-efi_pstore-170000000002001"
explain "$work/pstore"
is "$status" 3 "a folder of pstore: the newest part comes last"
like "$work/out" 'split-unmap 1$' "... and both are one block"
grep -v '^#' "$root/tests/complaints/46-memory-failure.log" >"$work/pstore/dmesg.txt"
explain "$work/pstore"
like "$work/out" 'hwpoison-unmap' "... and systemd-pstore's file has them all"
mkdir "$work/empty"
explain "$work/empty"
is "$status" 1 "a folder without a log"
like "$work/err" "^thprace explain: $work/empty: no dmesg" "... is named"
: >"$work/empty/dmesg-erst-1.enc.z"
explain "$work/empty"
like "$work/err" 'could not unpack' "a log that the kernel packed is named"

explain "$work/none"
is "$status" 1 "a file that is not there"
is "$(cat "$work/err")" "thprace explain: $work/none: No such file or directory" "... is named"
explain a b
is "$status" 2 "two files are one too many"
head -c 300000 /dev/urandom >"$work/random"
explain "$work/random"
is "$status" 0 "random bytes complain of nothing"
done_testing
