# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest of tests/races/report: guest.sh RACE SECONDS UNTIL LIMIT PATIENCE. Records RACE.race beside its
# load for SECONDS, or until there were UNTIL escapes (0: it goes on); if it has seen no window or no walker by
# then, once more, and again, for PATIENCE at most. Then provokes it for at most LIMIT. Prints lines of JSON.

race=$1
file=/root/$race.race
echo 0 >/proc/sys/kernel/panic_on_oops

# observe SECONDS [UNTIL]...
observe() {
	thprace record --quiet --race "$file" -o /tmp/observed.thpr -d "$@" -- \
		thprace-stress "$race" -d 3600 --format json >/tmp/load
	thprace report --format json /tmp/observed.thpr |
		grep "\"type\":\"class\",\"class\":\"$race\"\|\"type\":\"\(header\|loss\)\"" >/tmp/observed
}

if [ "$3" = 0 ]; then
	observe "$2"
else
	observe "$2" --until "escapes:$race=$3"
fi
# unseen: there was no window, or no walker
unseen() {
	grep '"type":"class"' /tmp/observed | grep -q '"windows":0,\|"walkers":0,'
}

again=$(($5 / $2))
while [ "$again" -gt 0 ] && unseen; do
	observe "$2"
	again=$((again - 1))
done
cat /tmp/observed
sed 's/^{/{"type":"load",/' /tmp/load
[ ! -e /dev/zram0 ] || swapoff /dev/zram0 2>/dev/null
[ ! -e /sys/block/zram0/reset ] || echo 1 >/sys/block/zram0/reset
grep -q '^\[provoke\]' "$file" || exit 0
thprace provoke --race "$file" --format json -d "$4" --until contained=100 -o /tmp/provoked \
	--run "thprace-stress $race -d 3600" --this-is-a-test-machine
thprace report /tmp/provoked-"$race".thpr >/out/report
exit 0
