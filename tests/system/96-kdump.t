#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A stock kernel dies while thprace records and the stressor runs; its crash kernel, loaded with
# kexec, saves /proc/vmcore by makedumpfile, and thprace recover makes a trace of that.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

thprace=${THPRACE_BUILD:-$system/../../build}/thprace

kernel bookworm
status=0
"$vm/run" --kernel "$kernel" --mem 1024 --out "$work/out" --quiet --timeout 900 \
	--append "tsc=reliable clocksource=tsc crashkernel=320M" --expect-bug \
	--file "$kernel:/root/vmlinuz" --file /usr/sbin/kexec --file "$(command -v makedumpfile)" \
	--file "$scripts/crash.sh:/root/crash.sh" --file "$scripts/kdump.sh:/root/kdump.sh" \
	-- sh kdump.sh 2>"$work/stderr" >"$work/stdout" || status=$?
is "$status" 0 "the kernel died" || diag "$(tail -n 20 "$work/stderr")"
like "$work/out/console.log" "Kernel panic - not syncing: sysrq triggered crash" "… of sysrq-c"
ok "$([ -s "$work/out/dump" ]; echo $?)" "its crash kernel saved a dump" ||
	diag "$(cat "$work/stdout"; tail -n 40 "$work/out/console.log")"

status=0
"$thprace" recover --output "$work/trace" "$work/out/dump" >"$work/stdout" 2>"$work/stderr" ||
	status=$?
is "$status" 0 "it is recovered" || diag "$(cat "$work/stderr")"
"$thprace" report "$work/trace" >"$work/report"
like "$work/report" "recovered from a crash dump" "report says what it is"
like "$work/report" "last words: Kernel panic - not syncing: sysrq triggered crash" \
	"the kernel's last words"
unlike "$work/report" "^    0x" "stacks have names"
"$thprace" dump "$work/trace" >"$work/records"
like "$work/records" "walk-return" "flight records came out"
done_testing
