#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel of the lab that runs no program at a kprobe that is a breakpoint, as 5.10 did until
# 5.10.17: there the functions are probed instead of their calls, and escapes are seen. And a
# stressor that hangs in the kernel, on the same kernel.

# shellcheck disable=SC2034 # of lib.sh
limit=2400
# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

image=${THPRACE_BUILD:-$system/../../build}/lab/kernels/5.10-racy-nmi/vmlinuz
[ -s "$image" ] || skip_all "the lab's 5.10-racy-nmi is not built: make lab"
xfs=$("$vm/xfs") || skip_all "no image of an XFS: make deps"
guest "$image" breakpoint.sh --file "$BPFTOOL" --file "$xfs:/root/xfs.gz"
done_testing
