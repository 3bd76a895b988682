#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An escape on the lab's racy kernels: its alert, which comes at once and is complete, and what an
# operator finds.

# shellcheck source=tests/service/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

# on KERNEL HOW CLASSES [OPTION]...
on() {
	local name=$1 image=$build/lab/kernels/$1/vmlinuz how=$2 classes=$3

	shift 3
	if [ ! -s "$image" ]; then
		echo "# $name is not there: 'make lab' builds it, in an hour"
		skip "an escape on $name: its alert" "NOT TESTED, no kernel $name: make lab"
		return
	fi
	service "$image" escape.sh --env "HOW=$how" --env "CLASSES=$classes" "$@"
}

# Splits escape at PTE level only, and only precise mode sees the windows there. On 5.10 the
# walker's own result is proof, and the kernel complains about each poisoned page that it could not
# unmap.
on 5.10-racy provoke "split-unmap hwpoison-unmap"
on 6.1-racy stress split-migrate
done_testing
