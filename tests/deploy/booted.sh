#!/bin/sh
# The units in a Debian that systemd has booted, as process 1 of a container: what they do where a relay is killed, stopped,
# misconfigured or reloaded, and where a user logs out. booted/inside.sh is what runs inside.
# lane: full 400
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"
. "$source_dir/tests/deploy/booted/boot.sh"
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
mkdir -p "$system/etc/smt"
boots "$system" "$source_dir/tests/deploy/booted/inside.sh" 200
boot_told "$system"
finish
