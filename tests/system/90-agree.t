#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thprace check and thprace provoke agree: on Debian's stock kernel and on each of the lab's (make
# lab), class by class. A class that check calls vulnerable is found open; one that it calls fixed,
# or that cannot happen, is not.
#   90-agree.t [KERNEL]...   bookworm-cloud, or one of build/lab/kernels; all of them by default

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

build=${THPRACE_BUILD:-$system/../../build}
table=$system/../lab/table

# A class that escapes within a second or two on the racy kernel of its base (docs/lab.md) gets
# enough time for that on a slow host; a run ends with the first escape. The others get enough to
# show an escape at once, if there is one.
patience=90
glance=2

# of_json CLASS KEY FILE: each one's text
of_json() {
	sed -n "s/.*\"class\":\"$1\",\"$2\":\"\([a-z ]*\)\".*/\1/p" "$3"
}

# boot IMAGE CLASS:SECONDS...: JSON to $work/json; sets status
boot() {
	local image=$1

	shift
	status=0
	"$vm/run" --kernel "$image" --quiet --append "tsc=reliable clocksource=tsc" --mem 1024 \
		--timeout 1800 --file "$image:/root/image" \
		--file "$scripts/agree.sh:/root/agree.sh" -- sh agree.sh "$@" \
		>"$work/json" 2>"$work/stderr" </dev/null || status=$?
}

# agrees NAME CLASS WORD OUTCOME ESCAPES: ESCAPES: yes if this class reliably escapes here
agrees() {
	local name="$1, $2: check says '$3', provoke finds '$4'"

	case $3:$4:$5 in
	vulnerable:open:*) ok 0 "$name" ;;
	vulnerable:"not shown":no | vulnerable:"not possible":no) skip "$name" "inconclusive" ;;
	vulnerable:*:yes) ok 1 "$name" || diag "it escapes reliably here, as docs/lab.md has it" ;;
	*:*:yes) ok 1 "$name" || diag "this kernel is open to it, as docs/lab.md has it" ;;
	fixed:closed:* | fixed:"not shown":* | fixed:"not possible":*) ok 0 "$name" ;;
	"cannot happen":closed:* | "cannot happen":"not shown":*) ok 0 "$name" ;;
	"cannot happen":"not possible":*) ok 0 "$name" ;;
	*) ok 1 "$name" || diag "$(cat "$work/stderr")" ;;
	esac
}

# from_outside NAME FILE: the result for an image equals that for the running kernel
from_outside() {
	"$build/thprace" check --kernel "$2" --format json >"$work/outside" 2>"$work/err"
	is "$(sed -n 's/.*\("class":"[a-z-]*","word":"[a-z ]*"\).*/\1/p' "$work/json")" \
		"$(sed -n 's/.*\("class":"[a-z-]*","word":"[a-z ]*"\).*/\1/p' "$work/outside")" \
		"$1: check says the same of the image, ${2##*/}" || diag "$(cat "$work/err")"
}

# judge NAME IMAGE "CLASSES THAT ESCAPE" "OTHERS"
judge() {
	local name=$1 image=$2 can=$3 others=$4 class list=() escapes seconds=$SECONDS

	for class in $can; do
		list+=("$class:$patience")
	done
	for class in $others; do
		list+=("$class:$glance")
	done
	boot "$image" "${list[@]}"
	from_outside "$name" "$image"
	[ ! -r "${image%z}x" ] || from_outside "$name" "${image%z}x"
	for class in $can $others; do
		escapes=no
		[[ " $can " != *" $class "* ]] || escapes=yes
		agrees "$name" "$class" "$(of_json "$class" word "$work/json")" \
			"$(of_json "$class" outcome "$work/json")" "$escapes"
	done
	echo "# $name: status $status, $((SECONDS - seconds)) s"
}

# debug NAME IMAGE: with DEBUG_VM the kernel dies of an escape, which provoke then finds
debug() {
	local class outcome seconds=$SECONDS

	for class in split-unmap truncate-unmap collapse-reuse; do
		boot "$2" "$class:$patience"
		outcome=$(of_json "$class" outcome "$work/json")
		# 126: the kernel reported a bug
		[ "$status" != 126 ] || outcome=open
		agrees "$1" "$class" "$(of_json "$class" word "$work/json")" "$outcome" yes
	done
	echo "# $1: $((SECONDS - seconds)) s"
}

# one NAME
one() {
	local image=$build/lab/kernels/$1/vmlinuz

	if [ "$1" = bookworm-cloud ]; then
		kernel bookworm
		judge "$1" "$kernel" "" "$("$table" --can-escape 6.1-fixed) $("$table" --others 6.1-fixed)"
		return
	fi
	if [ ! -r "$image" ]; then
		echo "# $1 is NOT compared: it is not built (make lab)"
		skip "$1" "it is not built (make lab)"
		return
	fi
	case $1 in
	*-debug) debug "$1" "$image" ;;
	*-racy) judge "$1" "$image" "$("$table" --can-escape "$1")" "$("$table" --others "$1")" ;;
	*) judge "$1" "$image" "" "$("$table" --can-escape "$1") $("$table" --others "$1")" ;;
	esac
}

[ $# -gt 0 ] || set -- bookworm-cloud 6.1-racy 6.1-fixed 5.10-racy 5.10-fixed 5.10-racy-debug
for name; do
	one "$name"
done
done_testing
