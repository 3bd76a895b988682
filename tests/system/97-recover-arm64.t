#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A stock kernel for arm64 dies while thprace records and the stressor runs; thprace recover makes a
# trace of its dump, here. A dump without VMCOREINFO gives one message. Needs the programs of make arm64.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/system/recover.sh
. "${BASH_SOURCE[0]%/*}/recover.sh"

[ -x "${THPRACE_BUILD:-$system/../../build}/arm64/thprace" ] ||
	skip_all "no programs for arm64: make arm64 builds them"
status=0
kernel=$("$vm/kernel" --arch arm64 bookworm 2>"$work/kernel") || status=$?
[ "$status" != 3 ] || skip_all "the mirror does not have arm64"
is "$status" 0 "tests/vm/kernel --arch arm64 bookworm" || diag "$(cat "$work/kernel")"
crash --arch arm64
recover "$work/core"
# Only make arm64 makes these programs again.
if grep -q "of another build" "$work/stderr"; then
	skip "arm64: recovered" "its programs are of another build: make arm64"
	done_testing
	exit
fi
whole "arm64"
unlike "$work/report" "^    0x" "stacks have names"

# The note's name is in the file's head, before the kernel's memory.
perl -e 'open my $f, "+<:raw", $ARGV[0] or die; read $f, my $head, 1 << 16;
	my $at = index $head, "VMCOREINFO\0"; exit 1 if $at < 0; seek $f, $at, 0; print $f "X"' "$work/core"
is $? 0 "the dump has VMCOREINFO"
recover "$work/core"
is "$status" 1 "without it: 1"
like "$work/stderr" "needs VMCOREINFO" "… says why"
is "$(wc -l <"$work/stderr")" 1 "… in one line"
done_testing
