#!/bin/sh
# The images of deploy/Dockerfile, made without an engine: how large they are, that a second build gives the same, that what is
# in them is complete and listed; then robot, gateway and base from them as containers (images/chain.sh). With SMT_REUSE=1 the
# programs of BUILD_DIR take the place of the stage `compile`, which takes minutes.
# lane: full 1800
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"
[ "$(id -u)" = 0 ] || {
  echo "to mount and to make network namespaces needs root"
  exit 77
}
disk=$(mktemp -d)
trap 'rm -rf --one-file-system "$disk"' EXIT
trap 'exit 1' HUP INT TERM
images() { buildah --root "$disk/store" --runroot "$disk/run" --storage-driver vfs "$@"; }
# image NAME FOLDER|TAR PATH: one that holds what is at PATH.
image() {
  container=$(images from scratch)
  images add -q "$container" "$2" "$3" >/dev/null
  images commit -q "$container" "localhost/$1" >/dev/null
  images rm "$container" >/dev/null
}
mmdebstrap --quiet --variant=minbase bookworm "$disk/base.tar"
image debian:bookworm-slim "$disk/base.tar" /
export SOURCE_DATE_EPOCH=1760000000
# stage TARGET TAG [FLAG...]
stage() {
  target=$1 tag=$2
  shift 2
  images bud --isolation chroot --format docker --pull-never --layers=false --timestamp "$SOURCE_DATE_EPOCH" \
    --build-arg SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" --build-arg BASE=localhost/debian:bookworm-slim "$@" --target "$target" \
    -t "localhost/$tag" -f "$source_dir/deploy/Dockerfile" "$source_dir" >"$disk/$tag.log" 2>&1 || {
    tail -n 20 "$disk/$tag.log"
    return 1
  }
}
# The folder /install that the stage `compile` makes.
if [ "${SMT_REUSE-}" = 1 ]; then
  DESTDIR=$disk/install cmake --install "$build_dir" --prefix /usr --strip >/dev/null
  # shellcheck disable=SC2046  # one word per package
  dpkg-query -W -f 'Package: ${Package}\nVersion: ${Version}\nArchitecture: ${Architecture}\nMaintainer: ${Maintainer}\n\n' \
    $(cat "$source_dir/deploy/image/headers.txt") >"$disk/install/headers"
  image smt-built "$disk/install" /install
else
  begin=$(date +%s)
  check "the stage compile compiles what .dockerignore leaves of the sources" stage compile smt-built
  echo "     in $(($(date +%s) - begin)) s"
