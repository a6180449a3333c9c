#!/bin/sh
# Runs every bench beside this script, one after the other, and repeats all goals at the end.
# Flags: --quick (a look of a few seconds each), --smoke (a second each, whose figures mean nothing and are not printed),
# --json (one array instead of tables).
set -eu
here=$(dirname "$0")
json=
smoke=
for flag in "$@"; do
  case $flag in
    --json) json=1 ;;
    --quick) ;;
    --smoke) smoke=1 ;;
    *) echo "usage: bench_all [--quick | --smoke] [--json]" >&2; exit 2 ;;
  esac
done
out=$(mktemp)
goals=$(mktemp)
trap 'rm -f "$out" "$goals"' EXIT

separator='['
for name in publish_read contended latency scan readers patterns logger relay; do
  echo "bench_$name runs" >&2
  "$here/bench_$name" "$@" > "$out"
  [ -z "$smoke" ] || continue
  if [ -n "$json" ]; then
    printf '%s' "$separator"
    separator=','
  fi
  cat "$out"
  sed -n 's/^goal: //p' "$out" >> "$goals"
done
if [ -n "$smoke" ]; then
  echo "each bench runs"
elif [ -n "$json" ]; then
  echo ']'
else
  echo "goals"
  sed 's/^/  /' "$goals"
fi
