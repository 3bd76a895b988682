#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Races on demand, on Debian's stock kernel, which has the fixes: closed, each on enough overlaps, for
# the three classes that a cloud kernel and tmpfs can bring together.

# shellcheck disable=SC2034 # of lib.sh
limit=2400
# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

kernel bookworm
guest "$kernel" provoke.sh --file "$BPFTOOL"
done_testing
