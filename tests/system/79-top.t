#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace top in a terminal of 80 columns and 24 lines, against a daemon at work: by keys, and by
# what is on the screen.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

tmux=$(command -v tmux) || {
	echo "Bail out! no tmux: make deps"
	exit 1
}
kernel bookworm
guest "$kernel" top.sh --file "$BPFTOOL" --file "$tmux" --file /lib/terminfo/s/screen:/lib/terminfo/s/screen \
	--file /usr/lib/locale/C.utf8:/usr/lib/locale/C.utf8
done_testing
