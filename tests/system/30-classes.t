#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The classes that need more than a cloud kernel and tmpfs: memory_failure (generic kernel),
# invalidation of huge folios in the page cache (XFS); and a kernel that is not open to collapse-reuse.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

kernel bookworm generic
guest "$kernel" hwpoison.sh --file "$BPFTOOL"

kernel bookworm cloud
guest "$kernel" collapse.sh --file "$BPFTOOL"

mkfs=$(PATH=$PATH:/usr/sbin:/sbin command -v mkfs.xfs)
if [ -n "$mkfs" ]; then
	truncate -s 320M "$work/xfs"
	"$mkfs" -q "$work/xfs" && gzip -1 "$work/xfs"
	guest "$kernel" invalidate.sh --file "$BPFTOOL" --file "$work/xfs.gz" --modules "loop xfs"
else
	skip "invalidate-unmap" "no mkfs.xfs: install xfsprogs"
fi
done_testing
