#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace provoke lets tasks wait between two instructions, which it finds in the code of the kernel that
# runs: smaps-migration ends with the kernel's BUG on Debian 11's kernel, and is closed on Debian 12's.
# And where a clock finds them.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

append=numa=fake=2
for suite in bullseye bookworm; do
	kernel $suite generic # with CONFIG_NUMA_EMU
	bug=()
	[ $suite != bullseye ] || bug=(--expect-bug)
	guest "$kernel" provoke-part.sh --file "$BPFTOOL" "${bug[@]}" \
		--file "$system/../../races/smaps-migration.race:/root/smaps-migration.race"
done
done_testing
