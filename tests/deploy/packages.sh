#!/bin/sh
# The Debian packages: two builds in two folders give the same bytes, lintian has nothing to say, what they hold is hardened and
# small. In a Debian of its own they are installed, installed anew and purged: no service is enabled, and keys are kept. In one that
# is booted they are upgraded under load (packages/upgrade.sh), and two that are booted go through the commands of README.md
# (packages/first_hour.sh).
# lane: full 3000
set -eu
source_dir=$1
. "$source_dir/tests/house/check.sh"
. "$source_dir/tests/deploy/booted/boot.sh"
disk=$(mktemp -d)
cleanup() {
  for machine in robot base; do ip netns del "smt$$-$machine" 2>/dev/null || :; done
  rm -rf --one-file-system "$disk"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# built FOLDER: the packages of a copy of the tree.
built() {
  mkdir -p "$disk/$1/smtrelay"
  (cd "$source_dir" && git -c safe.directory="$source_dir" ls-files -z -co --exclude-standard | tar -c --null --files-from=-) | tar -x -C "$disk/$1/smtrelay"
  begin=$(date +%s)
  (cd "$disk/$1/smtrelay" && dpkg-buildpackage -b -us -uc) >"$disk/$1.log" 2>&1 || {
    tail -n 40 "$disk/$1.log"
    return 1
  }
  echo "the build in folder $1 took $(($(date +%s) - begin)) s"
}
check "the packages build" built a
sed -n '/^the build in/p' "$TMP/check.out"
check "they build again in another folder" built some/where/else/b
sed -n '/^the build in/p' "$TMP/check.out"
a=$disk/a
packages=$(cd "$a" && ls ./*.deb)
# shellcheck disable=SC2086  # one word per package
(cd "$a" && sha256sum $packages) >"$TMP/sums"
check "both builds have the same bytes" sh -c "cd '$disk/some/where/else/b' && sha256sum --quiet -c '$TMP/sums'"
lintian --allow-root -I --pedantic --tag-display-limit 0 "$a"/*.changes >"$TMP/lintian" 2>&1 || :
check "lintian has nothing to say" test ! -s "$TMP/lintian"
cat "$TMP/lintian"

mkdir "$disk/root"
for package in libsmt-dev smt-tools smt-logger smtrelay; do
  deb=$(echo "$a/${package}_"*.deb)
  printf '%-12s %8d bytes, %8d KiB installed\n' "$package" "$(stat -c %s "$deb")" "$(dpkg-deb -f "$deb" Installed-Size)"
  dpkg-deb -x "$deb" "$disk/root"
  dpkg-deb -c "$deb" | awk '{ print $6 }' | grep -v '/$' >"$TMP/$package"
done
check "smtrelay has at most 1.2 MB" test "$(stat -c %s "$a"/smtrelay_*.deb)" -le 1258291
check "no file is in two packages" test -z "$(cat "$TMP/libsmt-dev" "$TMP/smt-tools" "$TMP/smt-logger" "$TMP/smtrelay" | sort | uniq -d)"
root=$disk/root
private=$(find "$root/usr/lib" -name libsmtrelay-private.so)
for program in "$root"/usr/bin/* "$private"; do
  name=$(basename "$program")
  readelf -W -h -l -d "$program" >"$TMP/elf"
  if [ "$program" != "$private" ]; then
    check "$name is position-independent" grep -q 'Flags:.*PIE' "$TMP/elf"
    check "$name runs" "$program" --version
    # An empty part is the folder that a program is started in.
    sed -n 's/.*RUNPATH.*\[\(.*\)\]/\1/p' "$TMP/elf" | tr : '\n' |
      grep -vE '^([$]ORIGIN/[.][.]|/usr)/lib/[-_a-z0-9]*/smtrelay$' >"$TMP/foreign" || :
    check "$name takes libraries from no other folder" test ! -s "$TMP/foreign"
    check "$name has a page" test -e "$root/usr/share/man/man1/$name.1.gz"
  fi
  check "$name binds all symbols at start" grep -q 'BIND_NOW' "$TMP/elf"
  check "$name has a read-only relocation table" grep -q 'GNU_RELRO' "$TMP/elf"
  check "$name has no executable stack" grep -qE 'GNU_STACK .* RW +0x' "$TMP/elf"
done
for program in "$private" "$root/usr/bin/smtlogger"; do
  readelf -W --dyn-syms "$program" >"$TMP/symbols"
  check "$(basename "$program") guards its stack" grep -q '__stack_chk_fail' "$TMP/symbols"
  check "$(basename "$program") has fortified calls" grep -qE '__(mem|str|v?s?n?printf|read|fd)[a-z]*_chk' "$TMP/symbols"
done
grep -h '"command"' "$a"/smtrelay/obj-*/compile_commands.json >"$TMP/commands"
check "all of it is compiled with _FORTIFY_SOURCE=3" not grep -v '_FORTIFY_SOURCE=3' "$TMP/commands"
check "and with the protection of control flow" not grep -vE -- '-fcf-protection|-mbranch-protection=standard' "$TMP/commands"
check "no program names the folder that it was built in" not grep -rlF "$disk" "$root/usr"

dpkg-deb -e "$(echo "$a"/smtrelay_*.deb)" "$TMP/scripts"
for file in pub sub proxy; do
  check "/etc/smt/$file.toml is a configuration file" grep -qx "/etc/smt/$file.toml" "$TMP/scripts/conffiles"
done

[ "$(id -u)" = 0 ] || {
  finish
  echo "a Debian of its own needs root"
  exit 77
}
system=$disk/system
mkdir "$disk/debs"
(cd "$a" && cp libsmt-dev_*.deb smt-tools_*.deb smt-logger_*.deb smtrelay_*.deb "$disk/debs")
cat >"$TMP/hook" <<'END'
#!/bin/sh
set -eu
cp -r "$DEBS" "$1/debs"
exec >"$OUT" 2>&1
chroot "$1" sh -c 'apt-get -q -y --no-install-recommends install /debs/*.deb'
chroot "$1" sh -c 'cd /etc/systemd/system && find . -type l -name "*smt*"' >"$OUT.enabled"
for tool in "$1"/usr/bin/smt*; do chroot "$1" "/usr/bin/$(basename "$tool")" --version; done >"$OUT.versions"
chroot "$1" smtrelay_keygen robot --out /etc/smt/keys
echo '# changed' >>"$1/etc/smt/pub.toml"
chroot "$1" sh -c 'dpkg -i /debs/smt-tools_*.deb /debs/smtrelay_*.deb'
grep -x '# changed' "$1/etc/smt/pub.toml" >"$OUT.changed"
chroot "$1" apt-get -q -y purge smtrelay smt-tools smt-logger libsmt-dev >"$OUT.purged"
END
chmod +x "$TMP/hook"
check "they are installed, installed anew and purged" env DEBS="$disk/debs" OUT="$TMP/installed" \
  mmdebstrap --quiet --variant=minbase --customize-hook="$TMP/hook" bookworm "$system"
check "nothing is enabled but the mount" not grep -v 'run-smt[.]mount' "$TMP/installed.enabled"
check "every tool runs there" test "$(grep -c '^smtrelay [0-9]' "$TMP/installed.versions")" = \
  "$(find "$root/usr/bin" -name 'smt*' | wc -l)"
check "a configuration that somebody changed stays" test -s "$TMP/installed.changed"
check "purge says that the keys are kept" grep -q 'keys in /etc/smt/keys are kept' "$TMP/installed.purged"
check "and keeps them" test -s "$system/etc/smt/keys/self.key"
check "and nothing else" sh -c "! find '$system/usr' '$system/etc' -path '*smt*' ! -path '*/etc/smt*' | grep ."
check "of /etc/smt the keys alone" test "$(ls "$system/etc/smt")" = keys

# A Debian that can be booted, and has what the packages depend on in the cache of its apt.
cat >"$TMP/fetch" <<'END'
#!/bin/sh
set -eu
cp -r "$DEBS" "$1/debs"
chroot "$1" sh -c 'apt-get -q -y --install-recommends --download-only install /debs/smt-*.deb /debs/smtrelay_*.deb'
echo 'APT::Get::Assume-Yes "true";' >"$1/etc/apt/apt.conf.d/90assume-yes"
END
chmod +x "$TMP/fetch"
# raised FOLDER: the packages with a higher version, in FOLDER.
raised() {
  mkdir "$1"
  for deb in "$disk"/debs/*.deb; do
    dpkg-deb -R "$deb" "$disk/raised"
    sed -i 's/^Version: .*/&+1/; s/^\(Depends:.*smt-tools (= [^)]*\))/\1+1)/' "$disk/raised/DEBIAN/control"
    dpkg-deb --root-owner-group -b "$disk/raised" "$1"
    rm -r "$disk/raised"
  done
}
check "a Debian to boot is made" env DEBS="$disk/debs" mmdebstrap --quiet --variant=minbase --skip=cleanup/apt \
  --include=systemd,systemd-sysv,dbus,libpam-systemd --customize-hook="$TMP/fetch" bookworm "$disk/bootable"
