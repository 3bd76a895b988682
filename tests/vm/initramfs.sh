# shellcheck shell=bash disable=SC2154 # what it takes is the sourcing script's
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest's files. Its initramfs is two archives: the base with busybox and the programs in
# build/, which is kept, and an overlay with the command and the content of --file and --modules.
# Sourced by tests/vm/run, which provides its options' variables and
#   note, give_up MESSAGE...   a message for the user; give_up also ends the script
#   $build                     the folder for what is kept
#   $from                      the folder of the programs
#   $busybox, $sysroot         the guest's; $sysroot is unset if it has this machine's architecture
#   $version                   of the kernel
#   $tmp                       folder for this guest
#   $here                      tests/vm

# Root folders. Each has the links of the merged layout: an archive with a folder instead of a link
# would replace the link.
make_root() {
	mkdir -p "$1"/usr/{bin,sbin,lib,lib64} "$1"/root
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$1/"
}

# is_dynamic FILE: an ELF file that names an interpreter or needs libraries
is_dynamic() {
	[ "$(head -c 4 "$1" | tr '\177' E)" = EELF ] && ldd "$1" >/dev/null 2>&1
}

# foreign_libraries FILE: like libraries, for a program of another machine, from the sysroot
foreign_libraries() {
	local needed found list

	list=$(readelf --program-headers --dynamic "$1" 2>/dev/null | sed -n \
		's/.*(NEEDED).*\[\(.*\)\]/\1/p; s/.*program interpreter: \(.*\)\]/\1/p')
	for needed in $list; do
		found=
		for found in "$sysroot/usr/lib/aarch64-linux-gnu/$needed" \
			"$sysroot/usr/lib/${needed##*/}"; do
			[ ! -e "$found" ] || break
		done
		if [ ! -e "$found" ]; then
			note "$1 needs $needed, which isn't in $sysroot: run make arm64"
			return 1
		fi
		echo "$found"
		foreign_libraries "$found" || return
	done
}

# libraries FILE: paths of the shared libraries and of the loader, one per line
libraries() {
	local listing

	if [ "$arch" = arm64 ]; then
		foreign_libraries "$1"
		return
	fi
	is_dynamic "$1" || return 0
	listing=$(ldd "$1")
	if [[ $listing == *"not found"* ]]; then
		note "$1 needs a library that isn't installed:"
		grep 'not found' <<<"$listing" >&2
		return 1
	fi
	sed -n 's/^.* => \(\/.*\) (0x.*/\1/p; s/^\t\(\/.*\) (0x.*/\1/p' <<<"$listing"
}

