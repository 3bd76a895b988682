#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tarball for arm64, if `make tarball-arm64' has been: what is in it, and in a guest with busybox its
# script installs it, the programs watch that kernel, and the script removes it.

# shellcheck source=tests/system/lib.sh
. "${BASH_SOURCE[0]%/*}/../system/lib.sh"
shopt -s nullglob

root=$system/../..
build=$(cd "$root" && realpath "${THPRACE_BUILD:-build}")
tarballs=("$build"/tarball/thprace-*-arm64.tar.gz)
[ ${#tarballs[@]} = 1 ] || skip_all "${#tarballs[@]} tarballs for arm64: make tarball-arm64"

tar -xzf "${tarballs[0]}" -C "$work"
name=$(basename "${tarballs[0]}" .tar.gz)
for program in bin/thprace sbin/thpraced bin/thprace-stress; do
	readelf --file-header --program-headers "$work/$name/files/prefix/$program" >"$work/elf"
	like "$work/elf" 'Machine: +AArch64' "$program is for arm64"
	unlike "$work/elf" INTERP "$program is static"
done
# All but the programs is as in the tarball for this machine.
others=("$build"/tarball/thprace-*-"$(dpkg --print-architecture)".tar.gz)
if [ ${#others[@]} = 1 ]; then
	tar -tzf "${others[0]}" | sed 's|^[^/]*/||' | sort >"$work/other"
	is "$(tar -tzf "${tarballs[0]}" | sed 's|^[^/]*/||' | sort | diff - "$work/other")" "" "it has the same files"
else
	skip "it has the same files" "no other tarball"
fi

kernel=$("$vm/kernel" --arch arm64 bookworm 2>"$work/kernel") || {
	diag "$(cat "$work/kernel")"
	skip "in a guest" "no kernel for arm64"
	done_testing
	exit
}
cat >"$work/try.sh" <<'END'
# What is in the guest already are the programs of make arm64.
rm -f /usr/bin/thprace /usr/bin/thprace-stress /usr/sbin/thpraced /usr/bin/thpraced
find / -xdev -path /proc -prune -o -print | sort >/tmp/before
cd /root && tar -xzf tarball.tar.gz && cd thprace-*/ || exit 1
# step NAME COMMAND...
step() {
	name=$1
	shift
	"$@" >/tmp/said 2>&1
	echo "$name: $?"
	sed 's/^/  /' /tmp/said
}
step install ./install.sh
step version /usr/local/bin/thprace --version
step record /usr/local/bin/thprace record -q -o /tmp/run.thpr -- /usr/local/bin/thprace-stress split-unmap -d 3
step report /usr/local/bin/thprace report --color never /tmp/run.thpr
printf '[spool]\ndirectory = /tmp/spool\n[metrics]\ntextfile = none\n[control]\nsocket = /tmp/sock\ngroup = root\n' >/tmp/conf
/usr/local/sbin/thpraced -c /tmp/conf >/tmp/daemon 2>&1 &
end=$(($(cut -d. -f1 /proc/uptime) + 300))
until /usr/local/bin/thprace status --socket /tmp/sock >/dev/null 2>&1 || [ "$(cut -d. -f1 /proc/uptime)" -gt "$end" ]; do
	sleep 1
done
step status /usr/local/bin/thprace status --socket /tmp/sock
kill $! && wait $!
echo "daemon: $?"
sed 's/^/  /' /tmp/daemon
step remove /usr/local/share/thprace/install.sh --uninstall
cd / && rm -r /root/thprace-*
find / -xdev -path /proc -prune -o -print | sort | grep -vE '^/tmp(/|$)' >/tmp/after
grep -vE '^/tmp(/|$)' /tmp/before | diff - /tmp/after
echo "left: $?"
END
"$vm/run" --arch arm64 --kernel "$kernel" --timeout "$limit" --quiet --file "${tarballs[0]}:/root/tarball.tar.gz" \
	--file "$work/try.sh:/root/try.sh" -- sh try.sh >"$work/said" 2>"$work/stderr" </dev/null
is $? 0 "a guest for arm64 runs" || diag "$(cat "$work/stderr")"
for step in install version record report status daemon remove; do
	like "$work/said" "^$step: 0$" "arm64: $step" || break
done
like "$work/said" '^  no escape|^  not told' "arm64: the report has the answer"
sed -n '/^status: /,/^daemon: /p' "$work/said" >"$work/status"
like "$work/status" '^ +split-unmap ' "arm64: thpraced watches" || diag "$(sed -n '/^daemon: /,$p' "$work/said")"
like "$work/said" '^left: 0$' "arm64: nothing is left of it"
done_testing
