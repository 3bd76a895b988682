# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

export LC_ALL=C.UTF-8 TERM=screen
esc=$(printf '\033')
mkdir -p spool
echo "set -g default-terminal screen" >tmux.conf
# What it is called must not reach the terminal as it is.
cp "$(command -v thprace-stress)" "ev${esc}[2Jil"

cat >daemon.conf <<-END
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

# begin [NAME=VALUE]... COMMAND: in a new terminal
begin() {
	command=$1
	shift
	rm -f ended screen
	env "$@" tmux -u -L top -f tmux.conf new-session -d -x 80 -y 24 \
		"$command 2>top.err; echo ended \$? >ended; sleep 1000"
}

end() {
	tmux -L top kill-server
	wait_for_no_server() {
		! tmux -L top list-sessions >/dev/null 2>&1
	}
	within 60 wait_for_no_server
}

key() {
	tmux -L top send-keys "$@"
}

# on_screen REGEX
on_screen() {
	tmux -L top capture-pane -p >screen 2>/dev/null && grep -qE -- "$1" screen
}

# shows REGEX NAME: it is on the screen soon. The rest needs it, and each look takes long if the
# guest is slow: without it the test ends.
shows() {
	within 60 on_screen "$1"
	ok $? "$2" || give_up "no line matches $1 in:" "$(cat screen top.err)"
}

give_up() {
	diag "$@"
	echo "Bail out! nothing else can be seen"
	exit 1
}

quits() {
	key q
	within 60 test -s ended
	is "$(cat ended)" "ended 0" "$1: q ends it" || diag "$(cat screen top.err)"
	end
}

# What the process pid took, and the time.
cpu_ms() {
	awk '{ print ($14 + $15) * 10 }' "/proc/$pid/stat"
}

now_ms() {
	awk '{ print int($1 * 1000) }' /proc/uptime
}

setsid "./ev${esc}[2Jil" truncate-unmap -d 1000 >/dev/null 2>&1 </dev/null &
stress=$!

# --- without a daemon ---

begin "thprace top --interval 500ms"
within 240 on_screen '^thprace on .*, light mode, for '
ok $? "without a daemon root watches the kernel itself" || give_up "$(cat screen top.err)"
shows '^truncate-unmap +[0-9.,]*[1-9][0-9.,]* .*[▁▂▃▄▅▆▇█]$' "... with rates, and how they went"
shows '^ +[0-9]+ [0-9:]{8} truncate-unmap +contained ' "... and incidents"
shows '^ +[0-9,]+ truncate-unmap +contained .* ↔ fallocate$' "... and the pair that meets most"
shows '^cost .*no budget' "... without a budget"
key Enter
shows 'truncate_(cleanup|inode).*\(\)' "... and draws an incident"
key NPage
shows '_sys_fallocate\+0x' "... with names in the stacks"
key q
shows '^CLASS' "... and goes back"
quits "without a daemon"
is_clean "top without a daemon"

# --- with one ---

watches() {
	thpraced --config daemon.conf >daemon.out 2>daemon.err </dev/null &
	daemon=$!
	within 240 grep -q "thpraced .* watches" daemon.err
}
watches
ok $? "thpraced watches" || give_up "$(cat daemon.err)"

top="thprace top --interval 500ms --socket $t/control"
begin "$top"
shows '^thpraced .* on .*, light mode, up ' "the first line says what watches"
shows '^no escapes(, closest pass [0-9.]+ .s)?$' "... the second the answer"
shows '^CLASS +WALKERS/s OVERLAPS/s +OVERLAPS' "a table of the classes"
shows '^truncate-unmap +[0-9.,]*[1-9][0-9.,]* ' "... with rates"
shows '^windows +[0-9.,]*[1-9][0-9.,]*/s, p50 .*, p99 .*, max .*  [▁▂▃▄▅▆▇█]{3}' "windows, their lengths and how many there were"
shows '^loss +[0-9,]+ of [0-9,]+ records' "the loss"
shows '^cost .*budget .*; process ' "the cost against the budget"
shows '^ +[0-9]+ [0-9:]{8} truncate-unmap +contained ' "the latest incidents"
shows 'ev\?\[2Jil/[0-9]+, ev\?\[' "... of tasks whose names would clear the screen"
shows '^ +[0-9,]+ truncate-unmap +contained .* ↔ fallocate$' "the pair that meets most"
is "$(wc -l <screen)" 24 "the terminal's lines are used"
is "$(tr -d '\200-\277' <screen | awk 'length($0) > 80')" "" "... and no line is too wide"

