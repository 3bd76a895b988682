#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Races from files are recorded: truncate-unmap as a file sees what the built-in class sees; and
# swapin-nocache proves the writes that Debian 11's kernel loses, and proves nothing on a fixed kernel.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

mkdir "$work/races"
cp "$system/../../races/swapin-nocache.race" "$system"/../races/truncate-{learn,unmap}.race "$work/races"
for suite in bullseye bookworm; do
	kernel $suite
	guest "$kernel" race-record.sh --file "$work/races:/root/races" --modules "lzo-rle zram"
done
done_testing
