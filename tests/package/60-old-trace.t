#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Traces and spools of each version of the format, in hexadecimal in tests/traces: report, dump and
# export read them, and say what they said when the files were made. What was added since does not
# matter: columns of CSV at the end of a line, members of JSON. tests/unit/test_spool_old.c has the
# daemon's side.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
export LC_ALL=C.UTF-8

traces=$root/tests/traces

# unhex FILE: what it stands for
unhex() {
	perl -ne 'chomp; print pack "H*", $_' "$1"
}

# version FILE: of the trace's format
version() {
	od -A n -t u4 -j 8 -N 4 "$1" | tr -d ' '
}

# constant NAME: of the format
constant() {
	sed -n "s/^#define $1 \([0-9]*\).*/\1/p" "$root/include/thprace/trace.h"
}

# same_columns EXPECTED <CSV: no difference in the columns that EXPECTED names
same_columns() {
	perl -e '
		open(my $old, "<", $ARGV[0]) or die "$ARGV[0]: $!\n";
		my @names = split /,/, my $head = <$old>;
		my $number = 0;
		while (1) {
			my ($was, $is) = $number++ ? (scalar <$old>, scalar <STDIN>) : ($head, scalar <STDIN>);
			last if !defined $was && !defined $is;
			for (($was, $is)) {
				$_ //= "no line\n";
				my @fields = /\G((?:"(?:[^"]|"")*"|[^,"\n])*)[,\n]/g;
				$_ = join ",", @fields[0 .. ($#fields < $#names ? $#fields : $#names)];
			}
			print "line $number: $is\n  was: $was\n" if $was ne $is;
		}' "$1"
}

# same_members EXPECTED <JSON: each member of EXPECTED is still there, with its value; the program's
# own version and the words for people are not compared
same_members() {
	perl -MJSON::PP -e '
		my %free = map { $_ => 1 } qw(words proof hints text hint);
		my $json = JSON::PP->new->canonical->allow_nonref;
		sub compare {
			my ($was, $is, $where) = @_;
			if (ref $was eq "HASH" && ref $is eq "HASH") {
				$free{$_} || compare($was->{$_}, exists $is->{$_} ? $is->{$_} : "absent", "$where.$_")
					for sort keys %$was;
			} elsif (ref $was eq "ARRAY" && ref $is eq "ARRAY" && @$was == @$is) {
				compare($was->[$_], $is->[$_], "$where\[$_]") for 0 .. $#$was;
			} elsif ($json->encode($was) ne $json->encode($is)) {
				print "$where: ", $json->encode($is), "\n  was: ", $json->encode($was), "\n";
			}
		}
		open(my $old, "<", $ARGV[0]) or die "$ARGV[0]: $!\n";
		my @is = map { decode_json($_) } <STDIN>;
		my $number = 0;
		while (<$old>) {
			my $was = decode_json($_);
			# Objects of a type that is new may be in between.
			shift @is while @is && $is[0]{type} ne $was->{type};
			compare($was, shift @is // "no line", "line " . ++$number . ", $was->{type}");
		}' "$1"
}

# read_as_then NAME VERSION: that trace, by each verb
read_as_then() {
	local file=$work/$1.thpr

	unhex "$traces/$1.hex" >"$file"
	is "$(version "$file")" "$2" "$1: of version $2"
	thprace dump --format csv "$file" >"$work/all" 2>"$work/err"
	is "$?$(cat "$work/err")" 0 "... dump reads it"
	# Of a recording only the incidents are kept; the crosscheck reads its records.
	if [ "$1" = "${1%-recorded}" ]; then
		cp "$work/all" "$work/csv"
	else
		grep -vE '^(record|context),' "$work/all" >"$work/csv"
		more "$(wc -l <"$work/all")" 50 "... with its records"
	fi
	same_columns "$traces/$1.csv" <"$work/csv" >"$work/differs" 2>&1
	is "$(head -n 20 "$work/differs")" "" "... its records and incidents are what they were"
	thprace report --format json --incidents 3 "$file" >"$work/json" 2>"$work/err"
	is "$?$(cat "$work/err")" "$(cat "$traces/$1.status")" "... report reads it, with the status that it had"
	same_members "$traces/$1.json" <"$work/json" >"$work/differs" 2>&1
	is "$(head -n 20 "$work/differs")" "" "... and finds what it found"
	thprace report "$file" >"$work/text" 2>"$work/err"
	is "$?$(cat "$work/err")" "$(cat "$traces/$1.status")" "... as text, too"
	thprace report --format html --output "$work/page.html" "$file" 2>"$work/err"
	is "$?$(cat "$work/err")" "$(cat "$traces/$1.status")" "... and as a page"
	thprace export --chrome-json "$file" >"$work/export" 2>"$work/err"
	is "$?$(cat "$work/err")" 0 "... export reads it"
}

# Each version has its files: whoever raises the version adds them.
for ((version = $(constant THPRACE_TRACE_VERSION_OLDEST); version <= $(constant THPRACE_TRACE_VERSION); version++)); do
	read_as_then "v$version-each" "$version"
	read_as_then "v$version-recorded" "$version"
	file=$work/v$version-recorded.thpr
	status=0
	thprace report --crosscheck "$file" >"$work/out" 2>"$work/err" || status=$?
	if [ "$version" -lt 3 ]; then
		is "$status" 1 "v$version-recorded: not for the crosscheck"
		like "$work/err" "the file is of format version $version: its records lack" "... which says why"
	else
		is "$status$(cat "$work/err")" 0 "v$version-recorded: the crosscheck reads it"
		like "$work/out" "^  equal +[1-9]" "... and finds the same incidents"
		like "$work/out" "^crosscheck: equal" "... all of them"
	fi

	spool=$work/spool-v$version
	mkdir "$spool"
	for file in "$traces/spool-v$version"/*; do
		name=${file##*/}
		if [ "$name" = "${name%.hex}" ]; then
			cp "$file" "$spool"
		else
			unhex "$file" >"$spool/${name%.hex}"
		fi
	done
	thprace incidents --spool "$spool" --format json --count 100 >"$work/out" 2>"$work/err"
	is "$?$(cat "$work/err")" 0 "spool-v$version: incidents reads it"
	is "$(grep -o '"number":[0-9]*' "$work/out" | tr -dc '0-9\n' | sort -n | xargs)" "1 2 3 4 5" "... all of it, by number"
	thprace show --spool "$spool" 5 >"$work/out" 2>"$work/err"
	like "$work/out" "split-migrate|hwpoison-unmap|invalidate-unmap" "... show finds one by its number" ||
		diag "$(cat "$work/out" "$work/err")"
	thprace report --format json "$spool" >"$work/out" 2>"$work/err"
	is "$(grep -c '"type":"sum"' "$work/out")" 1 "... and report sums it up" || diag "$(cat "$work/err")"
