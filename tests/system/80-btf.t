#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel without its own BTF: with a file that is given or found; a file of another kernel; one
# without static functions; and a plan for a kernel that is not running.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

"${CC:-cc}" -O2 -Wall -Wextra -Werror -o "$work/drop_func" "$system/drop_func.c" -lbpf ||
	skip_all "drop_func.c can't be compiled"

# 5.10 first: its BTF is another kernel's for 6.1.
kernel bullseye
guest "$kernel" btf.sh --file "$BPFTOOL" --file "$work/drop_func"
cp "$work/out/btf" "$work/other.btf"
kernel bookworm
guest "$kernel" btf.sh --file "$BPFTOOL" --file "$work/drop_func" --file "$work/other.btf"

# On the host, where neither of them runs, and without root if root can be given up.
nobody=()
[ "$(id -u)" != 0 ] || nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod 755 "$work"
cp "${THPRACE_BUILD:-$system/../../build}/thprace" "$work/thprace"
"${nobody[@]}" "$work/thprace" probes --btf "$work/other.btf" >"$work/probes" 2>&1
is $? 0 "probes of a kernel that isn't running: status 0" || diag "$(cat "$work/probes")"
like "$work/probes" "^The kernel of .*other.btf" "... says which kernel it is of"
like "$work/probes" "functions are those in this BTF" "... and what it rests on"
like "$work/probes" "^truncate +truncate_cleanup_page +fentry\+fexit +planned" "... by that kernel's names"
like "$work/probes" "^split-migrate +not observable: try_to_migrate: not in this BTF" "... and what it lacks"
"${nobody[@]}" "$work/thprace" probes --format json --btf "$work/out/btf" >"$work/probes" 2>&1
like "$work/probes" '"type":"source","btf":".*","symbols":"btf"' "... in JSON too"
like "$work/probes" '"point":"truncate","function":"truncate_cleanup_folio"' "... of the other kernel"
done_testing
