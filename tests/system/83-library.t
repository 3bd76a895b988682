#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The loads of races/ that no other test runs: each event of the race takes place, both sides meet, and a
# kernel with the fix has no escape. deferred-migrate is provoked: open on Debian 13's kernel, closed on
# sid's.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

for suite in trixie sid; do
	kernel $suite
	guest "$kernel" library.sh --nodes 2 --file "$system/../../races:/root/races"
done
done_testing
