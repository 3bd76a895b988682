#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Race files: every example of thprace.race(5) is right on a stock kernel; the tree's own files; the
# messages about wrong ones. Needs the cloud kernels of bullseye (5.10) and bookworm (6.1).

set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${THPRACE_BUILD:-$root/build}
thprace=$build/thprace
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/system/tap.sh
. "$root/tests/system/tap.sh"

if ! new=$("$root/tests/vm/kernel" bookworm cloud) || ! old=$("$root/tests/vm/kernel" bullseye cloud); then
	echo "1..0 # SKIP no kernels could be fetched"
	exit 0
fi

# races ARGUMENT...: status, out and err
races() {
	status=0
	"$thprace" races "$@" >"$work/out" 2>"$work/err" || status=$?
}

# --- the manual ---

"$here/examples" "$root/docs/man/thprace.race.5" "$work"
more "$(find "$work" -name '*.race' | wc -l)" 15 'the manual has examples'
for example in "$work"/*.race; do
	line=$(basename "$example" .race)
	observable=
	for kernel in "$new" "$old"; do
		races --test "$example" --kernel "$kernel"
		cat "$work/err" >>"$work/said"
		[ "$status" = 0 ] && observable=$observable${kernel##*vmlinuz-}
		[ "$status" = 1 ] && observable= && break
		grep -q '^\[check\]' "$example" && ! grep -qE '^\[(window|walker)\]' "$example" &&
			observable=$observable${kernel##*vmlinuz-}
	done
	[ -n "$observable" ]
	ok $? "the example of line $line is right on a stock kernel" || diag "$(cat "$work/said")"
	: >"$work/said"
done

# The manual describes all helpers.
man --local-file "$root/docs/man/thprace.race.5" 2>/dev/null | col -b >"$work/page"
sed -n 's/^	{"\([a-z_]*\)",$/\1/p' "$root/core/race/calc_helper.c" | while read -r helper; do
	grep -q " $helper(" "$work/page" || echo "$helper"
done >"$work/absent"
is "$(cat "$work/absent")" "" 'the manual has every helper'

# --- the files of the tree ---

for file in "$root"/races/*.race "$root"/tests/races/*.race; do
	races --test "$file" --kernel "$new"
	case $(basename "$file" .race) in
	deferred-migrate | shmem-truncate-swap | vma-lock-reuse) # what they are about came later
		is "$status" 4 "$(basename "$file"): not on 6.1"
		is "$(grep -v ': there is no function ' "$work/err")" '' '... for want of functions only'
		;;
	*) is "$status$(cat "$work/err")" 0 "$(basename "$file"): observable on 6.1" ;;
	esac
done
races --test "$root/tests/races/split-migrate.race" --kernel "$old"
is "$status" 4 'split-migrate: not on 5.10'
like "$work/err" "split-migrate.race:15:18: there is no function 'try_to_migrate'" '... and why'

# judged KERNEL FILE WORD STATUS
judged() {
	status=0
	"$thprace" check --race "$root/$2" --kernel "$1" >"$work/out" 2>"$work/err" || status=$?
	is "$status" "$4" "$2 on ${1##*vmlinuz-}: status $4"
	like "$work/out" "^[a-z-]+ +$3 " "... $3"
}
judged "$old" races/swapin-nocache.race vulnerable 3
like "$work/out" 'code +do_swap_page has a way to .* without a call of' '... by its code'
judged "$new" races/swapin-nocache.race fixed 0
judged "$old" races/smaps-migration.race vulnerable 3
judged "$new" races/smaps-migration.race fixed 0
judged "$old" tests/races/truncate-unmap.race fixed 0
judged "$new" tests/races/truncate-unmap.race fixed 0
judged "$old" tests/races/split-migrate.race 'cannot happen' 0
judged "$new" tests/races/split-migrate.race fixed 0
like "$work/out" 'split_huge_page_to_list passes TTU_SYNC to try_to_migrate' '... by its code'
status=0
"$thprace" check --race "$root/races/swapin-nocache.race" --kernel "$old" --format json >"$work/out" || status=$?
perl -MJSON::PP -e '
	my $o = decode_json(<STDIN>);
	exists $o->{$_} or die "no $_\n" for qw(race word evidence missing commit title kernel);
	$o->{word} eq "vulnerable" or die "$o->{word}\n";' <"$work/out" 2>"$work/err"
is "$status$?$(cat "$work/err")" 30 'JSON of check --race: the documented names'

# --- all races ---

mkdir "$work/more"
sed 's/^name .*/name = another/' "$root/races/swapin-nocache.race" >"$work/more/another.race"
status=0
"$thprace" check --all-races --race "$root/races/swapin-nocache.race" --race "$work/more/another.race" \
	--kernel "$old" --format json >"$work/out" 2>"$work/err" || status=$?
