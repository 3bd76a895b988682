#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace check, races and probes on BTF files of kernels that people run, as tests/btf/expected has
# them. The files are in the folder THPRACE_BTF, as NAME.btf or NAME.btf.xz; a kernel whose file is
# not there is skipped by name, and everything without such a folder.

set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
thprace=${THPRACE_BUILD:-$root/build}/thprace

# shellcheck source=tests/system/tap.sh
. "$root/tests/system/tap.sh"

if [ -z "${THPRACE_BTF:-}" ]; then
	echo "btf: NOT TESTED: no folder with BTF of other kernels was named (THPRACE_BTF=FOLDER)" >&2
	echo "1..0 # SKIP THPRACE_BTF is not set: no BTF of other kernels"
	exit 0
fi

races=$(sed -n 's/^# files: //p' "$here/expected")
tested=0
while read -r line; do
	case $line in
	'' | '#'*) continue ;;
	esac
	name=${line%% |*}
	file=
	for file in "$THPRACE_BTF/$name.btf" "$THPRACE_BTF/$name.btf.xz"; do
		[ ! -r "$file" ] || break
	done
	if [ ! -r "$file" ]; then
		echo "btf: NOT TESTED: $name: it is not in $THPRACE_BTF" >&2
		skip "$name" "it is not in the folder"
		continue
	fi
	tested=$((tested + 1))
	is "$("$here/words" "$thprace" "$root/races" "${races// /,}" "$file" 2>&1)" "$line" "$name"
done <"$here/expected"
more "$tested" 0 "at least one kernel was tested"
done_testing
