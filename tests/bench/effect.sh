# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest with a racy kernel: effect.sh SECONDS CLASS... What the kernel itself says of each class in so
# long with nothing attached, and what each mode of thprace sees and the kernel says then. The stressor's
# windows are held open between the clearing of the entry and the rmap removal, by a program that is not
# thprace's: without it an escape takes minutes. Prints lines for tests/bench/table:
#
#   effect RELEASE CLASS MODE SAID [walkers N failed N overlaps N contained N escapes N unattributed N unproven N]

seconds=$1
shift

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	tries=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		usleep 100000
	done
}

# gone PID
# shellcheck disable=SC2317 # called by wait_for
gone() {
	! kill -0 "$1" 2>/dev/null
}

# said: how often the kernel complained of an escape
said() {
	dmesg | grep -c "BUG: Bad page cache\|failed to unmap page\|VM_BUG_ON\|VM_WARN_ON"
}

# measure MODE COMMAND...: while it runs, for a while at most
measure() {
	mode=$1
	shift
	dmesg -c >/dev/null
	rm -f /tmp/effect.thpr
	"$@" >/tmp/said 2>&1 &
	wait_for $((seconds + 40)) gone $! || kill -KILL $!
	echo "effect $(uname -r) $class $mode $(said) $([ ! -s /tmp/effect.thpr ] ||
		thprace report --format json --incidents 0 /tmp/effect.thpr |
		grep "\"type\":\"class\",\"class\":\"$class\"" | grep -o \
			'"\(walkers\|failed\|overlaps\|contained\|escapes\|unattributed\|unproven\)":[0-9]*' |
		tr -d '"' | tr '\n:' '  ')"
}

# Where an escape kills a task in the kernel, the others tell of it. What it says on the console costs time.
echo 0 >/proc/sys/kernel/panic_on_oops
dmesg -n 1
# page_remove_rmap(page, compound) until 5.17, (page, vma, compound) from 5.18 on
case $(uname -r) in
5.*) sed -i "s/REMOVES_HUGE/(arg1 \& 0xff)/" /root/hold.bt ;;
*) sed -i "s/REMOVES_HUGE/(arg2 \& 0xff)/" /root/hold.bt ;;
esac
bpftrace /root/hold.bt >/tmp/hold 2>&1 &
hold=$!
wait_for 60 grep -q held /tmp/hold || {
	echo "note windows cannot be held: $(tail -n 1 /tmp/hold)"
	exit 1
}
for class; do
	measure nothing thprace-stress "$class" -d "$seconds"
	for mode in light precise; do
		measure "$mode" thprace record -q --mode "$mode" -o /tmp/effect.thpr -- \
			thprace-stress "$class" -d "$seconds"
	done
done
kill -INT "$hold"
wait_for 20 gone "$hold"
exit 0
