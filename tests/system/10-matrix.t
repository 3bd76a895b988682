#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every way of attaching in every mode records each class of the stressor: windows, walkers, overlaps,
# no escape, nothing lost, and the detector agrees with the kernel's programs.

# shellcheck disable=SC2034 # of lib.sh: six recordings
limit=2400
# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

kernel bookworm
guest "$kernel" matrix.sh --env ATTACH="auto fentry kprobe" --env MODE="light precise" \
	--file "$BPFTOOL"
done_testing
