#!/bin/sh
# A stranger installs libsmt and builds the program of README.md with the CMake project of docs/topics.md: installed headers
# only, each of them complete by itself, none but shm/describe.h with Boost in it, and none with ZeroMQ or Protocol Buffers.
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"

cmake --install "$build_dir" --prefix "$TMP/prefix" >"$TMP/install.log"
include=$TMP/prefix/include/smt

mkdir "$TMP/consumer"
block cmake "$source_dir/docs/topics.md" >"$TMP/consumer/CMakeLists.txt"
block cpp "$source_dir/README.md" >"$TMP/consumer/drive.cc"
check "the project of the pages configures" \
  cmake -S "$TMP/consumer" -B "$TMP/consumer/build" -G Ninja -DCMAKE_PREFIX_PATH="$TMP/prefix" \
  -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wshadow -Werror"
check "and builds without a warning" cmake --build "$TMP/consumer/build"
check "nothing of it comes from the source tree" \
  not grep -q "$source_dir" "$TMP/consumer/build/build.ninja"

SMT_ROOT=$TMP/root "$TMP/consumer/build/drive" >"$TMP/drive.out" || failures=$((failures + 1))
check "and prints what the README says" grep -qx 'base/pose: 1 2 0.5' "$TMP/drive.out"

# The public headers, as a stranger sees them.
for header in "$include"/shm/*.h; do
  name=shm/$(basename "$header")
  echo "#include \"$name\"" >"$TMP/one.cc"
  check "$name is complete by itself" g++ -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I "$include" \
    -MD -MF "$TMP/one.d" "$TMP/one.cc"
  [ "$name" = shm/describe.h ] && continue
  check "$name brings no Boost, ZeroMQ or Protocol Buffers" \
    not grep -qE '/(boost|google/protobuf|zmq[^/]*)(/|\.h)' "$TMP/one.d"
done

for tool in smt smt-api-builder smt-register-builder smtcore smtdoctor smtlogger smtrelay_client \
            smtrelay_health smtrelay_keygen smtrelay_proxy smtrelay_pub smtrelay_sub smtreplay smtsinewave smttop smttopic; do
  check "$tool is installed and runs" "$TMP/prefix/bin/$tool" --version
done
finish
