# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Requests to the service: who may make them, what it withstands, and how it handles a new
# configuration, a step of the clock and a CPU that goes offline and online.

# shellcheck source=tests/service/guest/common.sh
. ./common.sh

# as USER COMMAND...
as() {
	as_user=$1
	shift
	try setpriv --reuid="$as_user" --regid="$as_user" --init-groups "$@"
}

descriptors() {
	find "/proc/$(pid)/fd" -mindepth 1 | wc -l
}

install_packages
start "as installed"
first=$(pid)
useradd --create-home member
usermod --append --groups thprace member
useradd --create-home other
stress split-migrate
soon "there are incidents" 280 says '.spool.stored > 5'
# The stressor's work may also cause other classes than the one it is for.
of_the_class() {
	thprace incidents --count 1000000 --format json |
		jq -r 'select(.class == "split-migrate" and .verdict == "contained").number' | tail -n 1
}
one_of_the_class() {
	[ -n "$(of_the_class)" ]
}
soon "... one of them a contained split-migrate" 280 one_of_the_class
end_stress

# --- who may ask ---

incident=$(of_the_class)
more "$incident" 0 "incidents have numbers"
for verb in status incidents metrics "show $incident" "dump --live" reload; do
	# shellcheck disable=SC2086 # words
	as member thprace $verb
	is "$status" 0 "a member of the group may ask: $verb" || diag "$(cat err)"
	more "$(wc -c <out)" 0 "... and is answered"
	# shellcheck disable=SC2086 # words
	as other thprace $verb
	is "$status" 1 "another user may not: $verb"
	like err "(not allowed|member)" "... with the reason"
	is "$(wc -c <out)" 0 "... and nothing else"
done
as member thprace show "$incident"
like out "CPU[0-9]" "show draws it"
like out "split-migrate.* contained" "... with its verdict"
as member thprace dump --live --duration 5 --output /home/member/live.thpr
is "$status" 0 "a trace of the flight recorder, into a file" || diag "$(cat err)"
try thprace report /home/member/live.thpr
is "$status" 0 "... which report reads" || diag "$(cat err)"
as member thprace dump --live --from-now --duration 1s --format json
is "$status" 0 "a trace from now on" || diag "$(cat err)"
up=$(of_status '(.now_ns - .started_ns) / 1e9 | floor')
had=$(of_status .totals.windows)
as member thprace dump --live --from-now -d 2s -o /home/member/now.thpr
is "$status" 0 "... into a file" || diag "$(cat err)"
thprace report --format json /home/member/now.thpr >now.json
seconds=$(jq -s '.[] | select(.type == "header").seconds | floor' now.json)
more "$seconds" 0 "... its span is its own: some time"
less "$seconds" "$up" "... less than the daemon's ($up s)"
less "$(jq -s '.[] | select(.type == "phase" and .phase == "whole").count' now.json)" "$((had + 1))" \
	"... and so are its counts"
is "$(pid)" "$first" "the daemon is the same"

# --- malformed requests ---

requests() {
	perl "$home/malformed.pl" /run/thprace/control.sock "$1" >out 2>&1
}

requests 100
had=$(descriptors)
refused=$(of_status .control.refused)
requests 1000
ok $? "1,000 malformed requests: each is answered by one error" || diag "$(cat out)"
no_clients() {
	[ "$(of_status .control.clients)" = 1 ]
}
soon "their connections end" 15 no_clients || diag "$(of_status .control)"
is "$(descriptors)" "$had" "... no descriptor stays open"
# Other memory may grow meanwhile, once: names of symbols, the metrics. A leak grows each time.
level() {
	resident=$(kb VmRSS)
	requests 1000
	[ "$(($(kb VmRSS) - resident))" -lt 256 ]
}
level || level || level
ok $? "... no memory stays in use" || diag "$resident kB, now $(kb VmRSS)"
more "$(($(of_status .control.refused) - refused))" 800 "... they are counted"
is "$(pid)" "$first" "... and the daemon is the same"

# More clients than it serves, all silent: others are refused, and served when these have gone.
perl -MIO::Socket::UNIX -e '
	my @all = map { IO::Socket::UNIX->new(Peer => "/run/thprace/control.sock") } 1 .. 40;
	sleep 100' &
silent=$!
busy() {
	try thprace status && [ "$status" = 1 ]
}
soon "too many clients: one more is refused" 5 busy
kill "$silent"
wait "$silent" 2>/dev/null
answers() {
	thprace status >out 2>err
}
soon "... until they are gone" 15 answers || diag "$(cat err)"

# --- reload ---

