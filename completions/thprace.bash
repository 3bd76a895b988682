# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Bash completion of thprace, thpraced and thprace-stress. Verbs and options come from the program
# itself, from its --help; only the values are defined here.

# The race classes. thprace-stress is in the same folder as thprace.
_thprace_classes() {
	thprace help classes 2>/dev/null
}

# PROGRAM: its verbs
_thprace_verbs() {
	"$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'
}

# PROGRAM [VERB]: its options as -x and --name, or --name= if the option has a value
_thprace_options() {
	"$@" --help 2>/dev/null | sed -n \
		-e 's/^  \(-[^ ,]\), \(--[a-z-]*\)\(=\{0,1\}\).*/\1\n\2\3/p' \
		-e 's/^      \(--[a-z-]*\)\(=\{0,1\}\).*/\1\2/p'
}

# OPTION PROGRAM [VERB]: the long name of -x, if the option has a value
_thprace_long() {
	local option=$1

	shift
	"$@" --help 2>/dev/null | sed -n "s/^  $option, \(--[a-z-]*\)=.*/\1/p"
}

# Sets COMPREPLY to the words of $2 that begin with $1; a last `=' stays open for its value.
_thprace_words() {
	mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1")
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
	return 0
}

# Sets COMPREPLY to folders and the files that match the pattern $2.
_thprace_files() {
	compopt -o filenames
	mapfile -t COMPREPLY < <(
		compgen -f -X "!$2" -- "$1"
		compgen -d -- "$1"
	)
}

# CURRENT OPTION VERB: the values of an option. False: not an option with a value.
_thprace_value() {
	case $2 in
	--class) _thprace_words "$1" "$(_thprace_classes)" ;;
	--verdict) _thprace_words "$1" "contained escape remained unattributed unproven" ;;
	--mode) _thprace_words "$1" "light precise" ;;
	--attach) _thprace_words "$1" "auto fentry kprobe" ;;
	--color) _thprace_words "$1" "auto always never" ;;
	--log-target) _thprace_words "$1" "journal syslog stderr auto" ;;
	--format)
		case $3 in
		dump) _thprace_words "$1" "text json csv" ;;
		report) _thprace_words "$1" "text json html" ;;
		*) _thprace_words "$1" "text json" ;;
		esac
		;;
	--dir | --spool)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$1")
		;;
	--output | --config | --socket | --stressor | --kernel | --map | --btf) _thprace_files "$1" "*" ;;
	--race | --test) _thprace_files "$1" "*.race" ;;
	--*) ;;
	*) return 1 ;;
	esac
}

# CURRENT PROGRAM VERB: the arguments without an option
_thprace_argument() {
	case $3 in
	report | dump | export) _thprace_files "$1" "*.thpr" ;;
	explain | recover) _thprace_files "$1" "*" ;;
	provoke) _thprace_words "$1" "$(_thprace_classes) all" ;;
	races) _thprace_words "$1" "$(_thprace_classes)" ;;
	help) _thprace_words "$1" "$(_thprace_verbs "$2")" ;;
	"") [[ ${2##*/} == thprace-stress ]] && _thprace_words "$1" "$(_thprace_classes) all list split-shared" ;;
	esac
}

# The command after `--' of record or check: its own completion, if one is loaded.
_thprace_command() {
	local i

	for ((i = 2; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] || continue
		if declare -F _command_offset >/dev/null; then
			_command_offset $((i + 1))
		else
			mapfile -t COMPREPLY < <(compgen -A command -A file -- "${COMP_WORDS[COMP_CWORD]}")
		fi
		return 0
	done
	return 1
}

_thprace() {
	local program=${1/#\~/$HOME} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb='' option=''
	local -a command

	COMPREPLY=()
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ ${program##*/} == thprace ]]; then
		if [[ $COMP_CWORD -eq 1 ]]; then
			_thprace_words "$cur" "$(_thprace_verbs "$program") help --help --version"
			return
		fi
		verb=${COMP_WORDS[1]}
		[[ $verb == record || $verb == check ]] && _thprace_command && return
	fi
	command=("$program" ${verb:+"$verb"})
	case $prev in
	--*) _thprace_options "${command[@]}" | grep -qx -- "$prev=" && option=$prev ;;
	-?) option=$(_thprace_long "$prev" "${command[@]}") ;;
	esac
	_thprace_value "$cur" "$option" "$verb" && return
	if [[ $cur == -* ]]; then
		_thprace_words "$cur" "$(_thprace_options "${command[@]}")"
	else
		_thprace_argument "$cur" "$program" "$verb"
	fi
}

complete -F _thprace thprace thpraced thprace-stress
