# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest of tests/races/equal: equal.sh CLASS OVERLAPS PROVOKE. The trace is /out/trace.

class=$1
file=/root/$class.race
echo 0 >/proc/sys/kernel/panic_on_oops
echo "release $(uname -r)"
load="thprace-stress $class -d 7200"
[ "$3" = 0 ] || load="thprace provoke $class --widen=1ms -d 2h --this-is-a-test-machine"
# shellcheck disable=SC2086 # words
thprace record -q -m precise --all --race "$file" -o /tmp/trace -d 110min --until "overlaps:$class=$2" \
	--until "overlaps:$class-file=$2" -- $load
thprace report --crosscheck /tmp/trace
status=$?
cp /tmp/trace /out/trace
exit "$status"
