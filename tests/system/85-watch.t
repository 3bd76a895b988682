#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace check --watch: walks of splits carry PVMW_SYNC on Debian's stock kernel; on the lab's kernels
# (make lab) those of try_to_migrate lack it on the racy one, and carry it on the fixed one.

# shellcheck disable=SC2034 # of lib.sh: check reads an image three times in each guest
limit=1800
# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

# watch KERNEL WORD
watch() {
	guest "$1" watch.sh --file "$BPFTOOL" --file "$1:/root/image" --env "MIGRATE=$2"
}

kernel bookworm
watch "$kernel" fixed
for word in vulnerable fixed; do
	name=6.1-fixed
	[ "$word" = fixed ] || name=6.1-racy
	image=${THPRACE_BUILD:-$system/../../build}/lab/kernels/$name/vmlinuz
	if [ -r "$image" ]; then
		watch "$image" "$word"
	else
		skip "the walks of $name" "it is not built (make lab)"
	fi
done
done_testing
