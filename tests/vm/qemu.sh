# shellcheck shell=bash disable=SC2154 # what it takes is the sourcing script's
# SPDX-License-Identifier: GPL-2.0-only
#
# qemu, from its start to its end, and whether KVM works. Sourced by tests/vm/run, which provides
# its options' variables and
#   $emulator     qemu's program
#   $build        the folder for what is kept
#   $tmp          folder for this guest; $tmp/initrd is booted, and the consoles are written there
#   $base         the initramfs that --userland replaces
#   $qemu         set to the process that boot() starts
#   $dump         file for the guest's memory; "": none
#   $nodes        how many NUMA nodes it has
#   $link         names of the sockets of its network card and of the other guest's; "": no card

# boot ACCEL CPU SECONDS [OPTION]...: starts qemu with $tmp/initrd; its process is in $qemu
boot() {
	local port node devices=("${@:4}") tty=ttyS0

	ulimit -c 0
	for port in console stdout stderr report; do
		devices+=(-chardev "file,id=$port,path=${tmp//,/,,}/$port,append=on")
		if [ "$arch" = arm64 ] && [ "$port" != console ]; then
			devices+=(-device "pci-serial,chardev=$port") # the machine has one port of its own
		else
			devices+=(-serial "chardev:$port")
		fi
	done
	if [ "$arch" = arm64 ]; then
		devices+=(-machine virt)
		tty=ttyAMA0
	fi
	if [ -e "$tmp/disk" ]; then
		devices+=(-drive "if=none,id=out,format=raw,cache=unsafe,file=${tmp//,/,,}/disk")
		devices+=(-device "nvme,drive=out,serial=thprace-out")
	fi
	if [ -n "${link-}" ]; then
		# Each guest's card has an address of its own. A frame for a guest that is not there is lost.
		devices+=(-netdev "dgram,id=link,local.type=unix,local.path=${link%%:*},remote.type=unix,remote.path=${link#*:}")
		devices+=(-device "virtio-net-pci,netdev=link,mac=$(link_address "${link%%:*}")")
	fi
	if [ "$nodes" -gt 1 ]; then
		for ((node = 0; node < nodes; node++)); do
			devices+=(-object "memory-backend-ram,id=mem$node,size=$((mem / nodes))M")
			devices+=(-numa "node,nodeid=$node,memdev=mem$node$( ((node)) || echo ",cpus=0-$((cpus - 1))")")
		done
	fi
	if [ -n "${dump-}" ]; then
		# It stops when the guest ends, and waits for tests/vm/memory.
		devices+=(-action shutdown=pause -qmp "unix:${tmp//,/,,}/qmp,server=on,wait=off")
		devices+=(-device vmcoreinfo)
	fi
	# It ends with this shell, even if that is killed.
	setpriv --pdeathsig TERM timeout --kill-after=5 "$3" \
		setpriv --pdeathsig KILL "$emulator" \
		-nodefaults -no-user-config -display none -no-reboot \
		-accel "$1" -cpu "$2" -smp "$cpus" -m "$((mem / nodes * nodes))" "${devices[@]}" \
		-kernel "$kernel" -initrd "$tmp/initrd" \
		-append "console=$tty 8250.nr_uarts=4 panic=-1 tsc=reliable clocksource=tsc oops=panic $append" \
		</dev/null >"$tmp/qemu" 2>&1 &
	qemu=$!
}

# link_address NAME: an Ethernet address, administered locally
link_address() {
	printf '%s' "$1" | sha256sum | sed 's/^\(..\)\(..\)\(..\)\(..\).*/52:54:\1:\2:\3:\4/'
}

# Seconds in which a guest starts its command, even on a busy machine: otherwise 3 to 20.
boot_limit=120

# began: has it started the command, or ended? False: it hangs. A process that ended is a zombie
# until the shell happens to take note of it.
began() {
	local until=$((SECONDS + boot_limit)) state

	while ! grep -q '^start' "$tmp/report" 2>/dev/null; do
		state=$(cut -d ' ' -f 3 "/proc/$qemu/stat" 2>/dev/null) || return 0
		[ "$state" != Z ] || return 0
		[ "$SECONDS" -lt "$until" ] || return 1
		sleep 0.2
	done
}

# qemu_ended: waits for it; timeout's status
qemu_ended() {
	local status=0

	if [ -S "$tmp/qmp" ]; then
		"$here/memory" "$tmp/qmp" "$dump" >&2 || kill "$qemu" 2>/dev/null || :
	fi
	wait "$qemu" || status=$?
	qemu=
	return "$status"
}

# KVM counts only after a guest ran with it: the device may exist and may even open where it does
# not work. The result is kept until the machine boots again or the device changes. Sets kvm to
# "yes" or to the reason against it.
probe_kvm() {
	local key kept=$build/vm/kvm report dump='' link=''

	if [ "$arch" = arm64 ] && [ "$(uname -m)" != aarch64 ]; then
		kvm="another kind of machine"
		return
	elif [ ! -e /dev/kvm ]; then
		kvm="no /dev/kvm"
		return
	elif [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
		kvm="no access to /dev/kvm"
		return
	fi
	key=$(cat /proc/sys/kernel/random/boot_id; stat -c '%a %u %g %t %T %Z' /dev/kvm; id -u)
	key=${key//$'\n'/ }
	if [ -r "$kept" ] && { read -r report && read -r kvm; } <"$kept" &&
		[ "$report" = "$key" ]; then
		return
	fi
	mkdir -p "$tmp/probe/thprace-vm"
	write_command "$tmp/probe/thprace-vm/command" true
	pack "$tmp/probe" "$tmp/probe.cpio"
	cat "$base" "$tmp/probe.cpio" >"$tmp/initrd"
	boot kvm host 5
	if qemu_ended 2>/dev/null && grep -q '^status 0' "$tmp/report"; then
		kvm=yes
	else
		kvm=$(sed -n 's/^qemu-system-[a-z0-9_]*: //; s/^error: //; /./ { p; q }' "$tmp/qemu")
		kvm=${kvm:-"a guest doesn't start with it"}
	fi
	rm -f "$tmp"/{console,stdout,stderr,report,initrd}
	printf '%s\n%s\n' "$key" "$kvm" >"$tmp/kvm"
	mv "$tmp/kvm" "$kept"
}
