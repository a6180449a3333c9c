#!/bin/sh
# `cmake --install` copies all that there is: each tool with its library, page and completion, libsmt with what CMake and
# pkg-config need, notices and examples. What it has copied works where it is moved to. A tool starts with at most 30 ms of
# processor time.
# lane: quick 120
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"

check "it is installed" cmake --install "$build_dir" --prefix "$TMP/first"
mv "$TMP/first" "$TMP/moved"
cd "$TMP/moved"
libdir=$(dirname "$(find lib -name libsmt.a)")
tools=$(find "$source_dir/docs/man" -name '*.scd' -printf '%f\n' | sed 's/[.]1[.]scd$//' | sort)
# An empty part is the folder that a program is started in.
runpath() { readelf -d "$1" | sed -n 's/.*RUNPATH.*\[\(.*\)\]/\1/p'; }
for tool in $tools; do
  check "$tool runs" "bin/$tool" --version
  runpath "bin/$tool" | tr : '\n' | grep -vE '^([$]ORIGIN/[.][.]|/.*)/lib/([-_a-z0-9]*/)?smtrelay$' >"$TMP/foreign" || :
  check "$tool takes libraries from no other folder" test ! -s "$TMP/foreign"
  for file in "share/man/man1/$tool.1" "share/bash-completion/completions/$tool" "share/fish/vendor_completions.d/$tool.fish"; do
    check "$file is there" test -s "$file"
  done
done
find bin -type f -printf '%f\n' | sort >"$TMP/programs"
echo "$tools" >"$TMP/tools"
check "there are no other programs" diff "$TMP/tools" "$TMP/programs"
taken=$(ldd bin/smttopic | sed -n 's/.*libsmtrelay-private.so => \(.*\) (0x.*/\1/p')
check "the tools take the library that is beside them" \
  test "$(realpath "$taken")" = "$TMP/moved/$libdir/smtrelay/libsmtrelay-private.so"
for file in share/zsh/site-functions/_smt share/doc/smtrelay/third-party.txt share/doc/smtrelay/examples/pub.toml \
  include/smt/shm/publisher.h "$libdir/cmake/smt/smtConfig.cmake" "$libdir/cmake/smt/smtConfigVersion.cmake"; do
  check "$file is there" test -s "$file"
done
check "nothing of it names the build tree" not grep -rlF "$build_dir" include "$libdir/cmake" "$libdir/pkgconfig" share

# The program of README.md, with pkg-config alone.
block cpp "$source_dir/README.md" >"$TMP/drive.cc"
PKG_CONFIG_PATH=$TMP/moved/$libdir/pkgconfig
export PKG_CONFIG_PATH
check "pkg-config says the version" test "$(pkg-config --modversion smt)" = "$(bin/smttopic --version | sed 's/.* //')"
# shellcheck disable=SC2046  # one word per flag
check "a program builds with its flags" g++ -std=c++20 -o "$TMP/drive" "$TMP/drive.cc" $(pkg-config --cflags --libs smt)
check "and runs" sh -c "SMT_ROOT='$TMP/root' '$TMP/drive' | grep -qx 'base/pose: 1 2 0.5'"

# starts_quickly PROGRAM: the least of five runs; others may be at work here.
starts_quickly() {
  python3 - "$1" <<'END'
import resource, subprocess, sys
def used():
    times = resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.ru_utime + times.ru_stime
runs = []
for _ in range(5):
    before = used()
    subprocess.run([sys.argv[1], "--version"], check=True, stdout=subprocess.DEVNULL)
    runs.append((used() - before) * 1000)
print(f"{min(runs):.1f} ms")
sys.exit(min(runs) > 30)
END
}
for tool in $tools; do
  check "$tool starts with at most 30 ms of processor time" starts_quickly "bin/$tool"
  echo "     $(cat "$TMP/check.out")"
done

# The packages are built with what this tree is built with, but for what only tests need.
sed -e '/^#/d' "$source_dir/deploy/apt-build.txt" | grep -vxE 'g[+][+]|libgmock-dev|libgtest-dev' | sort >"$TMP/listed"
sed -n '/^Build-Depends:/,/^[^ B]/p' "$source_dir/debian/control" | tr -d ' ,' | sed 's/^Build-Depends://; s/(.*//' |
  grep -vxE 'debhelper-compat|scdoc|Standards-Version.*' | sort >"$TMP/control"
check "debian/control has the packages of deploy/apt-build.txt" diff "$TMP/listed" "$TMP/control"

# The configurations of the packages.
bin/smtrelay_keygen peer --out "$TMP/peer.keys" >/dev/null
for role in pub sub proxy; do
  sed "s|/etc/smt/keys|$TMP/$role.keys|" "$source_dir/deploy/etc/$role.toml" >"$TMP/$role.toml"
  code=0
  "bin/smtrelay_$role" --config "$TMP/$role.toml" >"$TMP/out" 2>&1 || code=$?
  check "smtrelay_$role serves nobody before there are keys" test "$code" = 2
  check "and says where" grep -q "$TMP/$role.toml:[0-9]" "$TMP/out"
  bin/smtrelay_keygen "$role" --out "$TMP/$role.keys" >/dev/null
  cp "$TMP/peer.keys/peer.pub" "$TMP/$role.keys/peers/"
  check "deploy/etc/$role.toml is right once there are" "bin/smtrelay_$role" --config "$TMP/$role.toml" --check-config
done
finish
