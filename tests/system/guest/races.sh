# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

# The instructions of each expression, by this kernel's verifier.
loaded=0
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
done
more "$loaded" 50 "events whose programs were loaded"
is_clean "races --load"
done_testing