# add_libraries ROOT FILE
add_libraries() {
	local library list to

	list=$(libraries "$2") || exit 125
	while read -r library; do
		to=$1${library#"${sysroot-}"}
		if [ -z "$library" ] || [ -e "$to" ]; then
			continue
		fi
		mkdir -p "${to%/*}"
		cp -L "$library" "$to"
	done <<<"$list"
}

# pack ROOT ARCHIVE. Not compressed: loading it costs less than unpacking it under emulation.
pack() {
	(
		cd "$1" || exit
		find . -print0 | sort -z |
			cpio --null --create --format=newc --quiet --owner=0:0 --reproducible
	) >"$2"
}

make_base() {
	local root=$tmp/base applet program

	make_root "$root"
	mkdir -p "$root"/{dev,proc,sys,etc,tmp,run,out,var,mnt}
	ln -s ../run "$root/var/run"
	ln -s ../tmp "$root/var/tmp"
	ln -s /proc/self/mounts "$root/etc/mtab"
	cp -L "$busybox" "$root/usr/bin/busybox"
	# This machine's busybox lists the applets of the other machine's: both are Debian's
	# busybox-static.
	for applet in $("$([ "$arch" = arm64 ] && echo busybox || echo "$busybox")" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/usr/bin/$applet"
	done
	add_libraries "$root" "$busybox"
	cp "$here/init" "$root/init"
	chmod 755 "$root/init"
	cat >"$root/etc/passwd" <<-END
		root:x:0:0:root:/root:/bin/sh
		nobody:x:65534:65534:nobody:/nonexistent:/bin/sh
	END
	cat >"$root/etc/group" <<-END
		root:x:0:
		nogroup:x:65534:
	END
	echo "127.0.0.1 localhost thprace-vm" >"$root/etc/hosts"
	for program in "${programs[@]}"; do
		cp "$program" "$root/usr/bin/"
		add_libraries "$root" "$program"
	done
	pack "$root" "$tmp/base.cpio"
	rm -rf "$root"
}

# The base is stored under a digest of everything that is in it.
find_base() {
	local inputs program list digest

	inputs=("${BASH_SOURCE[0]}" "$here/init" "$busybox" "${programs[@]}")
	for program in "${programs[@]}"; do
		list=$(libraries "$program") || exit 125
		while read -r library; do
			[ -z "$library" ] || inputs+=("$library")
		done <<<"$list"
	done
	digest=$(sha256sum "${inputs[@]}" | sha256sum)
	base=$build/vm/initramfs/${digest%% *}.cpio
	if [ -s "$base" ]; then
		touch "$base"
	else
		make_base
		mv "$tmp/base.cpio" "$base"
		find "$build/vm/initramfs" -name '*.cpio' -mmin +1440 -delete 2>/dev/null || :
	fi
}

# quoted TEXT: as one word for a shell
quoted() {
	printf "'%s'" "${1//\'/\'\\\'\'}"
}

# write_command FILE ARGUMENT...: what the guest's init sources
write_command() {
	local file=$1 setting argument

	shift
	{
		for setting in "${environment[@]}"; do
			printf 'export %s=' "${setting%%=*}"
			quoted "${setting#*=}"
			printf '\n'
		done
		printf 'set --'
		for argument; do
			printf ' '
			quoted "$argument"
		done
		printf '\n'
	} >"$file"
}

add_file() {
	local root=$1 source=$2 dest='' elf

	if [[ $source == *:/* && ! -e $source ]]; then
		dest=/${source##*:/}
		source=${source%":$dest"}
	fi
	[ -r "$source" ] || give_up "can't read $source: --file takes SRC or SRC:/DEST"
	if [ -z "$dest" ]; then
		if [ -f "$source" ] && [ -x "$source" ]; then
			dest=/usr/bin/
		else
			dest=/root/
		fi
	fi
	[[ $dest != */ ]] || dest=$dest$(basename "$source")
	mkdir -p "$root${dest%/*}"
	if [ -d "$source" ]; then
		mkdir -p "$root$dest"
		cp -R --preserve=mode,timestamps "$source/." "$root$dest/"
	else
		cp -L --preserve=mode,timestamps "$source" "$root$dest"
	fi
	[ -z "$userland" ] || return 0
	while IFS= read -r -d '' elf; do
		add_libraries "$root" "$elf"
	done < <(find -L "$source" -type f -perm /111 -print0)
}

# add_modules ROOT LIST: the modules in the order in which they must be loaded
add_modules() {
	local root=$1 tree name file needs count=0
	local -A path=() depends=() builtin=() added=()

	tree=$(cd "$(dirname "$kernel")/.." && pwd)/lib/modules/$version
	[ -r "$tree/modules.dep" ] ||
		give_up "no modules of $version: $tree/modules.dep can't be read; tests/vm/kernel and" \
			"'make modules_install' put them there"
	while IFS=: read -r file needs; do
		module_name "$file"
		path[$name]=$file
		depends[$name]=$needs
	done <"$tree/modules.dep"
	while read -r file; do
		module_name "$file"
		builtin[$name]=1
	done <"$tree/modules.builtin"
	mkdir -p "$root/thprace-vm/modules"
	for file in $2; do
		add_module "$file"
	done
}

# module_name FILE: sets name
module_name() {
	name=${1##*/}
	name=${name%%.ko*}
	name=${name//-/_}
}

# add_module FILE: with add_modules' variables
add_module() {
	local name need target

	module_name "$1"
	[ -z "${added[$name]-}" ] && [ -z "${builtin[$name]-}" ] || return 0
	added[$name]=1
	[ -n "${path[$name]-}" ] ||
		give_up "$version has no module $name, neither built in nor in $tree"
	for need in ${depends[$name]}; do
		add_module "$need"
	done
	count=$((count + 1))
	printf -v target '%s/thprace-vm/modules/%03d-%s.ko' "$root" "$count" "$name"
	case ${path[$name]} in
	*.xz) xz -dc ;;
	*.zst) zstd -qdc ;;
	*.gz) gzip -dc ;;
	*) cat ;;
	esac <"$tree/${path[$name]}" >"$target"
}

# add_unit ROOT: the guest's init as a service of systemd, also run by busybox
add_unit() {
	local folder=$1/etc/systemd/system

	mkdir -p "$folder/multi-user.target.wants" "$1/out"
	cp "$here/thprace-vm.service" "$folder/"
	ln -s ../thprace-vm.service "$folder/multi-user.target.wants/"
	cp "$here/init" "$1/thprace-vm/init"
	cp -L "$busybox" "$1/thprace-vm/busybox"
}
