# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# On a kernel in which the races of the classes in $CLASSES are open, in precise mode: the alert
# comes at once and is complete; the second of a kind is folded.

# shellcheck source=tests/service/guest/common.sh
. ./common.sh

# of ESCAPE'S FIELD: of the first alert of $class
of() {
	jq -r ".$1" alert
}

# all_there: the fields of an escape's alert
all_there() {
	for field in THPRACE_ID THPRACE_FILE THPRACE_MODE THPRACE_LEVEL THPRACE_OPENER_PID \
		THPRACE_OPENER_TGID THPRACE_OPENER_COMM THPRACE_OPENER_CPU THPRACE_CLOSE_NS \
		THPRACE_WALKER_PID THPRACE_WALKER_TGID \
		THPRACE_WALKER_COMM THPRACE_WALKER_CPU THPRACE_WALKER_KIND THPRACE_WALKER_NS \
		THPRACE_RESIDUAL THPRACE_FOLIO THPRACE_PROOF THPRACE_WORDS THPRACE_CLOSE_CALL; do
		[ -n "$(of "$field // \"\"")" ] || echo "$field"
	done
}

escaped() {
	messages ESCAPE | jq -c "select(.THPRACE_CLASS == \"$class\")" | head -n 1 >alert
	[ -s alert ]
}

# storm: in the background, until end_stress. With HOW=provoke windows are held open; the service is
# the second observer then, and loses no escape that the walker's own result proves (docs/modes.md).
storm() {
	if [ "$HOW" = provoke ]; then
		setsid thprace provoke "$class" -d 1h --whole --quiet --this-is-a-test-machine \
			>>stress.log 2>&1 &
		stressor=$!
	else
		stress "$class"
	fi
}

# stressed: until there is an alert
stressed() {
	storm
	until_ok 300 escaped
	seen=$?
	[ "$class" != hwpoison-unmap ] || until_ok 60 more_than 0 CONFIRMED
	end_stress
	ok "$seen" "$class: an escape, and an alert"
}

# forge: ten lines of the kernel's log that begin like its WARNING, with a function of a split;
# prints how many there are. It is a segfault: the line begins with the task's name, and later has
# the name of the file in which it happened.
forge() {
	mkdir -p names
	cp "$(ldd /bin/sh | awk '$1 == "libc.so.6" { print $3 }')" "names/x unmap_page+"
	ln -sf "x unmap_page+" names/libc.so.6
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		LD_LIBRARY_PATH=$PWD/names perl -e '$0 = "WARNING: "; unpack("p", pack("Q", 8))' 2>/dev/null
	done
	dmesg | grep -c 'WARNING: \[.*: segfault at .* in x unmap_page+'
}

# If an escape kills a task in the kernel, the other tasks report it.
echo 0 >/proc/sys/kernel/panic_on_oops
install_packages
# The lab's kernels have no message queues that could get a namespace, and no seccomp.
printf '[Service]\nPrivateIPC=no\n' >"$unit/lab.conf"
printf '[observe]\nmode=precise\n[alerts]\nfold=5s\n' >"$conf/50-test.conf"
start "on $(uname -r)"
soon "the kernel's code is read" 120 checked || diag "$(of_status .check)"
is "$(messages VULNERABLE .THPRACE_CLASS)" "$(of_status '.classes[] | select(.check == "vulnerable").class')" \
	"one warning for each class that it is open to" || diag "$(texts VULNERABLE)"
for class in $CLASSES; do
	is "$(of_status ".classes[] | select(.class == \"$class\").check")" vulnerable "$class: vulnerable"
	thprace metrics | grep -qx "thprace_class_fixed{class=\"$class\"} 0"
	ok $? "... the metrics say so"
	messages VULNERABLE "select(.THPRACE_CLASS == \"$class\")" >out
	like out '"THPRACE_EVIDENCE":"[^"]' "... the warning has what shows it"
	like out '"MESSAGE":"vulnerable: .*thprace check"' "... and the command that shows more"
done
more "$(forge)" 5 "a user's lines look like the kernel's complaint"
for class in $CLASSES; do
	stressed || {
		diag "$(cat stress.log; of_status .totals; journalctl -b -q -n 5 -o cat -t thpraced)"
		continue
	}
	is "$(of PRIORITY)" 2 "$class: critical"
	is "$(of THPRACE_VERDICT)" escape "... its verdict"
	is "$(of SYSLOG_IDENTIFIER)/$(of SYSLOG_FACILITY)" thpraced/3 "... identifier and facility"
	is "$(all_there)" "" "... no field is missing"
	like alert '"MESSAGE":"escape: [^"]*opener [^"]*walker [^"]*proof: ' "... the same in words"
	# The start of a range that began before the walker was not seen.
	began=$(of 'THPRACE_OPEN_NS // .THPRACE_CLOSE_NS')
	told_us=$(($(of __MONOTONIC_TIMESTAMP) - began / 1000))
	less "$told_us" 1000000 "... within a second of the window's opening, or its end"
	echo "# $class: told $told_us us after that: $(of MESSAGE)"
	number=$(of THPRACE_ID)
	test -s "$(of THPRACE_FILE)"
	ok $? "... with a file of evidence" || diag "$(of THPRACE_FILE)"
	thprace incidents --verdict escape --class "$class" >out
	like out "(^| )$number .*$class" "thprace incidents has it" || diag "$(cat out)"
	thprace show "$number" >out
	like out "incident $number: $class, .* escape" "thprace show draws it"
	like out "opener's stack +walker's stack" "... with both stacks"
	report=$(of THPRACE_FILE)
	thprace report "$report" >out 2>&1
	is "$?" 3 "thprace report of the file: 3"
	try thprace status
	is "$status" 3 "thprace status: 3"
	more "$(of_status ".classes[] | select(.class == \"$class\").escapes")" 0 "... and it counts them"
done
journalctl -x -q -b --no-pager "MESSAGE_ID=$(id ESCAPE)" >out
like out " Subject: " "journalctl -x explains it"
like out "thprace show" "... and what to do"
more_folded() {
	[ "$(of_status .alerts.folded)" = 0 ] || more_than 0 FOLDED
}
soon "folded incidents are reported" 20 more_folded
case " $CLASSES " in
*" hwpoison-unmap "*)
	soon "the kernel's own complaint confirms it" 10 more_than 0 CONFIRMED ||
		diag "$(texts COMPLAINT; of_status .alerts)"
	messages CONFIRMED >out
	like out '"THPRACE_KERNEL_LINE":"Memory failure: 0x' "... with its line"
	like out '"THPRACE_KERNEL_PFN":"0x' "... and its page"
	is "$(jq -r .MESSAGE out | grep -vc '(it names this page')" 0 "... which is the incident's, each time"
	echo "# $(jq -r .MESSAGE out | head -n 1)"
	is "$(messages COMPLAINT | grep -c segfault)" 0 "the user's lines before it were none"
	;;
esac
is "$(shown ActiveState)/$(shown NRestarts)" active/0 "the service runs on"
says .loss.identity
ok $? "the identity holds" || diag "$(of_status .loss)"
done_testing
