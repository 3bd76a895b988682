#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Provoked races on Debian's stock kernel, which has the fixes: closed, each based on enough
# overlaps, for the three classes that need only a cloud kernel and tmpfs.

# shellcheck disable=SC2034 # of lib.sh
limit=2400
# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

kernel bookworm
guest "$kernel" provoke.sh --file "$BPFTOOL"
done_testing
