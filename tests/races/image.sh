# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For the scripts of this folder, which have set root and build: where a kernel is.

# image_of KERNEL: its path; empty if it is one of the lab and not there. KERNEL is lab/NAME, or arguments of
# tests/vm/kernel with / between them.
# shellcheck disable=SC2154 # root, build
image_of() {
	local words

	if [[ $1 == lab/* ]]; then
		words=$build/lab/kernels/${1#lab/}/vmlinuz
		[ ! -s "$words" ] || echo "$words"
		return
	fi
	IFS=/ read -ra words <<<"$1"
	"$root/tests/vm/kernel" "${words[@]}"
}
