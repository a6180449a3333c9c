#!/bin/sh
# tests/deploy/run.sh believes no lane: planted lanes that fail, hang, are left out, say nothing of themselves or are not
# there end the run as its head says.
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"

SMT_LANES=$TMP/lanes
export SMT_LANES
mkdir "$SMT_LANES"
# lane NAME KIND BODY
lane() {
  printf '#!/bin/sh\n# lane: %s\n%s\n' "$2" "$3" >"$SMT_LANES/$1.sh"
  chmod +x "$SMT_LANES/$1.sh"
}
# lanes ARGUMENTS...: the table of a run, and its exit code in the last line.
lanes() { "$source_dir/tests/deploy/run.sh" "$source_dir" "$build_dir" "$@" 2>/dev/null | sed -n '/^lane /,$p'; }
has() { lanes "$@" >"$TMP/table" && cat "$TMP/table" && grep -qE "$pattern" "$TMP/table"; }
# says PATTERN ARGUMENTS...
says() {
  pattern=$1
  shift
  has "$@"
}

# gone PID: within 5 s.
gone() {
  end=$(($(date +%s) + 5))
  while kill -0 "$1" 2>/dev/null; do
    [ "$(date +%s)" -lt "$end" ] || return 1
    sleep 0.05
  done
}

said=0
for script in "$source_dir"/tests/deploy/*.sh; do
  [ "$(basename "$script")" = run.sh ] || [ "$(sed -n '2,12p' "$script" | grep -cE '^# lane: (quick|full) [1-9][0-9]*$')" = 1 ] ||
    said=1
done
check "each lane that there is says whether it is quick, and how long it may take" [ "$said" = 0 ]
# ends_with CODE COMMAND...
ends_with() {
  wanted=$1 code=0
  shift
  "$@" || code=$?
  [ "$code" = "$wanted" ]
}
for name in metrics units; do
  check "the lane $name fails without its program" \
    ends_with 1 env PATH="$TMP/none" /bin/sh "$source_dir/tests/deploy/$name.sh" "$source_dir" "$build_dir"
done
check "a folder without lanes fails" not "$source_dir/tests/deploy/run.sh" "$source_dir" "$build_dir"
lane good 'quick 20' '[ -d "$TMP" ] && [ "$1" = '"'$source_dir'"' ] && [ "$2" = '"'$build_dir'"' ] && [ "$SMT_FULL" = 0 ]'
lane heavy 'full 20' '[ "$SMT_FULL" = 1 ]'
check "a lane gets its folder and both paths" "$source_dir/tests/deploy/run.sh" "$source_dir" "$build_dir"
check "a full lane does not run without --full" says '^heavy +0  with --full only$'
check "a full lane runs with --full" says '^heavy +[0-9]+  passed$' --full
check "and not when it is named without --full" says '^heavy +0  FAILED: runs with --full only$' heavy
lane poor 'quick 20' 'echo nftables needs root; exit 77'
check "a lane may be left out" says '^poor .*left out: nftables needs root$'
check "and then the run has not failed" "$source_dir/tests/deploy/run.sh" "$source_dir" "$build_dir"
check "--full does not let it be left out" says '^poor .*FAILED: .*nftables needs root$' --full poor
check "and then the run has failed" not "$source_dir/tests/deploy/run.sh" "$source_dir" "$build_dir" --full poor
lane bad 'quick 20' 'exit 3'
check "a lane that fails is named with its exit code" says '^bad .*FAILED: exit code 3$'
check "and fails the run" not "$source_dir/tests/deploy/run.sh" "$source_dir" "$build_dir"
check "the lanes after it ran nevertheless" says '^good +[0-9]+  passed$'
lane long 'quick 1' "sleep 1003 & echo \$! >'$TMP/child'; wait"
check "a lane that does not end fails" says '^long .*FAILED: not done after 1 s$' long
check "and its child is gone" gone "$(cat "$TMP/child")"
lane mute 'never' 'exit 0'
check "a lane without its line fails" says '^mute +0  FAILED: says not once' mute
check "a lane that is not there fails" says '^other +0  FAILED: there is no ' other
finish
