# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# A task in one service waits for a file's lock while one in another service, then one in a container
# of systemd-nspawn, truncates that file: a race from a file, of which each overlap is an escape.

# shellcheck source=tests/service/guest/common.sh
. ./common.sh

file=/srv/file
container=/srv/container

# run UNIT COMMAND...: as a service
run() {
	run_unit=$1
	shift
	systemd-run --quiet --collect --unit="$run_unit" "$@" 2>>run.log
}

# escape CONDITION: the first alert for which it holds, of an opener in its service; in alert
escape() {
	messages ESCAPE | jq -c "select(.THPRACE_OPENER_UNIT == \"opener.service\" and $1)" | head -n 1 >alert
	[ -s alert ]
}

of() {
	jq -r ".$1 // \"\"" alert
}

# in_list NUMBER FILTER
in_list() {
	thprace incidents --count 100000 --format json | jq -r "select(.number == $1) | $2"
}

install_packages
mkdir -p /etc/thprace/races.d
cat >/etc/thprace/races.d/lock-truncate.race <<'END'
[race]
name  = lock-truncate
title = a file is truncated while a task waits for its lock

[window]
open  = locks_lock_inode_wait entry
key   = inode
close = locks_lock_inode_wait return

[walker]
enter  = do_truncate entry
key    = dentry->d_inode
leave  = do_truncate return
escape = dentry->d_inode
END
printf '[observe]\nraces=lock-truncate\n[alerts]\nfold=1s\nper_minute=1000\n' >"$conf/50-test.conf"
: >"$file"
chmod 666 "$file"
start "with a race from a file"

# Somebody has the lock nearly always, and a service waits for it.
(while :; do flock "$file" sleep 1; done) 2>>holder.log &
holder=$!
run opener --uid=65534 sh -c "while :; do flock $file sleep 0.1; done"
run walker --uid=7 sh -c "while :; do truncate -s 1 $file; sleep 0.2; done"
soon "two services: an alert" 60 escape '.THPRACE_WALKER_UNIT == "walker.service"' ||
	diag "$(texts ESCAPE | tail -n 5; cat run.log)"
is "$(of THPRACE_OPENER_UID)/$(of THPRACE_WALKER_UID)" 65534/7 "... the users"
is "$(of THPRACE_OPENER_CGROUP)" /system.slice/opener.service "... the opener's cgroup"
is "$(of THPRACE_WALKER_CGROUP)" /system.slice/walker.service "... the walker's"
is "$(of THPRACE_OPENER_CONTAINER)$(of THPRACE_WALKER_CONTAINER)" "" "... no container"
like alert 'opener [^"]*\[user 65534, opener.service\], walker [^"]*\[user 7, walker.service\]' "... in words"
number=$(of THPRACE_ID)
is "$(in_list "$number" '.window.who.unit + " " + .walker.who.unit')" "opener.service walker.service" \
	"thprace incidents has both units"
is "$(in_list "$number" '.host.hostname + " " + .host.kernel')" "$(uname -n) $(uname -r)" "... and the machine"
is "$(in_list "$number" .host.boot_id)" "$(cat /proc/sys/kernel/random/boot_id)" "... and its boot"
is "$(in_list "$number" .host.machine_id)" "$(cat /etc/machine-id)" "... and its machine id"
thprace show "$number" >out
like out "^ *opener: user 65534, opener.service" "thprace show has the opener" || diag "$(cat out)"
like out "^ *walker: user 7, walker.service" "... and the walker"
systemctl stop walker.service

mkdir -p "$container/usr" "$container/etc" "$container/srv"
for folder in bin sbin lib lib64; do
	ln -sfn "usr/$folder" "$container/$folder"
done
mkdir -p /etc/systemd/system/systemd-nspawn@web.service.d
cat >/etc/systemd/system/systemd-nspawn@web.service.d/test.conf <<END
[Service]
ExecStart=
ExecStart=systemd-nspawn --quiet --keep-unit --register=no --directory=$container --bind-ro=/usr --bind=/srv \
	sh -c "while :; do truncate -s 1 $file; sleep 0.2; done"
END
systemctl daemon-reload
systemctl start systemd-nspawn@web.service 2>>run.log
soon "a container: an alert" 60 escape '.THPRACE_WALKER_CONTAINER == "web"' ||
	diag "$(texts ESCAPE | tail -n 3; cat run.log; journalctl -b -q -u systemd-nspawn@web -n 20)"
is "$(of THPRACE_WALKER_RUNTIME)" systemd-nspawn "... its runtime"
like alert 'walker [^"]*\[user 0, systemd-nspawn container web' "... in words"
number=$(of THPRACE_ID)
is "$(in_list "$number" '.walker.who.container')" web "thprace incidents has it"
report=$(of THPRACE_FILE)
systemctl stop systemd-nspawn@web.service opener.service

# The cgroups are gone; the file knows them.
kill "$holder"
systemctl stop thpraced
thprace show "$number" >out 2>&1
like out "^ *walker: user 0, systemd-nspawn container web" "a file knows the container when it is gone" ||
	diag "$(cat out)"
thprace report "$report" --format json >out
is "$(head -n 1 out | jq -r '.hostname + " " + .machine_id')" "$(uname -n) $(cat /etc/machine-id)" \
	"... and its machine"
done_testing
