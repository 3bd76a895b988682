#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The series in patches/ on Debian's kernel source with the races opened by tests/lab/racy: each
# patch applies with `git am', which allows no fuzz, passes that kernel's checkpatch.pl, and the
# result differs from Debian's only where docs/lab.md says so. Then patches/semantic on the same
# source: it changes the racy files and no fixed ones. The series for races/ (patches/5.10-library)
# applies to Debian's source as it is, and to what the other series gives.

set -u
shopt -s nullglob
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/system/tap.sh
. "$root/tests/system/tap.sh"

for tool in git perl spatch gcc; do
	command -v "$tool" >/dev/null || {
		echo "Bail out! no $tool: make deps"
		exit 1
	}
done

# The user's own git settings are ignored.
export HOME=$work GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@localhost
export GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@localhost

# quiet NAME COMMAND...: like `passes', with the command's output only if it failed
quiet() {
	local name=$1

	shift
	"$@" >"$work/log" 2>&1
	ok $? "$name" || diag "failed: $*" "$(cat "$work/log")"
}

# touched PATCH...: the files that they change
touched() {
	sed -n 's|^+++ b/\([^[:space:]]*\).*|\1|p' "$@" | sort -u
}

commit() {
	git -C "$tree" add --all && git -C "$tree" commit --quiet --message "$1" &&
		git -C "$tree" tag "$1"
}

# code REVISION FILE: its lines of code, without comments and empty lines
code() {
	git -C "$tree" show "$1:$2" | gcc -fpreprocessed -dD -E -P -x c - 2>/dev/null
}

# explained BASE: the files that docs/lab.md lists as different from Debian's
explained() {
	awk -v base="$1" -F ' *[|] *' '
		/^\| file, base / { inside = $2 == "file, base " base }
		/^$/ { inside = 0 }
		inside && $2 ~ /\// { sub(/, .*/, "", $2); print $2 }' "$root/docs/lab.md" | sort -u
}

# begin BASE: $tree is a repository with Debian's versions, tagged debian, of the files that the
# patches change
begin() {
	local base=$1 path

	tree=$work/$base
	git init --quiet "$tree"
	mapfile -t racy < <(printf '%s\n' "$root/tests/lab/racy/$base"/*.patch)
	mapfile -t series < <(printf '%s\n' "$root/patches/$base"/*.patch)
	library=("$root/patches/$base-library"/*.patch)
	more "${#series[@]}" 0 "$base: there is a series"
	while read -r path; do
		mkdir -p "$tree/${path%/*}"
		cp "$source/$path" "$tree/$path"
	done < <(touched "${racy[@]}" "${series[@]}" "${library[@]}")
	commit debian
}

# am PATCH: one that fails does not prevent the next one
am() {
	git -C "$tree" am "$1" || {
		git -C "$tree" am --abort
		return 1
	}
}

# each_applies ON PATCH...: to the tree as it is, and is clean
each_applies() {
	local on=$1 patch

	shift
	for patch; do
		quiet "$on: ${patch##*/} applies" am "$patch"
		quiet "$on: ${patch##*/} is clean under checkpatch.pl" \
			perl "$source/scripts/checkpatch.pl" --no-tree --no-summary "$patch"
	done
	is "$(git -C "$tree" status --porcelain)" "" "$on: nothing is left over"
}

applies() {
	local base=$1 patch

	for patch in "${racy[@]}"; do
		quiet "$base: racy/${patch##*/}" git -C "$tree" apply "$patch"
	done
	commit racy
	each_applies "$base" "${series[@]}"
	git -C "$tree" tag fixed
}

# library_applies BASE: the fixes that Debian lacks, to Debian's source and to the fixed one
library_applies() {
	local on

	more "${#library[@]}" 0 "$1: there is a series for races/"
	for on in debian fixed; do
		git -C "$tree" checkout --quiet --force "$on"
		each_applies "$1, $on" "${library[@]}"
		is "$(git -C "$tree" diff --name-only "$on" | sort)" "$(touched "${library[@]}")" \
			"$1, $on: the files of the series have changed"
	done
}

# as_explained BASE FILE...: these files, of those that differ from Debian's, differ in their code
as_explained() {
	local base=$1 path different=()

	shift
	is "$(git -C "$tree" diff --name-only debian fixed | sort)" "$(explained "$base")" \
		"$base: what differs from Debian's is what docs/lab.md lists"
	while read -r path; do
		[ "$(code debian "$path")" = "$(code fixed "$path")" ] || different+=("$path")
	done < <(git -C "$tree" diff --name-only debian fixed)
	is "${different[*]}" "$*" "$base: the code differs in ${*:-no file}"
}

# semantic REVISION NAME...: these semantic patches, in this order, on all files of it; prints what
# they change
semantic() {
	local name path

	git -C "$tree" checkout --quiet --force "$1"
	shift
	for name; do
		while read -r path; do
			spatch --very-quiet --no-show-diff --no-includes --in-place \
				--sp-file "$root/patches/semantic/$name.cocci" "$tree/$path" 2>&1
		done < <(git -C "$tree" ls-files)
	done
	git -C "$tree" diff --name-only
}

source=$("$here/source" 5.10 2>"$work/source") || {
	sed 's/^/# /' "$work/source"
	echo "Bail out! no kernel source: tests/patches/source 5.10"
	exit 1
}
begin 5.10
applies 5.10
# rmap.h, rmap.c: the place of TTU_SYNC, a needless `? true : false'; huge_memory.c: another macro;
# memory-failure.c: Debian lacks the fix; page_vma_mapped.c: the older walk
as_explained 5.10 include/linux/rmap.h mm/huge_memory.c mm/memory-failure.c mm/page_vma_mapped.c \
	mm/rmap.c
names=(split-unmap hwpoison-unmap truncate-unmap invalidate-unmap collapse-reuse)
is "$(semantic racy "${names[@]}" | sort)" "$(git -C "$tree" diff --name-only racy fixed | sort)" \
	"5.10: the semantic patches change the files that the series changes"
commit semantic
is "$(semantic semantic "${names[@]}")" "" "5.10: and change nothing more when applied again"
is "$(semantic fixed "${names[@]}")" "" "5.10: they leave what the series has fixed as it is"
is "$(semantic debian "${names[@]}")" mm/memory-failure.c \
	"5.10: and add to Debian's source only what it lacks"
library_applies 5.10

source=$("$here/source" 6.1 2>"$work/source") || {
	sed 's/^/# /' "$work/source"
	echo "Bail out! no kernel source: tests/patches/source 6.1"
	exit 1
}
begin 6.1
applies 6.1
as_explained 6.1
names=(split-unmap split-migrate)
is "$(semantic racy split-migrate | sort)" "$(git -C "$tree" diff --name-only racy fixed | sort)" \
	"6.1: the semantic patch changes the files that the series changes"
commit semantic
is "$(semantic semantic "${names[@]}")" "" "6.1: and changes nothing more when applied again"
is "$(semantic fixed "${names[@]}")" "" "6.1: it leaves what the series has fixed as it is"
is "$(semantic debian "${names[@]}")" "" "6.1: and Debian's source too"
done_testing
