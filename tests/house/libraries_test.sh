#!/bin/sh
# Which shared libraries a tool needs. The tools are thin: they need the private library and libc. The private library needs
# what is listed here, shows nothing but the mains of the tools, and brings no HDF5, curl, LDAP or TLS. smtlogger and
# smtreplay have HDF5, and no ZeroMQ.
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"

alone='smtlogger smtreplay'
thin=$(find "$source_dir/docs/man" -name '*.scd' -printf '%f\n' | sed 's/[.]1[.]scd$//' | grep -vxE 'smtlogger|smtreplay' | sort)
of_compiler='libstdc++ libm libgcc_s libc ld-linux-x86-64 ld-linux-aarch64'

# needed FILE: the libraries that the file itself asks for, without versions, one a line.
needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\([^]]*\)\].*/\1/p' | sed 's/\.so[.0-9]*$//' | sort -u; }
# only FILE LIBRARY...: it asks for no others than these.
only() {
  needed "$1" >"$TMP/needed"
  shift
  printf '%s\n' "$@" >"$TMP/allowed"
  not grep -vxF -f "$TMP/allowed" "$TMP/needed"
}
# brings FILE PATTERN: the program is loaded with a library whose name fits.
brings() { ldd "$1" | grep -E "$2"; }

library=$(ldd "$build_dir/bin/smttopic" | sed -n 's/.*libsmtrelay-private.so => \(.*\) (0x.*/\1/p')
check "the private library is in the tree that its tools are in" \
  test "$(realpath "$library")" = "$(find "$(realpath "$build_dir")" -name libsmtrelay-private.so)"
for tool in $thin; do
  program=$build_dir/bin/$tool
  check "$tool needs the private library and libc" only "$program" libsmtrelay-private libc
  check "$tool is thin" test "$(stat -c %s "$program")" -le 20000
  check "$tool finds all of its libraries" not brings "$program" 'not found'
  check "$tool brings no HDF5, curl, LDAP, TLS" \
    not brings "$program" 'lib(hdf5[_a-z]*|curl[-a-z]*|ldap[-0-9.]*|lber[-0-9.]*|gnutls|ssl|crypto|ssh2?|rtmp)\.'
done
# shellcheck disable=SC2086  # one word per library
check "the private library needs what is listed" only "$library" $of_compiler \
  libfmt libprometheus-cpp-core libprotobuf-lite libpugixml libre2 libsodium libspdlog libzmq libzstd
echo "$thin" | tr - _ | sed 's/$/_main/' | sort >"$TMP/mains"
nm -D --defined-only --format=posix "$library" | cut -d ' ' -f 1 | sort >"$TMP/shown"
check "the private library shows the mains of the tools and nothing else" diff "$TMP/mains" "$TMP/shown"

for tool in $alone; do
  # shellcheck disable=SC2086
  check "$tool needs what is listed" only "$build_dir/bin/$tool" $of_compiler \
    libfmt libhdf5_serial libhdf5_serial_hl libre2 libspdlog libz libzstd
  check "$tool brings HDF5" brings "$build_dir/bin/$tool" libhdf5
  check "$tool brings no ZeroMQ" not brings "$build_dir/bin/$tool" libzmq
done
finish
