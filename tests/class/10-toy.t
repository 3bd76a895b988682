#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A race class is one file: only toy_migrate.c is added to core/classes of a copy of the tree. The
# programs built there know the class wherever they know the others.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
export LC_ALL=C.UTF-8
tree=$work/tree
out=$work/out
mkdir -p "$tree/build/unit" "$out"

# Objects that are newer than their sources are not built again.
tar -C "$root" --exclude=./build --exclude=./.git -cf - . | tar -C "$tree" -xf -
cp -a "$build"/{bpf,core,cli,daemon,stress} "$build"/*.h "$build"/*.bpf.o "$build/flags" "$tree/build"
find "$build/unit" -maxdepth 1 \( -name '*.o' -o -name '*.d' \) ! -name 'test_*' -exec cp -a -t "$tree/build/unit" {} +

cp "$root/tests/class/toy_migrate.c" "$tree/core/classes"
# How the test sees the daemon's parts.
cp "$root/tests/class/show_class.c" "$tree/tests/unit/test_show_class.c"
env -u MAKEFLAGS -u MAKELEVEL -u O make -C "$tree" build/thprace build/thpraced build/thprace-stress \
	build/unit/test_show_class >"$work/made" 2>&1
ok $? "the tree with one file more is built" || { diag "$(tail -n 20 "$work/made")"; done_testing; exit; }
is "$(diff -rq -x build -x .git "$root" "$tree" | sed "s|$tree/||")" "Only in core/classes: toy_migrate.c
Only in tests/unit: test_show_class.c" "nothing else is changed"
passes "the check of names" "$tree/tests/lint/classes"

cat >"$work/log" <<'END'
[  100.000001] page:fffff80000000000 refcount:3 mapcount:1 mapping:fffff00000000000 index:0x200 pfn:0x143e00
[  100.000002] head:fffff80000000000 order:9 entire_mapcount:1 nr_pages_mapped:0 pincount:0
[  100.000003] page dumped because: VM_BUG_ON_FOLIO(folio_mapped(toy))
[  100.000004] ------------[ cut here ]------------
[  100.000005] kernel BUG at mm/migrate.c:99!
[  100.000006] invalid opcode: 0000 [#1] PREEMPT SMP NOPTI
[  100.000007] CPU: 0 PID: 77 Comm: kcompactd0 Not tainted 6.1.0-18-amd64 #1
END
"$tree/build/unit/test_show_class" toy-migrate "$out" <"$work/log"
ok $? "the parts of the daemon show it"

PATH=$tree/build:$PATH
thprace help classes >"$out/classes"
like "$out/classes" '^toy-migrate$' "help classes"
thprace probes --btf "$out/kernel.btf" >"$out/probes"
like "$out/probes" '^toy-migrate +observable$' "probes"
thprace probes --btf "$out/kernel.btf" --format json >"$out/probes.json"
like "$out/probes.json" '"class":"toy-migrate","observable":true' "probes: JSON"
like "$out/metrics" '^thprace_walkers_total{class="toy-migrate"} 1008$' "metrics: walkers"
like "$out/metrics" '^thprace_incidents_total{class="toy-migrate",verdict="contained"} 48$' "metrics: incidents"
like "$out/metrics" '^thprace_class_fixed{class="toy-migrate"}' "metrics: what check says"
like "$out/metrics" '^thprace_exposure_walkers_per_second{class="toy-migrate"} 12345678.9' "metrics: exposure"
like "$out/status" '"class":"toy-migrate"' "status"
like "$out/alert" 'toy-migrate' "alert: its text"
like "$out/alert" '^THPRACE_CLASS=toy-migrate$' "alert: its field"
like "$out/complaints" '^BUG: toy-migrate $' "kmsg: its own check in the kernel's log"
thprace-stress list >"$out/stress"
like "$out/stress" '^toy-migrate +no: nothing brings this class about' "thprace-stress list"

# Both the programs that have the class, and those that only know it from the trace.
for who in with without; do
	programs=$build
	[ "$who" = with ] && programs=$tree/build
	"$programs/thprace" report "$out/trace.thpr" >"$out/report"
	like "$out/report" '^  toy-migrate +77 +1 +1 +0' "a program $who the class: report: counted"
	like "$out/report" 'incident 1: toy-migrate, pmd level, contained' "... drawn"
	like "$out/report" 'try_to_migrate\(\)' "... with its function"
	"$programs/thprace" dump --format csv "$out/trace.thpr" >"$out/dump"
	like "$out/dump" '^record,.*,walk-enter,toy-migrate,other,' "... dump: a record"
	like "$out/dump" '^incident,1,.*,toy-migrate,' "... dump: an incident"
done
is "$(thprace dump --class toy-migrate "$out/trace.thpr" | grep -c toy-migrate)" 2 "dump --class"

# shellcheck source=completions/thprace.bash
. "$tree/completions/thprace.bash"
compopt() { :; }
# shellcheck disable=SC2034 # read by the completion
COMP_WORDS=(thprace provoke "") COMP_CWORD=2 COMPREPLY=()
_thprace thprace
printf '%s\n' "${COMPREPLY[@]}" >"$out/completion"
like "$out/completion" '^toy-migrate$' "completion"

done_testing
