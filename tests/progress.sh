# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One line of progress on standard error, as thprace's own (cli/progress.h): only on a terminal that
# can erase a line, after a second, and gone at the end. Sourced.

progress_pid=

# progress_begin COMMAND [ARG]...: from now on the line is what COMMAND prints, once a second, and
# for how long that has been so
progress_begin() {
	local columns start=$SECONDS parent=$BASHPID

	if ! [ -t 2 ] || [ -z "${TERM-}" ] || [ "$TERM" = dumb ]; then
		return
	fi
	columns=$(stty size <&2 2>/dev/null | cut -d' ' -f2)
	[ "${columns:-0}" -gt 0 ] || columns=80
	{
		# A script that is killed leaves nobody who ends this.
		while sleep 1 && kill -0 "$parent" 2>/dev/null; do
			printf '\r%.*s\033[K' $((columns - 1)) "$("$@"): $((SECONDS - start)) s" >&2
		done
	} </dev/null >/dev/null &
	progress_pid=$!
}

# Before anything else is printed.
progress_end() {
	[ -n "$progress_pid" ] || return 0
	kill "$progress_pid" 2>/dev/null || :
	wait "$progress_pid" 2>/dev/null || :
	progress_pid=
	printf '\r\033[K' >&2
}
