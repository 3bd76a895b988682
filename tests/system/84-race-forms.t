#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Forms of thprace.race(5) that none of our races has, in a recording.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

kernel bookworm
guest "$kernel" race-forms.sh
done_testing
