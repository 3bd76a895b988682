# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

races=/etc/thprace/races.d
file=$races/swapin-nocache.race

# configure RACES: daemon.conf. Under emulation the programs cost more than any budget.
configure() {
	cat >daemon.conf <<-END
		[observe]
		races = $1
		[spool]
		directory = $t/spool
		[alerts]
		target = stderr
		per_minute = 1000
		fold = 1s
		[metrics]
		textfile = none
		[control]
		socket = $t/control
		[overhead]
		budget = 0
	END
}

ask() {
	verb=$1
	shift
	thprace "$verb" --socket "$t/control" "$@"
}

# of_race KEY: of swapin-nocache, in the daemon's status
of_race() {
	ask status --format json | sed -n 's/.*"class":"swapin-nocache",\([^}]*\).*/\1/p' |
		sed -n "s/.*\"$1\":\([^,}]*\).*/\1/p"
}

# reload NAME LINE: the daemon reads its configuration again, and says LINE. Not by `thprace reload',
# which waits less long than a busy host takes.
reload() {
	reload_said=$(grep -c "$2" daemon.err)
	kill -HUP "$daemon"
	reload_done() {
		[ "$(grep -c "$reload_line" daemon.err)" -gt "$reload_said" ]
	}
	reload_line=$2
	within 300 reload_done
	ok $? "$1" || diag "$(tail -n 5 daemon.err)"
}

# --- files that the daemon does not take ---

# refused NAME REGEX: by --test-config, with one message
refused() {
	configure "$races/wrong.race"
	try thpraced --test-config --config daemon.conf
	is "$status" 2 "$1: refused"
	like err "$2" "... with the reason" || diag "$(cat err)"
}

sed 's/^title.*/titel = x/' "$file" >"$races/wrong.race"
refused "a file with an error" "^$races/wrong.race:[0-9]*: unknown key 'titel'"
cp "$file" "$races/wrong.race"
chmod 666 "$races/wrong.race"
refused "a file that others may write to" "^$races/wrong.race may be written to by others than root"
chmod 644 "$races/wrong.race"
chown nobody "$races/wrong.race"
refused "a file of another user" "^$races/wrong.race belongs to user [0-9]*, not to root"
chown root "$races/wrong.race"
chmod 777 "$races"
refused "a folder that others may write to" "^$races may be written to by others than root"
chmod 755 "$races"
rm "$races/wrong.race"
configure no-such-race
try thpraced --test-config --config daemon.conf
like err "there is no race 'no-such-race'" "a name that no file has"
configure swapin-nocache
try thpraced --test-config --config daemon.conf
is "$status" 0 "the race is taken by its name" || diag "$(cat err)"

# --- observed ---

mkdir -p spool
thpraced --config daemon.conf >daemon.out 2>daemon.err </dev/null &
daemon=$!
within 240 grep -q "race swapin-nocache .* is observed" daemon.err
ok $? "thpraced observes it" || diag "$(cat daemon.err)"
is "$(of_race observable)" true "status says so" || diag "$(ask status --format json)"

# On a busy host, some seconds may pass without a lost write.
lost=0
tries=0
while [ "$tries" -lt 20 ]; do
	tries=$((tries + 1))
	thprace-stress swapin-nocache -d 20 --format json >stress
	lost=$((lost + $(sed -n 's/.*"lost":\([0-9]*\).*/\1/p' stress)))
	[ "$(of_race escapes)" -eq 0 ] || break
done
settled() {
	[ "$(of_race escapes)" = "$(ask incidents -n 10000 --verdict escape --format json | grep -c '"swapin-nocache"')" ]
}
within 60 settled
escapes=$(of_race escapes)
likely=$(of_race likely)
more "$lost" 0 "this kernel loses writes"
more "$escapes" 0 "thpraced proves some as they happen" || diag "$(ask status)"
# A window that met several has an escape with each of them, and lost one write.
windows=$(ask incidents -n 10000 --verdict escape --class swapin-nocache --format json |
	sed -n 's/.*"window":{[^}]*"open_ns":\([0-9]*\).*/\1/p' | sort -u | wc -l)
