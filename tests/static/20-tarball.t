#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tarball of static programs: what is in it, and that its script installs, upgrades and removes,
# with the tools of busybox alone: afterwards the tree is as it was before, but for what an operator
# made. Below a folder (--destdir), and as the root of a chroot, with a systemctl that notes its calls.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
shopt -s nullglob

tarballs=("$build"/tarball/thprace-*-"$(dpkg --print-architecture)".tar.gz)
if [ ${#tarballs[@]} != 1 ]; then
	echo "Bail out! ${#tarballs[@]} tarballs in $build/tarball: make tarball"
	exit 1
fi
tar -xzf "${tarballs[0]}" -C "$work"
name=$(basename "${tarballs[0]}" .tar.gz)
files=$work/$name/files

# --- what is in it ---

is "$(tar -tzf "${tarballs[0]}" | grep -cv "^$name/")" 0 "everything is in one folder"
is "$(tar --numeric-owner -tvzf "${tarballs[0]}" | awk '$2 != "0/0" || $1 ~ /^[^l].(....w|.......w)/' | wc -l)" 0 \
	"files are root's, and others may not write them"
is "$name" "thprace-$("$build/thprace" --version | awk '{ print $2 }')-$(dpkg --print-architecture)" "its name has the version"
for program in bin/thprace sbin/thpraced bin/thprace-stress; do
	readelf --program-headers "$files/prefix/$program" >"$work/elf"
	unlike "$work/elf" INTERP "$program is static"
done
for file in lib/systemd/system/thpraced.service lib/systemd/catalog/thprace.catalog lib/sysusers.d/thprace.conf \
	lib/tmpfiles.d/thprace.conf share/bash-completion/completions/thprace share/zsh/site-functions/_thprace; do
	passes "it has $file" test -s "$files/prefix/$file"
done
is "$(find "$files/prefix/share/man" -type f -printf '%f\n' | sort)" "$(find "$root/docs/man" -type f -printf '%f\n' | sort)" \
	"it has all manual pages"
is "$(cd "$files/prefix/share/thprace/races" && echo ./*)" "$(cd "$root/races" && echo ./*.race)" "it has all races"
more "$(find "$work/$name/licences" -type f -size +0 | wc -l)" 10 "it has the licences of what is in the programs"

# --- below a folder, by busybox ---

mkdir "$work/bin"
for applet in $(busybox --list); do
	[ "$applet" = busybox ] || ln -s "$(command -v busybox)" "$work/bin/$applet"
done
cp "$(command -v busybox)" "$work/bin/"

# run SCRIPT ARGUMENT...: its message is in $work/log
run() {
	env -i PATH="$work/bin" "$work/bin/sh" "$@" >"$work/log" 2>&1
}

# tree FOLDER: everything that is in it, with modes and sums
tree() {
	(cd "$1" && find . \( -type f -printf '%p %m ' -exec cksum {} \; \) -o -printf '%p %m %l\n' | sed 's| \./.*||' | sort)
}

dest=$work/dest
mkdir -p "$dest/usr/local/share/man" "$dest/etc" "$dest/usr/local/bin"
echo x >"$dest/usr/local/bin/other"
tree "$dest" >"$work/before"
install=$work/$name/install.sh

run "$install" --destdir="$dest"
ok $? "install.sh installs" || diag "$(cat "$work/log")"
passes "thprace is there" cmp -s "$dest/usr/local/bin/thprace" "$files/prefix/bin/thprace"
passes "... and runs" sh -c "'$dest/usr/local/bin/thprace' --version >/dev/null"
is "$(readlink "$dest/usr/local/share/bash-completion/completions/thpraced")" thprace "links are links"
like "$dest/usr/local/lib/systemd/system/thpraced.service" '^ExecStart=/usr/local/sbin/thpraced$' "the unit has the prefix"
tree "$dest" >"$work/once"
run "$install" --destdir="$dest"
ok $? "a second time is an upgrade" || diag "$(cat "$work/log")"
tree "$dest" | grep -v /installed >"$work/twice"
is "$(grep -v /installed "$work/once" | diff - "$work/twice")" "" "... which changes nothing"
run "$install" --uninstall --destdir="$dest"
ok $? "install.sh --uninstall removes it" || diag "$(cat "$work/log")"
is "$(tree "$dest" | diff "$work/before" -)" "" "the tree is as it was before"
run "$install" --uninstall --destdir="$dest"
is $? 1 "what is not installed cannot be removed"

run "$install" --destdir="$dest" --prefix=/opt/thprace
like "$dest/opt/thprace/lib/systemd/system/thpraced.service" '^ExecStart=/opt/thprace/sbin/thpraced$' "another prefix"
like "$dest/opt/thprace/lib/systemd/catalog/thprace.catalog" '^Support: file:///opt/thprace/' "... in the catalog, too"
run "$dest/opt/thprace/share/thprace/install.sh" --uninstall --destdir="$dest"
is "$(tree "$dest" | diff "$work/before" -)" "" "the installed copy of install.sh removes it"

# What the operator made stays, an untouched configuration goes.
run "$install" --destdir="$dest"
echo 'mode = light' >>"$dest/etc/thprace/thprace.conf"
echo x >"$dest/etc/thprace/races.d/mine.race"
run "$install" --destdir="$dest"
like "$dest/etc/thprace/thprace.conf" '^mode = light$' "an upgrade leaves a changed configuration"
run "$install" --uninstall --destdir="$dest"
is "$(tree "$dest" | diff "$work/before" - | awk '/^>/ { print $2 }' | tr '\n' ' ')" \
	"./etc/thprace ./etc/thprace/races.d ./etc/thprace/races.d/mine.race ./etc/thprace/thprace.conf " \
	"a removal leaves what the operator made, and no more"
rm -r "$dest/etc/thprace"

# Halfway: the last file cannot be written, and another thprace is there.
mkdir -p "$dest/usr/local/share/zsh/site-functions/_thprace"
tree "$dest" >"$work/blocked"
run "$install" --destdir="$dest"
is $? 1 "what cannot be installed is an error"
like "$work/log" '_thprace is a folder' "... which is named"
is "$(tree "$dest" | diff "$work/blocked" -)" "" "... and leaves the tree as it was"
rmdir "$dest/usr/local/share/zsh/site-functions/_thprace" "$dest/usr/local/share/zsh/site-functions" "$dest/usr/local/share/zsh"
mkdir -p "$dest/usr/bin"
touch "$dest/usr/bin/thprace"
run "$install" --destdir="$dest"
is $? 1 "beside a package's thprace it is not installed"
like "$work/log" '/usr/bin/thprace is there already' "... and says so"
run "$install" --wrong
is $? 2 "a wrong option is wrong usage"

# --- as the machine's own root ---

machine=$work/machine
mkdir -p "$machine"/{bin,etc,run/systemd/system,tmp,dev,var/lib,usr/local} "$machine/$name"
cp -a "$work/bin/." "$machine/bin/"
find "$machine/bin" -type l -exec ln -sf busybox {} \;
cp -a "$work/$name/." "$machine/$name/"
echo 'root:x:0:0:root:/:/bin/sh' >"$machine/etc/passwd"
echo 'root:x:0:' >"$machine/etc/group"
: >"$machine/dev/null"
cat >"$machine/bin/systemctl" <<'END'
#!/bin/sh
echo "systemctl $*" >>/calls
END
sed 's/systemctl/journalctl/' "$machine/bin/systemctl" >"$machine/bin/journalctl"
cat >"$machine/bin/systemd-sysusers" <<'END'
#!/bin/sh
grep -q '^u thprace ' "$1" || exit
echo 'thprace:x:998:998::/var/lib/thprace:/bin/false' >>/etc/passwd
echo 'thprace:x:998:' >>/etc/group
END
cat >"$machine/bin/systemd-tmpfiles" <<'END'
#!/bin/sh
[ "$1" = --create ] && grep -q '^d /var/lib/thprace ' "$2" && mkdir -p /var/lib/thprace
END
cat >"$machine/bin/userdel" <<'END'
#!/bin/sh
sed -i "/^$1:/d" /etc/passwd /etc/group
END
chmod 755 "$machine"/bin/{userdel,systemctl,journalctl,systemd-sysusers,systemd-tmpfiles}
chroot=(chroot)
[ "$(id -u)" = 0 ] || chroot=(unshare --map-root-user chroot)

# machine SCRIPT ARGUMENT...
machine() {
	: >"$machine/calls"
	env -i PATH=/bin:/usr/bin:/usr/sbin "${chroot[@]}" "$machine" /bin/sh "$@" >"$work/log" 2>&1
}

: >"$machine/calls"
tree "$machine" >"$work/before"
machine "/$name/install.sh"
ok $? "as root it installs" || diag "$(cat "$work/log")"
like "$machine/etc/passwd" '^thprace:' "... makes the user"
passes "... and the spool" test -d "$machine/var/lib/thprace"
like "$machine/calls" '^systemctl daemon-reload$' "... tells systemd"
like "$machine/calls" '^journalctl --update-catalog$' "... and the journal"
unlike "$machine/calls" 'enable| start' "... enables and starts nothing"
touch "$machine/var/lib/thprace/1.thpr"
machine "/$name/install.sh"
like "$machine/calls" '^systemctl try-restart thpraced' "an upgrade restarts the service if it runs"
passes "... and leaves the spool" test -e "$machine/var/lib/thprace/1.thpr"
machine /usr/local/share/thprace/install.sh --uninstall
ok $? "as root it removes" || diag "$(cat "$work/log")"
like "$machine/calls" '^systemctl disable --now thpraced' "... stops the service"
like "$machine/calls" '^systemctl daemon-reload$' "... tells systemd"
: >"$machine/calls"
is "$(tree "$machine" | diff "$work/before" -)" "" "the machine is as it was before, users included"

machine "/$name/install.sh"
touch "$machine/var/lib/thprace/1.thpr"
machine "/$name/install.sh" --uninstall --keep-data
: >"$machine/calls"
is "$(tree "$machine" | diff "$work/before" - | awk '/^>/ { print $2 }' | tr '\n' ' ')" \
	"./etc/group ./etc/passwd ./var/lib/thprace ./var/lib/thprace/1.thpr " "--keep-data leaves the spool and its user"

done_testing
