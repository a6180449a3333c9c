#!/bin/sh
# arm64-root.sh FOLDER: makes what a build for arm64 takes in place of this machine's /usr: the libraries of apt-build.txt and what
# they need, unpacked from Debian's packages for arm64. Nothing is installed and nothing of arm64 runs.
set -eu
[ $# = 1 ] || {
  echo "usage: arm64-root.sh FOLDER" >&2
  exit 2
}
root=$1
here=$(dirname "$(realpath "$0")")
mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/sbin"
for folder in bin lib sbin; do ln -sfn "usr/$folder" "$root/$folder"; done
debs=$(mktemp -d)
trap 'rm -rf "$debs"' EXIT
trap 'exit 1' HUP INT TERM
# Programs are those of this machine.
# shellcheck disable=SC2046  # one word per package
TARGETARCH=arm64 "$here/image/fetch.sh" "$debs" \
  $(sed -E '/^(#|(cmake|g\+\+|ninja-build|pkg-config|protobuf-compiler)$)/d' "$here/apt-build.txt") >/dev/null
for deb in "$debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --no-same-owner --keep-directory-symlink; done
# Of a link from the root, the linker would take what it names on this machine.
find "$root/usr/lib/aarch64-linux-gnu" -type l -lname '/*' | while read -r link; do
  ln -srf "$root$(readlink "$link")" "$link"
done
# qemu-user looks here first for each path: these would hide this machine's.
rm -rf "$root/etc" "$root/var" "$root/usr/share/doc"
