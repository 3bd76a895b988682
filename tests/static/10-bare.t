#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The static programs on a kernel that has nothing else: an initramfs with them and a first process,
# no shell, no library, no folder. Those for arm64 too, if `make static-arm64' has been.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
here=$(cd "$(dirname "$0")" && pwd)
qemu=
trap 'kill $qemu 2>/dev/null; rm -rf "$work"' EXIT

# root_of ARCH COMPILER...: fills $work/ARCH.root with everything that the guest has
root_of() {
	local arch=$1 root=$work/$1.root group

	shift
	mkdir -p "$root/etc"
	cp "$build/static/$arch"/thprace{,d,-stress} "$root/"
	printf 'root:x:0:0:root:/:/\n' >"$root/etc/passwd"
	printf 'root:x:0:\nwatchers:x:77:\n' >"$root/etc/group"
	# A machine's own modules would be loaded, and fit no other glibc: here who opens one waits for ever.
	mkdir -p "$root"/lib/{x86_64,aarch64}-linux-gnu
	mkfifo "$root"/lib/{x86_64,aarch64}-linux-gnu/libnss_systemd.so.2
	printf 'passwd: systemd sss files\ngroup: systemd sss files\n' >"$root/etc/nsswitch.conf"
	for group in watchers others; do
		printf '[spool]\ndirectory = /spool-%s\n[metrics]\ntextfile = none\n[control]\n' "$group"
		printf 'socket = /%s.sock\ngroup = %s\n' "$group" "$group"
	done >"$work/conf"
	head -n 7 "$work/conf" >"$root/watchers.conf"
	tail -n 7 "$work/conf" >"$root/others.conf"
	cat >"$root/commands" <<-'END'
		/thprace --version
		/thprace probes
		/thprace record -q -o /run.thpr -- /thprace-stress split-unmap -d 3
		/thprace report --color never /run.thpr
		/thprace recover -o /no.thpr /thprace
		&/thpraced -c /watchers.conf
		?/thprace status --socket /watchers.sock
		.
		&/thpraced -c /others.conf
		?/thprace status --socket /others.sock
		.
	END
	"$@" -std=gnu11 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -static -o "$root/init" "$here/init.c"
}

# boot ARCH KERNEL TTY OPTION...: the console goes to $work/ARCH
boot() {
	local arch=$1 kernel=$2 tty=$3 emulator

	shift 3
	emulator=$(THPRACE_BUILD=$build "$root/tests/vm/emulator" "$arch") || return
	(cd "$work/$arch.root" && find . | cpio --create --format=newc --quiet --owner=0:0) >"$work/initrd"
	timeout --kill-after=5 600 "$emulator" -nodefaults -no-user-config -display none -no-reboot -smp 2 -m 1024 "$@" \
		-serial "file:$work/raw" -kernel "$kernel" -initrd "$work/initrd" \
		-append "console=$tty panic=-1 tsc=reliable clocksource=tsc quiet" </dev/null >"$work/qemu" 2>&1 &
	qemu=$!
	wait "$qemu" || diag "$(cat "$work/qemu")"
	qemu=
	sed 's/\r*$//' "$work/raw" >"$work/$arch"
}

# said ARCH COMMAND: its output, the last time that it ran, to $work/said
said() {
	awk -v command="begin $2" 'index($0, command) == 1 { text = ""; inside = 1 } inside { text = text $0 "\n" }
		/^end / { inside = 0 } END { printf "%s", text }' "$work/$1" >"$work/said"
}

# ends ARCH COMMAND STATUS NAME: the command's status
ends() {
	said "$1" "$2"
	is "$(sed -n 's/^end //p' "$work/said")" "$3" "$4" || diag "$(tail -n 15 "$work/said")"
}

# check ARCH: what the console of that guest says
check() {
	local arch=$1

	like "$work/$arch" '^done$' "$arch: the guest ran all commands" || return
	unlike "$work/$arch" '^cannot run|SIGSEGV|segfault' "$arch: each could be run"
	ends "$arch" "/thprace --version" 0 "$arch: thprace --version"
	ends "$arch" "/thprace probes" 0 "$arch: thprace probes"
	like "$work/said" 'zap_huge_pmd' "$arch: ... finds functions of the kernel"
	ends "$arch" "/thprace record" 0 "$arch: thprace record, with the stressor as its command"
	ends "$arch" "/thprace report" 0 "$arch: thprace report of that trace"
	like "$work/said" '^no escape' "$arch: ... has the answer"
	ends "$arch" "/thprace recover" 1 "$arch: thprace recover fails"
	like "$work/said" 'built without libkdumpfile' "$arch: ... and says why"
	ends "$arch" "/thprace status --socket /watchers.sock" 0 "$arch: thprace asks thpraced"
	like "$work/said" 'split-unmap' "$arch: ... which observes"
	unlike "$work/$arch" "no group 'watchers'" "$arch: thpraced reads /etc/group, whatever nsswitch.conf says"
	like "$work/$arch" "no group 'others'" "$arch: ... and misses a group that is not there"
	ends "$arch" "." 0 "$arch: thpraced ends by SIGTERM"
}

for arch in amd64 arm64; do
	for program in thprace thpraced thprace-stress; do
		file=$build/static/$arch/$program
		[ -x "$file" ] || continue
		readelf --program-headers --dynamic "$file" >"$work/elf" 2>&1
		unlike "$work/elf" 'NEEDED|INTERP' "$arch: $program needs no library"
		readelf --sections "$file" >"$work/elf" 2>&1
		unlike "$work/elf" 'debug_info' "$arch: $program is stripped"
		passes "$arch: there is $program with symbols" test -x "$build/static/$arch/debug/$program"
	done
done

if [ -x "$build/static/amd64/thpraced" ]; then
	kernel=$(THPRACE_BUILD=$build "$root/tests/vm/kernel" bookworm) && root_of amd64 gcc &&
		boot amd64 "$kernel" ttyS0 -cpu max -accel tcg
	check amd64
fi
if [ -x "$build/static/arm64/thpraced" ]; then
	kernel=$(THPRACE_BUILD=$build "$root/tests/vm/kernel" --arch arm64 bookworm) &&
		root_of arm64 aarch64-linux-gnu-gcc --sysroot="$build/arm64/sysroot" &&
		boot arm64 "$kernel" ttyAMA0 -machine virt -cpu max -accel tcg
	check arm64
else
	skip "arm64 on a bare kernel" "no programs: make static-arm64"
fi
done_testing
