# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# A race from a file that costs too much: thpraced sheds it, and attaches it again.
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

ask() {
	verb=$1
	shift
	thprace "$verb" --socket "$t/control" "$@"
}

# of_race KEY: of the race, in the daemon's status
of_race() {
	ask status --format json | sed -n 's/.*"class":"hot",\([^}]*\).*/\1/p' |
		sed -n "s/.*\"$1\":\([^,}]*\).*/\1/p"
}

# The daemon takes files from where root alone may write.
file=/etc/thprace/races.d/hot.race
mkdir -p spool "${file%/*}"
{
	printf '%s\n' '[race]' 'name = hot' 'title = a function that is called all the time' \
		'[walker]' 'at = security_file_permission entry' 'key = file' 'escape = 0'
	for i in 1 2 3 4 5 6 7 8; do
		echo "save = s$i: file->f_inode->i_sb->s_root->d_inode->i_ino"
	done
} >"$file"
cat >daemon.conf <<-END
	[observe]
	races = $file
	[spool]
	directory = $t/spool
	[alerts]
	target = stderr
	[metrics]
	textfile = none
	[control]
	socket = $t/control
	[overhead]
	budget = 3%
	period = 1s
	patience = 2
	recovery = 30
END
thpraced --config daemon.conf >daemon.out 2>daemon.err </dev/null &
daemon=$!
within 240 grep -q "race hot .* is observed" daemon.err
ok $? "thpraced observes it" || diag "$(cat daemon.err)"
dd if=/dev/zero of=/dev/null bs=1 2>/dev/null &
load=$!
# is_shed VALUE: does status say so?
is_shed() {
	[ "$(of_race shed)" = "$1" ]
}
within 300 grep -q "race hot shed: BPF programs took [0-9.]*% of all CPUs' time, the budget is 3.000%" daemon.err
ok $? "above the budget, the race is shed, and this is said" || diag "$(tail -n 5 daemon.err)"
like daemon.err "were for this; not observed now: hot$" "... with what is not observed now"
within 60 is_shed true
ok $? "... and status says so" || diag "$(ask status --format json)"
is "$(of_race observable)" false "... and that it is not observable"
ask metrics >values
like values '^thprace_class_observable{class="hot"} 0$' "... as the metrics do"
kill "$load"
wait "$load"
within 300 grep -q "race hot back: BPF programs take [0-9.]*% of all CPUs' time" daemon.err
ok $? "the load is gone: the race is back, and this is said" || diag "$(tail -n 5 daemon.err)"
within 60 is_shed false
ok $? "... and status says so" || diag "$(ask status --format json)"
before=$(of_race walkers)
counts_on() {
	dd if=/dev/zero of=/dev/null bs=1 count=100 2>/dev/null
	[ "$(of_race walkers)" -gt "$before" ]
}
within 60 counts_on
ok $? "... and it is observed again" || diag "$before" "$(of_race walkers)"
ask status --format json >status.json
like status.json '"identity":true' "the identity holds"
kill "$daemon"
wait "$daemon"
is $? 0 "thpraced ends"
is_clean "thpraced"
done_testing
