#!/bin/sh
# The demo passes, plays a recorded folder with a count that is exact, and ends at SIGINT without a trace.
set -eu
bin=$2/bin
. "$1/tests/house/check.sh"

# Two topics of 100 and 3 rows, and one row that is far away in time.
mkdir "$TMP/csv"
{
  printf 'timestamp,value\nuint64_t,float\n'
  seq 1 100 | awk '{ printf "%d,%g\n", $1 * 10000, $1 / 3 }'
} >"$TMP/csv/fast.0.csv"
printf 'timestamp,on\nuint64_t,bool\n10000,1\n20000,0\n900000000,1\n' >"$TMP/csv/rare.0.csv"

"$bin/smtdemo" --json --duration 6 --replay "$TMP/csv" >"$TMP/demo.json" || true
check "the demo passes" grep -q '"pass": true' "$TMP/demo.json"
check "its replay counts each row" grep -q ' = 103 rows"' "$TMP/demo.json"
cat "$TMP/demo.json"

mkfifo "$TMP/out"
"$bin/smtdemo" --duration 60 >"$TMP/out" &
demo=$!
exec 3<"$TMP/out"
read -r first <&3
root=$(echo "$first" | sed -n 's/.*--root \([^ ]*\) .*/\1/p')
check "it tells where its topics are" test -d "$root"
kill -INT "$demo"
check "SIGINT ends it with 0" wait "$demo"
cat <&3 >"$TMP/rest"
check "and it says so" grep -q '^interrupted after' "$TMP/rest"
check "and its folder is gone" not test -e "$root"
check "a folder that is missing is refused" not "$bin/smtdemo" --replay "$TMP/none"
finish
