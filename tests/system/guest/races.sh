# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

# The instructions of each expression, by this kernel's verifier.
loaded=0
: >helper
for file in /root/races/*.race; do
	name=${file##*/}
	try thprace races --load --test "$file"
	# What this kernel lacks is reported, and is no failure; everything else is loaded.
	case $status in
	0) ok 0 "$name: loaded" ;;
	4) like err "thprace races: .*: (there is no function|.* has no |.* does not call )" "$name: not observable here" ;;
	*) ok 1 "$name: loaded" || diag "$(cat out err)" ;;
	esac
	unlike out " refused: " "$name: nothing is refused that nothing replaces"
	loaded=$((loaded + $(grep -c ' instructions' out)))
	sed -n 's/.* reads by a helper: //p' out >>helper
done
more "$loaded" 50 "events whose programs were loaded"
helper=$(sort -u helper)
# Of `current' 5.10 has no pointer that its verifier knows; all else is read by plain loads.
case $(uname -r) in
5.10.*) is "$helper" "invalid func unknown#158" "what is read by a helper there" ;;
*) is "$helper" "" "no trampoline reads by a helper" ;;
esac
is_clean "races --load"

# Attached all at once, up to 16. The manual's examples need a name each.
mkdir many
count=0
races=
for file in /root/races/*.race; do
	[ "$count" -lt 16 ] || break
	count=$((count + 1))
	sed "s/^\\( *name *= *\\).*/\\1race-$count/" "$file" >"many/$count.race"
	races="$races --race ./many/$count.race"
done
more "$count" 12 "races at once"
try thprace probes --load
sed '/^program /,$d' out >alone
# shellcheck disable=SC2086 # words
try thprace probes --load $races
# What this kernel lacks is reported, and nothing else.
unlike err "^thprace probes: race-[0-9]*: (call of |return of |[a-z_0-9]* (entry|return): |there are too)" \
	"none of them is refused"
more "$(grep -cE '^  (window|walker)' out)" 25 "events that are attached at once"
sed '/^program /,$d' out >beside
passes "the built-in points are attached as without them" cmp alone beside
is_clean "probes --race"
done_testing
