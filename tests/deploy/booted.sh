#!/bin/sh
# The units in a Debian that systemd has booted, as process 1 of a container: what they do where a relay is killed, stopped,
# misconfigured or reloaded, and where a user logs out. booted/inside.sh is what runs inside.
# lane: full 400
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"
[ "$(id -u)" = 0 ] || {
  echo "a container that systemd boots needs root"
  exit 77
}
disk=$(mktemp -d)
trap 'rm -rf --one-file-system "$disk"' EXIT
trap 'exit 1' HUP INT TERM
system=$disk/system
packages=$(sed -e '/^#/d' "$source_dir/deploy/apt-run.txt" | tr '\n' ',')
mmdebstrap --quiet --variant=minbase --include="${packages}systemd,systemd-sysv,dbus,libpam-systemd" bookworm "$system"
"$source_dir/tests/deploy/booted/install.sh" "$source_dir" "$build_dir" "$system"
install -m 755 "$source_dir/tests/deploy/booted/inside.sh" "$system/usr/bin/booted-inside"
units=$system/etc/systemd/system
mkdir -p "$system/etc/smt" "$system/var/test" "$units/timers.target.wants"
cat >"$units/booted-inside.service" <<'END'
[Service]
Type=oneshot
ExecStart=/usr/bin/booted-inside
StandardOutput=file:/var/test/results
StandardError=inherit
ExecStopPost=systemctl poweroff --force
END
cat >"$units/booted-inside.timer" <<'END'
[Timer]
OnBootSec=0
END
ln -s ../booted-inside.timer "$units/timers.target.wants"
# systemd wants one tree of control groups: the mount goes with its namespace.
unshare -m --propagation slave sh -c '
  if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup; fi
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec timeout -k 5 200 systemd-nspawn --register=no --keep-unit -q -D "$0" --console=pipe \
    --link-journal=no -b' "$system" </dev/null >"$disk/console" 2>&1 || :
results=$system/var/test/results
cat "$results" || tail -n 40 "$disk/console"
failures=$(grep -c '^FAIL' "$results") || :
check "the script inside has come to its end" grep -qx 'done' "$results"
finish
