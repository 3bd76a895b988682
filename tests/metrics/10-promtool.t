#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Prometheus' own tool accepts the metrics and the alert rules without a message.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
here=$(cd "$(dirname "$0")" && pwd)

promtool=$("$here/promtool") || {
	echo "Bail out! promtool could not be fetched"
	exit 1
}
[ -x "$build/unit/test_metrics" ] || {
	echo "Bail out! no $build/unit/test_metrics: make metrics"
	exit 1
}

# checked NAME OPTION: the text that OPTION prints is accepted without a message
checked() {
	"$build/unit/test_metrics" "$2" >"$work/text" && [ -s "$work/text" ] &&
		"$promtool" check metrics <"$work/text" >"$work/log" 2>&1 && [ ! -s "$work/log" ]
	ok $? "$1" || diag "promtool check metrics:" "$(cat "$work/log")"
}

checked "metrics of a daemon that has seen something of everything" --print
checked "metrics of a daemon that has just started" --print-new
checked "metrics for a fleet" --print-fleet
"$build/unit/test_metrics" --print >"$work/text"

# The check detects errors.
sed 's/thprace_windows_total/thprace_windows/' "$work/text" >"$work/wrong"
! "$promtool" check metrics <"$work/wrong" >"$work/log" 2>&1
ok $? "a counter without _total is refused" || diag "promtool said:" "$(cat "$work/log")"

rules=$root/docs/prometheus/thprace.rules.yml
"$promtool" check rules --lint-fatal "$rules" >"$work/log" 2>&1
ok $? "the alert rules are well-formed" || diag "$(cat "$work/log")"

"$promtool" test rules "${rules%.yml}.test.yml" >"$work/log" 2>&1
ok $? "the alert rules fire when they must and not else" || diag "$(cat "$work/log")"

# Each rule has its test, once with an alert and once without.
grep -oE '^ +- alert: .*' "$rules" | sed 's/.*: //' | sort >"$work/alerts"
awk '/eval_time:/ { fires = "" }
	/alertname:/ { name = $2 }
	/exp_alerts: \[\]/ { print name, "silent" }
	/exp_alerts:$/ { print name, "fires" }' "${rules%.yml}.test.yml" | sort -u >"$work/tested"
while read -r alert; do
	printf '%s fires\n%s silent\n' "$alert" "$alert"
done <"$work/alerts" >"$work/wanted"
[ -s "$work/alerts" ]
ok $? "there are alerts"
is "$(cat "$work/tested")" "$(sort "$work/wanted")" "each alert is tested firing and silent"

# Each recording is evaluated in a test.
grep -oE '^ +- record: .*' "$rules" | sed 's/.*: //' | sort >"$work/records"
while read -r record; do
	grep -qE "^ +- expr: $record\$" "${rules%.yml}.test.yml" || echo "$record"
done <"$work/records" >"$work/absent"
[ -s "$work/records" ]
ok $? "there are recordings"
is "$(cat "$work/absent")" "" "each is tested"

# Each has a summary.
is "$(grep -cE '^ +summary: .+' "$rules") $(grep -cE '^ +description: .+' "$rules")" \
	"$(wc -l <"$work/alerts") $(wc -l <"$work/alerts")" "each alert has a summary and a description"

# The link of each leads to the description of what to do.
while read -r alert; do
	anchor=${alert,,}
	grep -qE "^ +runbook_url: file:///usr/share/doc/thprace/runbook.md#$anchor\$" "$rules" &&
		grep -qix "## $alert" "$root/docs/runbook.md" || echo "$alert"
done <"$work/alerts" >"$work/absent"
is "$(cat "$work/absent")" "" "each alert has a runbook_url, and docs/runbook.md its section"
is "$(sed -n 's/^## //p' "$root/docs/runbook.md" | sort)" "$(cat "$work/alerts")" \
	"docs/runbook.md has no other section"

done_testing
