# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For tests that boot no guest: sourced first by tests/package/*.t and others. Sets root, the tree; build,
# with the programs, which are found first; and work, a folder that is removed at the end.

set -u
export LC_ALL=C

root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
build=$(cd "$root" && realpath "${THPRACE_BUILD:-build}")
export PATH=$build:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/system/tap.sh
. "$root/tests/system/tap.sh"
