# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest: thprace top watches thpraced while the stressor runs. Its screen, with colours, goes
# to /out/top.
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

export LC_ALL=C.UTF-8
mkdir -p spool
# Programs take longer on emulated processors: none is shed for that.
cat >daemon.conf <<-END
	[overhead]
	budget = 5%
	[spool]
	directory = $t/spool
	[alerts]
	target = stderr
	[metrics]
	textfile = none
	[control]
	socket = $t/control
	group = nogroup
	END

on_screen() {
	tmux -L top capture-pane -p >screen 2>/dev/null && grep -qE -- "$1" screen
}

thpraced --config daemon.conf >daemon.out 2>daemon.err </dev/null &
within 240 grep -q "thpraced .* watches" daemon.err || {
	cat daemon.err >&2
	exit 1
}
while :; do
	for class in truncate-unmap split-unmap; do
		thprace-stress "$class" -d 3
	done
done >/dev/null 2>&1 </dev/null &
tmux -u -L top -f /dev/null new-session -d -x 98 -y 24 \
	"TERM=screen thprace top --interval 1s --socket $t/control 2>top.err; sleep 1000"
# Something of each, and the line of rates is full.
for line in '^split-unmap +[0-9.,]+ +[0-9.,]+ +[1-9]' '^truncate-unmap +[0-9.,]+ +[0-9.,]+ +[1-9]' \
	'^(windows .*| +)(▁|▂|▃|▄|▅|▆|▇|█){16}'; do
	within 30 on_screen "$line" || {
		echo "the screen has no line $line:"
		cat screen top.err
		tail -n 3 daemon.err
		exit 1
	} >&2
done
tmux -L top capture-pane -e -p >/out/top
