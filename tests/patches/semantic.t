#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# patches/semantic on small files that have the shape of the kernel's functions: shape/NAME.before.c
# becomes exactly shape/NAME.after.c, and the latter stays unchanged. NAME is that of the semantic
# patch, followed by .VERSION if there are several shapes.

set -u
shopt -s nullglob
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
semantic=$here/../../patches/semantic
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/system/tap.sh
. "$here/../system/tap.sh"

command -v spatch >/dev/null || {
	echo "Bail out! no spatch: install coccinelle (make deps)"
	exit 1
}

# transformed NAME FILE: FILE's text under semantic patch NAME
transformed() {
	cp "$2" "$work/shape.c"
	spatch --very-quiet --no-show-diff --no-includes --in-place --sp-file "$semantic/$1.cocci" \
		"$work/shape.c" 2>"$work/stderr" || {
		cat "$work/stderr"
		return
	}
	cat "$work/shape.c"
}

# same NAME GOT EXPECTED
same() {
	diff -u "$3" "$2" >"$work/diff"
	ok $? "$1" || diag "$(cat "$work/diff")"
}

# compiles NAME FILE
compiles() {
	gcc -fsyntax-only -Wall -Werror -Wno-unused-function "$2" 2>"$work/gcc"
	ok $? "$1" || diag "$(cat "$work/gcc")"
}

for patch in "$semantic"/*.cocci; do
	name=${patch##*/}
	name=${name%.cocci}
	shapes=("$here/shape/$name".before.c "$here/shape/$name".*.before.c)
	more "${#shapes[@]}" 0 "$name: there is a shape to try it on"
	like "$patch" "spatch .*--sp-file $name\\.cocci " "$name: says how it is applied"
	for before in "${shapes[@]}"; do
		shape=${before##*/}
		shape=${shape%.before.c}
		after=$here/shape/$shape.after.c
		compiles "$shape: before compiles" "$before"
		compiles "$shape: after compiles" "$after"
		transformed "$name" "$before" >"$work/got"
		same "$shape: before becomes after" "$work/got" "$after"
		transformed "$name" "$after" >"$work/got"
		same "$shape: after stays as it is" "$work/got" "$after"
	done
done

more "$tap_count" 0 "there are semantic patches"
done_testing
