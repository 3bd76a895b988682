# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

# --- a race as a file, beside the same one built in ---

file=/root/races/truncate-unmap.race

# beside HOW: attached in that way
beside() {
	record_until overlaps:truncate-unmap=20 "-m precise --all --attach $1 --race $file" \
		"thprace-stress truncate-unmap -d 3"
	is "$status" 0 "truncate-unmap from a file is recorded, $1" || diag "$(cat err)"
	unlike err "never ran" "each of its events took place"
	thprace report --format json x.thpr >x.json
	thprace report x.thpr >x.txt
	built_in=$(of_class overlaps truncate-unmap x.json)
	by_file=$(of_class overlaps truncate-unmap-file x.json)
	more "$built_in" 19 "the built-in class saw overlaps"
	# With --attach kprobe, the built-in class has each truncation as a walker, and not the call.
	[ "$1" = kprobe ] || is "$(of_class walkers truncate-unmap-file x.json)" \
		"$(of_class walkers truncate-unmap x.json)" "the same walkers"
	more "$by_file" 0 "the file saw overlaps"
	# Each has its own stamps, so the host compares them pair by pair.
	cp x.thpr "/out/same-$1.thpr"
	is "$(of_class escapes truncate-unmap-file x.json)" "$(of_class escapes truncate-unmap x.json)" \
		"the same escapes"
	thprace dump --format json x.thpr >x.dump
	like x.dump '"class":"truncate-unmap-file","verdict":"contained"' "its overlaps are judged"
	like x.txt "; 0 records lost|lost 0$" "nothing is lost"
}

# With kprobes, arguments are saved at the entry for the return.
beside auto
beside kprobe

# --- a walker that learns its page late, beside the one that knows it from its beginning ---

tries=0
while [ "$tries" -lt 60 ]; do
	tries=$((tries + 1))
	try thprace record --all -o x.thpr --race /root/races/truncate-learn.race --race $file -- thprace-stress truncate-unmap -d 5
	thprace report --format json x.thpr >x.json
	late=$(of_class overlaps truncate-learn x.json)
	early=$(of_class overlaps truncate-unmap-file x.json)
	[ "$early" -eq 0 ] || [ "$late" -le "$early" ] || break
done
unlike err "never ran" "each event of it took place"
more "$early" 0 "truncation meets zaps"
try thprace report --crosscheck x.thpr
like out "crosscheck: equal" "the same incidents from the records" || diag "$(cat out err)"
more "$(sed -n "s/^ *incidents of the detector *//p" out | tr -d ,)" "$early" "... which are compared"
more "$late" "$early" "who begins earlier meets more of them, which had ended before it knew its page" || diag "$(cat out err)"

# --- writes that the kernel loses, one proof for each ---

# On a busy host, 20 seconds may pass without a lost write, without one that only one other explains, or
# without any overlap.
tries=0
# As in the library, and what its windows save is shown.
sed 's/^open *= do_swap_page.*/&\nsave   = address: vmf->address/' /root/races/swapin-nocache.race >swapin.race
while [ "$tries" -lt 20 ]; do
	tries=$((tries + 1))
	try thprace record --all -o x.thpr --race ./swapin.race -- \
		thprace-stress swapin-nocache -d 20 --format json
	found=$status
	lost=$(sed -n 's/.*"lost":\([0-9]*\).*/\1/p' out)
	case $(uname -r) in
	5.10.*) thprace report x.thpr | grep -q "swapin-nocache, causal escape" && break ;;
	*)
		thprace report --format json x.thpr >x.json
		[ "$(of_class overlaps swapin-nocache x.json)" -gt 0 ] && break
		;;
	esac
done
thprace report --format json x.thpr >x.json
thprace report x.thpr >x.txt
escapes=$(of_class escapes swapin-nocache x.json)
more "$(of_class overlaps swapin-nocache x.json)" 0 "another task is at work on an entry that one reads" ||
	diag "$(cat out err)"
like x.txt "^ *0.* +do_swap_page entry" "it is drawn, with the names of its functions"
like x.txt "^ *[0-9.]+ .?s +swap_free(_nr)? entry" "… at its end"
like x.txt "do_swap_page entry: *(address=0x[0-9a-f]+)?$" "… and with what the window has saved" ||
	diag "$(grep -A 1 "do_swap_page entry" x.txt | head)"