done

# From before META named the classes.
unhex "$traces/v3-no-classes.hex" >"$work/trace.thpr"
thprace dump --format csv "$work/trace.thpr" >"$work/csv" 2>"$work/err"
is "$?$(cat "$work/err")" 0 "v3-no-classes: it is read"
is "$(same_columns "$traces/v3-no-classes.csv" <"$work/csv")" "" "its records and incidents are what they were"
thprace report --format json "$work/trace.thpr" >"$work/report"
while read -r class; do
	like "$work/report" "\"type\":\"class\",\"class\":\"$class\",.*\"overlaps\":1,\"contained\":1," "$class: counted"
done <<'END'
split-unmap
split-migrate
split-head
hwpoison-unmap
truncate-unmap
invalidate-unmap
collapse-reuse
END

# All classes are in it, so all members are.
thprace report --format json --incidents 99 "$work/trace.thpr" >"$work/report"
perl -MJSON::PP -e '
	my %names;
	sub collect {
		my ($value) = @_;
		collect($_) for ref $value eq "HASH" ? values %$value : ref $value eq "ARRAY" ? @$value : ();
		@names{keys %$value} = () if ref $value eq "HASH";
	}
	collect(decode_json($_)) while <STDIN>;
	print "$_\n" for sort keys %names;' <"$work/report" >"$work/names"
more "$(wc -l <"$work/names")" 100 "report's JSON has members"
while read -r name; do
	grep -qw -- "$name" "$root/docs/man/thprace-report.1" || echo "$name"
done <"$work/names" >"$work/absent"
is "$(cat "$work/absent")" "" "... which thprace-report.1 names"

done_testing
