# Sourced by the tests of this folder: counts what fails, and goes on.
failures=0

# check WHAT COMMAND...: fails unless the command succeeds.
check() {
  what=$1
  shift
  if "$@" >"$TMP/check.out" 2>&1; then
    echo "ok   $what"
  else
    echo "FAIL $what: $*"
    sed 's/^/     /' "$TMP/check.out"
    failures=$((failures + 1))
  fi
}

not() { ! "$@"; }

# row ID WHAT N VIOLATIONS [SIZE], or row ID WHAT skip WHY: the line of tests/row.h, from a script.
row() {
  if [ "$3" = skip ]; then
    printf '{"id":"%s","what":"%s","skip":"%s"}\n' "$1" "$2" "$4"
  else
    printf '{"id":"%s","what":"%s","n":%s,"violations":%s%s}\n' "$1" "$2" "$3" "$4" "${5:+,\"size\":\"$5\"}"
  fi
}

finish() {
  echo "$failures failed"
  [ "$failures" -eq 0 ]
}

# block LANGUAGE FILE: the text of the first ```LANGUAGE block of a page.
block() { awk -v begin="^\`\`\`$1\$" '$0 ~ begin { on = 1; next } /^```/ && on { exit } on' "$2"; }
