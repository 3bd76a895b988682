#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace check on files that are not kernels, on damaged ones, on BTF and configurations: one
# message with file and reason and status 1, or the possible result. Needs bookworm's cloud kernel.

set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${THPRACE_BUILD:-$root/build}
thprace=$build/thprace
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/system/tap.sh
. "$root/tests/system/tap.sh"

kernel=$("$root/tests/vm/kernel" bookworm cloud) || {
	echo "1..0 # SKIP no bookworm kernel could be fetched"
	exit 0
}

# run ARGUMENT...: status, out and err
run() {
	status=0
	"$thprace" check "$@" >"$work/out" 2>"$work/err" || status=$?
}

# refused NAME FILE REASON ARGUMENT...: one line with file and reason, and nothing on stdout
refused() {
	local name=$1 file=$2 why=$3

	shift 3
	run "$@"
	is "$status" 1 "$name: status 1"
	is "$(wc -l <"$work/err")" 1 "$name: one message"
	like "$work/err" "^thprace check: .*$file.*$why" "$name: says what and why"
	[ ! -s "$work/out" ]
	ok $? "$name: nothing on standard output"
}

refused 'a missing file' "$work/none" 'No such file' --kernel "$work/none"
refused 'a folder' "$work" 'not a regular file' --kernel "$work"
: >"$work/empty"
refused 'an empty file' "$work/empty" 'empty' --kernel "$work/empty"
head -c 100000 /dev/urandom | sed '1s/^/x/' >"$work/random"
refused 'random bytes' "$work/random" 'not a kernel image' --kernel "$work/random"
head -c 1000000 "$kernel" >"$work/short"
refused 'a truncated bzImage' "$work/short" 'cut off' --kernel "$work/short"
cp "$kernel" "$work/damaged"
chmod u+w "$work/damaged"
head -c 65536 /dev/zero |
	dd of="$work/damaged" bs=65536 seek=40 conv=notrunc status=none
refused 'a damaged payload' "$work/damaged" 'damaged' --kernel "$work/damaged"
refused 'a program' /bin/true 'not a kernel|not ELF|BTF' --btf /bin/true
refused 'random BTF' "$work/random" 'no BTF' --btf "$work/random"
refused 'a missing configuration' "$work/none" 'No such file' --kernel "$kernel" \
	--config "$work/none"
refused 'no configuration' "$work/random" 'not a kernel configuration' --kernel "$kernel" \
	--config "$work/random"

refused 'a program as a kernel' /bin/true 'not a kernel' --kernel /bin/true

run --kernel "$kernel" surplus
is "$status" 2 'an argument too many: status 2'
run --format yaml
is "$status" 2 'an unknown format: status 2'

run --kernel "$kernel" --format json
is "$status" 0 'JSON: status 0'
perl -MJSON::PP -e '
	my %seen;
	while (<STDIN>) {
		my $o = decode_json($_);
		ref $o->{evidence} eq "ARRAY" && ref $o->{missing} eq "ARRAY" or die "no evidence\n";
		$o->{word} =~ /^(fixed|vulnerable|cannot happen|unknown)$/ or die "no word\n";
		$o->{kernel} =~ /^Linux version 6\.1\./ or die "no kernel\n";
		exists $o->{$_} or die "no $_\n" for qw(class commit subject since);
		$_->{kind} =~ /^(BTF|symbol|config|code)$/ && $_->{text} or die "bad evidence\n"
			for @{$o->{evidence}};
		$seen{$o->{class}}++;
	}
	die "classes: " . keys(%seen) . "\n" if keys %seen != 7;' <"$work/out" 2>"$work/err"
ok $? 'JSON: an object per class, with the documented names' || diag "$(cat "$work/err")"

# Only BTF: facts about code are unknown, the others are not.
config=${kernel/vmlinuz-/config-}
if [ -r /sys/kernel/btf/vmlinux ]; then
	run --btf /sys/kernel/btf/vmlinux
	like "$work/out" '^truncate-unmap +(unknown|vulnerable|fixed|cannot happen)( |$)' \
		"this kernel's BTF alone: a word"
	like "$work/out" 'No code: no image was given' "this kernel's BTF alone: what is missing"
	expected=4
	! grep -qE '^[a-z-]+ +vulnerable( |$)' "$work/out" || expected=3
	is "$status" "$expected" "this kernel's BTF alone: status $expected"
else
	skip "this kernel's BTF alone" "it has none"
fi
run --kernel "$kernel" --config "$config"
is "$status" 0 'with its configuration: status 0'
gzip -c "$config" >"$work/config.gz"
run --kernel "$kernel" --config "$work/config.gz"
is "$status" 0 'with its configuration gzip-ed: status 0'

run
expected=0
! grep -qE '^[a-z-]+ +unknown( |$)' "$work/out" || expected=4
! grep -qE '^[a-z-]+ +vulnerable( |$)' "$work/out" || expected=3
is "$status" "$expected" "the running kernel: the status that follows from its words" ||
	diag "$(cat "$work/out" "$work/err")"
done_testing
