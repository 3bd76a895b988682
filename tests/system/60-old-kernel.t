#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The same programs on 5.10, the oldest supported kernel: pages where later ones have folios, other
# function names, no try_to_migrate, no counts of missed runs. And collapse-reuse, which cannot
# happen on any later kernel that is tested.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

kernel bullseye
guest "$kernel" old-kernel.sh --file "$BPFTOOL"
guest "$kernel" collapse-reuse.sh --file "$BPFTOOL"
done_testing
