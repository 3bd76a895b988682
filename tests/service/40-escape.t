#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An escape on the lab's racy kernels: its alert, at once and with everything, and what an operator finds.

# shellcheck source=tests/service/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

# on KERNEL CLASSES [OPTION]...
on() {
	local name=$1 image=$build/lab/kernels/$1/vmlinuz

	classes=$2
	shift 2
	if [ ! -s "$image" ]; then
		echo "# $name is not there: 'make lab' builds it, in an hour"
		skip "an escape on $name: its alert" "NOT TESTED, no kernel $name: make lab"
		return
	fi
	service "$image" escape.sh --env "CLASSES=$classes" "$@"
}

on 6.1-racy split-migrate
# The kernel complains of each escape of this class on its console: a bug, to tests/vm/run.
on 5.10-racy "split-unmap truncate-unmap" --expect-bug
done_testing
