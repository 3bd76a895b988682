#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Walks that end early: 6.16 to 6.19.8 visit the first mapping of a huge page that a fork shares,
# and split none. check reports the defect, from the code and as watched; each walker that record
# sees remained, and none escaped.

# shellcheck disable=SC2034 # of lib.sh
limit=1800
# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

# shared DEFECT SUITE FLAVOUR [VERSION]
shared() {
	local defect=$1 status=0

	shift
	kernel=$("$vm/kernel" "$@" 2>"$work/kernel") || status=$?
	case $status in
	0) guest "$kernel" shared.sh --file "$BPFTOOL" --file "$kernel:/root/image" --env "DEFECT=$defect" ;;
	3) skip "the walks of $*" "the mirror does not have it" ;;
	*)
		ok 1 "tests/vm/kernel $*" || diag "$(cat "$work/kernel")"
		;;
	esac
}

shared no bookworm cloud
shared yes trixie-backports cloud 6.17
shared no trixie-backports cloud
done_testing
