#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thpraced observes a race from a file, [observe] races=: on Debian 11's kernel it reports each write
# that swapin-nocache proves lost, as it happens.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

kernel bullseye
guest "$kernel" race-daemon.sh --modules "lzo-rle zram" \
	--file "$system/../../races/swapin-nocache.race:/etc/thprace/races.d/swapin-nocache.race"
guest "$kernel" race-shed.sh --file "$BPFTOOL"
kernel bookworm
guest "$kernel" race-shed.sh --file "$BPFTOOL"
done_testing
