#!/bin/sh
# Each tool has a page in docs/man, which scdoc takes and which names exactly the long flags that the tool's --help
# names, with those of its verbs; and each shell completes it.
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
  check "there is a tool $tool" test -e "$source_dir/tests/vectors/help/$tool.txt"
done
# help_test keeps the help of each.
for tool in $(cd "$source_dir/tests/vectors/help" && ls | grep -v '[.].*[.]' | sed 's/[.]txt$//'); do
  page=$source_dir/docs/man/$tool.1.scd
  for shell in _smt smt.bash smt.fish; do
    check "$shell completes $tool" grep -qE "(^| )$tool( |$)" "$source_dir/deploy/completion/$shell"
  done
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
