#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The package on Debian 12 and its stock kernel: started, stressed, queried for metrics, upgraded under
# load, stopped, removed and purged. THPRACE_OLDER: a folder with packages of an older version, for the
# upgrade; by default these ones get a lower version.

# shellcheck source=tests/service/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

# older DEB: the same package with a lower version
older() {
	dpkg-deb -R "$1" "$work/older" &&
		sed -i 's/^Version: .*/&~older/' "$work/older/DEBIAN/control" &&
		dpkg-deb --root-owner-group -b "$work/older" "$work/debs/${1##*/}" >"$work/dpkg-deb" &&
		rm -r "$work/older"
}

mkdir "$work/debs" "$work/old-spool"
for deb in "$build"/deb/thprace_*.deb "$build"/deb/thprace-tests_*.deb; do
	[ -n "${THPRACE_OLDER-}" ] || older "$deb" || exit 1
done
[ -z "${THPRACE_OLDER-}" ] || cp "$THPRACE_OLDER"/thprace_*.deb "$THPRACE_OLDER"/thprace-tests_*.deb "$work/debs"
for file in "$root"/tests/traces/spool-v1/*; do
	name=${file##*/}
	if [ "$name" = "${name%.hex}" ]; then
		cp "$file" "$work/old-spool"
	else
		perl -ne 'chomp; print pack "H*", $_' "$file" >"$work/old-spool/${name%.hex}"
	fi
done

kernel bookworm
service "$kernel" service.sh --file "$scripts/upgrade.sh:/root/upgrade.sh" --file "$work/debs:/root/older" \
	--file "$work/old-spool:/root/old-spool" --file "$root/tests/complaints/46-memory-failure.log:/root/46-memory-failure.log"
promtool=$("$root/tests/metrics/promtool" 2>"$work/promtool") || {
	sed 's/^/# /' "$work/promtool"
	echo "Bail out! no promtool: tests/metrics/promtool"
	exit 1
}
for name in socket textfile; do
	"$promtool" check metrics <"$work/out/$name.prom" >"$work/said" 2>&1
	is "$?" 0 "promtool accepts the metrics ($name)" || diag "$(cat "$work/said")"
done
done_testing
