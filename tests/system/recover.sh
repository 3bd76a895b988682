# shellcheck shell=bash disable=SC2154 # $system, $vm, $kernel, $scripts and $work are lib.sh's
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel dies, its dump is recovered, and the trace is looked at. Sourced by the tests of thprace
# recover, after lib.sh.

thprace=${THPRACE_BUILD:-$system/../../build}/thprace

# crash [--arch ARCH] ARGUMENT...: a kernel dies in crash.sh; the dump is $work/core
crash() {
	local machine=()

	if [ "${1-}" = --arch ]; then
		machine=(--arch "$2")
		shift 2
	else
		machine=(--append "tsc=reliable clocksource=tsc")
	fi
	status=0
	rm -f "$work/core"
	"$vm/run" --kernel "$kernel" --mem 768 --modules qemu_fw_cfg --dump "$work/core" --quiet \
		--timeout 900 "${machine[@]}" --expect-bug \
		--file "$scripts/crash.sh:/root/crash.sh" \
		--file "$system/../races/truncate-unmap.race:/root/truncate-unmap.race" \
		-- sh crash.sh "$@" 2>"$work/stderr" >"$work/stdout" || status=$?
	is "$status" 0 "the kernel died: $*" || diag "$(tail -n 20 "$work/stderr")"
}

# recover DUMP [OPTION]...: in 5 s of CPU time; sets status; the trace is in $work/trace
recover() {
	status=0
	rm -f "$work/trace"
	(
		ulimit -S -t 5
		exec "$thprace" recover --output "$work/trace" "$@" >"$work/stdout" 2>"$work/stderr"
	) || status=$?
}

# number KEY: of the last JSON object of report's header
number() {
	"$thprace" report --format json "$work/trace" | sed -n "s/.*\"type\":\"header\".*\"$1\":\([0-9]*\).*/\1/p" |
		head -n 1
}

# whole NAME [RECORDS]: the trace has what the kernel knew. RECORDS: where they are
whole() {
	is "$status" 0 "$1: recovered" || diag "$(cat "$work/stderr")"
	"$thprace" report "$work/trace" >"$work/report"
	like "$work/report" "recovered from a crash dump" "$1: report says what it is"
	like "$work/report" "Kernel panic - not syncing: sysrq triggered crash" \
		"$1: the kernel's last words"
	ok "$([ "$(number windows)" -gt 0 ]; echo $?)" "$1: windows were counted"
	ok "$([ "$(number "${2-context_records}")" -gt 0 ]; echo $?)" "$1: records came out" ||
		diag "$(cat "$work/report")"
	"$thprace" dump "$work/trace" >"$work/records"
	like "$work/records" "walk-return" "$1: and walkers are among them"
}
