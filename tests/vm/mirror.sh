# shellcheck shell=bash disable=SC2154 # $apt and $work are the sourcing script's
# SPDX-License-Identifier: GPL-2.0-only
#
# Packages of any Debian suite, from this machine's mirror, with a private apt state: the machine's
# own apt and dpkg state is not changed. Sourced by tests/vm/kernel, tests/lab/build and
# tests/kernels/sysroot, which provide
#   say MESSAGE...          a message for the user
#   die STATUS MESSAGE...   the same, and ends the script
#   $apt                    folder of the private state, one per suite, locked by the script
#   $work                   folder for temporary files; removed by the script
#   $arch                   Debian's name of the packages' architecture; unset: amd64

# The command's output is only progress: it is kept, and shown if the command failed. logged WHAT
# COMMAND...
logged() {
	local what=$1

	shift
	if ! "$@" >"$work/log" 2>&1; then
		sed 's/^/    /' "$work/log" >&2
		die 1 "$what failed (${*##*/}), see above for apt's reason"
	fi
}

mirror_tools() {
	local tool

	for tool in apt-get apt-cache apt-config dpkg-deb flock; do
		command -v "$tool" >/dev/null ||
			die 1 "$tool isn't installed: this needs a Debian machine with apt and util-linux"
	done
}

# Archive and cache folders are separate, the rest (proxies, credentials, methods) is the machine's.
# The hooks after an update are dropped because they clean up and notify for the machine's own
# state.
mirror_configure() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	mkdir -p "$apt/lists/partial" "$apt/archives/partial"
	: >"$apt/status"
	{
		cat <<-END
			Dir::State "$apt";
			Dir::State::lists "$apt/lists";
			Dir::State::status "$apt/status";
			Dir::State::extended_states "$apt/extended_states";
			Dir::Cache "$apt";
			Dir::Cache::archives "$apt/archives";
			Dir::Cache::pkgcache "";
			Dir::Cache::srcpkgcache "";
			Dir::Etc::sourcelist "$apt/sources.list";
			Dir::Etc::sourceparts "/dev/null";
			Dir::Etc::preferences "/dev/null";
			Dir::Etc::preferencesparts "/dev/null";
			APT::Architecture "${arch-amd64}";
			APT::Architectures { "${arch-amd64}"; };
			Acquire::Languages "none";
			#clear APT::Update;
			#clear APT::Default-Release;
		END
		if [ -r "$keyring" ]; then
			printf 'Dir::Etc::trusted "%s";\n' "$keyring"
		fi
	} >"$apt/apt.conf"
}

# has_release BASE RELEASE: does the mirror have this release, and is it Debian's? 2: the mirror
# cannot be reached.
has_release() {
	local to=$work/InRelease

	rm -f "$to"
	if /usr/lib/apt/apt-helper -c "$apt/apt.conf" download-file "$1/dists/$2/InRelease" "$to" \
		>"$work/log" 2>&1; then
		grep -qE '^Origin: Debian( Backports)?$' "$to"
		return
	fi
	grep -qE '(404|410) |File not found' "$work/log" || return 2
	return 1
}

# mirror_open SUITE: sets up the private state and reads the package lists. Status 3 if the mirror
# does not have the suite.
mirror_open() {
	local suite=$1 release base candidate found
	local -a releases=() bases=() security=()

	# The mirror: the one in this machine's own sources, in any format. --print-uris neither
	# uses the network nor writes. Lines: 'http://mirror/debian/dists/bookworm/InRelease' ...
	mapfile -t releases < <(apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\(.*/dists/.*\)/InRelease' .*|\1|p")
	[ ${#releases[@]} -gt 0 ] ||
		die 1 "this machine's apt has no sources (apt-get update --print-uris is empty):" \
			"name a Debian mirror in /etc/apt"
	mirror_configure

	for release in "${releases[@]}"; do
		base=${release%%/dists/*}
		case ${release##*/dists/} in
		*-security | */updates)
			[[ " ${security[*]-} " == *" $base "* ]] || security+=("$base")
			;;
		*)
			[[ " ${bases[*]-} " == *" $base "* ]] || bases+=("$base")
			;;
		esac
	done

	base=
	for candidate in "${bases[@]}"; do
		found=0
		has_release "$candidate" "$suite" || found=$?
		case $found in
		0)
			base=$candidate
			break
			;;
		2)
			sed 's/^/    /' "$work/log" >&2
			die 1 "can't ask the mirror for $suite, see above for apt's reason; check the" \
				"network and apt's proxy settings"
			;;
		esac
	done
	[ -n "$base" ] ||
		die 3 "the suite $suite isn't on this machine's Debian mirror: name a suite that it has"

	echo "deb [arch=${arch-amd64}] $base $suite main" >"$apt/sources.list"
	case $suite in
	sid | unstable | experimental | *-*) ;;
	*)
		for candidate in "${security[@]}" "$base-security" "$base"; do
			if has_release "$candidate" "$suite-security"; then
				echo "deb [arch=${arch-amd64}] $candidate $suite-security main" \
					>>"$apt/sources.list"
				break
			fi
		done
		if has_release "$base" "$suite-updates"; then
			echo "deb [arch=${arch-amd64}] $base $suite-updates main" >>"$apt/sources.list"
		fi
		;;
	esac

	say "reading the package lists of $suite"
	logged "reading the package lists of $suite" \
		apt-get -c "$apt/apt.conf" -qq --error-on=any update
}

# show_package PACKAGE: its entry in the package lists
show_package() {
	apt-cache -c "$apt/apt.conf" show --no-all-versions "$1"
}

# mirror_fetch PACKAGE...: to $work/deb, and unpacked into $work/tree; the working folder is
# $work/deb then
mirror_fetch() {
	local package

	mkdir "$work/deb" "$work/tree"
	chown _apt "$work/deb" 2>/dev/null || :
	chmod 755 "$work"
	cd "$work/deb" || exit
	logged "fetching $*" apt-get -c "$apt/apt.conf" -q download "$@"
	for package in "$work"/deb/*.deb; do
		dpkg-deb -x "$package" "$work/tree" ||
			die 1 "can't unpack ${package##*/}: is there space left in ${work%/*}?"
	done
}
