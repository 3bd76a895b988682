#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A probe is shed while those that work with it stay: what it does not see is not counted as lost.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

build=${THPRACE_BUILD:-$system/../../build}
"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -I"$system/../../include" \
	-I"$system/../../core" -o "$work/shed" "$system/shed.c" "$build/libthprace.a" -lbpf -lelf -lz \
	-ljson-c -lcapstone -lpthread || {
	echo "Bail out! shed.c can't be compiled"
	exit 1
}
# Before 5.13 a program with a trampoline can be attached once only.
for suite in bullseye bookworm; do
	kernel $suite
	guest "$kernel" shed.sh --file "$BPFTOOL" --file "$work/shed"
done
done_testing
