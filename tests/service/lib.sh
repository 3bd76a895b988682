# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For the tests of the service, on the host: sourced by tests/service/*.t. They boot guests with a
# Debian userland (tests/vm/userland), in which the packages of build/deb are installed.

service=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck disable=SC2034 # for tests/system/lib.sh
scripts=$service/guest
# A busy host, under emulation, takes several times as long as a quiet one.
# shellcheck disable=SC2034 # for tests/system/lib.sh
limit=${limit:-2700}
# shellcheck source=tests/system/lib.sh
. "$service/../system/lib.sh"
root=$service/../..
build=${THPRACE_BUILD:-$root/build}

# More for tests/vm/userland.
declare -a with=()

# packages: sets options to install them in the guest, and to boot the userland
packages() {
	local deb debs=("$build"/deb/thprace_*.deb "$build"/deb/thprace-tests_*.deb)

	for deb in "${debs[@]}"; do
		[ -r "$deb" ] || {
			echo "Bail out! no packages in $build/deb: 'make deb' builds them"
			exit 1
		}
	done
	[ ${#debs[@]} -eq 2 ] || {
		echo "Bail out! $build/deb has packages of more than one version: 'rm -r $build/deb; make deb'"
		exit 1
	}
	userland=$("$vm/userland" "${with[@]}" 2>"$work/userland") || {
		sed 's/^/# /' "$work/userland"
		echo "Bail out! no userland: tests/vm/userland"
		exit 1
	}
	options=(--userland "$userland" --file "$root/daemon/log.h:/root/log.h")
	for deb in "${debs[@]}"; do
		options+=(--file "$deb:/root/deb/")
	done
}

# service KERNEL SCRIPT [OPTION OF tests/vm/run]...: a guest with the packages. Its console and
# journal stay in $build/service.
service() {
	local image=$1 script=$2

	shift 2
	packages
	guest "$image" "$script" "${options[@]}" --file "$image:/root/kernel-image" "$@"
	rm -rf "$build/service/${script%.sh}"
	mkdir -p "$build/service"
	cp -R "$work/out" "$build/service/${script%.sh}"
}
