#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The line of progress: it appears on a terminal while a verb is at work for longer than a second,
# and is erased; there is none elsewhere. What is printed besides does not change. The programs are
# made slow: they wait for a file that appears once the line was seen.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
export LC_ALL=C.UTF-8
unset COLUMNS NO_COLOR

cd "$work" || exit 1
gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -shared -fPIC -o slow.so "$root/tests/package/slow.c" -ldl
ok $? "the programs can be made slow" || exit 1
perl -ne 'chomp; print pack "H*", $_' "$root/tests/traces/v3-no-classes.hex" >trace.thpr
echo "not a kernel" >image
echo "not a dump" >core
slowly="SLOW_UNTIL=$work/go LD_PRELOAD=$work/slow.so"

# on_terminal TERM COMMAND: standard error is a terminal, standard output the file out. What the
# terminal gets is in screen; the status in status.
on_terminal() {
	SHELL=/bin/bash TERM=$1 script -qefc "$2 >$work/out; echo \$? >$work/status" screen >/dev/null </dev/null
}

# without_line: what the terminal got besides the line of progress
without_line() {
	perl -0777 -pe 's/^Script [^\n]*\n//mg; s/\n\n?\z/\n/; s/\r[^\r\n]*\e\[K//g; s/\r\n/\n/g' screen
}

# shown LINE VARIABLE FILE COMMAND: the line, a regular expression, appears and is erased
shown() {
	local line=$1 name=$4 tries

	rm -f go out status screen
	touch go
	bash -c "$2=$work/$3 $slowly $4 >plain.out" 2>plain.err </dev/null
	echo $? >plain.status
	rm -f go
	on_terminal xterm "$2=$work/$3 $slowly $4" &
	# The bound only ends a test that hangs.
	for ((tries = 0; tries < 1200; tries++)); do
		grep -qaE "$line" screen 2>/dev/null && break
		sleep 0.1
	done
	touch go
	wait $!
	like screen $'\r'"$line"$'\e\\[K' "$name: the line is shown"
	is "$(perl -0777 -ne 'print $1 while /(\r[^\r\n]*\e\[K)/g' screen | tail -c 4 | od -An -tx1)" " 0d 1b 5b 4b" \
		"$name: and erased"
	is "$(without_line)" "$(cat plain.err)" "$name: standard error has the same messages"
	is "$(cksum <out) $(cat status)" "$(cksum <plain.out) $(cat plain.status)" \
		"$name: standard output and status are the same"
}

reading='reading the trace: [0-9]+ % of 0\.0 MB, [0-9]+ s'
image="reading the kernel's image: [0-9]+ s"
shown "$reading" SLOW_READ trace.thpr "thprace report trace.thpr"
shown "$reading" SLOW_READ trace.thpr "thprace report --format html trace.thpr"
shown "$reading" SLOW_READ trace.thpr "thprace report --format json trace.thpr"
shown "$reading" SLOW_READ trace.thpr "thprace dump trace.thpr"
shown "$reading" SLOW_READ trace.thpr "thprace export --chrome-json trace.thpr"
shown "$image" SLOW_OPEN image "thprace check --kernel $work/image"
shown "$image" SLOW_OPEN image "thprace report --kernel $work/image trace.thpr"
shown "$image" SLOW_OPEN image "thprace explain --kernel $work/image core"
shown "$image" SLOW_OPEN image "thprace races --kernel $work/image"
shown "opening the dump: [0-9]+ s" SLOW_OPEN core "thprace recover $work/core"
shown "opening the dump: [0-9]+ s" SLOW_OPEN core "SLOW_ENDS=1 thprace recover $work/core"
like plain.err "its reader ended with .Segmentation fault" "recover's reader can end"

# nothing NAME COMMAND...: after two seconds there is no line
nothing() {
	local name=$1

	shift
	rm -f go out screen
	"$@" &
	sleep 2
	touch go
	wait $!
	unlike screen $'\e''|reading' "$name"
}

command="SLOW_READ=$work/trace.thpr $slowly thprace report trace.thpr"
nothing "standard error is a file: no line" bash -c "$command >out 2>screen"
nothing "a terminal that cannot erase a line gets none" on_terminal dumb "$command"
nothing "nor does one that is not known" on_terminal "" "$command"

# The scripts of the lab and of the matrix of kernels.
cat >script.sh <<'INNER'
. "$1/tests/progress.sh"
set -eu
progress_begin echo "building 5.10-racy"
while [ ! -e go ]; do sleep 0.1; done
progress_end
echo "done" >&2
INNER
echo "done" >plain.err
rm -f go
on_terminal xterm "bash script.sh $root" &
for ((tries = 0; tries < 1200; tries++)); do
	grep -qa "building 5.10-racy" screen 2>/dev/null && break
	sleep 0.1
done
touch go
wait $!
like screen $'\r''building 5.10-racy: [0-9]+ s'$'\e\\[K' "a script: the line is shown"
is "$(without_line)" "$(cat plain.err)" "a script: and erased"
rm -f go
bash script.sh "$root" >out 2>screen &
sleep 2
touch go
wait $!
is "$(cat screen)" "$(cat plain.err)" "a script whose standard error is a file: no line"

done_testing
