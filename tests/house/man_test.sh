#!/bin/sh
# Each page of docs/man is one that scdoc takes, and names exactly the long flags that the tool's --help names, with
# those of its verbs.
#
# Fails when: a flag is added to a tool and not to its page, or a page keeps one that is gone.
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"

# The help of a tool and of each of its verbs.
help() {
  "$1" --help
  for verb in $("$1" --complete ''); do
    "$1" "$verb" --help 2>/dev/null || true
  done
}
for page in "$source_dir"/docs/man/*.scd; do
  tool=$(basename "$page" .1.scd)
  check "scdoc takes $tool.1" sh -c "scdoc <'$page' >'$TMP/$tool.1'"
  if [ "$tool" = smt ]; then
    "$build_dir/bin/smt" --help
  else
    help "$build_dir/bin/$tool"
  fi | grep -oE -- '(^|[ ,])--[a-z][a-z-]*' | tr -d ' ,' | sort -u >"$TMP/$tool.help"
  grep -oE -- '\*--[a-z][a-z-]*\*' "$page" | tr -d '*' | sort -u >"$TMP/$tool.page"
  check "$tool.1 names the flags of $tool" diff -u "$TMP/$tool.help" "$TMP/$tool.page"
done
finish
