# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest of tests/races/report: guest.sh RACE SECONDS UNTIL LIMIT. Records RACE.race beside its load
# for SECONDS, or until there were UNTIL escapes (0: it goes on), then provokes it for at most LIMIT.
# Prints lines of JSON.

race=$1
file=/root/$race.race
echo 0 >/proc/sys/kernel/panic_on_oops

enough=
[ "$3" = 0 ] || enough="--until escapes:$race=$3"
# shellcheck disable=SC2086 # words
thprace record --quiet --race "$file" -o /tmp/observed.thpr -d "$2" $enough -- \
	thprace-stress "$race" -d 3600 --format json >/tmp/load
thprace report --format json /tmp/observed.thpr |
	grep "\"type\":\"class\",\"class\":\"$race\"\|\"type\":\"\(header\|loss\)\""
sed 's/^{/{"type":"load",/' /tmp/load
[ ! -e /dev/zram0 ] || swapoff /dev/zram0 2>/dev/null
[ ! -e /sys/block/zram0/reset ] || echo 1 >/sys/block/zram0/reset
grep -q '^\[provoke\]' "$file" || exit 0
thprace provoke --race "$file" --format json -d "$4" --until contained=100 -o /tmp/provoked \
	--run "thprace-stress $race -d 3600" --this-is-a-test-machine
thprace report /tmp/provoked-"$race".thpr >/out/report
exit 0
