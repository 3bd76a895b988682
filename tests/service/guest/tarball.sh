# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# install.sh of the tarball with a real systemd: the user, the unit, the journal and its catalog, and
# that nothing of it is left.

# shellcheck source=tests/service/guest/common.sh
. ./common.sh

# machine FILE: names, kinds and modes of all that lasts, and the accounts. Without the copies that useradd
# and others make.
machine() {
	{
		find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /tmp -o -path /out -o -path /root \
			-o -path /var/log -o -path /var/tmp -o -path /thprace-vm \) -prune -o -printf '%p %y %m\n' |
			grep -vE '^/etc/(passwd-|group-|shadow-|gshadow-|subuid|subgid|\.pwd\.lock)'
		cat /etc/passwd /etc/group /etc/shadow /etc/gshadow
	} | sort >"$1"
}

active() {
	[ "$(systemctl is-active thpraced)" = active ]
}

mkdir unpacked
tar -xzf "$home/tarball.tar.gz" -C unpacked --strip-components=1
printf '[overhead]\nbudget=0\n' >"$conf/10-emulated.conf"
journalctl --update-catalog
machine before

try sh unpacked/install.sh
is "$status" 0 "install.sh installs" || diag "$(cat err)"
like /etc/passwd '^thprace:.*:/var/lib/thprace:/usr/sbin/nologin$' "it makes the user"
is "$(stat -c '%U:%G %a' "$spool")" 'thprace:thprace 750' "... and the spool"
is "$(systemctl is-enabled thpraced)" disabled "the service is not enabled"
is "$(systemctl is-active thpraced)" inactive "... and not started"

try systemctl enable --now thpraced
is "$status" 0 "it can be started: systemd heard that it is ready" || diag "$(cat err; journalctl -u thpraced --no-pager | tail -n 20)"
passes "it is active" active
first=$(systemctl show -P MainPID thpraced)
is "$(readlink "/proc/$first/exe")" /usr/local/sbin/thpraced "it is the static one"
try thprace status
is "$status" 0 "thprace status" || diag "$(cat err)"
like out 'split-unmap' "... has the classes"
is "$(stat -c %G /run/thprace/control.sock)" thprace "the group was found: it owns the socket"
in_journal() {
	journalctl -u thpraced -o json --no-pager | grep -q '"_TRANSPORT":"journal"'
}
soon "its messages are in the journal, by the journal's own protocol" 30 in_journal
journalctl -x -u thpraced --no-pager >explained
like explained 'file:///usr/local/share/doc/thprace/' "... and in its catalog"

try sh unpacked/install.sh
is "$status" 0 "an upgrade" || diag "$(cat err)"
passes "... after which it runs" active
ok "$([ "$(systemctl show -P MainPID thpraced)" != "$first" ]; echo $?)" "... again"

try sh /usr/local/share/thprace/install.sh --uninstall
is "$status" 0 "install.sh --uninstall" || diag "$(cat err)"
ok "$([ ! -e "/proc/$first" ]; echo $?)" "the service has ended"
is "$(systemctl is-active thpraced)" inactive "... for systemd, too"
machine after
is "$(diff before after)" "" "the machine is as it was before"
done_testing
