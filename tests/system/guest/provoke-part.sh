# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

race=/root/smaps-migration.race
yes=--this-is-a-test-machine

try thprace races --test $race
is "$status" 0 "smaps-migration can be observed" || diag "$(cat out err)"
like out "^  provoke +hold +probe in smaps_hugetlb_range .*  kprobe at 1 instruction$" \
	"the place is found in the code that runs" || diag "$(cat out)"

case $(uname -r) in
5.10.*) ;;
*)
	# In the whole function, whatever it reads: a clock finds a task there.
	sed 's/^hold .*/hold = clock in smaps_hugetlb_range/; s/^when .*/when = 1/' $race >clock.race
	try thprace provoke --race ./clock.race --format json $yes -d 10min --until walkers=3 \
		--run "thprace-stress smaps-migration -d 600"
	is "$status" 4 "a clock: nothing is shown so soon" || diag "$(cat out err)"
	more "$(number provoke walkers out)" 2 "... tasks are found there"
	more "$(($(number provoke widened out) + 1))" "$(number provoke walkers out)" \
		"... and only those count that have waited" || diag "$(cat out)"
	echo "# $(cat out)"
	# Others are not interrupted, and do not wait.
	thprace-stress smaps-migration -d 600 >/dev/null 2>&1 &
	other=$!
	for hold in clock probe; do
		sed "s/^hold .*/hold = $hold in smaps_hugetlb_range/; s/^when .*/when = 1/" $race >other.race
		try thprace provoke --race ./other.race --format json $yes -d 2 --run "sleep 2"
		is "$(number provoke walkers out)$(number provoke widened out)" 00 \
			"$hold: tasks of another command do not wait" || diag "$(cat out err)"
	done
	kill "$other"
	wait "$other"
	sed 's/^hold .*/hold = probe in smaps_hugetlb_range before BUG/' $race >absent.race
	try thprace provoke --race ./absent.race $yes
	is "$status" 4 "a part that this kernel has not: status 4"
	like out "not possible: hold: smaps_hugetlb_range has no test that leads to a BUG or WARN" \
		"... and why" || diag "$(cat out err)"
	try thprace provoke --race ./absent.race --widen 0 -d 1 $yes
	unlike out "not possible" "... is not needed where nobody waits" || diag "$(cat out err)"
	;;
esac

# Here the kernel's BUG is the proof.
echo 0 >/proc/sys/kernel/panic_on_oops
enough=
case $(uname -r) in
5.10.*) ;; # it ends with the BUG
*) enough=contained=100 ;;
esac
try thprace provoke --race $race --format json $yes -d 10min ${enough:+--until $enough} \
	--run "thprace-stress smaps-migration -d 600"
case $(uname -r) in
5.10.*)
	is "$status" 3 "open: status 3" || diag "$(cat out err)"
	like out '"outcome":"open"' "open" || diag "$(cat out)"
	like out 'kernel BUG at include/linux/swapops.h:210' "... by the BUG" || diag "$(cat out)"
	like out '"own":true' "... which is this race's"
	;;
*)
	is "$status" 0 "closed: status 0" || diag "$(cat out err)"
	like out '"outcome":"closed"' "closed" || diag "$(cat out)"
	more "$(number provoke contained out)" 99 "at least 100 overlaps were contained"
	is "$(number provoke lost out)" 0 "nothing is lost"
	is_clean "provoke"
	;;
esac
more "$(number provoke widened out)" 0 "tasks have waited"
echo "# $(cat out)"
done_testing
