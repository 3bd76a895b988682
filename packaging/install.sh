#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs the static thprace of this folder, and removes it again. Needs a shell and the tools of
# POSIX or busybox. Everything that is made is noted in a list before it is made, so that a removal,
# and one after an installation that failed halfway, leaves the machine as it was.

set -eu
LC_ALL=C
export LC_ALL
umask 022

usage() {
	cat <<'END'
Usage: install.sh [--prefix=FOLDER] [--destdir=FOLDER]
       install.sh --uninstall [--keep-data] [--prefix=FOLDER] [--destdir=FOLDER]

Installs thprace, thpraced and thprace-stress, with unit, journal catalog, manual pages, completions and races; again:
an upgrade, which restarts the service if it runs. Nothing is enabled or started:

    systemctl enable --now thpraced

--uninstall stops the service and removes all of it, and what thpraced stored: the spool, the user and the group. It leaves
what others made: settings that were changed, files in /etc/thprace, drop-ins of the unit. The installed copy does the same:
PREFIX/share/thprace/install.sh --uninstall

  --prefix=FOLDER    default: /usr/local, or that of the installed copy. systemd looks there and in /usr
  --destdir=FOLDER   the root of another system: nothing of this one is asked or changed
  --keep-data        leave /var/lib/thprace, the user and the group

Exit status: 0 done; 1 failed; 2 wrong usage
END
}

say() {
	printf 'install.sh: %s\n' "$*" >&2
}

die() {
	say "$@"
	exit 1
}

# here: nothing is done for another root
here() {
	[ -z "$dest" ]
}

systemd_runs() {
	here && [ -d /run/systemd/system ]
}

has() {
	command -v "$1" >/dev/null 2>&1
}

# --- the list -------------------------------------------------------------------------------------

# Lines: "dir PATH", "file PATH", "conf PATH", "data"; each PATH begins below $dest.
note() {
	printf '%s\n' "$*" >>"$dest$list"
}

# make_folder PATH: with those above it; what was there is not ours
make_folder() {
	case $1 in
	/ | '') return ;;
	esac
	[ ! -d "$dest$1" ] || return 0
	make_folder "${1%/*}"
	mkdir "$dest$1"
	if [ -e "$dest$list" ]; then
		note "dir $1"
	else
		made="dir $1
$made"
	fi
}

# remove_settings PATH: unless they were changed. $pristine: as they were installed
remove_settings() {
	if cmp -s "$dest$1" "$dest$pristine"; then
		rm -f "$dest$1"
	elif [ -e "$dest$1" ]; then
		say "left, because it was changed: $dest$1"
	fi
}

# remove_listed: what the list on stdin names, the last first. Folders only if they are empty.
remove_listed() {
	sed -n '1!G;h;$p' | while read -r kind rest; do
		case $kind in
		file) rm -f "$dest$rest" ;;
		conf) remove_settings "$rest" ;;
		dir)
			# /var/lib/thprace and others may be links that an operator made.
			[ -L "$dest$rest" ] || rmdir "$dest$rest" 2>/dev/null || :
			;;
		esac
	done
}

# --- the service ----------------------------------------------------------------------------------

# What systemd and the journal have read of these files.
tell_systemd() {
	if systemd_runs; then
		systemctl daemon-reload || :
	fi
	if here && has journalctl; then
		journalctl --update-catalog >/dev/null 2>&1 || :
	fi
}

account_is_there() {
	grep -q "^thprace:" "$dest/etc/passwd" 2>/dev/null || grep -q "^thprace:" "$dest/etc/group" 2>/dev/null
}

make_account() {
	here || return 0
	if ! account_is_there; then
		if has systemd-sysusers; then
			note "data"
			systemd-sysusers "$prefix/lib/sysusers.d/thprace.conf"
		else
			say "no systemd-sysusers: the unit needs a user and a group 'thprace'"
		fi
	fi
	if has systemd-tmpfiles && account_is_there; then
		systemd-tmpfiles --create "$prefix/lib/tmpfiles.d/thprace.conf" || :
	fi
}

# Only if this script made them, or their user.
remove_data() {
	here || return 0
	rm -rf /run/thprace /var/lib/thprace
	for program in userdel deluser groupdel delgroup; do
		if has "$program" && account_is_there; then
			"$program" thprace >/dev/null 2>&1 || :
		fi
	done
	if account_is_there; then
		say "left, because it could not be removed: the user or group thprace"
	fi
}

# --- install --------------------------------------------------------------------------------------

# put SOURCE PATH
put() {
	make_folder "${2%/*}"
	[ ! -d "$dest$2" ] || die "$dest$2 is a folder"
	note "file $2"
	rm -f "$dest$2"
	cp -P "$1" "$dest$2"
	case $2 in
	*/thpraced.service | */thprace.catalog)
		sed "s|/usr/local/|$prefix/|g" "$1" >"$dest$2"
		;;
	esac
}