like x.txt " address=0x[0-9a-f]{6,}$" "... under its name"
thprace dump --format json x.thpr >x.dump
like x.dump '"class":"swapin-nocache",.*"opener_saved":{"address":"0x[0-9a-f]{6,}"}' "... as in JSON"
case $(uname -r) in
5.10.*)
	more "$lost" 0 "this kernel loses writes"
	like x.txt "^ *[0-9.]+ .?s {2,}swap_writepage entry" "it is drawn beside the other task's page-out"
	more "$escapes" 0 "there are escapes"
	# A window that met several has an escape with each of them, and lost one write.
	escaped=$(sed -n '/"verdict":"escape"/s/.*"window":{[^}]*"open_ns":\([0-9]*\).*/\1/p' x.dump | sort -u | wc -l)
	more "$escaped" 0 "... in windows whose begin is known"
	more "$((lost + 1))" "$escaped" "... no more of these than lost writes ($escapes in $escaped, $lost)"
	is "$found" 3 "and record's status says so"
	like x.txt "^  incident [0-9]*: swapin-nocache, causal escape" "it is proved"
	;;
*)
	is "$lost" 0 "this kernel loses no write"
	is "$escapes" 0 "there is no escape"
	is "$found" 0 "and record's status says so"
	;;
esac

try thprace report --crosscheck x.thpr
like out "crosscheck: equal" "the same overlaps and escapes from the records" || diag "$(cat out err)"
try thprace export --chrome-json -o timeline x.thpr
like timeline '"ph":"X","name":"swapin-nocache window","cat":"window"' "export draws its windows as slices" || diag "$(cat err)"
like timeline '"ph":"i","name":"swapin-nocache walker","cat":"walker"' "... and its walkers as instants"

# --- how long windows are, and how near two sides come that do not meet ---

printf '%s\n' '[race]' 'name = near' 'title = a file is opened, and deleted later' '[window]' 'open = vfs_open entry' \
	'close = vfs_open return' 'key = path->dentry' '[walker]' 'at = vfs_unlink entry' 'key = dentry' >near.race
# shellcheck disable=SC2016
try thprace record -o x.thpr --race ./near.race -- \
	sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do echo >near.$i; cat near.$i; /bin/rm near.$i; done'
is "$status" 0 "files are opened and deleted" || diag "$(cat err)"
thprace report --format json x.thpr >x.json
thprace report x.thpr >x.txt
more "$(of_class windows near x.json)" 9 "its windows are counted"
is "$(number phase count x.json '"class":"near"')" "$(of_class windows near x.json)" "... with their lengths"
like x.txt "^  near +[0-9,]+ +p50 .* max " "... which the report shows"
is "$(of_class overlaps near x.json)" 0 "nobody opens what is deleted"
like x.json '"type":"closest","distance_ns":[1-9][0-9]*,"class":"near","window":' "some pass is the closest" ||
	diag "$(grep closest x.json)"
like x.txt "closest pass: near, missed each other by" "... and is drawn"
like x.txt "^ *[0-9.]+ .?s +vfs_unlink entry" "... with the names of its functions"

# --- a task that never returns is counted, and is not kept ---

printf '%s\n' '[race]' 'name = exits' 'title = a function that does not return' '[window]' 'open = do_group_exit entry' \
	'close = do_group_exit return' 'key = current->mm' '[walker]' 'at = do_swap_page entry' 'key = vmf->vma->vm_mm' >exits.race
try thprace record -o x.thpr --race ./exits.race -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; done'
is "$status" 0 "a window that never closes" || diag "$(cat err)"
thprace report --format json x.thpr >x.json
returns=$(number loss return x.json)
more "$returns" 9 "each task that exits in it is a loss"
is "$(of_class overlaps exits x.json)" 0 "... and no overlap"

# --- arguments that are on the stack: mmap's list is empty, so it points to itself ---

