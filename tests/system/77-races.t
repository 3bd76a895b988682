#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Real verifiers accept the instructions of race files' expressions: the tree's files, and each
# example of the manual.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

mkdir "$work/races"
"$system/../check/examples" "$system/../../docs/man/thprace.race.5" "$work/races"
cp "$system"/../../races/*.race "$system"/../races/*.race "$work/races"
# Those with only a [check].
grep -L '^\[w' "$work"/races/*.race | xargs -r rm
for suite in bullseye bookworm trixie; do
	kernel $suite
	guest "$kernel" races.sh --file "$work/races:/root/races"
done
done_testing
