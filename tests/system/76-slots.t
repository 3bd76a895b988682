#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A user chooses threads with similar numbers, and zaps with them: this causes no loss.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

"${CC:-cc}" -O2 -Wall -Wextra -Werror -static -pthread -o "$work/flood" "$system/flood.c" || {
	echo "Bail out! flood.c can't be compiled"
	exit 1
}
kernel bookworm
guest "$kernel" slots.sh --file "$work/flood"
done_testing
