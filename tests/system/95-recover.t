#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Three stock kernels die while thprace records, thpraced watches or thprace provoke runs; thprace recover
# makes a trace of the dump, as qemu and as makedumpfile write it, and of damaged dumps one message.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=tests/system/recover.sh
. "${BASH_SOURCE[0]%/*}/recover.sh"

# three NAME: while each of the three programs runs, on $kernel
three() {
	crash
	recover "$work/core"
	whole "$1, thprace record"
	crash --daemon
	recover "$work/core"
	whole "$1, thpraced"
	crash --provoke
	recover "$work/core"
	whole "$1, thprace provoke"
}

status=0
kernel=$("$vm/kernel" trixie-backports 2>"$work/kernel") || status=$?
case $status in
0) three "the newest kernel" ;;
3) skip "the newest kernel" "the mirror does not have it" ;;
*) ok 1 "tests/vm/kernel trixie-backports" || diag "$(cat "$work/kernel")" ;;
esac

# 5.10 has no table of its names that a dump leads to.
kernel bullseye
three 5.10
# What thprace record had not read.
crash --unread --all
recover "$work/core"
whole "--all" records
"$thprace" report --format json "$work/trace" >"$work/json"
like "$work/json" "of --all: [0-9]* that were still in memory, [1-9][0-9]* not read before" \
	"--all: … that nobody had read"

kernel bookworm
three 6.1
crash --race ./truncate-unmap.race
recover "$work/core"
whole "ELF"
"$thprace" report --format json "$work/trace" >"$work/json"
of_race=$(sed -n 's/.*"type":"class","class":"truncate-unmap-file",.*"walkers":\([0-9]*\).*"overlaps":\([0-9]*\).*/\1 \2/p' \
	"$work/json")
ok "$([ "${of_race% *}" -gt 0 ]; echo $?)" "a race from a file: its walkers were counted" ||
	diag "$(cat "$work/report")"
ok "$([ "${of_race#* }" -gt 0 ]; echo $?)" "… and its incidents came out"
unlike "$work/report" "^    0x" "ELF: stacks have names"
cp "$work/records" "$work/records-elf"
for format in -c -l; do
	rm -f "$work/small"
	makedumpfile $format -d 31 "$work/core" "$work/small" >"$work/stdout" 2>&1 ||
		diag "$(cat "$work/stdout")"
	recover "$work/small"
	whole "makedumpfile $format -d 31"
	cmp "$work/records" "$work/records-elf"
	ok $? "makedumpfile $format -d 31: the same records and incidents as from the ELF core"
done

# What cannot be recovered: one line, and no file.
# fails NAME PATTERN
fails() {
	is "$status" 1 "$1: 1"
	like "$work/stderr" "$2" "$1: says why"
	is "$(wc -l <"$work/stderr")" 1 "$1: in one line"
	ok "$([ ! -e "$work/trace" ]; echo $?)" "$1: makes no file"
}
makedumpfile -F -c -d 31 "$work/core" >"$work/flat" 2>"$work/stdout"
recover "$work/flat"
fails "a flattened dump" "makedumpfile -R"
head -c 1000000 "$work/small" >"$work/cut"
recover "$work/cut"
fails "a dump that is cut off" "thprace recover: "
head -c 100000 /dev/urandom >"$work/noise"
recover "$work/noise"
fails "no dump" "no crash dump"
recover "$work/none"
fails "no file" "No such file"
recover "$work/small" --map "$work/noise"
fails "a file that is no System.map" "no System.map"
# A core that claims 4 TiB, all of it a hole: the reader's time is limited.
perl -e 'open my $f, ">:raw", $ARGV[0] or die; my $size = 1 << 42;
	print $f pack("C16 S<S<L< Q<Q<Q< L< S<S<S< S<S<S<", 0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, (0) x 9,
		4, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0);
	print $f pack("L<L<Q<Q<Q<Q<Q<Q<", 1, 7, 4096, 0xffff888000000000, 0, $size, $size, 0);
	truncate $f, 4096 + $size or die' "$work/endless"
recover "$work/endless"
fails "a dump without end" "too much CPU time"
# Bits are flipped everywhere: it ends, with a trace that can be read or with a message.
cp "$work/small" "$work/flipped"
perl -e 'srand 1; open my $f, "+<:raw", $ARGV[0] or die; my $size = -s $f;
	for (1 .. 2000) { my $at = 65536 + int rand($size - 65536); seek $f, $at, 0; read $f, my $byte, 1;
		seek $f, $at, 0; print $f chr(ord($byte) ^ 1 << int rand 8) }' "$work/flipped"
recover "$work/flipped"
ok "$([ "$status" = 1 ] || "$thprace" report "$work/trace" >"$work/report"; echo $?)" \
	"flipped bits: a message, or a trace that can be read"
done_testing
