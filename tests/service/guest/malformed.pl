#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# malformed.pl SOCKET TIMES: sends this many malformed requests, of each kind in turn. Each gets one
# line with an error and then the end, or only the end if the client hung up. Otherwise prints what
# was wrong; then the exit status is 1.

use strict;
use warnings;
use IO::Socket::UNIX;
use Socket;

my ($path, $times) = @ARGV;
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "no answer within 60 s\n" };

# The requests, and whether an answer must come.
my @kinds = (
	["\n", 1],
	["status\n", 1],
	["{\n", 1],
	["[]\n", 1],
	["42\n", 1],
	["{}\n", 1],
	["{\"request\":17}\n", 1],
	["{\"request\":\"no-such-thing\"}\n", 1],
	["{\"request\":\"status\",\"verbose\":true}\n", 1],
	["{\"request\":\"incident\"}\n", 1],
	["{\"request\":\"incident\",\"id\":-1}\n", 1],
	["{\"request\":\"incident\",\"id\":\"one\"}\n", 1],
	["{\"request\":\"incidents\",\"class\":\"no-class\"}\n", 1],
	["{\"request\":\"live\",\"seconds\":1e400}\n", 1],
	["{\"request\":\"status\"} {\"request\":\"status\"}\n", 1],
	["{\"request\":\"status\0\"}\n", 1],
	["\0\377\376\r\033[2J\n", 1],
	["[" x 2000 . "\n", 1],
	["x" x 5000 . "\n", 1],
	["x" x 300000, 1],
	["{\"request\":\"status\"", 0],
	["", 0],
);

my $wrong = 0;
for my $i (0 .. $times - 1) {
	my ($text, $owed) = @{ $kinds[$i % @kinds] };
	alarm 60;
	my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path)
		or die "cannot connect to $path: $!\n";
	# The daemon may close the connection before it has read everything.
	for (my $at = 0; $at < length $text;) {
		my $sent = syswrite $socket, $text, length($text) - $at, $at;
		last unless defined $sent;
		$at += $sent;
	}
	if (!$owed) {
		close $socket;
		next;
	}
	my $answer = '';
	while (sysread $socket, my $part, 65536) {
		$answer .= $part;
	}
	close $socket;
	next if $answer =~ /\A\{[^\n]*"type":\s*"error"[^\n]*\}\n\z/;
	$wrong++;
	printf "%s: %s\n", substr($text, 0, 60) =~ s/[^ -~]/?/gr, substr($answer, 0, 200) || 'no answer';
}
exit($wrong ? 1 : 0);