for name in upgraded robot base; do cp -a "$disk/bootable" "$disk/$name"; done
check "the packages get a higher version" raised "$disk/upgraded/debs/next"
boots "$disk/upgraded" "$source_dir/tests/deploy/packages/upgrade.sh" 200
boot_told "$disk/upgraded"

# Two machines with the addresses of the README, joined by a wire.
for machine in robot base; do ip netns add "smt$$-$machine"; done
ip -n "smt$$-robot" link add wire type veth peer name wire netns "smt$$-base"
for machine in base:1 robot:2; do
  name=${machine%:*}
  ip -n "smt$$-$name" addr add "192.168.7.${machine#*:}/24" dev wire
  for link in lo wire; do ip -n "smt$$-$name" link set "$link" up; done
  mkdir -p "$disk/$name/var/test"
  echo "$name" >"$disk/$name/etc/hostname"
  awk -v first="# on the $name" '/^```/ { on = 0 } on; $0 == first { on = 1 }' "$source_dir/README.md" >"$disk/$name/var/test/commands"
  boots "$disk/$name" "$source_dir/tests/deploy/packages/first_hour.sh" 200 -M "$name" --bind="$disk:/machines" \
    --network-namespace-path="/run/netns/smt$$-$name" &
done
wait
for name in robot base; do
  echo "on the machine $name:"
  boot_told "$disk/$name"
done
finish
