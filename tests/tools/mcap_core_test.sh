#!/bin/sh
# A recording as the format's own library reads it (npm @mcap/core): by its index, and as a stream with all CRCs.
set -eu
bin=$2/bin
. "$1/tests/house/check.sh"
. "$1/tests/tools/readers.sh"
need_mcap_core "$1"
cd "$TMP"

export SMT_ROOT="$TMP/smt" SMT_DOMAIN=d
"$bin/smttopic" pub arm/pose 'f64[3]' '[1,2.5,-3]'
"$bin/smttopic" pub arm/name string '"height"'
"$bin/smttopic" pub arm/bits bytes '"AAEC"'
"$bin/smtsinewave" wheel/speed --rate 500 --history 1024 &  # none is missed: a disk may take its time
sine=$!
"$bin/smtlogger" --output b.mcap --duration 2500ms -f json --log off >summary.json
kill -INT "$sine"
wait "$sine"
check "@mcap/core reads what the summary tells" node mcap_core.mjs b.mcap summary.json
finish
