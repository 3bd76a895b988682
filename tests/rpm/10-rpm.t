#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The RPM packages built by `make rpm': their content, compared with that of the Debian ones, and
# their scriptlets, run by `rpm --root' in a root with busybox and programs that note their calls.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
shopt -s nullglob

machine=$(uname -m)
version=$("$build/thprace" --version | awk '{ print $2 }')
daemon=("$build"/rpm/thprace-"$version"-*."$machine".rpm)
tests=("$build"/rpm/thprace-tests-"$version"-*."$machine".rpm)
source=("$build"/rpm/thprace-"$version"-*.src.rpm)
if [ ${#daemon[@]} != 1 ] || [ ${#tests[@]} != 1 ] || [ ${#source[@]} != 1 ]; then
	echo "Bail out! no packages of version $version in $build/rpm: make rpm"
	exit 1
fi
ok 0 "the packages' version is the program's"

# --- what is in them ---

rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILENAMES}\n]' "${daemon[0]}" >"$work/daemon"
rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILENAMES}\n]' "${tests[0]}" >"$work/tests"
for path in /usr/bin/thprace /usr/sbin/thpraced /usr/lib/systemd/system/thpraced.service /usr/lib/systemd/catalog/thprace.catalog \
	/usr/lib/sysusers.d/thprace.conf /usr/lib/tmpfiles.d/thprace.conf /usr/share/bash-completion/completions/thprace \
	/usr/share/zsh/site-functions/_thprace /usr/share/doc/thprace/alerts.md /usr/share/doc/thprace/README.md \
	/usr/share/doc/thprace/examples/rsyslog.conf /etc/thprace/thprace.conf; do
	like "$work/daemon" "^-r..r..r.. root $path$" "thprace: $path"
done
for page in "$root"/docs/man/*; do
	name=${page##*/}
	list=daemon
	[ "$name" != thprace-stress.1 ] || list=tests
	like "$work/$list" "^-rw-r--r-- root /usr/share/man/man${name##*.}/$name(.gz)?$" "$list: $name"