# on_stack NAME LINE...: of a walker
on_stack() {
	name=$1
	shift
	printf '%s\n' '[race]' 'name = stack' 'title = the eighth argument' '[walker]' 'key = current->mm' \
		'escape = (unsigned long)uf->next == (unsigned long)uf' "$@" >stack.race
	try thprace record -o x.thpr --race ./stack.race -- sh -c 'for i in 1 2 3 4 5; do /bin/true; done'
	is "$status" 0 "on the stack: $name" || diag "$(cat err)"
	thprace report --format json x.thpr >x.json
	walkers=$(of_class walkers stack x.json)
	more "$walkers" 4 "… is seen"
	is "$(of_class unattributed stack x.json)" "$walkers" "… is read right, each time" || diag "$(cat x.json)"
}
on_stack "at the entry" "at = do_mmap entry"
on_stack "at the return" "enter = do_mmap entry" "leave = do_mmap return"
on_stack "at a call" "at = call of do_mmap in vm_mmap_pgoff"

# --- a function that is called all the time is told, not one that is called now and then ---

printf '%s\n' '[race]' 'name = hot' 'title = a function that is called all the time' '[walker]' 'at = vfs_read entry' \
	'key = file' 'escape = 0' >hot.race
try thprace record -o x.thpr --race ./hot.race -- timeout 5 dd if=/dev/zero of=/dev/null bs=1
like err "record: hot: walker at, vfs_read entry: [0-9,]* calls in [0-9.]* s take [0-9.]* % of a processor" \
	"a hot function is told" || diag "$(cat err)"
try thprace record -o x.thpr --race ./hot.race -- sleep 3
unlike err "of a processor" "one that is hardly called is not" || diag "$(cat err)"

# One that takes half of a processor is not recorded. Long paths, and a call for each step of them (kprobes),
# so that this is so on any machine.
path='file->f_inode->i_sb->s_root->d_inode->i_ino'
for i in 1 2 3 4 5 6 7 8; do
	echo "save = s$i: $path"
done >saves
cat hot.race saves >too-hot.race
dd if=/dev/zero of=/dev/null bs=1 2>/dev/null &
one=$!
dd if=/dev/zero of=/dev/null bs=1 2>/dev/null &
other=$!
try thprace record -o x.thpr --attach kprobe --race ./too-hot.race -d 10min
is "$status" 1 "too hot a function: status 1" || diag "$(cat err)"
like err "hot: walker at, vfs_read entry: .* take ([5-9][0-9]|1[0-9][0-9])[.]" "... as measured" || diag "$(cat err)"
like err "too much of a processor, .* or give --force" "... is told" || diag "$(cat err)"
thprace report --format json x.thpr >x.json
more "$(of_class walkers hot x.json)" 0 "what was recorded until then can be read"
try thprace record -o x.thpr --race ./too-hot.race --force --until walkers:hot=10 -d 10min
is "$status" 0 "--force: it is recorded, until a count of this race is reached" || diag "$(cat err)"
kill "$one" "$other"
wait "$one" "$other"
try thprace record -o x.thpr --race ./too-hot.race --until walkers:hott=10 -d 1
is "$status" 2 "--until names no race: wrong usage"
like err "no race class 'hott': .* or hot$" "... and the names that there are" || diag "$(cat err)"

# --- what is wrong is told before anything is attached ---

try thprace record -o x.thpr --race no-such-race -d 1
is "$status" 1 "a race that is not there"
like err "no-such-race: there is no race of this name" "… is told"
sed 's/do_swap_page entry/do_swap_pagf entry/' /root/races/swapin-nocache.race >wrong.race
try thprace record -o x.thpr --race ./wrong.race -d 1
is "$status" 1 "a race that this kernel does not have"
like err "cannot be observed here: there is no function 'do_swap_pagf'" "… is told"
try thprace probes --load --race ./wrong.race
unlike out "^races/exit" "... and no program waits for its tasks to exit"
try thprace probes --load --race /root/races/swapin-nocache.race
like out "^races/exit" "... as one does for a race that is observed"
is "$status" 0 "probes --race"
like out "window +close +kprobe +swap_free(_nr)? entry" "shows how each event is attached"
is_clean "record --race"
done_testing
