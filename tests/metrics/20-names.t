#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The alert rules, the dashboard and docs/metrics.md use existing metrics, and the document has all
# of them. The dashboard is JSON, and Prometheus can parse its expressions.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
here=$(cd "$(dirname "$0")" && pwd)
prometheus=$root/docs/prometheus

promtool=$("$here/promtool") || {
	echo "Bail out! promtool could not be fetched"
	exit 1
}

"$build/unit/test_metrics" --print >"$work/text" || {
	echo "Bail out! no metrics: make metrics"
	exit 1
}

# The known names: families, and the names that a query may use.
sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$work/text" | sort >"$work/families"

# Rules and dashboard have to do with what the file has by default.
"$build/unit/test_metrics" --print-fleet >"$work/fleet"
sed -n 's/^\(thprace_[a-z0-9_]*\)[{ ].*/\1/p' "$work/fleet" | sort -u >"$work/samples"
more "$(wc -l <"$work/samples")" 40 "there are metrics for a fleet"

# names: the metric names in the input
names() {
	grep -oE '\bthprace_[a-z0-9_]+' | sort -u
}

# exist NAME FILE: all names in FILE are of samples, and there are some
exist() {
	local unknown

	names <"$2" >"$work/names"
	more "$(wc -l <"$work/names")" 10 "$1: names metrics"
	unknown=$(comm -23 "$work/names" "$work/samples")
	[ -z "$unknown" ]
	ok $? "$1: all of them exist" || diag "not exported: $unknown"
}

# labels FILE: the labels that its selectors and groupings name
labels() {
	{
		grep -oE '[{,] *[a-z_]+ *(=~|!=|!~|=)' "$1" | sed 's/^[{,] *//; s/ *[=!~]*$//'
		grep -oE '\b(by|on) \([^)]*\)' "$1" | sed 's/.*(//; s/)//; s/,/\n/g'
	} | tr -d ' ' | sort -u
}

# known NAME FILE: all labels in FILE are labels of samples, or added by Prometheus
known() {
	local unknown

	{
		grep -oE '[{,][a-z_]+="' "$work/fleet" | tr -d '{,="'
		printf '%s\n' job instance
	} | sort -u >"$work/labels"
	unknown=$(labels "$2" | comm -23 - "$work/labels")
	[ -z "$unknown" ]
	ok $? "$1: all labels exist" || diag "no such label: $unknown"
}

# --- the alert rules

awk '/^ *expr: >-/ { on = 1; next } /^ *(for|labels):/ { on = 0 } /^ *expr: / || on' \
	"$prometheus/thprace.rules.yml" >"$work/rules"
exist "alert rules" "$work/rules"
known "alert rules" "$work/rules"

# --- the dashboard

dashboard=$prometheus/grafana-dashboard.json
perl -MJSON::PP -0777 -e '
	my $all = decode_json(<STDIN>);
	die "schemaVersion\n" unless $all->{schemaVersion} == 38;
	my (%ids, @todo);
	@todo = @{$all->{panels}};
	while (my $panel = shift @todo) {
		die "id $panel->{id} twice\n" if $ids{$panel->{id}}++;
		die "a panel without a title\n" unless length $panel->{title};
		push @todo, @{$panel->{panels} || []};
		next if $panel->{type} eq "row";
		die "$panel->{title}: no query\n" unless @{$panel->{targets}};
		print "$_->{expr}\n" for @{$panel->{targets}};
	}
	print "$_->{expr}\n" for grep { $_->{expr} } @{$all->{annotations}{list}};
	for (grep { $_->{type} eq "query" } @{$all->{templating}{list}}) {
		$_->{query}{query} =~ /^label_values\((.*), \w+\)$/ or die "$_->{name}: no query\n";
		print "$1\n";
	}
' <"$dashboard" >"$work/exprs" 2>"$work/log"
ok $? "the dashboard is JSON of the shape that Grafana reads" || diag "$(cat "$work/log")"
exist "dashboard" "$work/exprs"
known "dashboard" "$work/exprs"

# For a fleet of thousands, panels with a line or a row per machine are limited.
perl -MJSON::PP -0777 -e '
	for my $panel (@{decode_json(<STDIN>)->{panels}}) {
		for my $target (@{$panel->{targets} || []}) {
			my ($expr, $legend) = @$target{qw(expr legendFormat)};
			next if $expr =~ /^(top|bottom)k\(\d+, / || $panel->{type} =~ /^(stat|heatmap)$/;
			my $summed = $expr =~ /^(sum|count|max|histogram_quantile)\b/ && $expr !~ /by \([^)]*instance/;
			print "$panel->{title}: $expr\n" if !$summed || $legend =~ /instance/;
		}
	}
' <"$dashboard" >"$work/unbounded"
is "$(cat "$work/unbounded")" "" "no panel of the dashboard grows with the number of machines"

# As rules of recordings, with numbers for Grafana's variables.
{
	printf 'groups:\n  - name: dashboard\n    rules:\n'
	i=0
	while IFS= read -r expr; do
		i=$((i + 1))
		# shellcheck disable=SC2016 # Grafana's variables, not the shell's
		expr=$(printf '%s' "$expr" | sed 's/\$__rate_interval/5m/g; s/\$__range/1d/g')
		printf "      - record: expr_%s\n        expr: '%s'\n" "$i" "${expr//\'/\'\'}"
	done <"$work/exprs"
} >"$work/recordings.yml"
"$promtool" check rules "$work/recordings.yml" >"$work/log" 2>&1
ok $? "Prometheus can read the dashboard's expressions" || diag "$(cat "$work/log")"

# --- the document

# The rows of its tables begin with a name, which may have labels.
# shellcheck disable=SC2016 # Markdown's quotes, not the shell's
sed -n 's/^| `\(thprace_[a-z0-9_]*\)[{`].*/\1/p' "$root/docs/metrics.md" | sort >"$work/documented"
is "$(cat "$work/documented")" "$(cat "$work/families")" "docs/metrics.md lists each metric, once"

# ... and says which are not in the file by default.
sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$work/fleet" | sort | comm -23 "$work/families" - >"$work/only"
# shellcheck disable=SC2016 # as above
sed -n 's/^| `\(thprace_[a-z0-9_]*\)[{`].*| [a-z]*, all |.*/\1/p' "$root/docs/metrics.md" | sort >"$work/documented"
is "$(cat "$work/documented")" "$(cat "$work/only")" "docs/metrics.md marks those that only all=yes writes"

# Their labels too.
# shellcheck disable=SC2016 # as above
sed -n 's/^| `\(thprace_[a-z0-9_]*\)\({[a-z,]*}\)\{0,1\}` .*/\1\2/p' "$root/docs/metrics.md" |
	sort >"$work/documented"
sed -n 's/^thprace_/&/p' "$work/text" | sed -E 's/="([^"\\]|\\.)*"//g; s/ [^ ]*$//' |
	sed -E 's/_bucket(\{[^}]*)/\1/; /_(sum|count)(\{(phase|class)\})$/d' | sort -u >"$work/labelled"
is "$(cat "$work/documented")" "$(cat "$work/labelled")" "docs/metrics.md has the labels of each"

done_testing