stress split-migrate
soon "the stressor is on its way" 90 overlaps_above "$(of_status .totals.overlaps)"
printf '[alerts]\nfold=33s\n' >"$conf/50-test.conf"
try systemctl reload thpraced
is "$status" 0 "systemctl reload"
soon "a good change is applied" 10 says '.config.alerts.fold == 33'
soon "... and reported" 10 more_than 0 RELOADED
printf '[observe]\nmode=precise\n' >"$conf/60-test.conf"
hold_still
had=$(of_status .totals.windows)
try systemctl reload thpraced
soon "another mode is applied" 30 says '.mode == "precise"'
go_on
soon "... and it continues counting" 30 says ".totals.windows > $had + 20"
identity "... over it"
printf '[alerts]\nfold=44s\nfolds=1\n[spool]\nmax_size=banana\n' >"$conf/50-test.conf"
try thpraced --test-config
is "$status" 2 "--test-config of a bad file: 2"
like err "^$conf/50-test.conf:3: .*folds" "... names file, line and key"
like err "^$conf/50-test.conf:5: .*banana" "... every one of them"
cp err complaints
try systemctl reload thpraced
more "$status" 0 "systemctl reload of a bad file fails"
is "$(systemctl is-active thpraced)" active "... and the daemon goes on"
kill -HUP "$(systemctl show -p MainPID --value thpraced)"
soon "a bad file is reported" 10 more_than 0 RELOAD_FAILED
texts RELOAD_FAILED >told
while read -r line; do
	grep -qF "$line" told
	ok $? "... in the journal too: ${line%%;*}" || diag "$(cat told)"
done <complaints
is "$(of_status '.config.alerts.fold')" 33 "... and the old settings stay"
is "$(of_status .reloads_failed)" 1 "... and it is counted"
try thprace reload
is "$status" 1 "thprace reload says so too"
like err "50-test.conf:3" "... with file and line"
rm "$conf/50-test.conf" "$conf/60-test.conf"
hold_still
try thprace reload
is "$status" 0 "the file gone: reload"
is "$(of_status '.mode + " " + (.config.alerts.fold | tostring)')" "light 60" "... the defaults are back"
go_on
had=$(of_status .totals.windows)
soon "... and it continues" 30 says ".totals.windows > $had + 20"
identity "... over all that"

# --- a CPU goes, and comes back ---

had=$(of_status .totals.windows)
cpu=/sys/devices/system/cpu/cpu1/online
echo 0 >"$cpu"
is "$(cat "$cpu")" 0 "a CPU is off, under stress"
soon "... the rest is still watched" 30 says ".totals.windows > $had + 20"
echo 1 >"$cpu"
had=$(of_status .totals.overlaps)
soon "it is back: overlaps again" 60 overlaps_above "$had"
says .loss.identity
ok $? "... the identity holds" || diag "$(of_status .loss)"
lost=$(of_status .loss.lost)
[ "$lost" = 0 ] || more_than 0 LOSS_BEGAN
ok $? "... every loss is reported ($lost lost)"
is "$(pid)" "$first" "... and the daemon is the same"

# --- the clock is set ---

date -s '+1 hour' >/dev/null
soon "the step of the clock is reported" 10 more_than 0 CLOCK_STEP
since=$(date +%s)
had=$(of_status .totals.overlaps)
soon "... there are overlaps after it" 60 overlaps_above "$((had + 5))"
end_stress
thprace incidents --count 1 --format json >memory
thprace show "$(jq .number memory)" >shown
thprace incidents --spool "$spool" --count 1000000 --format json |
	jq -c "select(.number == $(jq .number memory))" >file
wall=$(jq '.wall_ns / 1e9 | floor' memory)
[ "$wall" -ge $((since - 1)) ] && [ "$wall" -le "$(date +%s)" ]
ok $? "... whose times are by the new clock" || diag "$wall, from $since to $(date +%s)"
is "$(jq .number file)" "$(jq .number memory)" "the last one is in a file" ||
	diag "$(ls -l "$spool")" "$(of_status .spool)" "$(cat shown)" "$(ids "$spool" | tail -n 9 | tr "\n" " ")" \
		"$(cat ids.err)"
less "$(jq -s '(.[0].wall_ns - .[1].wall_ns) / 1e6 | fabs | floor' memory file)" 1000 \
	"... with the same time" || diag "$(jq -c '[.number, .wall_ns]' memory file)"
is "$(of_status .clock_steps)" 1 "it is counted"
is "$(pid)" "$first" "the daemon is the same, after all that"
is "$(shown NRestarts)" 0 "... and was never restarted"

# --- started with a bad configuration ---

printf '[spool]\nmax_size=banana\n' >"$conf/50-test.conf"
try systemctl restart thpraced
more "$status" 0 "a start with a bad file fails"
failed() {
	[ "$(systemctl is-failed thpraced)" = failed ]
}
soon "... for good" 30 failed
is "$(shown ExecMainStatus)/$(shown NRestarts)" 2/0 "... and systemd does not try again"
rm "$conf/50-test.conf"
done_testing
