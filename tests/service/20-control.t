#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The control socket, reload, a CPU that goes offline and a step of the clock, on Debian 12's stock
# kernel.

# shellcheck source=tests/service/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

kernel bookworm
service "$kernel" control.sh --file "$scripts/malformed.pl:/root/malformed.pl"
done_testing
