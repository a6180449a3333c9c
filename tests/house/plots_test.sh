#!/bin/sh
# `./run bench plots` on a small stored run: its figures reach the tables of the pages, its sweep becomes a drawing, and a run
# or a page that lacks something is refused and changes nothing. Without gnuplot nothing is drawn.
set -eu
source_dir=$1
. "$source_dir/tests/house/check.sh"
run=$source_dir/tests/house/plots_run.json

# pages: a tree of the pages that are written, without what a run has written there.
pages() {
  rm -rf "$TMP/tree"
  mkdir -p "$TMP/tree/docs"
  for page in README.md docs/performance.md; do
    sed '/^<!-- run /,/^<!-- end of run -->/{/^<!-- /!d}' "$source_dir/$page" >"$TMP/tree/$page"
  done
  cp "$TMP/tree/README.md" "$TMP/empty"
}
# with PYTHON: the stored run, changed by statements on `run`.
with() {
  python3 -c "
import json, sys
run = json.load(open('$run'))
$1
json.dump(run, sys.stdout)" >"$TMP/run.json"
}
write() { python3 "$source_dir/bench/plots.py" "$TMP/run.json" "$TMP/tree"; }
changed() { ! cmp -s "$TMP/empty" "$TMP/tree/README.md"; }

pages
with "run['rows'] = [row for row in run['rows'] if 'axis' not in row]
for row in run['rows']:
    if row['group'].startswith('(c) saturated, 1000 ') and row['name'] == 'batch': row['median'] = 7654.0
    if row['group'].startswith('(a)') and row['name'] == 'smtrelay': row['median'] = 4321.0
run['machine']['processor'] = 'an abacus'
run['left_out'] = [{'group': 'all questions', 'name': 'nng', 'why': 'not here'}]
run['goals'] = [{'what': 'as fast as light', 'value': 2, 'limit': 1, 'unit': '', 'met': False}]"
check "the tables are written" write
for page in README.md docs/performance.md; do
  check "$page tells latencies" grep -qE '^\| one topic, 32 B, 400 Hz \| p50 / p99 \| 4\.32 ms / 4\.32 ms \|' "$TMP/tree/$page"
  check "$page has batch among its columns" grep -qE '^\| 1,000 topics, as fast as it goes \| updates/s \|.*\| 7\.65 M \|' "$TMP/tree/$page"
  check "$page names the machine" grep -q 'an abacus' "$TMP/tree/$page"
done
check "a goal that is not met is told" grep -q '^| as fast as light | 2 | 1 | \*\*not met\*\* |' "$TMP/tree/docs/performance.md"
check "a peer that is left out is told with the reason" grep -q '^- nng, all questions: not here' "$TMP/tree/docs/performance.md"
cp "$TMP/tree/README.md" "$TMP/once"
check "the same run again changes nothing" sh -c "python3 '$source_dir/bench/plots.py' '$TMP/run.json' '$TMP/tree' && cmp '$TMP/once' '$TMP/tree/README.md'"

pages
with "run['rows'] = [row for row in run['rows'] if row['name'] != 'smtrelay' and 'axis' not in row]"
check "a run without smtrelay is refused" not write
check "it has changed nothing" not changed
with "run['rows'] = [row for row in run['rows'] if 'axis' not in row]"
sed -i 's/<!-- run table -->//' "$TMP/tree/docs/performance.md"
check "a page without a place for a table is refused" not write
check "the other page is as it was" not changed

if command -v gnuplot >/dev/null; then
  pages
  with "run['rows'] += [dict(row, axis='size', x=8 + 1e6 * row['x']) for row in run['rows'] if 'axis' in row]"
  drawing=$TMP/tree/docs/plots/hops.svg
  check "the sweeps are drawn" write
  for line in "size of the value, bytes" "100 us" "1 ms" "10 ms"; do
    check "a drawing with decades has '$line'" grep -q "> *$line<" "$TMP/tree/docs/plots/size.svg"
  done
  check "it has no tick between them" not grep -q "> *200 us<" "$TMP/tree/docs/plots/size.svg"
  check "the drawing is XML" xmllint --noout "$drawing"
  check "the page shows it" grep -q '^!\[.*\](plots/hops\.svg)$' "$TMP/tree/docs/performance.md"
  for line in smtrelay "message per topic" batch "raw TCP" "bare ZeroMQ" "relays between" "latency, p50" "latency, p99" "200 us" "1 ms"; do
    check "the drawing has '$line'" grep -q "> *$line<" "$drawing"
  done
  check "it is drawn for dark pages too" grep -q 'prefers-color-scheme:dark' "$drawing"
  check "all its colours have one for dark pages" not grep -q 'rgb(' "$drawing"
else
  echo "left out: there is no gnuplot to draw with"
fi
finish
