#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Debian's PREEMPT_RT kernels. They have no transparent huge pages, and so only one of the classes:
# hwpoison-unmap, whose window is a zap of small pages. 5.10 is open to it, 6.1 is not.

# shellcheck disable=SC2034 # of lib.sh
limit=2700
# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

# rt SUITE VERSION OUTCOME UNMAP
rt() {
	local status=0

	kernel=$("$vm/kernel" "$1" rt "$2" 2>"$work/kernel") || status=$?
	case $status in
	0) guest "$kernel" rt.sh --file "$BPFTOOL" --env "HWPOISON=$3" --env "UNMAP=$4" ;;
	3) skip "$1's PREEMPT_RT kernel $2" "the mirror does not have it" ;;
	*)
		ok 1 "tests/vm/kernel $1 rt $2" || diag "$(cat "$work/kernel")"
		;;
	esac
}

rt bullseye 5.10 open function
rt bookworm 6.1 closed calls
done_testing
