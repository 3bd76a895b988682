# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sends its journal, with what the real thpraced reports, to the other guest; prints what it sent.
# It goes on until the host ends it.

set -u
ip() {
	/thprace-vm/busybox ip "$@"
}
ip link set eth0 up
ip addr add 10.77.0.2/24 dev eth0
hostname web1

printf '%s\n' "[overhead]" "budget=0" "[spool]" "directory=/var/lib/thprace" "[alerts]" "target=journal" "[control]" \
	"group=root" >/root/conf
systemd-run --quiet --unit=thpraced --property=Type=notify --property=StateDirectory=thprace \
	--property=RuntimeDirectory=thprace --property=TimeoutStartSec=600 thpraced --config /root/conf || {
	journalctl -u thpraced --no-pager >&2
	exit 1
}
systemctl enable --now systemd-journal-upload >&2

# An overlap is an incident with all its fields. How many there are does not matter.
thprace-stress split-migrate -d 600 >/dev/null 2>&1 &
stressor=$!
until journalctl -q -o json MESSAGE_ID=1f0e7c3ad0b04a9f9c52b1a6b9d3e504 | grep -q THPRACE_CLASS; do
	sleep 1
done
kill "$stressor"
systemctl stop thpraced
echo "### sent"
journalctl --sync
journalctl -q -o json SYSLOG_IDENTIFIER=thpraced
echo "### end"
logger -t fleet "nothing follows"
sleep 1000