is "$status$(cat "$work/err")" 3 'all races: one is vulnerable'
perl -MJSON::PP -e '
	my ($image, %seen) = shift;
	while (<STDIN>) {
		my $o = decode_json($_);
		exists $o->{$_} or die "no $_\n"
			for qw(race title origin word evidence missing commit fix cve kernel image build_id);
		$o->{image} eq $image or die "image $o->{image}\n";
		$o->{build_id} =~ /^[0-9a-f]{40}$/ or die "build id $o->{build_id}\n";
		@{$o->{fix}} == 1 && $o->{fix}[0] eq $o->{commit} or die "fix\n";
		$seen{$o->{race}} = "$o->{origin} $o->{word}";
	}
	$seen{"truncate-unmap"} eq "built in fixed" or die "built in: $seen{q(truncate-unmap)}\n";
	$seen{"swapin-nocache"} =~ m(/races/.* vulnerable$) or die "file: $seen{q(swapin-nocache)}\n";
	$seen{another} =~ / vulnerable$/ or die "another\n";
' "$old" <"$work/out" 2>"$work/err"
is "$?$(cat "$work/err")" 0 '... JSON of all, with image and build id'
"$thprace" check --all-races --race "$root/races/swapin-nocache.race" --kernel "$new" >"$work/out" 2>&1
like "$work/out" '^split-migrate +fixed +a98a2f0c8ce1' '... a built-in one in the table'
like "$work/out" '^swapin-nocache +fixed +13ddaf26be32' '... and one of a file'
like "$work/out" 'split_huge_page_to_list passes TTU_SYNC' '... with evidence of both'
like "$work/out" 'do_swap_page calls swapcache_prepare on each way' '... with evidence of both'
status=0
"$thprace" check --all-races --watch >"$work/out" 2>&1 || status=$?
is "$status" 2 'all races and --watch: wrong usage'

# --- the place of a hold, in the code ---

# held KERNEL HOLD: smaps-migration with this hold
held() {
	sed "s/^hold .*/hold = $2/" "$root/races/smaps-migration.race" >"$work/held.race"
	races --test "$work/held.race" --kernel "$1"
}
for kernel in "$old" "$new"; do
	races --test "$root/races/smaps-migration.race" --kernel "$kernel"
	like "$work/out" '^  provoke +hold +probe in smaps_hugetlb_range .*  kprobe at 1 instruction$' \
		"smaps-migration: where it waits in ${kernel##*vmlinuz-}" || diag "$(cat "$work/out")"
done
held "$old" 'clock in smaps_hugetlb_range before BUG'
like "$work/out" 'clock in smaps_hugetlb_range before BUG .*  clock in [1-9][0-9] bytes of code$' 'a clock' ||
	diag "$(cat "$work/out")"
held "$new" 'clock in smaps_hugetlb_range before BUG'
like "$work/out" 'not here: smaps_hugetlb_range has no test that leads to a BUG or WARN$' \
	'... that the kernel has not' || diag "$(cat "$work/out")"
