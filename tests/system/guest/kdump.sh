#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel that dies while thprace records, and its crash kernel, which boots this guest's own
# initramfs and saves the dump: kdump.sh, there kdump.sh --save.

if [ "${1-}" = --save ]; then
	exec makedumpfile -c -d 31 /proc/vmcore /out/dump
fi
echo 'set -- sh kdump.sh --save' >/thprace-vm/command
cd / || exit
find . -xdev | cpio -o -H newc >/tmp/kdump.cpio 2>/dev/null || exit
kexec -s -p /root/vmlinuz --initrd=/tmp/kdump.cpio \
	--append="console=ttyS0 8250.nr_uarts=4 panic=-1 nr_cpus=1 irqpoll reset_devices" || exit
rm /tmp/kdump.cpio
cd /root && exec sh crash.sh
