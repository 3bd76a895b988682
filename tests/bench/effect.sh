# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest with a racy kernel: effect.sh CLASS COMPLAINT SECONDS RUNS. How long the stressor takes to the
# first escape that the kernel itself complains of, with nothing attached and with each mode of thprace,
# and what thprace has seen by then. Prints lines for tests/bench/table.

class=$1
complaint=$2
seconds=$3
runs=$4

now_ms() {
	awk '{ printf "%d", $1 * 1000 }' /proc/uptime
}

# The stressor under what is given, until the kernel complains; sets took (s; "none within …")
escape() {
	dmesg -c >/dev/null
	before=$(now_ms)
	"$@" &
	pid=$!
	took=
	while [ -z "$took" ] && kill -0 "$pid" 2>/dev/null; do
		if dmesg | grep -q "$complaint"; then
			took=$(($(now_ms) - before))
			killall thprace-stress
		fi
		usleep 20000
	done
	wait "$pid"
	if [ -n "$took" ]; then
		took=$((took / 1000)).$(printf %03d $((took % 1000)))
	else
		took="none-within-$seconds-s"
	fi
}

echo 0 >/proc/sys/kernel/panic_on_oops
run=1
while [ "$run" -le "$runs" ]; do
	escape thprace-stress "$class" -d "$seconds" >/dev/null 2>&1
	echo "effect $(uname -r) $class nothing $took seen by the kernel's log alone"
	for mode in light precise; do
		escape thprace record -q --mode "$mode" -o /tmp/effect.thpr -- \
			sh -c "thprace-stress $class -d $seconds" >/dev/null 2>&1
		echo "effect $(uname -r) $class $mode $took $(thprace report --format json --incidents 0 \
			/tmp/effect.thpr | grep "\"class\":\"$class\"" | grep -o \
			'"\(walkers\|contained\|escapes\|unattributed\|unproven\)":[0-9]*' | tr -d '"' | tr '\n:' '  ')"
	done
	run=$((run + 1))
done
