#!/bin/sh
# closure.sh ROOT INSTALL LIST: makes the folder ROOT, the root of an image: the programs of LIST from INSTALL, and the packages
# of LIST with all that they depend on. They are unpacked and not installed: no script of theirs runs, so no privileges are
# needed, and none of them is there because a base has it; they may be for another machine (fetch.sh). Scanners find the packages
# in /var/lib/dpkg/status.d.
set -eu
root=$1 install=$2 list=$3
here=$(dirname "$0")
epoch=${SOURCE_DATE_EPOCH:-0}
packages=$(sed -n 's/^package //p' "$list")
programs=$(sed -n 's/^program //p' "$list")

work=$(mktemp -d)
mkdir -p "$root"
# shellcheck disable=SC2086  # one word per package
sh "$here/fetch.sh" "$work/debs" $packages
status=$root/var/lib/dpkg/status.d
mkdir -p "$status" "$root/usr/bin" "$root/etc" "$root/etc/smt" "$root/run/smt" "$root/data"
for deb in "$work"/debs/*.deb; do
  name=$(dpkg-deb -f "$deb" Package)
  dpkg -x "$deb" "$root"
  { dpkg-deb -f "$deb"; echo; } >"$status/$name"
  dpkg-deb --ctrl-tarfile "$deb" | tar -xO ./md5sums >"$status/$name.md5sums" 2>/dev/null || :
done

# What no program here reads: conversions of character sets, translations, pages. The copyrights stay.
rm -rf "$root"/usr/lib/*/gconv "$root/usr/share/locale" "$root/usr/share/man" "$root/usr/share/info" "$root/usr/share/lintian" \
  "$root/usr/share/bug" "$root/usr/share/zoneinfo"
find "$root/usr/share/doc" ! -type d ! -name copyright -delete
# Programs of the packages, and what runs them, are none of the image's.
rm -rf "$root/usr/bin" "$root/usr/sbin" "$root/bin" "$root/sbin" "$root/var/cache" "$root/usr/lib/systemd" "$root/lib/systemd"
find "$root" -type d -empty ! -path "$root/etc/smt" ! -path "$root/run/smt" ! -path "$root/data" -delete

mkdir -p "$root/usr/bin" "$root/tmp"
chmod 1777 "$root/tmp"
for program in $programs; do cp "$install/usr/bin/$program" "$root/usr/bin/"; done
# What the programs share and no package has, where one of them names it.
for library in "$install"/usr/lib/*/smtrelay/*.so "$install"/usr/lib/smtrelay/*.so; do
  if [ -e "$library" ] && grep -q -s -F "$(basename "$library")" "$root"/usr/bin/*; then
    mkdir -p "$root$(dirname "${library#"$install"}")"
    cp "$library" "$root${library#"$install"}"
  fi
done
cat >"$root/etc/passwd" <<'END'
root:x:0:0:root:/:/usr/sbin/nologin
smtrelay:x:65532:65532:smtrelay:/:/usr/sbin/nologin
END
cat >"$root/etc/group" <<'END'
root:x:0:
smt:x:1500:smtrelay
smtrelay:x:65532:
END
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
chown 65532:65532 "$root/data" 2>/dev/null || :

mkdir -p "$root/usr/share/smtrelay"
for file in "$status"/*; do case $file in *.md5sums) ;; *) cat "$file" ;; esac done |
  cat - "$install/headers" | awk -v name="$(basename "$list" .txt)" -v epoch="$epoch" -f "$here/sbom.awk" \
  >"$root/usr/share/smtrelay/sbom.cdx.json"
find "$root" -depth -newermt "@$epoch" -exec touch -h -d "@$epoch" {} +
rm -rf "$work"
