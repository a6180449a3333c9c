#!/bin/sh
# Programs of g++ and clang++, of 32 and 64 bits, read each other's segments and adopt them.
set -eu
source_dir=$1
. "$source_dir/tests/house/check.sh"

# The kernel's headers are of both word sizes, but lie where a 32-bit compiler does not look.
headers="-idirafter /usr/include/$(g++ -print-multiarch)"
if ! echo '#include <atomic>' | g++ -m32 $headers -std=c++20 -x c++ -c - -o "$TMP/probe" 2>/dev/null; then
  row L9 "32 and 64 bit, g++ and clang++" skip "no 32-bit libraries: apt-get install g++-12-multilib"
  exit 77
fi
if ! command -v clang++ >/dev/null; then
  row L9 "32 and 64 bit, g++ and clang++" skip "no clang++: apt-get install clang"
  exit 77
fi

# libsmt and the program as one source: their headers are compiled once.
printf '#include "%s"\n' "$source_dir"/shm/*.cc "$source_dir/tests/house/shared_layout.cc" >"$TMP/all.cc"

# build COMPILER BITS
build() {
  mkdir "$TMP/$1-$2"
  ${CMAKE_CXX_COMPILER_LAUNCHER:-} "$1" -m"$2" -std=c++20 -O0 -D_FILE_OFFSET_BITS=64 -pthread -I "$source_dir" $headers \
    -c "$TMP/all.cc" -o "$TMP/$1-$2/all.o"
  "$1" -m"$2" -pthread -o "$TMP/$1-$2/shared_layout" "$TMP/$1-$2/all.o"
}

# write BUILD [SEGMENT_BYTES]: has it publish as node `n`, until `end`.
write() {
  program=$1/shared_layout
  shift
  mkfifo "$TMP/input" "$TMP/output"
  "$TMP/$program" write "$TMP/root" n "$@" <"$TMP/input" >"$TMP/output" &
  writer=$!
  exec 9>"$TMP/input"
  read -r word <"$TMP/output" && [ "$word" = ready ]
}
end() {
  exec 9>&-
  rm "$TMP/input" "$TMP/output"
  wait $writer
}

builds="g++-64 clang++-64 g++-32 clang++-32"
for build in $builds; do check "$build" build "${build%-*}" "${build#*-}"; done
pairs=0
# Each but the first adopts the segment of the one before.
for writer_build in $builds; do
  check "$writer_build publishes" write $writer_build
  for reader_build in $builds; do
    check "$reader_build reads what $writer_build publishes" "$TMP/$reader_build/shared_layout" read "$TMP/root" n
    pairs=$((pairs + 1))
  done
  check "$writer_build ends" end
done
rm -rf "$TMP/root"
check "g++-64 publishes in 5 GiB" write g++-64 5368709120
check "g++-32 refuses what it cannot map" "$TMP/g++-32/shared_layout" refuse "$TMP/root" n
check "g++-64 ends" end
row L9 "32 and 64 bit, g++ and clang++" $pairs $failures
finish
