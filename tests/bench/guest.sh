#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of the benchmark that runs in a guest: the workloads with nothing attached, then with
# each contestant in turn, repeatedly. Prints lines of words for tests/bench/table:
#
#   sample CONTESTANT ROUND WORKLOAD NS         one operation; contestant "off" comes before each other
#   ready CONTESTANT ROUND MS CPU_MS            from its start until it watches, and its CPU time for that
#   gone CONTESTANT ROUND MS                    from the request to end until its process has ended
#   loss CONTESTANT MADE DELIVERED LOST TEXT    in the storm
#   memory CONTESTANT POSSIBLE_CPUS RSS_KIB BPF_KIB
#   version TEXT
#
# Contestants race-N are thprace record with N races from files.
#
# In the environment: ROUNDS, CONTESTANTS, WORKS ("name:operations …"), STORM (ms, 0: none), KEEP
# (1: leave the traces of the storm in /out).

here=/root
tmp=/tmp/bench
mkdir -p "$tmp"
PATH=$PATH:/root
export PATH

now_ms() {
	awk '{ printf "%d", $1 * 1000 }' /proc/uptime
}

# has FUNCTION: does this kernel have it?
has() {
	grep -q " [tT] $1\$" /proc/kallsyms
}

# wait_for COMMAND...: until it succeeds, or $pid has ended, or a long time has passed
wait_for() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 6000 ] && kill -0 "$pid" 2>/dev/null || return 1
		usleep 20000
	done
}

# The functions of light mode that this kernel has, for tools that need names.
functions=
for function in zap_huge_pmd __pmd_trans_huge_lock try_to_unmap try_to_migrate truncate_cleanup_folio \
	invalidate_inode_pages2_range unmap_mapping_folio memory_failure filemap_unaccount_folio \
	collapse_file; do
	! has "$function" || functions="$functions $function"
done
for split in __folio_split split_huge_page_to_list_to_order split_huge_page_to_list; do
	! has "$split" || break
done
functions="$functions $split"

# shellcheck disable=SC2016 # $folio is bpftrace's
# The position of a folio's flag for "large" and of its mapcount; see bpf/folio.bpf.h.
case $(uname -r) in
5.* | 6.1.*)
	head=16
	mapcount='((struct page *)($folio + 64))->compound_mapcount.counter'
	;;
*)
	head=6
	mapcount='((struct folio *)$folio)->_large_mapcount.counter'
	;;
esac
sed -e "s/PG_HEAD/$head/; s/MAPCOUNT/$mapcount/; s/SPLIT/$split/" "$here/watch.bt" >"$tmp/watch.bt"
for function in collapse_file unmap_mapping_folio truncate_cleanup_folio; do
	has "$function" || echo "note this kernel has no $function"
done

# This shell holds it open, so that nobody waits in open().
mkfifo "$tmp/go"
exec 3<>"$tmp/go"
hold="touch $tmp/ready; read -r x <$tmp/go"

# races N: options for so many races, each a copy of bench.race
races() {
	race=1
	while [ "$race" -le "$1" ]; do
		sed "s/NAME/bench-$race/" "$here/bench.race" >"$tmp/bench-$race.race"
		printf ' --race %s' "$tmp/bench-$race.race"
		race=$((race + 1))
	done
}

