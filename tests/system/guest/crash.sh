#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel that dies while thprace records and the stressor runs.

thprace record --output /tmp/crash.thpr -- sh -c '
	thprace-stress all -d 6
	thprace-stress all -d 300 &
	sleep 1
	echo c >/proc/sysrq-trigger
	sleep 300'
