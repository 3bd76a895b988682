# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

try thprace provoke split-unmap -d 1
is "$status" 2 "without its flag: status 2"
like err "this-is-a-test-machine" "... says which"
for wrong in "no-class" "split-unmap truncate-unmap" "split-unmap --widen 1001" "split-unmap -d 0" \
	"split-unmap --format xml" ""; do
	# shellcheck disable=SC2086 # words
	try thprace provoke $wrong --this-is-a-test-machine
	is "$status" 2 "wrong usage: provoke $wrong"
done
is "$(find . /tmp -name '*provoke*')" "" "no trace is left by any of these"
try thprace provoke split-unmap -d 1 --stressor /nowhere --this-is-a-test-machine
is "$status" 1 "no stressor: status 1"
one_message "no stressor" "/nowhere: No such file"

# provoked CLASS OPTION...
provoked() {
	try thprace provoke "$@" --format json --this-is-a-test-machine -o "$t/trace"
}

# ends CLASS: with the verdict from at least 100 contained overlaps, however long that takes. If the
# two sides overlap at once, no pass is measured: then it continues for a minute.
ends() {
	provoked "$1" -d 10min --until contained=100
	[ "$(number provoke passes_measured out)" != 0 ] || provoked "$1" -d 1min
	is "$status" 0 "$1: status 0" || diag "$(cat err)"
	like out "\"class\":\"$1\",\"outcome\":\"closed\"" "$1: closed" || diag "$(cat out)"
	more "$(number provoke contained out)" 99 "$1: at least 100 contained overlaps"
	is "$(number provoke escapes out)" 0 "$1: none escaped"
	is "$(number provoke lost out)" 0 "$1: nothing lost"
	more "$(number provoke widened out)" 99 "$1: windows were widened"
	more "$(number provoke passes_measured out)" 0 "$1: passes were measured"
	is "$(thprace report --format json "trace-$1.thpr" |
		sed -n "s/.*\"class\":\"$1\".*\"contained\":\([0-9]*\).*/\1/p" | head -n 1)" \
		"$(number provoke contained out)" "$1: its trace says the same"
	echo "# $1: $(cat out)"
	rm -f "trace-$1.thpr"
}

for class in split-unmap split-migrate truncate-unmap; do
	ends "$class"
done
try thprace provoke hwpoison-unmap -d 2 --this-is-a-test-machine
is "$status" 0 "hwpoison-unmap: status 0"
like out "^hwpoison-unmap: not possible: memory_failure" "... not possible on a cloud kernel"
try thprace provoke collapse-reuse -d 2 --format json --this-is-a-test-machine
is "$status" 0 "collapse-reuse: status 0"
like out '"outcome":"not possible","reason":"cannot happen here: ' "... cannot happen on 6.1"

# Without aim, windows over and over.
printf '#!/bin/sh\nexec thprace-stress --churn "$@"\n' >churn
chmod +x churn
try thprace provoke truncate-unmap -d 10min --until contained=20 --stressor ./churn --format json \
	--this-is-a-test-machine
more "$(number provoke contained out)" 19 "--churn: overlaps are contained" || diag "$(cat out err)"
is "$(number provoke escapes out)" 0 "--churn: none escaped"

# Only the stressor's windows are held open, not those of other tasks at the same time.
printf '#!/bin/sh\nexec sleep 900\n' >idle
chmod +x idle
thprace-stress split-unmap -d 24h --noise 2 >/dev/null 2>&1 &
other=$!
try thprace provoke split-unmap -d 15min --until walkers=50 --stressor ./idle --format json --this-is-a-test-machine
is "$status" 4 "nothing is shown: status 4" || diag "$(cat out err)"
kill "$other"
wait "$other"
more "$(number provoke windows out)" 0 "a stressor that opens no window, beside other tasks that do" ||
	diag "$(cat out err)"
is "$(number provoke widened out)" 0 "... whose windows are not widened"
try thprace provoke split-unmap -d 2 --widen 0 --format json --this-is-a-test-machine
is "$(number provoke widened out)" 0 "--widen 0: none is"
is_clean "provoke"
is "$(find /tmp -name 'thprace-provoke*')" "" "no trace is left"
done_testing
