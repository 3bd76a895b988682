# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest with a kernel of the lab: provoke.sh SECONDS SEED CLASS... A line of JSON for each class.

seconds=$1
seed=$2
shift 2
release=$(uname -r)
# Where an escape kills a task in the kernel, the others tell of it; with DEBUG_VM it is to be the end.
case $release in
*-debug*) ;;
*) echo 0 >/proc/sys/kernel/panic_on_oops ;;
esac
for class; do
	dir=
	case $release:$class in
	6.*:invalidate-unmap)
		gunzip -c /root/xfs.gz >/tmp/xfs && mkdir -p /mnt/xfs &&
			mount -t xfs -o loop /tmp/xfs /mnt/xfs && dir="--dir /mnt/xfs"
		;;
	esac
	# shellcheck disable=SC2086 # words
	thprace provoke "$class" -d "$seconds" --seed "$seed" $dir --format json \
		--this-is-a-test-machine
done
exit 0
