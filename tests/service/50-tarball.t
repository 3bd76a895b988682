#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tarball of static programs: installed, run as a service, upgraded and removed by its script,
# on Debian 12's stock kernel with systemd.

# shellcheck source=tests/service/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
shopt -s nullglob

tarballs=("$build"/tarball/thprace-*-amd64.tar.gz)
if [ ${#tarballs[@]} != 1 ]; then
	echo "Bail out! ${#tarballs[@]} tarballs in $build/tarball: make tarball-amd64"
	exit 1
fi
kernel bookworm
userland=$("$vm/userland" 2>"$work/userland") || {
	sed 's/^/# /' "$work/userland"
	echo "Bail out! no userland: tests/vm/userland"
	exit 1
}
guest "$kernel" tarball.sh --userland "$userland" --file "${tarballs[0]}:/root/tarball.tar.gz"
done_testing
