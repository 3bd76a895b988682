#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# What docs/compatibility.md promises to keep is there, and all that is there is promised and described:
# options, keys of the configuration, members of JSON, columns, metrics, fields and messages of the
# journal, statuses, values in traces.
use strict;
use warnings;
use FindBin;
use Test::More;

chdir "$FindBin::Bin/../.." or die "no tree: $!\n";

my $build = $ENV{THPRACE_BUILD} // 'build';

sub text {
	open(my $in, '<', $_[0]) or die "$_[0]: $!\n";
	local $/;
	return scalar <$in>;
}

my %has = map { $_ => 1 } `tests/lint/frozen --build $build`;
is($?, 0, 'the names are found');
cmp_ok(scalar keys %has, '>', 800, '... hundreds of them');
chomp(my @has = sort keys %has);
chomp(my @promised = grep { !/^(?:#|$)/ } split /^/, text('tests/lint/frozen.list'));
is_deeply(\@promised, [sort @promised], 'frozen.list is sorted');
my %has_now = map { $_ => 1 } @has;
my %is_promised = map { $_ => 1 } @promised;
is(join("\n", grep { !$has_now{$_} } @promised), '',
	'nothing that was promised is gone: docs/compatibility.md says how something goes');
# A race class is one file: a new one needs no line here.
is(join("\n", grep { !$is_promised{$_} && !/^class / } @has), '',
	'nothing is new: it is described, and gets its line in tests/lint/frozen.list');

# --- each has its description

my %man = map { m{([^/]+)$} => text($_) } glob 'docs/man/*';
my $pages = join '', values %man;
my $documents = join '', map { text($_) } glob 'docs/*.md';
my %described = (
	verb => sub { exists $man{"thprace-$_[0].1"} },
	config => sub { my ($key) = $_[1] =~ /(.*)=/; $man{'thprace.conf.5'} =~ /\b$key\b/ },
	# Of crash dumps and in traces, members are described where the format is.
	json => sub { "$pages$documents" =~ /\b$_[1]\b/ },
	object => sub { "$pages$documents" =~ /\b$_[1]\b/ },
	csv => sub { $man{'thprace-dump.1'} =~ /\b$_[1]\b/ },
	metric => sub { text('docs/metrics.md') =~ /\b$_[0]\b/ },
	message => sub {
		my ($last) = $_[0] =~ /(..)$/;
		text('docs/alerts.md') =~ /^\| $last /m && text('systemd/thprace.catalog') =~ /^-- $_[0]$/m;
	},
	status => sub { $documents =~ /\b$_[0]\b/ },
	class => sub { text('docs/classes.md') =~ /\b$_[1]\b/ },
	value => sub { !defined $_[2] || text('docs/trace-format.md') =~ /\b$_[2]\b/ },
);
my @without;
for (@has) {
	my ($kind, @rest) = split / /;
	push @without, $_ if $described{$kind} && !$described{$kind}->(@rest);
}
is(join("\n", @without), '', 'each of them is described');

# THPRACE_OPENER_PID, _TGID, ... of docs/alerts.md.
my %fields;
for my $row (text('docs/alerts.md') =~ /^\| (THPRACE_[^|]+) \|/mg) {
	my ($base) = $row =~ /^(THPRACE_[A-Z]+_)/;
	$fields{/^_/ ? $base . substr($_, 1) : $_} = 1 for split /, /, $row;
}
is(join("\n", grep { !$fields{$_} } map { /^field (.*)/ ? $1 : () } @has), '', 'and each field of the journal');
done_testing();
