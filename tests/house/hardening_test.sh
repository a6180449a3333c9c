#!/bin/sh
# Reads the hardening back from the release binaries and from the library that the tools share: position-independent, full
# RELRO, no executable stack, stack protector, fortified calls.
set -eu
build_dir=$2
. "$1/tests/house/check.sh"

count=0
library=$(find "$build_dir" -name libsmtrelay-private.so)
for program in "$build_dir"/bin/smt* "$library"; do
  [ -x "$program" ] || continue
  name=$(basename "$program")
  readelf -W -h -l -d "$program" >"$TMP/elf"
  readelf -W --dyn-syms "$program" >"$TMP/symbols"
  if [ "$program" != "$library" ]; then check "$name is position-independent" grep -q 'Flags:.*PIE' "$TMP/elf"; fi
  check "$name binds all symbols at start" grep -q 'BIND_NOW' "$TMP/elf"
  check "$name has a read-only relocation table" grep -q 'GNU_RELRO' "$TMP/elf"
  check "$name has no executable stack" grep -qE 'GNU_STACK .* RW +0x' "$TMP/elf"
  if ! grep -q 'NEEDED.*libsmtrelay-private' "$TMP/elf"; then  # else it is one call
    check "$name guards its stack" grep -q '__stack_chk_fail' "$TMP/symbols"
  fi
  count=$((count + 1))
  grep -oE '__[a-z]+_chk@' "$TMP/symbols" >>"$TMP/fortified" || true
done
check "the library and all tools were looked at" test "$count" -ge 16
check "calls are fortified" grep -qvE 'stack_chk' "$TMP/fortified"
grep '"command"' "$build_dir/compile_commands.json" | grep -E ' -c .*/(shm|relay|cmd)/' >"$TMP/commands"
check "every source file is compiled with _FORTIFY_SOURCE=3" \
  not grep -v '_FORTIFY_SOURCE=3' "$TMP/commands"
check "every source file is compiled with the protection of control flow that its machine has" \
  not grep -vE -- '-fcf-protection|-mbranch-protection=standard' "$TMP/commands"
row S13 "hardened programs" "$count" "$failures"
finish
