#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace check on every kernel of tests/check/expected that is built or downloaded: the status of
# each class, from the image, and the exit status. Lab kernels are checked twice, with vmlinuz and
# vmlinux. A kernel that is not available is skipped by name; bookworm's cloud kernel is downloaded.

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

# words LINE-OF-EXPECTED...: written out, one class per line
words() {
	local class word

	for class in split-unmap split-migrate split-head hwpoison-unmap truncate-unmap \
		invalidate-unmap collapse-reuse; do
		case $1 in
		f | f+) word=fixed ;;
		v) word=vulnerable ;;
		-) word='cannot happen' ;;
		'?') word=unknown ;;
		*) word="'$1' in tests/check/expected" ;;
		esac
		echo "$class $word"
		shift
	done
}

# judge NAME FILE LETTER...
judge() {
	local name=$1 file=$2 status=0 expected_status=0

	shift 2
	words "$@" >"$work/expected"
	[[ " $* " == *" ? "* ]] && expected_status=4
	[[ " $* " == *" v "* ]] && expected_status=3
	"$thprace" check --kernel "$file" >"$work/out" 2>"$work/err" || status=$?
	sed -nE 's/^([a-z]+-[a-z]+) +(fixed|vulnerable|cannot happen|unknown) .*$/\1 \2/p' "$work/out" \
		>"$work/words"
	diff "$work/expected" "$work/words" >"$work/diff"
	ok $? "$name: the words" || diag "expected (<), said (>):" "$(cat "$work/diff" "$work/err")"
	is "$status" "$expected_status" "$name: the exit status"
	is "$(grep -c '^  defect ' "$work/out")" "$(grep -oF + <<<"$*" | wc -l)" "$name: defects"
	[ "$(awk 'length > 100' "$work/out" | wc -l)" = 0 ]
	ok $? "$name: no line is longer than 100 columns" ||
		diag "$(awk 'length > 100' "$work/out")"
	COLUMNS=60 "$thprace" check --kernel "$file" >"$work/narrow" 2>&1
	is "$(awk 'length > 60' "$work/narrow")" "" "... nor than 60, if there are no more"
}

"$root/tests/vm/kernel" bookworm cloud >/dev/null ||
	echo "# no bookworm kernel could be fetched"
judged=0
while read -r name letters; do
	case $name in
	'' | '#'*) continue ;;
	esac
	read -ra letter <<<"$letters"
	case $name in
	lab/*)
		file=$build/lab/kernels/${name#lab/}/vmlinuz
		;;
	vm/*)
		file=
		if read -r image _ 2>/dev/null <"$build/vm/kernels/${name#vm/}/current"; then
			file=$build/vm/kernels/${name#vm/}/$image
		fi
		;;
	esac
	if [ ! -r "$file" ]; then
		skip "$name" "it is not built or fetched"
		continue
	fi
	judged=$((judged + 1))
	judge "$name" "$file" "${letter[@]}"
	[ ! -r "${file%z}x" ] || judge "$name, vmlinux" "${file%z}x" "${letter[@]}"
done <"$here/expected"
more "$judged" 0 "at least one kernel was judged"
done_testing
