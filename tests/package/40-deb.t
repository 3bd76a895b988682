#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The Debian packages built by `make deb': lintian, their content, and their scripts. Installing
# them is tested elsewhere.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
shopt -s nullglob

daemon=("$build"/deb/thprace_*.deb)
tests=("$build"/deb/thprace-tests_*.deb)
changes=("$build"/deb/thprace_*.changes)
if [ ${#daemon[@]} != 1 ] || [ ${#tests[@]} != 1 ] || [ ${#changes[@]} != 1 ]; then
	echo "Bail out! no packages in $build/deb: make deb"
	exit 1
fi

lintian --fail-on=error,warning --allow-root "${changes[0]}" >"$work/lintian" 2>&1
ok $? "lintian has no error and no warning" || diag "$(cat "$work/lintian")"

dpkg -c "${daemon[0]}" | awk '{ print $1, $2, $6 }' >"$work/daemon"
dpkg -c "${tests[0]}" | awk '{ print $1, $2, $6 }' >"$work/tests"

# holds LIST PATH...: each is in it, readable by all, and owned by root
holds() {
	local list=$1 path

	shift
	for path; do
		like "$work/$list" "^[-l]r..r..r.. root/root \.$path$" "$list: $path"
	done
}

holds daemon /usr/bin/thprace /usr/sbin/thpraced /lib/systemd/system/thpraced.service \
	/usr/lib/sysusers.d/thprace.conf /usr/lib/tmpfiles.d/thprace.conf \
	/usr/share/bash-completion/completions/thprace /usr/share/bash-completion/completions/thpraced \
	/usr/share/zsh/vendor-completions/_thprace /usr/share/doc/thprace/examples/rsyslog.conf \
	/usr/share/doc/thprace/examples/logrotate /usr/share/doc/thprace/examples/older-kernel.conf \
	/usr/share/doc/thprace/copyright
holds tests /usr/bin/thprace-stress /usr/share/man/man1/thprace-stress.1.gz
for page in "$root"/docs/man/*; do
	name=${page##*/}
	[ "$name" = thprace-stress.1 ] || holds daemon "/usr/share/man/man${name##*.}/$name.gz"
done
for file in "$root"/systemd/*.catalog; do
	holds daemon "/usr/lib/systemd/catalog/${file##*/}"
done
for file in "$root"/docs/*.md; do
	holds daemon "/usr/share/doc/thprace/${file##*/}"
done
sed -n 's|^Support: file://||p' "$root"/systemd/*.catalog | sort -u >"$work/links"
more "$(wc -l <"$work/links")" 0 "the message catalog has links"
while read -r link; do
	holds daemon "$link"
done <"$work/links"
for file in "$root"/docs/prometheus/*; do
	like "$work/daemon" "/examples/prometheus/${file##*/}(.gz)?$" "daemon: ${file##*/}"
done
unlike "$work/daemon" '(bin|man1)/thprace-stress' "the stressor is in thprace-tests alone"

dpkg -e "${daemon[0]}" "$work/control"
if [ -e "$root/systemd/thprace.conf" ]; then
	holds daemon /etc/thprace/thprace.conf
	like "$work/control/conffiles" '^/etc/thprace/thprace.conf$' "the configuration is a conffile"
fi
version=$(thprace --version)
version=${version%% (*}
is "$(dpkg-deb -f "${daemon[0]}" Version)" "${version#thprace }" "the packages' version is the program's"

# Installing neither enables nor starts it; an upgrade restarts it if it runs; a removal stops it.
unlike "$work/control/postinst" 'deb-systemd-invoke (start|restart)' "postinst starts nothing"
is "$(grep -c 'deb-systemd-helper enable' "$work/control/postinst")" \
	"$(grep -c 'was-enabled' "$work/control/postinst")" "postinst enables only what was enabled"
like "$work/control/postinst" 'deb-systemd-invoke try-restart .*thpraced' "an upgrade restarts it"
like "$work/control/prerm" 'deb-systemd-invoke stop thpraced' "a removal stops it"
like "$work/control/postinst" 'systemd-sysusers .*thprace.conf' "postinst makes the user"
like "$work/control/postinst" 'systemd-tmpfiles .*thprace.conf' "postinst makes the folder"
for script in postinst prerm postrm; do
	passes "$script is a script" sh -n "$work/control/$script"
done
# Independent of this machine: postrm finds rm, and no other program.
operators=("$work/root/etc/thprace/thprace.conf.d" "$work/root/etc/systemd/system/thpraced.service.d")
mkdir -p "$work/root/var/lib/thprace/x" "$work/root/run/thprace" "$work/bin" "${operators[@]}"
touch "${operators[@]/%//operator.conf}"
ln -s "$(command -v rm)" "$work/bin/rm"
postrm() {
	env -i PATH="$work/bin" DPKG_ROOT="$work/root" /bin/sh "$work/control/postrm" "$1" >"$work/log" 2>&1
}
postrm remove
ok "$([ -d "$work/root/var/lib/thprace/x" ]; echo $?)" "a removal leaves the spool"
ok "$([ -e "${operators[0]}/operator.conf" ] && [ -e "${operators[1]}/operator.conf" ]; echo $?)" \
	"... and what the operator set"
postrm purge
is "$(find "$work/root" -name '*thprace*')" "" "purge removes all of it" || diag "$(cat "$work/log")"

done_testing
