#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A fleet of three machines, on loopback: the real thpraced in guests, whose metrics Debian's
# node_exporter, Prometheus and Alertmanager take to a webhook. On one a race escapes, on one probes
# are shed, and on one thpraced has died. Only `for:' of the rules is shortened.

set -u
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${THPRACE_BUILD:-$root/build}
work=$(mktemp -d)
pids=()
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null
	wait
	mkdir -p "$build/fleet"
	cp "$work"/*.log "$work"/*.err "$work"/alerts.json "$build/fleet" 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# shellcheck source=tests/system/tap.sh
. "$root/tests/system/tap.sh"

for program in prometheus prometheus-alertmanager prometheus-node-exporter promtool; do
	command -v "$program" >/dev/null || {
		echo "Bail out! no $program: make test-fleet installs it"
		exit 1
	}
done
if ! bullseye=$("$root/tests/vm/kernel" bullseye generic) || ! bookworm=$("$root/tests/vm/kernel" bookworm); then
	echo "Bail out! no kernels: tests/vm/kernel"
	exit 1
fi
# Everything is on loopback.
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1

# --- the machines

# Names, and what happens on them.
declare -A roles=([db1]=escape [web1]=shed [old1]=stale)

# machine NAME KERNEL [OPTION OF tests/vm/run]...: a guest, until it has seen what it is for
machine() {
	local name=$1 kernel=$2

	shift 2
	timeout 900 "$root/tests/vm/run" --kernel "$kernel" --timeout 800 --quiet \
		--append "tsc=reliable clocksource=tsc" --file "$kernel:/root/kernel-image" \
		--file "$here/guest/host.sh:/root/host.sh" --env "ROLE=${roles[$name]}" --env SECONDS_MORE=8 \
		"$@" -- sh host.sh 2>"$work/$name.err" </dev/null | "$here/collect" "$work/$name"
	is "${PIPESTATUS[0]}" 0 "$name: thpraced ran, and it has happened" || diag "$(cat "$work/$name.err")"
	more "$(cat "$work/$name/texts" 2>/dev/null)" 1 "$name: its metrics came out, again and again"
}

# --- Prometheus and the others

# free_ports N
free_ports() {
	perl -MIO::Socket::INET -e '
		my @all = map { IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1) // die } 1 .. $ARGV[0];
		print join(" ", map { $_->sockport } @all), "\n"' "$1"
}
declare -A ports
read -r prometheus alertmanager webhook "ports[db1]" "ports[web1]" "ports[old1]" < <(free_ports 6)

# run NAME COMMAND...: in the background, until this test ends
run() {
	local name=$1

	shift
	setpriv --pdeathsig TERM "$@" >"$work/$name.log" 2>&1 </dev/null &
	pids+=($!)
}

# get URL
get() {
	perl -MHTTP::Tiny -e 'my $r = HTTP::Tiny->new(timeout => 20)->get($ARGV[0]);
		print $r->{content}; exit !$r->{success}' "$1"
}

# until_ok SECONDS COMMAND...
until_ok() {
	local until=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$until" ] || return 1
		sleep 0.5
	done
}

for name in db1 web1 old1; do
	mkdir "$work/$name"
	run "exporter-$name" prometheus-node-exporter --collector.disable-defaults --collector.textfile \
		--collector.textfile.directory="$work/$name" --web.listen-address="127.0.0.1:${ports[$name]}"
done
run webhook "$here/webhook" "$webhook" "$work/alerts.json"

cat >"$work/alertmanager.yml" <<END
route:
  receiver: test
  group_by: [alertname, instance, class]
  group_wait: 1s
  group_interval: 1s
receivers:
  - name: test
    webhook_configs:
      - url: http://127.0.0.1:$webhook/
END
run alertmanager prometheus-alertmanager --config.file="$work/alertmanager.yml" \
	--storage.path="$work/alertmanager" --web.listen-address="127.0.0.1:$alertmanager" \
	--cluster.listen-address=

# The rules of the tree; a test does not wait for an hour.
sed -E 's/^( +for:) .*/\1 2s/' "$root/docs/prometheus/thprace.rules.yml" >"$work/thprace.rules.yml"
cat >"$work/prometheus.yml" <<END
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [thprace.rules.yml]
alerting:
  alertmanagers:
    - static_configs:
        - targets: ["127.0.0.1:$alertmanager"]
scrape_configs:
  - job_name: node
    static_configs:
$(for name in db1 web1 old1; do
	printf '      - targets: ["127.0.0.1:%s"]\n        labels: {instance: %s}\n' "${ports[$name]}" "$name"
done)
END
promtool check config "$work/prometheus.yml" >"$work/promtool.log" 2>&1
ok $? "Prometheus' configuration, with the rules of the tree" || diag "$(cat "$work/promtool.log")"
run prometheus prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
	--web.listen-address="127.0.0.1:$prometheus"