# put_settings SOURCE PATH: existing ones are not touched
put_settings() {
	put "$1" "$pristine"
	make_folder "${2%/*}"
	[ ! -e "$dest$2" ] || return 0
	note "conf $2"
	cp "$1" "$dest$2"
}

undo() {
	status=$?
	[ "$status" != 0 ] || return 0
	say "failed: what was installed is removed again"
	if [ -e "$dest$list" ]; then
		remove_listed <"$dest$list"
		rm -f "$dest$list"
	fi
	printf '%s' "$made" | while read -r kind path; do
		[ "$kind" != dir ] || rmdir "$dest$path" 2>/dev/null || :
	done
}

install_all() {
	[ -f "$from/files/prefix/bin/thprace" ] || die "no files beside $from/install.sh: run the one of the unpacked tarball"
	if [ ! -e "$dest$list" ]; then
		for path in /usr/bin/thprace /usr/sbin/thpraced "$prefix/bin/thprace"; do
			[ ! -e "$dest$path" ] || die "$dest$path is there already: remove that thprace first"
		done
	fi
	old=
	if [ -e "$dest$list" ]; then
		old=$(cat "$dest$list")
	fi
	made=
	trap undo EXIT
	make_folder "${list%/*}"
	: >"$dest$list.new"
	mv "$dest$list.new" "$dest$list"
	# What an earlier version made is still ours.
	if [ -n "$old" ]; then
		printf '%s\n' "$old" | grep '^dir \|^data' >>"$dest$list" || :
		printf '%s\n' "$old" | while read -r kind rest; do
			case $kind in
			conf) remove_settings "$rest" ;;
			file) [ "$rest" = "$pristine" ] || rm -f "$dest$rest" ;;
			esac
		done
	fi
	printf '%s' "$made" | sed -n '1!G;h;$p' | while read -r line; do
		[ -z "$line" ] || note "$line"
	done
	for path in $(cd "$from/files/prefix" && find . ! -type d | sort); do
		put "$from/files/prefix/${path#./}" "$prefix/${path#./}"
	done
	put "$from/install.sh" "$prefix/share/thprace/install.sh"
	chmod 755 "$dest$prefix/share/thprace/install.sh"
	make_folder /etc/thprace/thprace.conf.d
	make_folder /etc/thprace/races.d
	put_settings "$from/files/etc/thprace/thprace.conf" /etc/thprace/thprace.conf
	make_account
	tell_systemd
	if systemd_runs; then
		systemctl try-restart thpraced.service || :
	fi
	trap - EXIT
	say "installed. To start it now and at each boot: systemctl enable --now thpraced"
}

# --- uninstall ------------------------------------------------------------------------------------

uninstall_all() {
	[ -e "$dest$list" ] || die "$dest$list is not there: nothing was installed with this --prefix and --destdir"
	if systemd_runs; then
		systemctl disable --now thpraced.service >/dev/null 2>&1 || :
	fi
	data=keep
	if grep -q '^data' "$dest$list" && [ "$keep_data" = no ]; then
		data=remove
	fi
	remaining=$(cat "$dest$list")
	rm -f "$dest$list"
	if [ "$data" = remove ]; then
		remove_data
	fi
	printf '%s\n' "$remaining" | remove_listed
	tell_systemd
	say "removed"
}

main() {
	prefix=
	dest=
	action=install
	keep_data=no
	for argument; do
		case $argument in
		--prefix=/*) prefix=${argument#*=} ;;
		--destdir=/*) dest=${argument#*=} ;;
		--uninstall) action=uninstall ;;
		--keep-data) keep_data=yes ;;
		-h | --help)
			usage
			exit 0
			;;
		*)
			say "unknown argument '$argument'; see install.sh --help"
			exit 2
			;;
		esac
	done
	from=$(cd "$(dirname "$0")" && pwd)
	dest=${dest%/}
	if [ -z "$prefix" ]; then
		case $from in
		*/share/thprace)
			prefix=${from%/share/thprace}
			prefix=${prefix#"$dest"}
			;;
		*) prefix=/usr/local ;;
		esac
	fi
	prefix=${prefix%/}
	case $prefix$dest in
	*[!A-Za-z0-9/._+-]*)
		say "--prefix and --destdir take letters, digits and /._+-"
		exit 2
		;;
	esac
	list=$prefix/share/thprace/installed
	pristine=$prefix/share/thprace/thprace.conf
	if [ "$action" = uninstall ]; then
		uninstall_all
	else
		install_all
	fi
}

main "$@"
