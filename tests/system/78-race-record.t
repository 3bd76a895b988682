#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Races from files are recorded: truncate-unmap as a file sees what the built-in class sees; and
# swapin-nocache proves the writes that Debian 11's kernel loses, and proves nothing on a fixed kernel.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

build=${THPRACE_BUILD:-$system/../../build}
mkdir "$work/races"
cp "$system/../../races/swapin-nocache.race" "$system"/../races/truncate-{learn,unmap}.race "$work/races"
for suite in bullseye bookworm; do
	kernel $suite
	guest "$kernel" race-record.sh --file "$work/races:/root/races" --modules "lzo-rle zram"
	for how in auto kprobe; do
		# How many are in one only depends on how far apart both stamps are on this machine.
		"$build/thprace" dump --format json "$work/out/same-$how.thpr" |
			"$system/../races/same" truncate-unmap >"$work/same"
		ok $? "$suite, $how: each pair is in both, unless it is none by the other's stamps" || diag "$(cat "$work/same")"
		echo "# $(head -n 1 "$work/same"); $(tail -n 1 "$work/same")"
	done
done
done_testing
