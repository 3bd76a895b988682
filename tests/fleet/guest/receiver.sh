# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Receives the journal of the other guest, and prints what it has of thpraced.

set -u
/thprace-vm/busybox ip link set eth0 up
/thprace-vm/busybox ip addr add 10.77.0.1/24 dev eth0
systemctl enable --now systemd-journal-remote.socket >&2
echo "### listens" >&2

all() {
	journalctl -q -D /var/log/journal/remote "$@" 2>/dev/null
}
until all -o cat SYSLOG_IDENTIFIER=fleet | grep -q "nothing follows"; do
	sleep 1
done
echo "### received"
all -o json SYSLOG_IDENTIFIER=thpraced
echo "### end"
ls -l /var/log/journal/remote >&2
