#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Who both tasks of an incident are, in alerts, lists and traces: two services, and a container.

# shellcheck source=tests/service/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

with=(--package systemd-container)
kernel bookworm
service "$kernel" identity.sh
done_testing