more "$windows" 0 "... in windows whose begin is known"
more "$((lost + 1))" "$windows" "... no more of these than were lost ($escapes in $windows, $lost lost)"
is "$(ask incidents -n 10000 --verdict escape --class swapin-nocache --format json | grep -c incident)" "$escapes" \
	"each is stored"
# The limits count: what is folded into one message is in its number.
alerts() {
	grep -cE '^thpraced: (likely )?escape: swapin-nocache' daemon.err
}
folded=0
all_told() {
	folded=$(sed -n 's/^thpraced: \([0-9]*\) more: \(likely \)*escape: swapin-nocache.*/\1/p' daemon.err | sum)
	[ $(($(alerts) + folded)) -eq "$escapes" ]
}
within 30 all_told
ok $? "each has an alert, or is counted in one" || diag "$(alerts) + $folded, of $escapes ($likely likely)"
like daemon.err 'escape: swapin-nocache, the first since the start: opener thprace-stress/[0-9]+ on CPU[0-9] \[user 0, [^]]*\], walker thprace-stress/[0-9]+ on CPU[0-9] \[user 0, [^]]*\]; .*proof: its escape holds' \
	"... which names both tasks" || diag "$(grep escape daemon.err | head -n 3)"
like daemon.err 'contained: swapin-nocache, .*thprace check --race swapin-nocache' \
	"the first contained overlap has one, too" || diag "$(grep contained daemon.err | head -n 2)"
ask status --format json >status.json
like status.json '"identity":true' "the identity holds"
ask status >out
like out '^  swapin-nocache +unknown +[0-9,]+ ' "status has its line" || diag "$(cat out)"
number=$(ask incidents -n 1 --verdict escape --class swapin-nocache --format json |
	sed -n 's/.*"number":\([0-9]*\).*/\1/p' | head -n 1)
try ask show "$number"
like out "do_swap_page entry" "thprace show draws it" || diag "$(cat out err)"
ask metrics >values
like values "^thprace_incidents_total{class=\"swapin-nocache\",verdict=\"escape\"} $((escapes - likely))\$" \
	"the metrics count its escapes" || diag "$(grep swapin values)"
like values '^thprace_class_observable{class="swapin-nocache"} 1$' "... and say that it is observed"
like values '^thprace_race_windows_total{class="swapin-nocache"} [1-9]' "... and count its windows"
like values '^thprace_race_window_seconds_count{class="swapin-nocache"} [1-9]' "... and have their lengths"
like values '^thprace_exposure_mean_window_seconds{class="swapin-nocache"} [0-9.e-]*[1-9]' "... and their mean" ||
	diag "$(grep exposure values)"
like status.json '"lengths":[{]"count":[1-9]' "... as status does"
like status.json '"lengths":[{][^}]*[}],"closest":([{]"distance_ns":[1-9]|null)' "... beside the closest pass"

# --- a reload ---

# The daemon's own file is read again: the race is changed to what this kernel does not have.
sed -i 's/do_swap_page return/do_swap_pagf return/' "$file"
reload "a reload takes a changed file" "the configuration was read again"
within 60 grep -q "race swapin-nocache .* cannot be observed here: .*do_swap_pagf" daemon.err
ok $? "... which this kernel does not have" || diag "$(tail -n 5 daemon.err)"
is "$(of_race observable)" false "status does not call it silent"
is "$(of_race escapes)" "$escapes" "... and keeps what was counted"
ask status >out
like out "swapin-nocache.*(not observable|not observed)" "... in words as well" || diag "$(cat out)"
ask metrics >values
like values '^thprace_class_observable{class="swapin-nocache"} 0$' "... nor do the metrics"
sed -i 's/do_swap_pagf return/do_swap_page return/' "$file"
echo "name = x" >>"$file"
reload "a file with an error is not taken" "the configuration was not applied"
like daemon.err "$file:[0-9]+" "... and the message names the line" || diag "$(tail -n 5 daemon.err)"
sed -i '$d' "$file"

ask status --format json >status.json
like status.json '"identity":true' "the identity still holds"
kill "$daemon"
wait "$daemon"
is $? 0 "thpraced ends"
is_clean "thpraced"
done_testing
