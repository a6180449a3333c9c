#!/bin/sh
# A recording as h5py and h5dump read it: while it grows, and when it is complete.
set -eu
bin=$2/bin
. "$1/tests/house/check.sh"
. "$1/tests/tools/readers.sh"
need_h5py

read_with="$python $1/tests/tools/h5py_read.py"
export SMT_ROOT="$TMP/smt" SMT_DOMAIN=d
"$bin/smttopic" pub arm/pose 'f64[3]' '[1,2.5,-3]'
"$bin/smttopic" pub arm/name string '"height"'
"$bin/smttopic" pub arm/bits bytes '"AAEC"'
"$bin/smttopic" pub arm i16 -7
"$bin/smtsinewave" wheel/speed --rate 500 &
sine=$!
until "$bin/smttopic" info wheel/speed >/dev/null 2>&1; do :; done
"$bin/smtlogger" --output "$TMP/a.h5" -f json --log off >"$TMP/summary.json" &
logger=$!
check "it grows under a reader's eyes" $read_with growing "$TMP/a.h5"
kill -KILL "$sine"
wait "$sine" || :
kill -INT "$logger"
check "it ends with 0" wait "$logger"
check "h5py reads what the summary tells" $read_with complete "$TMP/a.h5" "$TMP/summary.json"
h5dump -H "$TMP/a.h5" >"$TMP/dump"
check "h5dump has the field as f64" grep -q 'H5T_IEEE_F64LE' "$TMP/dump"
finish
