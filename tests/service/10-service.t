#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The package on Debian 12 and its stock kernel: started, stressed, queried for metrics, stopped,
# removed and purged.

# shellcheck source=tests/service/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

kernel bookworm
service "$kernel" service.sh --file "$root/tests/complaints/46-memory-failure.log:/root/46-memory-failure.log"
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