fi
# build TARGET TAG: also as an OCI layout, $disk/TAG.
build() {
  stage "$1" "$2" --build-arg BUILT=localhost/smt-built || return 1
  images push -q "localhost/$2" "oci:$disk/$2:it"
}
digest() { sed -n 's/.*"digest":"\(sha256:[0-9a-f]*\)".*/\1/p' "$disk/$1/index.json"; }
# packed NAME: bytes of the layers as they travel.
packed() { find "$disk/$1/blobs" -type f -size +10k -printf '%s\n' | awk '{ n += $1 } END { print n }'; }
# unpacked NAME: the root, in $disk/NAME.root.
unpacked() {
  container=$(images from --pull-never "localhost/$1")
  cp -a "$(images mount "$container")" "$disk/$1.root"
  images umount "$container" >/dev/null
  images rm "$container" >/dev/null
  [ -d "$disk/$1.root/usr" ]
}
# complete NAME: each library that a file of the image needs is in it, belongs to a package of its bill of materials, or is its own.
complete() {
  root=$disk/$1.root
  cat "$root"/var/lib/dpkg/status.d/*.md5sums >"$disk/$1.files"
  find "$root" -type f \( -perm /111 -o -name '*.so*' \) -exec readelf -d {} + 2>/dev/null |
    sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p' | sort -u >"$disk/$1.needed"
  [ "$(wc -l <"$disk/$1.needed")" -gt 10 ]
  missing=0
  while read -r library; do
    path=$(cd "$root" && find . -name "$library" ! -path './proc/*' | head -n 1)
    if [ -z "$path" ]; then
      echo "$library is not there"
      missing=1
      continue
    fi
    case $path in */smtrelay/*) continue ;; esac
    file=$(cd "$root" && realpath --relative-to=. "$path")
    package=$(cd "$root/var/lib/dpkg/status.d" && grep -l " $file\$" ./*.md5sums | sed 's,^\./,,; s,\.md5sums$,,')
    grep -q "\"name\":\"${package:-none}\"" "$root/usr/share/smtrelay/sbom.cdx.json" || {
      echo "$library: its package '$package' is in no bill of materials"
      missing=1
    }
  done <"$disk/$1.needed"
  [ "$missing" = 0 ]
}
# Debian's python3 has python3-jsonschema.
bill() { /usr/bin/python3 "$source_dir/tests/deploy/images/bill.py" "$1"; }

check "the image smtrelay is built" build smtrelay smtrelay
check "the image smt-logger is built" build smt-logger smt-logger
check "smtrelay is built again" build smtrelay again
check "two builds have one digest" test "$(digest smtrelay)" = "$(digest again)"
echo "     $(digest smtrelay) and $(digest again)"
for name in smtrelay smt-logger; do
  check "$name is unpacked" unpacked "$name"
  echo "     $name: $(du -sb "$disk/$name.root" | cut -f 1) bytes, $(packed "$name") packed"
  check "$name has what its programs need, and lists it" complete "$name"
  check "the bill of materials of $name is one" bill "$disk/$name.root/usr/share/smtrelay/sbom.cdx.json"
  check "$name has no shell and no package manager" \
    test -z "$(find "$disk/$name.root" -name sh -o -name bash -o -name dash -o -name busybox -o -name 'apt*' -o -name dpkg-deb)"
  check "root's programs alone can be written there" \
    test -z "$(find "$disk/$name.root" -perm /022 ! -type l ! -path "$disk/$name.root/tmp")"
done
check "smtrelay takes 30 MB at most" test "$(du -sb "$disk/smtrelay.root" | cut -f 1)" -le 30000000
check "and 12 MB packed" test "$(packed smtrelay)" -le 12000000
check "smtrelay has neither HDF5 nor curl" not grep -E 'hdf5|curl|ldap|gnutls' "$disk/smtrelay.needed"
cp -a "$disk/smtrelay.root" "$disk/planted.root"
rm "$disk"/planted.root/usr/lib/*/libzmq.so.5
check "a library that is missing is found" not complete planted
rm -rf "$disk/planted.root"
# planted_bill SED WHAT
planted_bill() {
  sed "$1" "$disk/smtrelay.root/usr/share/smtrelay/sbom.cdx.json" >"$disk/planted.json"
  check "a change is planted" not cmp -s "$disk/smtrelay.root/usr/share/smtrelay/sbom.cdx.json" "$disk/planted.json"
  check "$2 is found" not bill "$disk/planted.json"
}
planted_bill 's/"purl"/"plur"/' "an unknown key of a bill"
planted_bill 's/"version":"[^"]*"/"version":""/' "a version that is empty"
planted_bill 's/libtomlplusplus-dev/libtoml-dev/g' "a bill without a library of headers"

chain() {
  unshare -m --propagation slave sh -c '
    if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup; fi
    exec "$@"' sh "$source_dir/tests/deploy/images/chain.sh" "$source_dir" "$build_dir" "$disk/smtrelay.root" \
    "$disk/smt-logger.root" >"$disk/chain" 2>&1 && return
  cat "$disk/chain"
  return 1
}
# It has bounds on time: once more, if something held it up.
chain || chain || failures=$((failures + 1))
grep '^ok' "$disk/chain"
finish
