#!/bin/sh
# Recordings that were cut off in every way (cut_off_test.cc), as h5py and @mcap/core read them.
set -eu
. "$1/tests/house/check.sh"
. "$1/tests/tools/readers.sh"
export SMT_KEEP_RECORDINGS="$TMP/kept"
mkdir "$SMT_KEEP_RECORDINGS"
check "whole for smtlogger" "$2/bin/tool_tests" --gtest_filter='CutOff.*'
[ "$failures" -eq 0 ] || exit 1
# listed FILE: @mcap/core reads it, indexed and as a stream.
listed() { node mcap_lines.mjs "$1" >"$1.lines" && [ -s "$1.lines" ]; }
need_h5py
for file in "$SMT_KEEP_RECORDINGS"/*.h5; do
  check "h5py reads ${file##*/}" "$python" "$1/tests/tools/h5py_read.py" whole "$file"
done
need_mcap_core "$1"
cd "$TMP"
for file in "$SMT_KEEP_RECORDINGS"/*.mcap; do
  check "@mcap/core reads ${file##*/}" listed "$file"
done
finish
