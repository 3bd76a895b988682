# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

# value NAME
value() {
	sed -n "s/^$1 //p" out
}

# shed_under_load POINT CLASS KIND: the class is stressed, and its point is shed and attached again
shed_under_load() {
	setsid thprace-stress "$2" -d 200 >/dev/null 2>&1 &
	load=$!
	try shed "$1" 6 "$load"
	kill "$load"
	wait "$load"
	is "$status" 0 "$1: shed and brought back" || diag "$(cat err)"
	is "$(value kind)" "$3" "... which is probed as it should be"
	more "$(value shed)" 0 "... while splits go by"
	more "$(value watched)" 0 "... and when it is there"
	more "$(value walkers)" 0 "... walkers are seen then"
	for cause in incident slot task return missed; do
		is "$(value $cause)" 0 "... nothing is lost ($cause)"
	done
	echo "# $1: $(tr '\n' ' ' <out)"
}

[ "$(grep -c ' [tT] try_to_migrate$' /proc/kallsyms)" = 0 ] || shed_under_load migrate split-migrate calls
shed_under_load unmap split-unmap calls
shed_under_load range split-unmap fentry+fexit
is_clean "shed"
done_testing
