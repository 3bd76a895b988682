# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest with a kernel of the lab: provoke.sh SECONDS SEED CLASS... One line of JSON for each
# class.

seconds=$1
seed=$2
shift 2
release=$(uname -r)
# If an escape kills a task in the kernel, the other tasks report it. With DEBUG_VM it should be the
# end, and because the kernel does not notice each escape, it gets several.
times=1
case $release in
*-debug*) times=20 ;;
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
	for time in $(seq "$times"); do
		# shellcheck disable=SC2086 # words
		thprace provoke "$class" -d "$seconds" --seed $((seed + time - 1)) $dir --format json \
			--this-is-a-test-machine
	done
done
exit 0
