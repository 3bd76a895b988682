# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# In a guest: guest.sh SECONDS ATTACH... The matrix's measurements on one kernel, with each way of
# attaching; the results go to /out, and tests/kernels/table judges them:
#   kernel              release and machine
#   list                which classes can be stressed, and why not the others
#   probes              the plan (thprace probes)
#   ATTACH.probes       what the kernel accepted (thprace probes --load)
#   ATTACH.N.status     recording N: exit status of thprace record, and messages of it and the stressor
#   ATTACH.N.report     its report, without incidents
#   ATTACH.N.check      its crosscheck
#   ATTACH.N.windows    windows in the time of each class's stressor
#   shared              can huge pages that a fork shares be split, with nobody unmapping? "yes", or why not
#   shared.ATTACH.MODE.report, .check, .status   a recording of that
#   light.report, light.check   on arm64: the same for a recording in light mode
#   light.windows               its windows, and how many of them have a folio
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

seconds=$1
shift
out=/out

# A racy kernel may oops: the classes after that must still be observed.
echo 0 >/proc/sys/kernel/panic_on_oops

# XFS has huge folios in 6.1, not in 5.10. There the stressor mounts its own FUSE, if it can.
dir=
release=$(uname -r)
if [ "${release%%.*}" -ge 6 ] && gunzip -c /root/xfs.gz >/tmp/xfs && mkdir -p /mnt/xfs &&
	mount -t xfs -o loop /tmp/xfs /mnt/xfs; then
	dir=/mnt/xfs
fi

# Each class is stressed, whatever happened to the previous one. invalidate-unmap needs huge folios
# of files, the others their own tmpfs.
cat >classes <<'END'
for class; do
	more=
	[ "$class" != invalidate-unmap ] || more=${dir:+--dir $dir}
	echo "$class $(cut -d' ' -f1 /proc/uptime)" >>started
	# shellcheck disable=SC2086 # words
	thprace-stress "$class" -d "$seconds" $more
done
exit 0
END
export dir seconds

# seen CLASS: did its two sides overlap in one of the recordings with $attach?
seen() {
	[ "$(cat "$out/$attach".*.report | grep -F "\"class\":\"$1\"" |
		sed -n 's/.*"overlaps":\([0-9]*\).*/\1/p' | sum)" -gt 0 ]
}

# Windows by the class that was stressed at that time. For most classes these are huge zaps whose
# rmap was removed (arg: when); for hwpoison-unmap the rmap removals of small pages; for
# collapse-reuse the collapses that left their page behind.
count_windows() {
	thprace dump --format csv x.thpr 2>/dev/null | awk -F, '
		FNR == NR { split($0, word, " "); name[++n] = word[1]; from[n] = word[2] * 1e9; next }
		{ at = 0; for (i = 1; i <= n; i++) if ($3 >= from[i]) at = i }
		name[at] == "hwpoison-unmap" { windows[at] += $5 == "rmap-pte"; next }
		name[at] == "collapse-reuse" { windows[at] += $5 == "collapse-return" && $11 != "0x0"; next }
		{ windows[at] += $5 == "zap-close" && $14 != "0x0" }
		END { for (i = 1; i <= n; i++) print name[i], windows[i] + 0 }' started -
}

# recording N CLASS...
recording() {
	name=$out/$attach.$1
	shift
	: >started
	status=0
	thprace record -o x.thpr --attach "$attach" --mode precise --all -- \
		sh ./classes "$@" >out 2>&1 </dev/null || status=$?
	{
		echo "$status"
		cat out
	} >"$name.status"
	thprace report --format json x.thpr 2>&1 | grep -v '"type":"incident"' >"$name.report"
	thprace report --crosscheck --format json x.thpr >"$name.check" 2>&1
	count_windows >"$name.windows"
	rm -f x.thpr
}

# If an entry is not decoded, a window has no folio in light mode. On x86-64
# tests/system/10-matrix.t checks that; no other test boots arm64.
light_recording() {
	thprace record -o x.thpr --mode light --all -- thprace-stress truncate-unmap -d "$seconds" \
		>out 2>&1 </dev/null
	thprace report --format json x.thpr 2>&1 | grep -v '"type":"incident"' >"$out/light.report"
	thprace report --crosscheck --format json x.thpr >"$out/light.check" 2>&1
	thprace dump --format csv x.thpr 2>/dev/null |
		awk -F, '$5 == "zap-close" { n++; named += $11 != "0x0" } END { print n + 0, named + 0 }' \
			>"$out/light.windows"
	rm -f x.thpr
}

# No race: see tests/stress/split_shared.c. On some kernels it fails, and none of the walkers
# escapes.
shared_recordings() {
	if ! thprace-stress split-shared -d 1 >/dev/null 2>out; then
		cat out >"$out/shared"
		return
	fi
	echo yes >"$out/shared"
	for mode in light precise; do
		name=$out/shared.$attach.$mode
		status=0
		thprace record -o x.thpr --attach "$attach" --mode "$mode" --all -- \
			thprace-stress split-shared -d 60 >out 2>&1 </dev/null || status=$?
		{
			echo "$status"
			cat out
		} >"$name.status"
		thprace report --format json x.thpr 2>&1 | grep -v '"type":"incident"' >"$name.report"
		thprace report --crosscheck --format json x.thpr >"$name.check" 2>&1
		rm -f x.thpr
	done
}

# The classes that can be stressed and observed here; invalidate-unmap is tried with the folder that
# it will have.
choose_classes() {
	thprace-stress list >"$out/list" 2>&1
	if [ -n "$dir" ]; then
		if thprace-stress invalidate-unmap -d 0.2 --dir "$dir" >out 2>&1; then
			sed -i 's/^invalidate-unmap .*/invalidate-unmap  yes/' "$out/list"
		fi
	fi
	for class in split-unmap split-migrate split-head truncate-unmap hwpoison-unmap \
		collapse-reuse invalidate-unmap; do
		grep -q "^$class  *yes" "$out/list" &&
			grep -q "\"class\":\"$class\",\"observable\":true" "$out/probes" &&
			echo "$class"
	done
}

uname -rm >"$out/kernel"
thprace probes --format json >"$out/probes" 2>&1
classes=$(choose_classes)
for attach; do
	thprace probes --load --attach "$attach" --format json >"$out/$attach.probes" 2>&1 || continue
	# shellcheck disable=SC2086 # words
	recording 1 $classes
	# On a busy machine two sides may not have overlapped in such a short time. (Those of
	# split-head and hwpoison-unmap rarely do, and tests/kernels/expected does not require it.)
	# Twice as long each time: on bookworm-cloud-arm64, with kprobes, split-migrate does not
	# finish one round in 2 s.
	once=$seconds
	for n in 2 3 4; do
		missing=
		for class in $classes; do
			case $class in
			split-head | hwpoison-unmap) ;;
			*) seen "$class" || missing="$missing $class" ;;
			esac
		done
		[ -n "$missing" ] || break
		seconds=$((seconds * 2))
		# shellcheck disable=SC2086 # words
		recording "$n" $missing
	done
	seconds=$once
	shared_recordings
done
[ "$(uname -m)" != aarch64 ] || light_recording
exit 0
