# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# agree.sh CLASS:SECONDS...: check's result for this kernel, from its image in /root/image, and
# provoke's result for each class; one line of JSON each. The kernel may die, so nothing is kept for
# the end.

mkdir -p /boot && mv /root/image "/boot/vmlinuz-$(uname -r)"
case $(uname -r) in
*-debug*) ;; # is to die of it
*) echo 0 >/proc/sys/kernel/panic_on_oops ;;
esac
thprace check --format json
for one; do
	thprace provoke "${one%:*}" -d "${one#*:}" --format json --this-is-a-test-machine
done
exit 0