pid=$(grep -la "^thprace.top" /proc/[0-9]*/cmdline 2>/dev/null | sed -n '1s/[^0-9]//gp')
cpu=$(cpu_ms)
since=$(now_ms)
key s
shows 'sort: walkers/s' "s sorts"
is "$(sed -n '/^CLASS/{n;s/ .*//p}' screen)" truncate-unmap "... the busiest class first"
key f
shows 'filter: escape ' "f filters"
shows '^no incidents with the verdict escape' "... and there is no escape"
key f f f f
shows 'filter: contained ' "... until contained"
shows '^ +[0-9]+ [0-9:]{8} truncate-unmap +contained ' "... of which there are some"

key Space
shows 'FROZEN' "space freezes"
cp screen frozen
walkers() {
	thprace status --socket "$t/control" --format json |
		sed -n 's/.*"class":"truncate-unmap"[^}]*"walkers":\([0-9]*\).*/\1/p'
}
before=$(walkers)
more_walkers() {
	[ "$(walkers)" -gt $((before + 20)) ]
}
within 120 more_walkers
ok $? "the daemon goes on"
on_screen FROZEN
cmp -s screen frozen
ok $? "... and the screen does not"
key Space
frozen_no_more() {
	on_screen '^CLASS' && ! grep -q FROZEN screen
}
within 60 frozen_no_more
ok $? "space goes on"

key Down Down Enter
shows '^incident [0-9]+' "enter draws an incident"
shows 'folio 0x[0-9a-f]+' "... as show does"
shows '\(\): lock held' "... with both sides"
key q
shows '^CLASS' "q goes back"
key '?'
shows '^  space    freeze' "? lists the keys"
tmux -L top resize-window -x 100 -y 30
shows '^ +up and down|^up and down' "... also after the terminal's size has changed"
key q
shows '^ +[0-9]+ [0-9]{2}-[0-9]{2} [0-9:]{8} ' "with more columns, times have a date"
is "$(wc -l <screen)" 30 "... and with more lines they are used"
tmux -L top capture-pane -e -p >coloured
like coloured "${esc}\[[0-9;]*36m" "there are colours"

diag "thprace top took $(($(cpu_ms) - cpu)) ms of a CPU in $(($(now_ms) - since)) ms," \
	"with new numbers every 500 ms"
kill "$daemon"
wait "$daemon"
shows "^no new numbers for .*: nobody answers on $t/control" "a daemon that ended is missed"
watches
ok $? "another daemon watches" || diag "$(cat daemon.err)"
shows '^no escapes' "... and is asked"
shows '^truncate-unmap +[0-9.,]*[1-9][0-9.,]* ' "... and its numbers are shown"
quits "with a daemon"

begin "su nobody -s /bin/sh -c '$top'" NO_COLOR=1
shows '^truncate-unmap ' "a member of the group, with NO_COLOR"
tmux -L top capture-pane -e -p >plain
unlike plain "${esc}\[[0-9;]*3[0-7]m" "... has no colours"
quits "as a member of the group"

begin "TERM=dumb $top"
within 60 test -s ended
is "$(cat ended)" "ended 1" "a terminal that cannot move its cursor: 1"
like top.err '^thprace top: this kind of terminal cannot be used' "... and why"
end

kill "$stress" "$daemon"
wait
try thprace top --socket "$t/control"
is "$status" 1 "without a terminal: 1"
one_message "without a terminal" "needs a terminal"
is_clean "top"
done_testing
