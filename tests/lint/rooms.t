#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The check of the rooms finds what it should: an include and a symbol against the plan, a circle of
# files, a file without a room; and prints nothing for a tree that is as planned.

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/system/tap.sh
. "$here/../system/tap.sh"

mkdir -p "$work/docs" "$work/core/low" "$work/core/high" "$work/build/core/low" "$work/build/core/high"
cat >"$work/docs/architecture.md" <<'END'
<!-- rooms: begin -->
| room | what it answers | may use |
| --- | --- | --- |
| `core/low` | what is below | |
| `core/high` | what is above | `core/low` |
<!-- rooms: end -->
END

# file PATH LINE...: a source, and its object
file() {
	local path=$1

	shift
	printf '%s\n' "$@" >"$work/$path"
	[[ $path != *.c ]] || "${CC:-cc}" -I"$work/core" -c "$work/$path" -o "$work/build/${path%.c}.o"
}

# rooms STATUS NAME [REGEX]
rooms() {
	local status=0

	"$here/rooms" --root "$work" --build "$work/build" >"$work/out" 2>&1 || status=$?
	is "$status" "$1" "$2" || diag "$(cat "$work/out")"
	[ -z "${3-}" ] || like "$work/out" "$3" "... and says what"
}

file core/low/low.h 'int low(void);'
file core/low/low.c '#include "low.h"' 'int low(void) { return 1; }'
file core/high/high.h 'int high(void);'
file core/high/high.c '#include "low/low.h"' '#include "high.h"' 'int high(void) { return low(); }'
rooms 0 "as planned"

file core/low/low.c '#include "low.h"' '#include "high/high.h"' 'int low(void) { return 1; }'
rooms 1 "an include upward" 'core/low/low.c:2: includes high/high.h: core/low may use nothing, not core/high'

file core/low/low.c 'int high(void);' 'int low(void) { return high(); }'
rooms 1 "a symbol upward, without an include" 'core/low/low needs high of core/high/high'

file core/low/low.c '#include "low.h"' 'int other(void);' 'int low(void) { return other(); }'
file core/low/other.c '#include "low.h"' 'int other(void) { return low(); }'
rooms 1 "two files that need each other" 'a circle of objects: core/low/low -> core/low/other \(other\); core/low/other -> core/low/low \(low\)'
rm "$work/core/low/other.c"
rooms 0 "an object without a source is an earlier build's"

mkdir "$work/core/attic"
file core/attic/old.h 'int old(void);'
rooms 1 "a file in a room that the plan lacks" 'core/attic/old.h lies in no room of the plan'
rm -r "$work/core/attic"

# shellcheck disable=SC2016 # marks of Markdown
sed -i 's/| `core\/low` | what is below | |/| `core\/low` | what is below | `core\/high` |/' "$work/docs/architecture.md"
rooms 1 "a plan with a circle" 'the plan has a circle'
done_testing
