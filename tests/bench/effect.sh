# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest with a racy kernel.
#
# effect.sh first LIMIT TIMES CLASS [OPTION of thprace-stress]...
#   The probe effect: how long until the first escape about which the kernel itself complains, without
#   widening, with nothing attached, light, precise, nothing, …, each TIMES times, for at most LIMIT
#   seconds. From the stressor's start to the complaint, by the kernel's log.
#
# effect.sh sees SECONDS CLASS...
#   The kernel's complaints in SECONDS with nothing attached, and what each mode sees together with the
#   kernel's complaints then. The stressor's windows are held open between the clearing of the entry and
#   the rmap removal, by a program that is not thprace's, so that there are escapes in such a short time.
#
# effect.sh beside SECONDS CLASS...
#   Both modes in the same run, windows held open as for sees: of the failed walkers that precise mode
#   attributes, how many light mode attributes, to the same opener, to another, and how certainly.
#
# Prints lines for tests/bench/table:
#
#   first RELEASE CLASS MODE LIMIT SECONDS|none ROUNDS
#   effect RELEASE CLASS MODE SAID [walkers N failed N overlaps N contained N escapes N likely N remained N unattributed N
#     unproven N]
#   beside RELEASE CLASS attributed N proved N light N same N other N light-proved N cleared N

complaint='BUG: Bad page (cache|state)|failed to unmap page|VM_BUG_ON|VM_WARN_ON|kernel BUG at'

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

# run MODE SECONDS COMMAND...: with that attached
run() {
	mode=$1
	most=$2
	shift 2
	rm -f /tmp/effect.thpr
	[ "$mode" = nothing ] || set -- thprace record -q --mode "$mode" -o /tmp/effect.thpr -- "$@"
	"$@" >/tmp/said 2>&1 &
	wait_for $((most + 40)) gone $! || kill -KILL $!
}

# saw MODE: what the mode counted, and how often the kernel complained about an escape
saw() {
	dmesg -c >/dev/null
	run "$1" "$seconds" thprace-stress "$class" -d "$seconds"
	echo "effect $(uname -r) $class $mode $(dmesg | grep -cE "$complaint") $([ ! -s /tmp/effect.thpr ] ||
		thprace report --format json --incidents 0 /tmp/effect.thpr |
		grep "\"type\":\"class\",\"class\":\"$class\"" | grep -o \
			'"\(walkers\|failed\|overlaps\|contained\|escapes\|likely\|remained\|unattributed\|unproven\)":[0-9]*' |
		tr -d '"' | tr '\n:' '  ')"
}

# The incidents of failed walkers: thread, return, verdict, opener, certainty.
walkers_of() {
	thprace dump --format csv "$1" 2>/dev/null | awk -F, -v class="$class" '
		$1 == "incident" && $6 == class && $16 != "contained" { print $9, $3, $16, $26 + 0, $(NF) }'
}

# beside: one run in both modes. The failed walker is the same if thread and return agree within 20
# ms, because each observer stamps for itself. The observer whose programs ran last read first:
# light mode's, or a mapping that is removed while precise mode's program runs is gone for it.
beside() {
	rm -f /tmp/light.thpr /tmp/precise.thpr
	thprace record -q --mode precise -o /tmp/precise.thpr -- \
		thprace record -q --mode light -o /tmp/light.thpr -- \
		thprace-stress "$class" -d "$seconds" >/tmp/said 2>&1 || :
	walkers_of /tmp/light.thpr >/tmp/light
	walkers_of /tmp/precise.thpr >/tmp/precise
	awk -v release="$(uname -r)" -v class="$class" '
		FNR == NR { pid[++n] = $1; at[n] = $2; verdict[n] = $3; opener[n] = $4; how[n] = $5; next }
		{
			near = 0
			for (i = 1; i <= n; i++) {
				apart = at[i] > $2 ? at[i] - $2 : $2 - at[i]
				if (pid[i] == $1 && apart < 2e7 && (!near || apart < least)) {
					near = i
					least = apart
				}
			}
			if ($3 == "escape") {
				attributed++
				proved += $5 != "likely"
				if (near && verdict[near] == "escape") {
					light++
					same += opener[near] == $4
					other += opener[near] != $4
					light_proved += how[near] != "likely"
				}
			} else if (near && verdict[near] == "escape") {
				cleared++
			}
		}
		END {
			print "beside", release, class, "attributed", attributed + 0, "proved", proved + 0, "light",
				light + 0, "same", same + 0, "other", other + 0, "light-proved", light_proved + 0,
				"cleared", cleared + 0
		}' /tmp/light /tmp/precise
}

# first MODE: seconds until the kernel complains
first() {
	turn=$((turn + 1))
	# A record of the kernel's log: priority, number, µs, flags; and the message.
	awk -F '[,;]' -v mark="effect: $turn." -v complaint="$complaint" '
		index($0, mark) { start = $3 }
		start && $0 ~ complaint {
			printf "%.3f\n", ($3 - start) / 1e6
			system("killall thprace-stress")
			exit
		}' </dev/kmsg >/tmp/first 2>/dev/null &
	reader=$!
	mode=$1
	shift
	# shellcheck disable=SC2016 # the inner shell's
	run "$mode" "$limit" sh -c 'echo "effect: $0." >/dev/kmsg; exec thprace-stress "$@"' "$turn" -d "$limit" --seed "$turn" \
		"$@"
	kill "$reader" 2>/dev/null
	took=$(cat /tmp/first)
	echo "first $(uname -r) $class $mode $limit ${took:-none} $(sed -n 's/.* rounds \([0-9]*\),.*/\1/p' /tmp/said)"
}

# shellcheck disable=SC2317 # called by wait_for
holds() {
	grep -q held /tmp/hold || gone "$holder"
}

# hold: the class's windows, from now on; sets holder
hold() {
	case $class in
	# The mappings of an opener share a lock: a walker that comes before the last one's window
	# waits for the next, and overtakes the opener.
	truncate-unmap) set -- 1000 last ;;
	# Precise mode watches removals of small pages while memory_failure runs.
	hwpoison-unmap) set -- 100 ;;
	# At a huge mapping a split takes the lock (__split_huge_pmd), and is contained.
	split-unmap) set -- 1000 small ;;
	*) set -- 1000 ;;
	esac
	: >/tmp/hold
	/root/hold "$@" >/tmp/hold 2>&1 &
	holder=$!
	wait_for 60 holds
	grep -q held /tmp/hold || {
		echo "note windows cannot be held: $(tail -n 1 /tmp/hold)"
		exit 1
	}
}

# If an escape kills a task in the kernel, the other tasks report it. Messages on the console cost
# time.
echo 0 >/proc/sys/kernel/panic_on_oops
dmesg -n 1
what=$1
case $what in
first)
	limit=$2
	times=$3
	class=$4
	shift 4
	turn=0
	for _ in $(seq "$times"); do
		for mode in nothing light precise; do
			first "$mode" "$class" "$@"
		done
	done
	;;
sees)
	seconds=$2
	shift 2
	for class; do
		hold
		for mode in nothing light precise; do
			saw "$mode"
		done
		kill "$holder"
		wait_for 20 gone "$holder"
	done
	;;
beside)
	seconds=$2
	shift 2
	for class; do
		hold
		beside
		kill "$holder"
		wait_for 20 gone "$holder"
	done
	;;
esac
exit 0