# begin CONTESTANT WHY: starts it and waits until it watches; its process is in $pid
begin() {
	rm -f "$tmp/ready" "$tmp"/trace.* "$tmp"/perf.* "$tmp"/out
	before=$(now_ms)
	case $1 in
	service)
		rm -rf /var/lib/thprace /run/thprace
		mkdir -p /var/lib/thprace /run/thprace
		thpraced --log-target=stderr 2>"$tmp/err" &
		pid=$!
		wait_for test -S /run/thprace/control.sock # asking it would take its time
		;;
	light) thprace record -q -o "$tmp/trace.thpr" -- sh -c "$hold" 2>"$tmp/err" & pid=$! ;;
	precise)
		thprace record -q --mode precise -o "$tmp/trace.thpr" -- sh -c "$hold" 2>"$tmp/err" &
		pid=$!
		;;
	all) thprace record -q --all -o "$tmp/trace.thpr" -- sh -c "$hold" 2>"$tmp/err" & pid=$! ;;
	all-precise)
		thprace record -q --all --mode precise -o "$tmp/trace.thpr" -- sh -c "$hold" 2>"$tmp/err" &
		pid=$!
		;;
	race-*)
		# shellcheck disable=SC2046 # words
		thprace record -q $(races "${1#race-}") -o "$tmp/trace.thpr" -- sh -c "$hold" 2>"$tmp/err" &
		pid=$!
		;;
	bpftrace)
		bpftrace --unsafe -o "$tmp/out" "$tmp/watch.bt" "$2" 2>"$tmp/err" &
		pid=$!
		;;
	trace-cmd)
		# shellcheck disable=SC2046,SC2086 # words
		trace-cmd record -q -p function $(printf ' -l %s' $functions) -o "$tmp/trace.dat" \
			sh -c "$hold" >"$tmp/out" 2>"$tmp/err" &
		pid=$!
		;;
	perf)
		# shellcheck disable=SC2046 # words
		perf record -q -a -g $(cat "$tmp/events") -o "$tmp/perf.data" -- sh -c "$hold" \
			>"$tmp/out" 2>"$tmp/err" &
		pid=$!
		;;
	esac
	case $1 in
	service) ;;
	*) wait_for test -e "$tmp/ready" ;;
	esac
	after=$(now_ms)
	# shellcheck disable=SC2046 # words
	set -- "$1" $(cut -d' ' -f14,15 "/proc/$pid/stat" 2>/dev/null)
	[ $# = 3 ] || {
		echo "note $1 did not start: $(cat "$tmp/out" "$tmp/err" 2>/dev/null | tail -n 3 | tr '\n' ' ')"
		return 1
	}
	started=$((($2 + $3) * 10))
	echo "ready $1 ${round:-0} $((after - before)) $started"
}

# CPU time of the children that were waited for, ms
children_ms() {
	# shellcheck disable=SC2046 # words
	set -- $(cut -d' ' -f16,17 /proc/$$/stat)
	echo $((($1 + $2) * 10))
}

# A contestant that does not end within this many seconds of a storm is killed, so that the others
# still get figures.
patience=100

impatient() {
	sleep "$patience"
	echo "note $1 did not end within $patience s, and was killed; its processes:"
	touch "$tmp/killed"
	ps -o pid,stat,args | awk -v name="$1" '$3 ~ name && n++ < 5 { print "note", $0 }'
	kill -KILL "$pid"
	killall -KILL "$1" 2>/dev/null
	echo nop >/sys/kernel/tracing/current_tracer
}

# end CONTESTANT: and waits for it
end() {
	killer=
	# Not if instructions are counted: an idle process that is not needed any more would be
	# counted too.
	[ "$round" != storm ] || {
		impatient "$1" &
		killer=$!
	}
	cpu=$(children_ms)
	before=$(now_ms)
	case $1 in
	service) kill -TERM "$pid" ;;
	bpftrace) kill -INT "$pid" ;;
	*) echo go >&3 ;;
	esac
	wait "$pid"
	[ -z "$killer" ] || kill "$killer" 2>/dev/null
	after=$(now_ms)
	echo "gone $1 ${round:-0} $((after - before)) $(($(children_ms) - cpu - started))"
}

measure() {
	for work in $WORKS; do
		ns=$(work "${work%:*}" "${work#*:}") || ns=failed
		echo "sample $1 $round $work $ns"
	done
}

# number NAME: a member of JSON on stdin
number() {
	grep -o "\"$1\": *[0-9]*" | head -n 1 | grep -o '[0-9]*$'
}

# told_by FILE: made, delivered, lost, from thprace's own counters, and the number of windows
told_by() {
	seen=$(number seen <"$1")
	filtered=$(number filtered <"$1")
	echo "$((seen - filtered)) $(number submitted <"$1") $(number lost <"$1")" \
		"records; $(number windows <"$1") windows of about $made"
}