done
for race in "$root"/races/*.race; do
	like "$work/daemon" " /usr/share/thprace/races/${race##*/}$" "thprace: ${race##*/}"
done
like "$work/tests" '^-rwxr-xr-x root /usr/bin/thprace-stress$' "thprace-tests: the stressor"
unlike "$work/daemon" "(bin|man1)/thprace-stress" "... which is in no other package"
like "$work/daemon" '^d.* thprace /var/lib/thprace$' "the spool is known to rpm"
is "$(rpm -qpc "${daemon[0]}")" /etc/thprace/thprace.conf "the configuration is one"
rpm -qp --requires "${daemon[0]}" >"$work/requires"
like "$work/requires" '^libbpf.so' "it needs the libraries"
is "$(rpm -qp --qf '%{LICENSE}' "${tests[0]}")" GPL-2.0-only "the licence is named"
rpm -qpl "${source[0]}" | sort >"$work/source"
is "$(tr '\n' ' ' <"$work/source")" "d3.licence d3.min.js thprace-$version.tar.gz thprace.spec thprace.sysusers " \
	"the source package has everything that the build needs"

# --- installed into a root ---

dest=$work/root
mkdir -p "$dest"/{bin,etc,tmp,dev,run/systemd/system,var/lib}
cp "$(command -v busybox)" "$dest/bin/"
for applet in $(busybox --list); do
	[ "$applet" = busybox ] || ln -s busybox "$dest/bin/$applet"
done
: >"$dest/dev/null"
echo 'root:x:0:0:root:/:/bin/sh' >"$dest/etc/passwd"
echo 'root:x:0:' >"$dest/etc/group"
for program in systemctl journalctl systemd-tmpfiles groupadd useradd; do
	cat >"$dest/bin/$program" <<-END
		#!/bin/sh
		echo "$program \$*" >>/calls
	END
done
echo 'echo thprace:x:998: >>/etc/group' >>"$dest/bin/groupadd"
echo 'echo thprace:x:998:998::/var/lib/thprace:/bin/false >>/etc/passwd' >>"$dest/bin/useradd"
chmod 755 "$dest"/bin/{systemctl,journalctl,systemd-tmpfiles,groupadd,useradd}

# in_root OPTION...: rpm's messages go to $work/log
in_root() {
	: >"$dest/calls"
	rpm --root "$dest" --nodeps "$@" >"$work/log" 2>&1
}

if [ "$(id -u)" != 0 ]; then
	skip "installing into a root" "needs root"
	done_testing
	exit 0
fi
in_root --initdb
(cd "$dest" && find . ! -path './var/lib/rpm*' ! -path './usr/lib/sysimage*' | sort) >"$work/before"
in_root -i "${daemon[0]}" "${tests[0]}"
ok $? "rpm installs both packages" || diag "$(cat "$work/log")"
is "$(grep -v "^rpm: " "$work/log")" "" "... without a message" # Debian's rpm says that it is not for Debian
like "$dest/calls" '^groupadd .*thprace' "the group is made"
like "$dest/calls" '^useradd .*--gid thprace .*thprace$' "... and the user"
like "$dest/calls" '^systemctl daemon-reload$' "systemd is told"
like "$dest/calls" '^journalctl --update-catalog$' "... and the journal"
like "$dest/calls" '^systemd-tmpfiles --create thprace.conf$' "... and the spool is made"
unlike "$dest/calls" 'enable| start|restart' "nothing is enabled or started"
passes "thprace is there" test -x "$dest/usr/bin/thprace"
in_root -V thprace thprace-tests
ok "$(grep -cv '/var/lib/thprace\|^.........  *g' "$work/log")" "rpm verifies what it installed" || diag "$(cat "$work/log")"

echo '# mine' >>"$dest/etc/thprace/thprace.conf"
echo x >"$dest/etc/thprace/races.d/mine.race"
in_root -U --replacepkgs "${daemon[0]}"
ok $? "an upgrade" || diag "$(cat "$work/log")"
like "$dest/etc/thprace/thprace.conf" '^# mine$' "... leaves a changed configuration"
unlike "$dest/calls" '^useradd' "... and makes no second user"
like "$dest/calls" 'systemctl daemon-reload' "... and tells systemd"

mkdir -p "$dest/var/lib/thprace"
echo x >"$dest/var/lib/thprace/1.thpr"
in_root -e thprace thprace-tests
ok $? "rpm removes both" || diag "$(cat "$work/log")"
like "$dest/calls" '^systemctl disable --now thpraced.service$' "the service is stopped"
passes "the spool stays" test -e "$dest/var/lib/thprace/1.thpr"
passes "the changed configuration is kept beside" test -e "$dest/etc/thprace/thprace.conf.rpmsave"
(cd "$dest" && find . ! -path './var/lib/rpm*' ! -path './usr/lib/sysimage*' | sort) >"$work/after"
is "$(diff "$work/before" "$work/after" | awk '/^>/ { print $2 }' | grep thprace | tr '\n' ' ')" \
	"./etc/thprace ./etc/thprace/races.d ./etc/thprace/races.d/mine.race ./etc/thprace/thprace.conf.rpmsave ./var/lib/thprace ./var/lib/thprace/1.thpr " \
	"nothing else stays"

# --- with the macros of others ---

# fragment MACRO...: the scriptlets with these macros, which name themselves
fragment() {
	local macro defines=()

	for macro; do
		defines+=(--define "$macro")
	done
	sed "s/@VERSION@/$version/" "$root/packaging/thprace.spec.in" >"$work/thprace.spec"
	rpmspec --parse --define "_sourcedir $root/systemd" "${defines[@]}" "$work/thprace.spec" >"$work/parsed" 2>"$work/log"
	ok $? "the spec file is read with the macros of ${1%% *}" || diag "$(cat "$work/log")"
}

fragment 'fedora 40' 'systemd_post() POST-MACRO %1' 'systemd_preun() PREUN-MACRO %1' \
	'systemd_postun_with_restart() POSTUN-MACRO %1' 'sysusers_create_compat() USER-MACRO'
for word in POST PREUN POSTUN; do
	like "$work/parsed" "^$word-MACRO thpraced.service$" "fedora: the macro of $word"
done
like "$work/parsed" '^USER-MACRO$' "fedora: the macro for the user"
unlike "$work/parsed" '^(systemctl|useradd|groupadd|getent)' "fedora: no scriptlet of our own"
fragment 'fedora 42' 'systemd_post() POST-MACRO' 'sysusers_create_compat() USER-MACRO'
unlike "$work/parsed" '^USER-MACRO$|^useradd|^getent' "fedora 42: rpm makes the user"
fragment 'suse_version 1600' 'service_add_pre() PRE-MACRO %1' 'service_add_post() POST-MACRO %1' 'service_del_preun() PREUN-MACRO %1' \
	'service_del_postun() POSTUN-MACRO %1' 'tmpfiles_create() TMP-MACRO %1' 'sysusers_generate_pre() USER-MACRO %2'
for word in PRE POST PREUN POSTUN; do
	like "$work/parsed" "^$word-MACRO thpraced.service$" "suse: the macro of $word"
done
like "$work/parsed" '^TMP-MACRO thprace.conf$' "suse: the macro for the folder"
like "$work/parsed" '^USER-MACRO thprace$' "suse: the macro for the user"
unlike "$work/parsed" '^(systemctl|useradd|groupadd|getent)' "suse: no scriptlet of our own"

done_testing
