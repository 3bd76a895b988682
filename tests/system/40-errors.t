#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For each failure: one message that says what and why, the documented exit status, what was
# recorded is readable, and nothing stays attached to the kernel.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

"${CC:-cc}" -O2 -Wall -Wextra -Werror -o "$work/occupy" "$system/occupy.c" -lbpf ||
	skip_all "occupy.c can't be compiled"

kernel bookworm
guest "$kernel" errors.sh --file "$BPFTOOL" --file "$work/occupy"
append="lockdown=confidentiality" guest "$kernel" lockdown.sh --file "$BPFTOOL"
done_testing
