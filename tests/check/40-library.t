#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace check --all-races with the files of races/, on every kernel of tests/check/races that is
# built or fetched: the word of each race, from the image. A kernel that is not available is skipped
# by name; bullseye's and bookworm's cloud kernels are fetched.

set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${THPRACE_BUILD:-$root/build}

# shellcheck source=tests/system/tap.sh
. "$root/tests/system/tap.sh"

for suite in bullseye bookworm; do
	"$root/tests/vm/kernel" "$suite" cloud >/dev/null || echo "# no $suite kernel could be fetched"
done

# Each file of the library has a column.
races=$(sed -n 's/^# races: //p' "$here/races")
for file in "$root"/races/*.race; do
	name=$(basename "$file" .race)
	[[ " $races " == *" $name "* ]] || skip "$name" "it has no column in tests/check/races yet"
done

judged=0
while read -r kernel letters; do
	case $kernel in
	'' | '#'*) continue ;;
	esac
	image=$("$here/image" "$build" "$kernel") || {
		skip "$kernel" "it is not built or fetched"
		continue
	}
	judged=$((judged + 1))
	is "$("$here/words" "$build/thprace" "$root/races" "${races// /,}" "$image" 2>&1)" \
		"${letters//  / }" "$kernel"
done < <(tr -s ' ' <"$here/races")
more "$judged" 0 "at least one kernel was judged"
done_testing
