#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The completions offer every verb and every option in --help, and the values of options that have a
# known set.

# shellcheck source=tests/host.sh
. "$(dirname "$0")/../host.sh"
# shellcheck source=completions/thprace.bash
. "$root/completions/thprace.bash"

# Without a line being edited there is nothing to set.
compopt() { :; }

# complete_line WORD...: the completions of the last of them, sorted, in $work/got
complete_line() {
	# shellcheck disable=SC2034 # read by the completion
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_thprace "$1"
	printf '%s\n' "${COMPREPLY[@]}" | sort -u >"$work/got"
}

# zsh_line WORD...: the same for the zsh completion: the specs that it passes to _arguments and
# _describe
zsh_line() {
	zsh -f -c '
		_arguments() { print -l -- "$@" }
		_describe() { print -l -- "${(P@)2}" }
		compdef() { : }
		words=("$@[2,-1]") CURRENT=$(($# - 1))
		source $1
	' zsh "$root/completions/_thprace" "$@" >"$work/zsh"
}

# told_options PROGRAM [VERB]: the long options in its --help
told_options() {
	"$@" --help | grep -oE '^ {2,6}(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u
}

told_verbs() {
	thprace --help | awk '/^  [a-z]/ { print $1 }' | sort -u
}

# missing WANTED GOT: lines of the first that the second lacks
missing() {
	comm -23 <(sort -u "$1") <(sort -u "$2")
}

told_verbs >"$work/verbs"
more "$(wc -l <"$work/verbs")" 4 "--help lists verbs"
complete_line thprace ""
is "$(missing "$work/verbs" "$work/got")" "" "bash offers every verb"
complete_line thprace prov
is "$(cat "$work/got")" provoke "bash ends a verb"
zsh_line thprace ""
sed 's/:.*//' "$work/zsh" >"$work/names"
is "$(missing "$work/verbs" "$work/names")" "" "zsh offers every verb"

# options PROGRAM [VERB]
options() {
	told_options "$@" >"$work/options"
	more "$(wc -l <"$work/options")" 1 "$*: --help lists options"
	complete_line "$@" --
	sed 's/=$//' "$work/got" >"$work/names"
	is "$(missing "$work/options" "$work/names")" "" "bash offers every option of $*"
	zsh_line "$@" --
	grep -oE '^--[a-z-]+' "$work/zsh" >"$work/names"
	is "$(missing "$work/options" "$work/names")" "" "zsh offers every option of $*"
}

while read -r verb; do
	options thprace "$verb"
done <"$work/verbs"
options thprace-stress
options thpraced

# values NAME EXPECTED WORD...: the completions of the last word
values() {
	local name=$1 expected=$2

	shift 2
	complete_line "$@"
	is "$(tr '\n' ' ' <"$work/got")" "$expected " "bash: $name"
}

classes=$(sed -n 's/^\t\.name = "\(.*\)",$/\1/p' "$root"/core/classes/*.c | sort | tr '\n' ' ')
classes=${classes% }
more "$(wc -w <<<"$classes")" 6 "core/classes has the classes"
values "--class= has every class" "$classes" thprace dump --class = ""
values "-c too" "$classes" thprace dump -c ""
values "the classes of provoke" "$(tr ' ' '\n' <<<"$classes all" | sort | tr '\n' ' ' | sed 's/ $//')" \
	thprace provoke ""
values "verdicts" "contained escape remained unattributed unproven" thprace dump --verdict = ""
values "modes" "light precise" thprace record --mode = ""
values "colour" "always auto never" thprace report --color = ""
values "dump's formats" "csv json text" thprace dump --format = ""
values "report's formats" "html json text" thprace report -f ""
values "log targets" "auto journal stderr syslog" thpraced --log-target = ""

mkdir "$work/files" && cd "$work/files" || exit 1
touch run.thpr other.txt
values "traces" run.thpr thprace report ""
values "any file for --output" "other.txt run.thpr" thprace record -o ""

zsh_line thprace dump ""
for class in $classes; do
	grep -E '^--class=' "$work/zsh" | grep -qw -- "$class" || echo "$class"
done >"$work/absent"
is "$(cat "$work/absent")" "" "zsh: --class= has every class"
like "$work/zsh" '^--verdict=.*\(contained escape remained unattributed unproven\)' "zsh: verdicts"
like "$work/zsh" '^--format=.*\(text json csv\)' "zsh: dump's formats"
zsh_line thprace report -
like "$work/zsh" '^--format=.*\(text json html\)' "zsh: report's formats"

done_testing
