#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A recording of more than 100,000 records with --all: none is lost, thprace record stays small, and
# the detector finds in them, one for one, the incidents that the kernel's programs reported.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

kernel bookworm
limit=1800
guest "$kernel" crosscheck.sh --file "$BPFTOOL"
done_testing