loss_of() {
	case $1 in
	service)
		thprace status --format json >"$tmp/report" 2>/dev/null
		echo "loss service $(told_by "$tmp/report")"
		;;
	light | precise | all*)
		thprace report --format json --incidents 0 "$tmp/trace.thpr" >"$tmp/report"
		echo "loss $1 $(told_by "$tmp/report")"
		;;
	bpftrace)
		echo "loss bpftrace $made $(grep -c ' window ' "$tmp/out") $(cat "$tmp/out" "$tmp/err" |
			sed -n 's/.*Lost \([0-9]*\) events.*/\1/p' | awk '{ n += $1 } END { print n + 0 }') events;" \
			"its own count of windows $(sed -n 's/^@windows: //p' "$tmp/out")"
		;;
	trace-cmd)
		echo "loss trace-cmd $made $(trace-cmd report -i "$tmp/trace.dat" 2>/dev/null |
			grep -c 'function: *zap_huge_pmd') $(trace-cmd report --stat -i "$tmp/trace.dat" 2>/dev/null |
			awk '/overrun/ { n += $NF } END { print n + 0 }') events of all functions"
		;;
	perf)
		perf report --stats -i "$tmp/perf.data" 2>/dev/null >"$tmp/stats"
		echo "loss perf $made $(perf script -F event -i "$tmp/perf.data" 2>/dev/null |
			grep -c 'zap_huge_pmd:') $(awk '/LOST/ { n += $NF } END { print n + 0 }' "$tmp/stats")" \
			"LOST records, each for many events"
		;;
	esac
}

memory_of() {
	rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")
	# Each map and program once, by its id.
	bpf=$(cat "/proc/$pid/fdinfo"/* 2>/dev/null | awk '
		/^(map|prog)_id:/ { id = $1 $2 }
		/^memlock:/ { lock = $2 }
		/^pos:/ { if (id) seen[id] = lock; id = ""; lock = 0 }
		END { if (id) seen[id] = lock; for (i in seen) sum += seen[i]; print int(sum / 1024) }')
	echo "memory $1 $(sed 's/.*-//' /sys/devices/system/cpu/possible | awk '{ print $1 + 1 }') $rss $bpf"
}

# Entries and returns, as kprobes: what perf can see.
for function in $functions; do
	echo "p:bench/$function $function"
	echo "r64:bench/${function}_return $function"
done >"$tmp/probes"
if case " $CONTESTANTS " in *" perf "*) true ;; *) false ;; esac then
	while read -r probe; do
		echo "$probe" >>/sys/kernel/tracing/kprobe_events 2>/dev/null || echo "note no $probe"
	done <"$tmp/probes"
	find /sys/kernel/tracing/events/bench -mindepth 1 -maxdepth 1 -type d |
		sed 's|.*/|-e bench:|' >"$tmp/events"
fi

swap() {
	[ -b /dev/zram0 ] || return 0
	echo 512M >/sys/block/zram0/disksize
	mkswap /dev/zram0 >/dev/null 2>&1
	swapon /dev/zram0
}
swap
echo always >/sys/kernel/mm/transparent_hugepage/enabled
echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled
echo 3600000 >/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs

echo "version linux $(uname -r), $(grep -c ^processor /proc/cpuinfo) CPUs"
round=0
measure warm
round=1
while [ "$round" -le "$ROUNDS" ]; do
	for contestant in $CONTESTANTS; do
		measure off
		if begin "$contestant" 0; then
			sleep 1 # what its start left to be done
			measure "$contestant"
			[ "$round" != 1 ] || memory_of "$contestant"
			end "$contestant"
			sleep 1 # and its end
		fi
	done
	round=$((round + 1))
done
measure off
round=storm
[ "${STORM:-0}" = 0 ] || for contestant in $CONTESTANTS; do
	begin "$contestant" 1 || continue
	made=$(work storm "$STORM")
	echo "made $contestant $made"
	if [ "$contestant" = service ]; then
		sleep 3 # its totals are those of its last look
		loss_of service
	fi
	end "$contestant"
	[ ! -e "$tmp/killed" ] || { # what it has written is no figure
		rm "$tmp/killed"
		continue
	}
	[ "$contestant" = service ] || loss_of "$contestant"
	[ -z "${KEEP-}" ] || for file in trace.thpr trace.dat perf.data; do
		[ ! -e "$tmp/$file" ] || cp "$tmp/$file" "/out/$contestant.${file##*.}"
	done
done
exit 0
