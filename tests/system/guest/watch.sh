# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# MIGRATE: the status of splits of anonymous pages on this kernel, fixed or vulnerable. The image is
# in /root/image.
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

# watched CLASS KEY: of the JSON in out
watched() {
	grep -F "\"class\":\"$1\"" out | sed 's/.*"watched":{//; s/"others".*//' |
		sed -n "s/.*\"$2\":\([0-9]*\),.*/\1/p"
}

word() {
	sed -n "s/.*\"class\":\"$1\",\"word\":\"\([a-z ]*\)\".*/\1/p" out
}

# split CLASS [OPTION]...: splits of a class, watched; longer if a busy host let none be seen
split() {
	class=$1
	shift
	for seconds in 3 20 200; do
		try thprace check "$@" --format json --watch -- thprace-stress "$class" -d "$seconds"
		[ "$(watched "$class" walks)" = 0 ] || break
	done
	diag "$class: $(grep -F "\"class\":\"$class\"" out)"
	more "$(watched "$class" calls)" 0 "$class${*:+ $*}: calls were seen"
	more "$(watched "$class" walks)" 0 "$class${*:+ $*}: walks were seen"
	is "$(watched "$class" lost)" 0 "$class${*:+ $*}: all of them could be followed"
}

# carries CLASS OPTION...: each walk has PVMW_SYNC
carries() {
	split "$@"
	class=$1
	shift
	is "$(watched "$class" with_ttu_sync)" "$(watched "$class" calls)" \
		"$class${*:+ $*}: every call passes TTU_SYNC"
	is "$(watched "$class" with_pvmw_sync)" "$(watched "$class" walks)" \
		"$class${*:+ $*}: every walk carries PVMW_SYNC"
	is "$(word "$class")" fixed "$class${*:+ $*}: fixed" || diag "$(cat out err)"
}

# lacks CLASS OPTION...: no walk has it
lacks() {
	split "$@"
	class=$1
	shift
	is "$(watched "$class" with_pvmw_sync)" 0 "$class${*:+ $*}: no walk carries PVMW_SYNC"
	is "$(word "$class")" vulnerable "$class${*:+ $*}: vulnerable" || diag "$(cat out err)"
	is "$status" 3 "$class${*:+ $*}: status 3"
}

migrates=carries
[ "$MIGRATE" = fixed ] || migrates=lacks

# The kernel's code is not available, so the watched walks decide.
try thprace check --format json
is "$(word split-unmap)" unknown "without an image: split-unmap is unknown"
is "$status" 4 "... status 4: no statement"
carries split-unmap
$migrates split-migrate
$migrates split-migrate --attach kprobe

# Now it is available, and the watched walks agree.
mkdir -p /boot && mv /root/image "/boot/vmlinuz-$(uname -r)"
thprace check --format json >out
is "$(word split-migrate)" "$MIGRATE" "by its code: split-migrate is $MIGRATE"
$migrates split-migrate
like out '"class":"split-migrate".*"kind":"code".*"kind":"watch"' "... by its code, and as watched"
like out '"class":"truncate-unmap".*"watched":null' "a class that is no matter of walks is not watched"

# Nobody splits.
try thprace check --watch=1
like out "^watched +the running kernel for [0-9.]+ s, by fentry" "what was watched is said"
is "$(grep -c 'watch *nothing was seen: in .* splits did not call try_to_' out)" 2 \
	"no split: it is said that nothing was seen" || diag "$(cat out)"
like out "^split-migrate +$MIGRATE" "... and the word stays"

try thprace check --watch=1 -- sleep 100
is "$status" "$([ "$MIGRATE" = fixed ] && echo 0 || echo 3)" "a command that is ended has not failed"
less "$(sed -n 's/^watched .* for \([0-9]*\)\.. s,.*/\1/p' out)" 50 "a command is ended when the time is over"
try thprace check --watch -- sh -c 'echo said; exit 5'
unlike out '^said' "what the command prints is not on stdout"
like err '^said' "... but on stderr"
like err 'sh exited with status 5' "... and so is how it ended"
[ "$MIGRATE" = vulnerable ] || {
	is "$status" 5 "... and its status is passed on"
	try thprace check --watch -- /nowhere/command
	is "$status" 127 "a command that cannot be run: status 127"
}

try thprace check --kernel /nowhere --watch
is "$status" 2 "another kernel can't be watched: status 2"
like err "only the running kernel can be watched" "... says why"
try thprace check sleep 1
is "$status" 2 "a command without --watch: status 2"
try thprace check --watch=0
is "$status" 2 "no time to watch: status 2"
try su -s /bin/sh nobody -c "thprace check --watch=1"
is "$status" 1 "not root: status 1"
one_message "not root" "needs root"
is_clean "check --watch"
done_testing
