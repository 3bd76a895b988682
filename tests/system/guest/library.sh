# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source=tests/system/guest/common.sh
. ./common.sh

races=/root/races

# counted RACE WHAT...: x.thpr has some of each
counted() {
	race=$1
	shift
	thprace report --format json x.thpr >x.json
	for what; do
		[ "$(of_class "$what" "$race" x.json)" -gt 0 ] || return 1
	done
}

# meets RACE WHAT...: beside its load each of its events takes place, there are some of each, and nothing
# escapes. A busy host may need several tries.
meets() {
	for _ in $(seq 20); do
		try thprace record --force -o x.thpr --race "$races/$1.race" -- thprace-stress "$1" -d 5
		if [ "$status" = 0 ] && ! grep -q "never ran" err && counted "$@"; then
			break
		fi
	done
	is "$status" 0 "$1: its load runs, and nothing escapes" || diag "$(cat out err)"
	unlike err "never ran" "... and takes it to each of its events" || diag "$(cat out err)"
	counted "$@"
	ok $? "... and these are counted: $*" || diag "$(cat out)"
	echo "# $(grep "\"type\":\"class\",\"class\":\"$1\"" x.json)"
}

# provoked RACE open|closed
provoked() {
	try thprace provoke --race "$races/$1.race" --format json -d 20min --until contained=100 \
		--run "thprace-stress $1 -d 3600" --this-is-a-test-machine
	like out "\"class\":\"$1\",\"outcome\":\"$2\"" "$1: $2" || diag "$(cat out err)"
	case $2 in
	open) more "$(number provoke escapes out)" 0 "... with a proved escape" ;;
	closed)
		is "$(number provoke escapes out)" 0 "... without an escape"
		more "$(number provoke contained out)" 99 "... at least 100 overlaps were contained"
		;;
	esac
	echo "# $(cat out)"
}

case $(uname -r) in
6.1.*)
	provoked deferred-swapout open
	meets retract-anon-vma windows walkers
	;;
6.12.*)
	provoked deferred-migrate open
	meets split-evict windows walkers
	;;
6.17.*)
	provoked split-evict open
	meets shmem-truncate-swap windows walkers overlaps
	;;
*)
	provoked deferred-migrate closed
	meets pmd-unshare walkers
	meets vma-lock-reuse walkers
	;;
esac
is_clean "the library's races"
done_testing
