# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For tests on the host, which boot guests: sourced by tests/system/*.t. The guest's scripts print
# TAP as well; `guest' passes it on as tests of this file.

set -u
export LC_ALL=C

system=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
vm=$system/../vm
# The guests' scripts, and their time limit, which is only for hangs; tests/service has its own.
scripts=${scripts:-$system/guest}
limit=${limit:-2700}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/system/tap.sh
. "$system/tap.sh"

# skip_all REASON: ends the file
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# kernel SUITE [FLAVOUR]: sets kernel
# shellcheck disable=SC2034 # for those who source this
kernel() {
	kernel=$("$vm/kernel" "$@" 2>"$work/kernel") || {
		sed 's/^/# /' "$work/kernel"
		echo "Bail out! no kernel: tests/vm/kernel $*"
		exit 1
	}
}

# guest KERNEL SCRIPT [OPTION OF tests/vm/run]...: boots and runs $scripts/SCRIPT; its tests count
# here. The guest's /out is copied to $work/out. Its clock is the TSC: under emulation, reading the
# clock that the kernel would choose costs a hundred times as much.
guest() {
	local image=$1 script=$2 status=0

	shift 2
	rm -rf "$work/out"
	"$vm/run" --kernel "$image" --append "tsc=reliable clocksource=tsc ${append-}" \
		--timeout "$limit" --quiet --out "$work/out" --file "$system/tap.sh:/root/tap.sh" \
		--file "$scripts/common.sh:/root/common.sh" --file "$scripts/$script:/root/$script" "$@" \
		-- sh "$script" 2>"$work/stderr" </dev/null | tee "$work/tap" |
		renumber "$tap_count"
	status=${PIPESTATUS[0]}
	tap_count=$((tap_count + $(grep -cE '^(not )?ok ' "$work/tap")))
	is "$status" 0 "$script ended well in the guest" || diag "$(cat "$work/stderr")"
	is "$(sed -n 's/^1\.\.//p' "$work/tap")" "$(grep -cE '^(not )?ok ' "$work/tap")" \
		"$script got to its end"
}

# renumber FIRST: TAP without its plan, numbered from FIRST + 1
renumber() {
	sed -u '/^1\.\.[0-9]*$/d' | awk -v n="$1" '
		/^(not )?ok / { sub(/ok [0-9]+/, "ok " ++n) }
		{ print; fflush() }'
}

# bpftool lists what stays in the kernel; the build needs it too.
BPFTOOL=$(command -v "${BPFTOOL:-bpftool}") || skip_all "no bpftool"
