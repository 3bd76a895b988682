#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace report of many traces: which files of a folder are read, what is skipped, the statuses, and
# that it takes neither more memory than for a few, nor much longer than one file of the same size.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
export LC_ALL=C.UTF-8
export COLUMNS=100

cd "$work" || exit 1
mkdir -p fleet/h1/deeper fleet/h2 empty
perl -ne 'chomp; print pack "H*", $_' "$root/tests/traces/v3-no-classes.hex" >fleet/h1/one.thpr
cp fleet/h1/one.thpr fleet/h1/deeper/two.thpr
cp fleet/h1/one.thpr fleet/h2/three.thpr

# try ARGUMENT...: sets status; the output is in out and err
try() {
	status=0
	timeout 60 thprace report "$@" >out 2>err </dev/null || status=$?
}

try fleet
is "$status$(cat err)" 0 "a folder is read, with the folders in it"
like out '^files +3 files read; 1 kernel$' "... all of its traces"
like out '^incidents +21, 2023-11-14$' "... whose incidents are added up"
like out '^  6\.1\.0-18-amd64 +3 +3 ' "... by class and kernel"
is "$(grep -cE '^(split|hwpoison|truncate|invalidate|collapse)-[a-z]+$' out)" 7 "... each class once"
cp out folder
try fleet/h2/three.thpr fleet/h1/one.thpr fleet/h1/deeper/two.thpr
is "$status$(cat err)" 0 "files that are named are read"
is "$(cat out)" "$(cat folder)" "... and give the same"
try fleet/h1 fleet/h2/three.thpr
is "$(cat out)" "$(cat folder)" "... and so do folders and files together"
try -o output --format json fleet
is "$status$(cat out)" 0 "into a file, as JSON"
is "$(stat -c %a output)" 600 "... for its owner only"
perl -MJSON::PP -ne '$nr{decode_json($_)->{type}}++; END { print join(" ", map { "$_=$nr{$_}" } sort keys %nr), "\n" }' \
	<output >types
is "$(cat types)" "class=7 pair=7 sum=1" "... an object per line"

# Each member is in the man page.
perl -MJSON::PP -ne 'print "$_\n" for keys %{decode_json($_)}' <output | sort -u >members
while read -r name; do
	grep -qw -- "$name" "$root/docs/man/thprace-report.1" || echo "$name"
done <members >absent
is "$(cat absent)" "" "thprace-report.1 names all members"

# --- what is damaged

cp -r fleet damaged
printf 'XXXX' | dd of=damaged/h1/one.thpr bs=1 seek=400 conv=notrunc 2>dd.err
echo "no trace" >damaged/h2/text.thpr
head -c 300 fleet/h1/one.thpr >damaged/h2/cut.thpr
try damaged
is "$status" 4 "with damaged files the status is 4"
like err '^thprace report: damaged/h1/one\.thpr: skipped: the records block at byte 266 is damaged' "a damaged one is named"
like err '^thprace report: damaged/h2/text\.thpr: skipped: not a thprace trace' "... and one that is no trace"
is "$(wc -l <err)" 2 "... and no other"
like out '^files +3 files read, 2 skipped;' "... and they are counted"
like out '1 file without an end mark' "one that is cut off is read as far as it goes"
try --format json damaged
is "$status $(grep -c '"type":"skipped","file":"damaged/h' out)" "4 2" "JSON has those that were skipped"
try damaged/h2/text.thpr damaged/none.thpr
is "$status$(cat out)" 1 "without any that can be read, it fails"
is "$(wc -l <err)" 2 "... and names each"
try empty
is "$status$(cat out)" 1 "a folder without a trace fails"
like err 'empty: no trace is in it' "... and says why"
make_trace=$build/page/make_trace
if [ -x "$make_trace" ]; then
	"$make_trace" real damaged/escape.thpr
	try damaged
	is "$status" 3 "an escape is found, whatever was skipped"
	like out '^2 escapes proved \(truncate-unmap\): in 1 of 4 files, on 1 of 1 kernel;' "... and the answer says where"
else
	skip "an escape is found, whatever was skipped" "no $make_trace: make page"
fi

# --- what others may have put there

cp -r fleet hostile
mkfifo hostile/fifo.thpr
ln -s /etc/passwd hostile/link.thpr
ln -s .. hostile/up
printf '\033[31m' >"hostile/$(printf 'a\033[31mb').thpr"
deep=hostile
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do
	deep=$deep/d
	mkdir "$deep"
done
cp fleet/h1/one.thpr "$deep"
try hostile
is "$status" 4 "of a folder that others write to, FIFOs and links are left alone"
like out '^files +3 files read, 2 skipped;' "... and the rest is read"
like err 'a\?\[31mb\.thpr: skipped' "a name is cleaned"
like err 'd: skipped: it is too deep' "folders in folders are limited"

# --- wrong usage

for options in "--crosscheck" "--kernel=/boot/vmlinuz" "--format=html"; do
	try "$options" fleet
	is "$status" 2 "$options is for one file"
done

# --- many

mkdir many
for i in $(seq 1500); do
	ln fleet/h1/one.thpr "many/$i.thpr"
done
# peak FILE...: the memory that it takes at most, KiB
peak() {
	perl -e '
		my $pid = fork // die;
		if (!$pid) {
			open STDOUT, ">", "out";
			exec "thprace", "report", @ARGV;
		}
		# A zombie has no memory any more: the last reading before counts.
		my $peak = 0;
		until (waitpid($pid, 1) == $pid) {
			open my $in, "<", "/proc/$pid/status" or next;
			/^VmHWM:\s+(\d+)/ && $1 > $peak and $peak = $1 while <$in>;
			select undef, undef, undef, 0.0005;
		}
		print "$peak\n";' "$@"
}
few=$(peak fleet)
all=$(peak many)
like out '^files +1,500 files read' "1,500 files are read"
less "$((all - few))" 2048 "... with no more memory than three (KiB: $few, $all)"

done_testing
