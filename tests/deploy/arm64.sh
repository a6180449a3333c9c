#!/bin/sh
# Everything for arm64, built here by Debian's cross compiler: the unit tests run under qemu-user; containers for arm64 share
# domains with containers for this machine; relays of both mirror to each other. The first build takes most of the time.
# lane: full 3600
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"
here=$source_dir/tests/deploy/arm64
arm64=$source_dir/build/arm64
[ "$(id -u)" = 0 ] || {
  echo "to mount and to make network namespaces needs root"
  exit 77
}
disk=$(mktemp -d)
trap 'rm -rf --one-file-system "$disk"' EXIT
trap 'exit 1' HUP INT TERM

programs="shm_tests link_tests connections_tests relay_tests"
# These are compiled only: under qemu-user some of their tests went on for more than 25 s each, and were not seen to end.
compiled="shm_hostile_tests cmd_tests"
built() {
  [ -d "$arm64-root/usr" ] || "$source_dir/deploy/arm64-root.sh" "$arm64-root"
  # shellcheck disable=SC2086  # one word per target
  (cd "$source_dir" && cmake --preset arm64 && cmake --build "$arm64" --target tools man smt $programs $compiled) >"$disk/build" 2>&1 || {
    tail -n 40 "$disk/build"
    return 1
  }
}
begin=$(date +%s)
check "it is built" built
echo "     in $(($(date +%s) - begin)) s"
check "for arm64" test "$(od -An -tx1 -j 18 -N 2 "$arm64/bin/smtrelay_pub" | tr -d ' ')" = b700
[ "$failures" = 0 ] || finish

# Unit tests, without those that left_out.txt names with the reason. Two programs at a time: the largest beside the others.
filter=$(sed '/^#/d; s/ .*//' "$here/left_out.txt" | paste -s -d :)
emulated() {
  (cd "$arm64/tests" && QEMU_LD_PREFIX="$arm64-root" "$here/emulated.sh" "$arm64/bin/$1" --gtest_filter="-$filter") >"$disk/$1" 2>&1
}
emulated relay_tests &
for program in $programs; do
  case $program in
    relay_tests) check "$program pass" wait $! ;;
    *) check "$program pass" emulated "$program" ;;
  esac
  sed -n 's/^\[==========\] \(.* ran\. .*\)/     \1/p; s/^\[  SKIPPED \] \([0-9]* tests*\),.*/     skipped: \1/p' "$disk/$program"
  grep '^\[  FAILED  \]' "$disk/$program" | sort -u || :
done
echo "     left out: $(grep -c '^[^#]' "$here/left_out.txt")"

# root ARCH BUILD: the root of the image smtrelay, $disk/ARCH.
root() {
  DESTDIR=$disk/install-$1 cmake --install "$2" --prefix /usr --strip >/dev/null
  : >"$disk/install-$1/headers"
  TARGETARCH=$1 sh "$source_dir/deploy/image/closure.sh" "$disk/$1" "$disk/install-$1" "$source_dir/deploy/image/smtrelay.txt"
}
this=$(dpkg --print-architecture)
check "the image's root for arm64 is made" root arm64 "$arm64"
check "the image's root for $this is made" root "$this" "$build_dir"
# mixed NAME NAME: see mixed.sh.
mixed() {
  unshare -m --propagation slave sh -c '
    if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup; fi
    exec "$@"' sh "$here/emulated.sh" "$here/mixed.sh" "$source_dir" "$build_dir" "$1" "$disk/$1" "$2" "$disk/$2" \
    >"$disk/mixed" 2>&1 || failures=$((failures + 1))
  cat "$disk/mixed"
}
mixed arm64 "$this"
mixed "$this" arm64
finish