# ask EXPRESSION: its samples, sorted: the labels without __name__ and job, and the value
ask() {
	perl -MHTTP::Tiny -MJSON::PP -e '
		my $http = HTTP::Tiny->new(timeout => 20);
		my $r = $http->post_form("http://127.0.0.1:$ARGV[0]/api/v1/query", {query => $ARGV[1]});
		my $answer = decode_json($r->{content});
		die "$r->{content}\n" unless $answer->{status} eq "success";
		for (@{$answer->{data}{result}}) {
			my $of = $_->{metric};
			push @all, join(" ", (map { "$_=$of->{$_}" } grep { !/^(__name__|job)$/ } sort keys %$of), $_->{value}[1]);
		}
		print "$_\n" for sort @all;' "$prometheus" "$1" 2>>"$work/ask.err"
}

# answers EXPRESSION TEXT
answers() {
	[ "$(ask "$1")" = "$2" ]
}

until_ok 60 answers 'count(up{job="node"} == 1)' 1 || until_ok 60 answers 'count(up{job="node"} == 1)' 3
answers 'count(up{job="node"} == 1)' 3
ok $? "three node exporters are scraped" || diag "$(ask up)" "$(tail -n 5 "$work/prometheus.log")"

# Its age counts while the others run.
machine old1 "$bookworm"
machine db1 "$bullseye" --modules "lzo-rle zram" \
	--file "$root/races/swapin-nocache.race:/etc/thprace/races.d/swapin-nocache.race"
machine web1 "$bookworm"

# --- what Prometheus has

more "$(ask 'min(changes(thprace_updated_timestamp_seconds{instance=~"db1|web1"}[10m]))')" 1 \
	"they were scraped while thpraced wrote them"
for name in web1 old1; do
	number=$(ask "count({__name__=~\"thprace_.+\",instance=\"$name\"})" | sed 's/.* //')
	more "$number" 100 "$name: series"
	less "$number" 151 "$name: at most 150 of them"
	echo "# $name: $number series"
done
echo "# db1, with a race from a file: $(ask 'count({__name__=~"thprace_.+",instance="db1"})') series"
is "$(ask 'thprace_incidents_total{instance="db1",class="swapin-nocache",verdict="escape"} > bool 0' | sed 's/.* //')" 1 \
	"db1: an escape is counted"
is "$(ask 'count(thprace_incidents_total{verdict="escape",instance!="db1"} > 0)')" "" "... and none elsewhere"

# Which of my machines lack the fix?
is "$(ask 'count by (instance) (instance_class:thprace_class_fixed:lacking)')" \
	"$(ask 'count by (instance) (thprace_class_fixed == 0)')" "the recording rule names the machines that lack a fix"
more "$(ask 'sum(class_kernel:thprace_class_fixed:lacking_count)')" 0 "... and there are some"
echo "# $(ask 'class_kernel:thprace_class_fixed:lacking_count' | tr '\n' ';')"

# --- what arrives

# alert NAME INSTANCE [CLASS]: the annotations of the last such alert that fires, in alert
alert() {
	perl -MJSON::PP -ne '
		BEGIN { ($name, $instance, $class) = splice @ARGV, 0, 3 }
		my $alert = decode_json($_);
		my $of = $alert->{labels};
		next unless $alert->{status} eq "firing" && $of->{alertname} eq $name && $of->{instance} eq $instance;
		next if length $class && ($of->{class} // "") ne $class;
		$found = "severity: $of->{severity}\n" . join("\n", map { "$_: $alert->{annotations}{$_}" } sort keys %{$alert->{annotations}});
		END { print "$found\n" if $found; exit !$found }' "$1" "$2" "${3-}" "$work/alerts.json" >"$work/alert" 2>>"$work/ask.err"
}

# arrives SECONDS NAME INSTANCE CLASS SEVERITY TEXT: with what to do
arrives() {
	until_ok "$1" alert "$2" "$3" "$4"
	ok $? "$2 of $3 arrives at the webhook" || diag "$(cut -c 1-300 "$work/alerts.json")" "$(ask ALERTS)"
	like "$work/alert" "^severity: $5\$" "... its severity"
	like "$work/alert" "^summary: $3: " "... names the machine"
	like "$work/alert" "^description: .*$6" "... and says what to do"
	like "$work/alert" "^runbook_url: .*#${2,,}\$" "... and where to read on"
	grep -A 12 -ix "## $2" "$root/docs/runbook.md" | grep -q '^1\. .*`'
	ok $? "... which has the first step"
}
arrives 60 ThpraceEscape db1 swapin-nocache critical "'thprace incidents --class swapin-nocache' and 'thprace show ID'"
arrives 60 ThpraceProbesShed web1 "" warning "'thprace status' names them"
arrives 60 ThpraceKernelVulnerable db1 "" warning "'thprace check' shows what is missing"
# Five minutes after its last text, most of which have passed.
arrives 400 ThpraceStale old1 "" warning "The daemon has died"
! alert ThpraceEscape web1 "" && ! alert ThpraceEscape old1 ""
ok $? "no machine but db1 had an escape"
! alert ThpraceProbesShed old1 ""
ok $? "no probe was shed where nothing cost too much"

done_testing
