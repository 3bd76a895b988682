#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The loads of races/ that no other test runs: each event of the race takes place, both sides meet, and a
# kernel with the fix has no escape. Provoked are deferred-migrate, open on Debian 13's kernel and closed
# on sid's; deferred-swapout, open on Debian 12's; and split-evict, open on 6.17. offline-hwpoison ends
# Debian 11's kernel by a BUG of its own.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

races=(--file "$system/../../races:/root/races" --file "$BPFTOOL")
for suite in trixie sid; do
	kernel $suite
	guest "$kernel" library.sh --nodes 2 "${races[@]}"
done
kernel bookworm
guest "$kernel" library.sh --modules "lzo-rle zram" "${races[@]}"
kernel trixie-backports cloud 6.17
guest "$kernel" library.sh --modules "lzo-rle zram" "${races[@]}"

# The load has to hold on until the kernel ends: a guest that ends by itself is none.
kernel bullseye generic
"$vm/run" --kernel "$kernel" --quiet --append "movablecore=512M" --timeout "$limit" \
	--expect-bug --out "$work/poison" -- thprace-stress offline-hwpoison -d 1h \
	>"$work/stdout" 2>"$work/stderr" </dev/null
is $? 0 "offline-hwpoison: the kernel ends" || diag "$(cat "$work/stdout" "$work/stderr")"
like "$work/poison/console.log" "kernel BUG at include/linux/swapops.h" "... by the BUG that its file names"
done_testing
