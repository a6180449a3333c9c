#!/bin/sh
# The flight of ../shared/data/px4_flight at its own pace into an HDF5 and an MCAP file at once, read by h5py and
# @mcap/core and compared with the CSV value by value; then the replay of each, in CI (SMT_SCALE=ci) of the HDF5 file only,
# recorded again.
set -eu
bin=$2/bin
. "$1/tests/house/check.sh"
. "$1/tests/tools/readers.sh"
flight=$1/../shared/data/px4_flight
[ -d "$flight" ] || skip "the flight is not there ($flight)"
need_h5py
need_mcap_core "$1"
compare="$python $1/tests/tools/flight_log.py"
cd "$TMP"
export SMT_ROOT="$TMP/smt" SMT_LOG=warn

# replayed DOMAIN RECORDING FILE...: plays it, and records that to each of the files. DOMAIN.late tells how late the machine
# woke a program meanwhile.
replayed() {
  export SMT_DOMAIN="$1"
  from=$2
  shift 2
  loggers=
  for file; do
    "$bin/smtlogger" --output "$file" -f json >"$file.json" &
    loggers="$loggers $!"
  done
  $compare lateness "$SMT_DOMAIN.late" &
  lateness=$!
  for file in "$@" "$SMT_DOMAIN.late"; do
    timeout 20 sh -c 'until [ -e "$1" ]; do sleep 0.01; done' - "$file" || return 1
  done
  "$bin/smtreplay" "$from" --history 4096 || return 1
  kill "$lateness" && wait "$lateness" || return 1
  # shellcheck disable=SC2086
  kill -INT $loggers
  for logger in $loggers; do wait "$logger" || return 1; done
}
# listed FILE: what @mcap/core reads, in FILE.lines.
listed() { node mcap_lines.mjs "$1" >"$1.lines"; }

check "recorded at its own pace, in both formats at once" replayed robot "$flight" a.h5 a.mcap
check "the HDF5 file is one part: all topics were there" not test -e a.1.h5
check "h5py reads every sample as it is in the CSV" $compare h5 "$flight" a.h5
cat check.out
check "h5dump reads it" sh -c 'h5dump a.h5 >a.dump'
check "h5clear finds no flag to clear" sh -c 'cp a.h5 b.h5 && h5clear -s b.h5 && cmp a.h5 b.h5'
check "@mcap/core reads the MCAP file, indexed and as a stream" listed a.mcap
check "and every sample as it is in the CSV" $compare lines "$flight" a.mcap.lines
cat check.out
formats="h5 mcap"
[ "${SMT_SCALE-}" != ci ] || formats=h5
for format in $formats; do
  check "the recording is complete" "$bin/smtlogger" info "a.$format"
  check "a replay of a.$format is recorded" replayed "again-$format" "a.$format" "$format.mcap"
  check "@mcap/core reads that" listed "$format.mcap"
  check "it has every sample as it is in the CSV" $compare lines "$flight" "$format.mcap.lines"
  check "and the same bytes, order and spacing as the recording" $compare spacing a.mcap.lines "$format.mcap.lines" \
    robot.late "again-$format.late"
  cat check.out
done
finish
