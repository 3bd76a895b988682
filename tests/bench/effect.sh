# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest with a racy kernel: effect.sh LIMIT SECONDS CLASS...
#
# First the probe effect: how long truncate-unmap, whose escapes the kernel itself complains of, takes to the
# first one (LIMIT seconds at most; 0: left out), with nothing attached and with each mode of thprace.
#
# Then, of each class: what the kernel says in so many SECONDS with nothing attached, and what each mode sees and
# the kernel says then. The stressor's windows are held open between the clearing of the entry and the
# rmap removal, by a program that is not thprace's, so that there are escapes in so short a time.
#
# Prints lines for tests/bench/table:
#
#   first RELEASE CLASS MODE SECONDS|none
#   effect RELEASE CLASS MODE SAID [walkers N failed N overlaps N contained N escapes N unattributed N unproven N]

limit=$1
shift
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

# now_ms: since boot
now_ms() {
	awk '{ printf "%d", $1 * 1000 }' /proc/uptime
}

# first MODE COMMAND...: while it runs, until the kernel complains
first() {
	mode=$1
	shift
	dmesg -c >/dev/null
	before=$(now_ms)
	"$@" >/tmp/said 2>&1 &
	pid=$!
	took=none
	while [ "$took" = none ] && ! gone "$pid"; do
		[ "$(said)" = 0 ] || took=$(($(now_ms) - before))
		usleep 50000
	done
	killall thprace-stress 2>/dev/null
	wait_for 20 gone "$pid" || kill -KILL "$pid"
	[ "$took" = none ] || took=$((took / 1000)).$(printf %03d $((took % 1000)))
	echo "first $(uname -r) truncate-unmap $mode $took"
}

# hold CLASS: its windows, from now on; sets holder
hold() {
	# page_remove_rmap(page, compound) until 5.17, (page, vma, compound) from 5.18 on
	case $(uname -r) in
	5.*) huge="(arg1 \\& 0xff)" ;;
	*) huge="(arg2 \\& 0xff)" ;;
	esac
	# A split is met at small pages, as is memory_failure.
	case $1 in
	split-migrate) set -- try_to_migrate 1 ;;
	split-unmap | hwpoison-unmap) set -- try_to_unmap 1 ;;
	*) set -- unmap_mapping_pages "$huge" ;;
	esac
	sed "s/WALKERS/$1/; s/HOLDS/$2/" /root/hold.bt >/tmp/hold.bt
	: >/tmp/hold
	bpftrace /tmp/hold.bt >/tmp/hold 2>&1 &
	holder=$!
	wait_for 60 grep -q held /tmp/hold || {
		echo "note windows cannot be held: $(tail -n 1 /tmp/hold)"
		exit 1
	}
}

# Where an escape kills a task in the kernel, the others tell of it. What it says on the console costs time.
echo 0 >/proc/sys/kernel/panic_on_oops
dmesg -n 1
if [ "$limit" != 0 ]; then
	first nothing thprace-stress truncate-unmap -d "$limit"
	for mode in light precise; do
		first "$mode" thprace record -q --mode "$mode" -o /tmp/effect.thpr -- \
			thprace-stress truncate-unmap -d "$limit"
	done
fi
for class; do
	hold "$class"
	measure nothing thprace-stress "$class" -d "$seconds"
	for mode in light precise; do
		measure "$mode" thprace record -q --mode "$mode" -o /tmp/effect.thpr -- \
			thprace-stress "$class" -d "$seconds"
	done
	kill -INT "$holder"
	wait_for 20 gone "$holder"
done
exit 0
