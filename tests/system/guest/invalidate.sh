# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# On an XFS: /root/xfs.gz is its image. And collapse, which needs nothing special.
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

gunzip -c /root/xfs.gz >/tmp/xfs && mkdir -p /mnt/xfs && mount -t xfs -o loop /tmp/xfs /mnt/xfs
ok $? "XFS: mounted"
record_until overlaps:invalidate-unmap=1 "--mode precise --all" \
	"thprace-stress invalidate-unmap -d 4 --dir /mnt/xfs"
is "$status" 0 "invalidate-unmap: recorded, no escape" || diag "$(cat err)"
like out "^invalidate-unmap: opener [1-9].*huge [1-9]" "invalidate-unmap: huge pages mapped" ||
	diag "$(cat err)"
thprace report --format json x.thpr >report.json
is $? 0 "invalidate-unmap: report"
more "$(number header windows report.json)" 0 "invalidate-unmap: windows"
more "$(of_class walkers invalidate-unmap report.json)" 0 "invalidate-unmap: walkers"
more "$(of_class overlaps invalidate-unmap report.json)" 0 "invalidate-unmap: overlaps"
is "$(of_class escapes invalidate-unmap report.json)" 0 "invalidate-unmap: no escape"
is "$(of_class unattributed invalidate-unmap report.json)" 0 "invalidate-unmap: none unattributed"
is "$(number loss lost report.json)" 0 "invalidate-unmap: nothing lost"
echo "# $(of_class walkers invalidate-unmap report.json) walkers," \
	"$(of_class overlaps invalidate-unmap report.json) overlaps"
thprace report --crosscheck x.thpr >check
is $? 0 "invalidate-unmap: crosscheck" || diag "$(cat check)"
umount /mnt/xfs
done_testing
