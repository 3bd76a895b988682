# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# TAP for tests on the host (bash) and in the guest (busybox). A test is one call of:
#   ok STATUS NAME | is GOT EXPECTED NAME | more GOT THAN NAME | like FILE REGEX NAME | ...
# and done_testing prints the plan. What failed is printed in comment lines.

tap_count=0

# ok STATUS NAME: passes when STATUS is 0
ok() {
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
	else
		echo "not ok $tap_count - $2"
	fi
	return "$1"
}

# diag TEXT: comment lines; returns false, so that more can be printed about the same failure
diag() {
	printf '%s\n' "$*" | head -n 20 | sed 's/^/#   /'
	return 1
}

# is GOT EXPECTED NAME: the same text
is() {
	[ "$1" = "$2" ]
	ok $? "$3" || diag "got '$1', expected '$2'"
}

# more GOT THAN NAME: two whole numbers
more() {
	[ "${1:-none}" -gt "$2" ] 2>/dev/null
	ok $? "$3" || diag "got '$1', expected more than $2"
}

# less GOT THAN NAME
less() {
	[ "${1:-none}" -lt "$2" ] 2>/dev/null
	ok $? "$3" || diag "got '$1', expected less than $2"
}

# like FILE REGEX NAME: a line of FILE matches
like() {
	grep -qE -- "$2" "$1"
	ok $? "$3" || diag "no line matches $2 in:" "$(cat "$1")"
}

# unlike FILE REGEX NAME: FILE is there and no line of it matches
unlike() {
	[ -r "$1" ] && ! grep -qE -- "$2" "$1"
	ok $? "$3" || diag "$1 is not there, or matches $2:" "$(grep -E -- "$2" "$1")"
}

# passes NAME COMMAND...: the command's status is 0
passes() {
	tap_name=$1
	shift
	"$@"
	ok $? "$tap_name" || diag "failed: $*"
}

# skip NAME REASON
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

done_testing() {
	echo "1..$tap_count"
}
