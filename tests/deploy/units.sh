#!/bin/sh
# The units of systemd: they name keys that systemd knows and programs that are built, they expose no more than they must, and
# what is the same in all of them is the same. What they do once systemd has started them, booted.sh shows.
# lane: quick 40
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"
command -v systemd-analyze >/dev/null || {
  echo "systemd-analyze is in the package systemd"
  exit 1
}
units=$source_dir/deploy/systemd
mkdir "$TMP/units"
for unit in "$units"/*@.service; do
  name=$(basename "$unit" @.service)
  sed "s,^ExecStart=/usr/bin/,ExecStart=$build_dir/bin/," "$unit" >"$TMP/units/$name@default.service"
  program=$(sed -n 's,^ExecStart=/usr/bin/\([a-z_]*\) .*,\1,p' "$unit")
  check "$name starts a program that is built" test -x "$build_dir/bin/${program:-none}"
done
cp "$units/run-smt.mount" "$TMP/units"
cd "$TMP/units"

for unit in $(grep -oE '(smtrelay-[a-z]+|smtcore)@|run-smt\.mount' "$source_dir/docs/deploy.md" | sort -u); do
  case $unit in *@) unit=$unit.service ;; esac
  check "docs/deploy.md starts $unit, which is there" test -e "$units/$unit"
done

# It exits with 0 whatever it finds: what it prints is the finding.
clean() { [ -z "$(systemd-analyze verify --man=no "$@" 2>&1)" ]; }
for unit in ./*; do
  check "systemd-analyze verify $unit prints nothing" clean "$unit"
done
sed 's/^WatchdogSec=/WatchdocSec=/' smtcore@default.service >planted@default.service
check "a key that systemd does not know is found" not clean ./planted@default.service

# exposes NAME TENTHS
exposes() { systemd-analyze security --offline=yes --no-pager --threshold="$2" "./$1@default.service"; }
for name in smtrelay-pub smtrelay-sub smtrelay-proxy; do
  check "$name exposes 1.2 at most" exposes "$name" 12
  sed -i '/^UMask=/a IPAddressDeny=any\nIPAddressAllow=localhost 10.0.0.0/8' "$name@default.service"
  check "$name exposes 1.1 at most with a list of addresses" exposes "$name" 11
done
check "smtcore exposes 0.5 at most" exposes smtcore 5
check "an exposure that is too large is found" not exposes smtcore 3

hardening() { sed -n '/^# What follows is the same/,/^$/p' "$1"; }
hardening "$units/smtrelay-pub@.service" >"$TMP/hardening"
check "the hardening is there" grep -qx ProtectSystem=strict "$TMP/hardening"
for unit in "$units"/*@.service; do
  hardening "$unit" >"$TMP/this"
  check "$(basename "$unit") has the hardening of the others" cmp "$TMP/hardening" "$TMP/this"
  # A unit of RemoveIPC=yes deletes all files of its group below /dev/shm when it stops.
  case $unit in
    *proxy@*) check "the proxy has no part in domains" not grep -q '^Group=smt$' "$unit" ;;
    *) check "$(basename "$unit") has its domains in /run/smt" grep -q '^Environment=SMT_ROOT=/run/smt ' "$unit" ;;
  esac
done

mkdir -p "$TMP/root/etc"
sysusers() { systemd-sysusers --root="$TMP/root" "$units/smtrelay.sysusers" && grep -q '^smt:.*:smtrelay$' "$TMP/root/etc/group"; }
check "sysusers makes smtrelay a member of smt" sysusers
check "its user owns nothing that others could write" grep -q '^smtrelay:.*:/usr/sbin/nologin$' "$TMP/root/etc/passwd"
# tmpfiles RIGHTS: what the default domain has then.
tmpfiles() {
  systemd-tmpfiles --root="$TMP/root" --create "$units/smtrelay.tmpfiles" &&
    [ "$(stat -c %a "$TMP/root/run/smt/default")" = "$1" ]
}
if [ "$(id -u)" = 0 ]; then
  check "tmpfiles makes the default domain" tmpfiles 3770
  chmod u=rwx,go=,-s "$TMP/root/run/smt/default"
  check "tmpfiles leaves a domain that is there as it is" tmpfiles "$(stat -c %a "$TMP/root/run/smt/default")"
fi
finish
