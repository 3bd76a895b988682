# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

race=/root/swapin-nocache.race
yes=--this-is-a-test-machine

# --- wrong usage, before anything is attached ---

try thprace provoke --race $race
is "$status" 2 "without its flag: status 2"
for wrong in "--race $race truncate-unmap" "--race $race --race $race" "--run true" "--run true truncate-unmap"; do
	# shellcheck disable=SC2086 # words
	try thprace provoke $wrong $yes
	is "$status" 2 "wrong usage: provoke $wrong"
done
try thprace provoke --race no-such-race $yes
is "$status" 1 "a race that is not there"
like err "no-such-race: there is no race of this name" "... is told"
sed '/^run/d' $race >no-run.race
try thprace provoke --race ./no-run.race $yes
is "$status" 1 "a race without a command"
like err "its \[provoke\] has no run: give --run COMMAND" "... is told"
sed '/^\[provoke\]/,$d' $race >no-provoke.race
try thprace provoke --race ./no-provoke.race --run true $yes
is "$status" 1 "a race without [provoke]"
like err "its file has no \[provoke\]" "... is told"
sed 's/^hold .*/hold = reed/' $race >wrong.race
try thprace provoke --race ./wrong.race $yes
is "$status" 1 "hold names no event"
like err "wrong.race:[0-9]*:[0-9]*: there is no event 'reed'" "... is told, with its place"
sed 's/do_swap_page entry/do_swap_pagf entry/' $race >absent.race
try thprace provoke --race ./absent.race $yes
is "$status" 4 "a race that this kernel does not have: status 4"
like out "^swapin-nocache: not possible: there is no function 'do_swap_pagf'" "... is told"

sed 's/^cannot .*/cannot = has function do_swap_page/' $race >cannot.race
try thprace provoke --race ./cannot.race $yes
is "$status" 0 "a race that this kernel cannot have: status 0" || diag "$(cat out err)"
like out "^swapin-nocache: not possible: cannot happen on this kernel: there is a function do_swap_page$" \
	"... and why, by its [check]"
try thprace provoke --race ./cannot.race --format json $yes
like out '"outcome":"not possible","reason":"cannot happen on this kernel' "... in JSON"

# --- the verdict ---

try thprace provoke --race $race --format json $yes -d 5min --until contained=100 -o "$t/trace"
case $(uname -r) in
5.10.*)
	is "$status" 3 "open: status 3" || diag "$(cat out err)"
	like out '"class":"swapin-nocache","outcome":"open"' "open" || diag "$(cat out)"
	more "$(number provoke escapes out)" 0 "there is a proved escape"
	like out '"proof":"its escape holds"' "... with its proof"
	# shellcheck disable=SC2094 # it does not read what it writes
	thprace report "$t/trace-swapin-nocache.thpr" >report
	like report "swapin-nocache, causal escape" "... and its trace draws it"
	;;
*)
	is "$status" 0 "closed: status 0" || diag "$(cat out err)"
	like out '"class":"swapin-nocache","outcome":"closed"' "closed" || diag "$(cat out)"
	is "$(number provoke escapes out)" 0 "there is no escape"
	more "$(number provoke contained out)" 99 "at least 100 overlaps were contained"
	;;
esac
more "$(number provoke widened out)" 0 "windows were held open"
case $(uname -r) in
5.10.*) ;; # who loses the race there was held, and is dropped: that is no window
*) more "$(($(number provoke windows out) + 1))" "$(number provoke widened out)" "... each once at most" ;;
esac
is "$(number provoke lost out)" 0 "nothing is lost"
echo "# $(cat out)"

# --- only tasks of the command wait ---

# beside: the verdict on a command that does nothing, beside a task with many windows. Not on 5.10: after a
# few lost writes the task may swap nothing any more, as was seen: 15,000 rounds a second, no window.
beside() {
	had=$(pages_read)
	thprace-stress swapin-nocache -d 300 >other 2>&1 &
	other=$!
	while kill -0 "$other" 2>/dev/null && [ "$(pages_read)" -lt $((had + 100)) ]; do
		sleep 0.1
	done
	try thprace provoke --race $race --run "sleep 900" -d 15min --until walkers=50 --format json $yes
	is "$status" 4 "nothing is shown: status 4" || diag "$(cat out err)"
	kill "$other"
	wait "$other"
	more "$(number provoke windows out)" 0 "a command without a window, beside a task with many" ||
		diag "$(cat out err other)"
	is "$(number provoke widened out)" 0 "... whose windows are not held open"
}

# pages_read: how many were read from swap since the boot
pages_read() {
	awk '$1 == "pswpin" { print $2 }' /proc/vmstat
}

case $(uname -r) in
5.10.*) ;;
*) beside ;;
esac
swapoff /dev/zram0 2>/dev/null
try thprace provoke --race $race --widen 0 -d 3 --format json $yes \
	--run "sh -c 'thprace-stress swapin-nocache -d 3; true'; true"
is "$(number provoke widened out)" 0 "--widen 0: none is"
# The first windows may come from the swap cache, where nobody is held.
try thprace provoke --race $race -d 15min --until walkers=50 --until overlaps=3 --format json $yes \
	--run "sh -c 'thprace-stress swapin-nocache -d 900; true'; true"
more "$(number provoke widened out)" 0 "a command below two shells: windows are held open" ||
	diag "$(cat out err)"
# The command goes on for long, and is ended with all that it started.
try thprace provoke --race $race -d 1 --format json $yes --run "sleep 1000 & sleep 1001 & wait"
is "$(pgrep -f 'sleep 100[01]' | wc -l)" 0 "nothing of the command is left"
is_clean "provoke --race"
is "$(find /tmp -name 'thprace-provoke*')" "" "no trace is left"
done_testing
