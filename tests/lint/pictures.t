#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# The pictures of README.md are there, small, and have words for those who do not see them; the one
# of the rooms is that of docs/architecture.md.
use strict;
use warnings;
use FindBin;
use Test::More;

chdir "$FindBin::Bin/../.." or die "no tree: $!\n";

sub text {
	open(my $in, '<', shift) or return '';
	local $/;
	return <$in>;
}

my ($readme, %shown) = text('README.md');
while ($readme =~ /!\[([^\]]*)\]\(([^)]+)\)/g) {
	my ($words, $file) = ($1, $2);
	$shown{$file}++;
	ok(length($words) > 20, "$file: is described");
	ok(-s $file && -s $file < 150_000, "$file: is there, and below 150 KB");
}
is_deeply([sort keys %shown], [sort glob 'docs/pictures/*'], 'README shows every picture');

my ($table) = text('docs/architecture.md') =~ /<!-- rooms: begin -->(.*)<!-- rooms: end -->/s;
my @rooms = sort 'bpf', grep { !m{^tests/} } ($table // '') =~ /^\| `([^`]+)` /mg;
my @drawn = sort map { s/&#45;/-/gr } text('docs/pictures/architecture.svg') =~ m{class="node">\n<title>([^<]+)}g;
is_deeply(\@drawn, \@rooms, 'architecture.svg has the rooms of docs/architecture.md (make pictures)');
done_testing();
