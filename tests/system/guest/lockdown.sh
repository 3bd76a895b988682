# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
like /sys/kernel/security/lockdown '\[confidentiality\]' "lockdown: confidentiality"
for attach in auto fentry kprobe; do
	try thprace record -d 1 -o x.thpr --attach "$attach"
	is "$status" 1 "lockdown, $attach: status 1"
	one_message "lockdown, $attach" "lockdown"
done
done_testing
