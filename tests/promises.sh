#!/bin/sh
# Prints the rows of tests (tests/row.h) as a table: the largest run of each promise and test, and its size (tests/scale.h; "-"
# if the test has only one). Fails if a row has violations, or if there is no row; with --all also if a promise of
# docs/promises.md has none. A small size is no violation.
# usage: promises.sh [--all] LOG...
set -eu
wanted=
if [ "${1-}" = --all ]; then
  shift
  wanted=$(sed -n 's/^| \([A-Z][0-9][0-9]*\) |.*/\1/p' "$(dirname "$0")/../docs/promises.md" | tr '\n' ' ')
fi
cat "$@" | grep '^{"id":".*}$' | sort -V | awk -v wanted="$wanted" '
  function field(name) {
    if (!match($0, "\"" name "\":(\"[^\"]*\"|[^,}\"]*)")) return "-"
    value = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
    gsub("\"", "", value)
    return value
  }
  {
    has_row[field("id")]
    key = field("id") " " field("what")
    if (!(key in line)) keys[++count] = key
    skip = field("skip")
    # The log of a test that ran at both sizes, or in several trees, has the largest last.
    line[key] = sprintf("%-4s %-52s %12s %-5s %6s %9s %9s %s", field("id"), substr(field("what"), 1, 52), field("n"), \
                        field("size"), field("violations"), field("max_ms"), field("p99_ms"), skip == "-" ? "" : "SKIP: " skip)
    if (field("violations") > 0) bad[++failures] = $0
  }
  END {
    printf "%-4s %-52s %12s %-5s %6s %9s %9s\n", "id", "what", "n", "size", "wrong", "max ms", "p99 ms"
    for (i = 1; i <= count; ++i) print line[keys[i]]
    for (i = 1; i <= failures; ++i) print "VIOLATED: " bad[i]
    n = split(wanted, promises, " ")
    for (i = 1; i <= n; ++i) if (!(promises[i] in has_row)) { print "NO ROW: " promises[i]; ++missing }
    printf "%d rows, %d with violations\n", count, failures
    exit failures > 0 || missing > 0 || count == 0
  }'