is "$status" 0 '... which does not hinder the observation'
held "$new" 'probe in smaps_hugetlb_range after call of no_such_function'
like "$work/out" "not here: there is no function 'no_such_function'$" '... or not the function'
held "$new" 'probe in smaps_hugetlb_range after call of _raw_spin_unlock before call of _raw_spin_lock'
like "$work/out" 'not here: no path in smaps_hugetlb_range goes from one to the other$' '... or not the path'
held "$new" 'probe in do_swap_page'
is "$status" 1 'a hold in a function of no section: status 1'
like "$work/err" 'held.race:[0-9]+:8: no \[window\] and no \[walker\] begins or ends in do_swap_page$' '... and why'
races --test "$root/races/smaps-migration.race" --kernel "$new" --format json
perl -MJSON::PP -e '
	my $hold = decode_json(<STDIN>)->{hold};
	exists $hold->{$_} or die "no $_\n" for qw(place attach reason);
	$hold->{attach} eq "kprobe at 1 instruction" or die "$hold->{attach}\n";' <"$work/out" 2>"$work/err"
is "$?$(cat "$work/err")" 0 'JSON: the documented names of a hold'

# --- listing ---

races --kernel "$new" --race "$root/races/swapin-nocache.race"
is "$status" 0 'the list: status 0'
like "$work/out" '^split-migrate +observable' 'the list: a built-in race'
like "$work/out" '^swapin-nocache +observable' 'the list: a race from a file'
races --kernel "$new" --race "$root/races/swapin-nocache.race" --format json truncate-unmap swapin-nocache
perl -MJSON::PP -e '
	my %seen;
	while (<STDIN>) {
		my $o = decode_json($_);
		exists $o->{$_} or die "no $_\n" for qw(race title origin observable reason fix cve events);
		for my $event (@{$o->{events}}) {
			exists $event->{$_} or die "no $_\n" for qw(side event place attach reason);
		}
		@{$o->{events}} > 2 or die "events\n";
		$seen{$o->{race}} = $o->{origin};
	}
	$seen{"truncate-unmap"} eq "built in" && $seen{"swapin-nocache"} =~ m(/races/) or die "origin\n";
' <"$work/out" 2>"$work/err"
is "$status$?$(cat "$work/err")" 00 'JSON: the documented names'
races --kernel "$new" trunkate-unmap
is "$status" 1 'a race that is not there: status 1'
like "$work/err" "no race 'trunkate-unmap'; did you mean 'truncate-unmap'\?" '... and the nearest'
races --kernel "$old" split-migrate
is "$status" 4 'a built-in race that cannot be observed: status 4'

sed 's/^name .*/name = a-race-whose-name-takes-31-byte/' "$root/races/swapin-nocache.race" >"$work/long.race"
races --test "$work/long.race" --kernel "$new"
like "$work/out" '^a-race-whose-name-takes-31-byte  two swap-ins' 'a long name: apart from the title'
"$thprace" check --race "$work/long.race" --kernel "$new" >"$work/out"
like "$work/out" '^a-race-whose-name-takes-31-byte  fixed ' '... and from the status'

# --- wrong files ---

sed 's/vmf->orig_pte/vmf->orig_ptr/' "$root/races/swapin-nocache.race" >"$work/member.race"
races --test "$work/member.race" --kernel "$new"
is "$status" 4 'a member that this kernel has not: status 4'
like "$work/err" "member.race:[0-9]+:26: struct vm_fault has no member 'orig_ptr'; did you mean 'orig_pte'\?" \
	'... with its place and the nearest'
sed 's/orig_pte)/orig_pte))/' "$root/races/swapin-nocache.race" >"$work/form.race"
races --test "$work/form.race" --kernel "$new"
is "$status" 1 'a wrong form: status 1'
like "$work/err" "form.race:[0-9]+:35: an operator or the end expected instead of '\)'" '... with its place'
sed 's/^key .*/key = *vmf/' "$root/races/swapin-nocache.race" >"$work/sense.race"
races --test "$work/sense.race" --kernel "$new"
is "$status" 1 'what makes no sense on any kernel: status 1'
like "$work/err" 'struct vm_fault is neither a number nor a pointer' '... and why'
for file in "$work/none" /dev/null "$work" /dev/urandom; do
	races --test "$file" --kernel "$new"
	is "$status" 1 "$file is no race: status 1"
done
races --test "$work/form.race" name
is "$status" 2 'a name beside --test: wrong usage'

done_testing
