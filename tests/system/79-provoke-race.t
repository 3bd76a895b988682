#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace provoke --race: swapin-nocache is open on Debian 11's kernel, and closed on Debian 12's; the
# window is held open in tasks of the command only.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

for suite in bullseye bookworm; do
	kernel $suite
	guest "$kernel" provoke-race.sh --modules "lzo-rle zram" --file "$BPFTOOL" \
		--file "$system/../../races/swapin-nocache.race:/root/swapin-nocache.race"
done
done_testing
