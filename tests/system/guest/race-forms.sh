# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

# --- forms of thprace.race(5) that no race of ours has ---
# Several functions around a section, a call that the kernel does not have before the place that it has, several places at
# once, several sections of a side, ranges, arithmetic, sizeof, how often an event took place, who was met: a pipe is
# written to while another task waits in a read of it.

cat >forms.race <<'END'
[race]
name  = forms
title = a pipe is written to while another task waits in a read of it

[window]
inside = ksys_read, ksys_write
open   = vfs_read entry, vfs_write entry
when   = (file->f_inode->i_mode & 0xf000) == 0x1000
when   = current->pid > 0 && sizeof(struct inode) > sizeof(unsigned long)
key    = file->f_inode
from   = 0
to     = count > 4096 ? 4096 : count + 1
save   = count: count
save   = mode: file->f_inode->i_mode >> 12
event  = waits: pipe_read entry | anon_pipe_read entry
close  = vfs_read return, vfs_write return
escape = others && waits == 1
escape = count > 2

[walker]
enter  = call of vfs_read in ksys_write | vfs_write entry
when   = (file->f_inode->i_mode & 0xf000) == 0x1000
key    = file->f_inode
from   = 0
leave  = vfs_write return
escape = result == 12345

[walker]
at     = vfs_write return when result == 2
key    = file->f_inode
from   = 0
save   = wrote: result
END
try thprace races --test forms.race
is "$status" 0 "this kernel has all of it" || diag "$(cat out err)"
# The reader may be awake and gone before the writer has returned: until enough have met.
try thprace record --all -o x.thpr --race ./forms.race --force --until overlaps:forms=10 -d 15min -- \
	sh -c 'while :; do sleep 1; echo x; done | cat >/dev/null'
is "$status" 3 "a pipe is written to, which counts as an escape" || diag "$(cat err)"
thprace report --format json x.thpr >x.json
more "$(of_class windows forms x.json)" 9 "reads and writes of it are windows"
more "$(of_class walkers forms x.json)" 9 "... and writes are walkers, twice"
more "$(of_class overlaps forms x.json)" 9 "a reader meets one who writes" || diag "$(cat x.json)"
more "$(of_class escapes forms x.json)" 9 "... and its escape holds: conditions, events, others" || diag "$(cat x.json)"
thprace dump x.thpr >x.dump
like x.dump 'opener-saved="count=[0-9a-fx]+ mode=1" walker-is="[^"]*" walker-saved="wrote=2"' "dump has what both sides have saved" ||
	diag "$(grep incident x.dump)"
thprace dump --format csv x.thpr >x.csv
like x.csv ',"count=[0-9a-fx]+ mode=1","wrote=2",' "... as CSV, too" || diag "$(grep incident x.csv)"
try thprace report --crosscheck x.thpr
like out "crosscheck: equal" "the same from the records" || diag "$(cat out err)"

# --- helpers, in a race without a window ---

cat >helpers.race <<'END'
[race]
name  = helpers
title = a page is copied that is mapped

[walker]
at     = wp_page_copy entry | do_wp_page entry
when   = pte_page(vmf->orig_pte)
escape = refcount(head(pte_page(vmf->orig_pte))) > 0
escape = page(pfn(pte_page(vmf->orig_pte))) == pte_page(vmf->orig_pte)
END
# By itself: with the others it would be too many instructions.
{
	sed 's/^name .*/name  = mapped/; /^escape/d' helpers.race
	echo 'escape = mapcount(pte_page(vmf->orig_pte)) > 0'
} >mapped.race
# shellcheck disable=SC2016 # $i is the command's
try thprace record -o x.thpr --race ./helpers.race --race ./mapped.race --force -- sh -c 'for i in 1 2 3 4 5; do (i=2; : $i); done'
thprace report --format json x.thpr >x.json
walkers=$(of_class walkers helpers x.json)
more "$walkers" 4 "pages are copied" || diag "$(cat err)"
is "$(of_class unattributed helpers x.json)" "$walkers" "helpers: each time they are right" || diag "$(cat x.json)"
is "$(of_class unattributed mapped x.json)" "$(of_class walkers mapped x.json)" "... mapcount() too" || diag "$(cat x.json)"

# --- the walker waits, and not the window ---

cat >held.race <<'END'
[race]
name  = held
title = a pipe is written to while another task waits in a read of it

[window]
open   = pipe_read entry | anon_pipe_read entry
key    = iocb->ki_filp->f_inode
close  = pipe_read return | anon_pipe_read return
escape = 0

[walker]
enter  = pipe_write entry | anon_pipe_write entry
key    = iocb->ki_filp->f_inode
leave  = pipe_write return | anon_pipe_write return

[provoke]
hold = walker
time = 1ms
run  = while :; do echo x; done | cat >/dev/null
END
try thprace provoke --race ./held.race --format json --until contained=100 -d 10min -o held --this-is-a-test-machine
is "$status" 0 "hold = walker: closed" || diag "$(cat out err)"
more "$(number provoke widened out)" 99 "... walkers were held" || diag "$(cat out)"
# One may come when nobody is held yet, or any more.
thprace dump --format json held-held.thpr |
	sed -n 's/.*"type":"incident".*"enter_ns":\([0-9]*\).*"leave_ns":\([0-9]*\).*/\1 \2/p' >held.times
whole=$(while read -r enter leave; do [ $((leave - enter)) -lt 1000000 ] || echo held; done <held.times | wc -l)
more "$whole" 99 "... each for its time" || diag "$(head -n 3 held.times)"
is_clean "forms of races"
done_testing
