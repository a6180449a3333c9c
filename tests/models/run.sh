#!/bin/sh
# Checks the models in all states, and that each seeded mistake is refuted, two at a time. Exit 77 (skipped) without spin.
# usage: run.sh    needs: spin, a C compiler (CC, default cc); SMT_SCALE (tests/scale.h): larger instances at full size
set -u
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v spin >/dev/null; then
  echo "SKIP: spin is not installed: apt-get install spin"
  echo '{"id":"L11","what":"models","skip":"spin is not installed"}'
  exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
size=${SMT_SCALE:-quick}
case $size in
  quick | ci) full=0 ;;
  *) full=1 ;;
esac

# check MODEL holds|refuted FLAG...: searches all states (until the first mistake) and compares. $search: how. Whoever comes
# first to a check does it.
number=0
search=
check() {
  number=$((number + 1))
  mkdir "../taken.$number" 2>/dev/null || return 0
  model=$1 expected=$2
  shift 2
  optimise=-O0 depth=100000 table=20
  if [ "$expected" = holds ]; then
    optimise=-O$full depth=2000000 table=24
  fi
  found=broken
  if spin "$@" -a "$here/$model.pml" >spin.log 2>&1 &&
    ${CC:-cc} $optimise -w -DSAFETY -DMEMLIM=4000 $search -o pan pan.c >>spin.log 2>&1 &&
    ./pan -m$depth -w$table >pan.log 2>&1; then
    if grep -q 'errors: 1' pan.log && grep -q 'assertion violated' pan.log; then
      found=refuted
    # Nothing found counts only if nothing was left out.
    elif grep -q 'errors: 0' pan.log && ! grep -q -e 'depth too small' -e 'Search not completed' pan.log; then
      found=holds
    fi
  fi
  states=$(sed -n 's/^ *\([0-9][0-9.e+]*\) states, stored.*/\1/p' pan.log)
  printf '%-9s  %-8s %9s states  %s\n' "$model" "$found" "${states:-?}" "$*" | tee -a checked
  if [ "$found" != "$expected" ]; then
    echo "FAILED: expected: $expected"
    tail -n 20 spin.log pan.log
    touch ../failed
  fi
  rm -f pan.log
}

checks() {
  [ "$full" = 0 ] || check bell holds -DREADERS=1 -DWAITERS=1
  check bell holds -DREADERS=2 -DWAITERS=0 -DTHREADS=2 -DDEATHS=$full
  check bell holds -DREADERS=2 -DWAITERS=1 -DTHREADS=1
  check bell holds -DREADERS=0 -DWAITERS=1 -DDEATHS=1
  check bell holds -DREADERS=0 -DWAITERS=2 -DTHREADS=1 -DDEATHS=$full
  for bug in NO_SECOND_ADD LATE_LOAD BELL_FIRST; do
    check bell refuted -DREADERS=2 -DWAITERS=0 -DTHREADS=2 -DBUG_$bug
  done
  for bug in PLAIN_CLEAR LATE_ARM WORDS_AFTER_SCAN LATE_DRAIN; do
    check bell refuted -DREADERS=1 -DWAITERS=1 -DBUG_$bug
  done
  check bell refuted -DREADERS=2 -DWAITERS=0 -DTHREADS=2 -DDEATHS=1 -DBUG_NO_TIME_OUT

  check slot holds -DOPERATIONS=$((3 + full)) -DCRASHES=2
  check slot holds -DOPERATIONS=$((2 + full)) -DCRASHES=1 -DUSED_SEGMENT
  for bug in NO_ODD_MARK COUNTER_FIRST NO_SLOT_CHECK NO_GENERATION_CHECK EARLY_REUSE GENERATION_FIRST RECORD_IN_USE \
    POSITION_FROM_ONE; do
    check slot refuted -DOPERATIONS=5 -DCRASHES=1 -DBUG_$bug
  done
  check slot refuted -DOPERATIONS=3 -DCRASHES=1 -DUSED_SEGMENT -DBUG_NO_CLEAR

  check directory holds -DOPERATIONS=$((2 + full)) -DCRASHES=1
  for bug in NO_GENERATION_CHECK SCHEMA_UNCHECKED NAME_UNCHECKED EARLY_FREE VERSION_FIRST LATE_VERSION NO_NEW_VERSION \
    SCHEMA_COUNTED_ONCE SCHEMAS_FORGOTTEN; do
    check directory refuted -DOPERATIONS=3 -DCRASHES=1 -DBUG_$bug
  done

  check adoption holds -DLIVES=$((2 + full))
  check adoption holds -DLIVES=$((2 + full)) -DLATEST
  for bug in NO_INODE_CHECK LATE_COMPLETE LATE_LOCK EARLY_UNLOCK STALE_NEW BELL_LAST BELL_UNSEEN ADOPT_REMOVED; do
    check adoption refuted -DLIVES=3 -DBUG_$bug
  done
  for bug in NO_RETIRED LATE_RETIRED; do
    check adoption refuted -DLIVES=3 -DLATEST -DBUG_$bug
  done

  check session holds -DFAULTS=$((1 + full))
  check session refuted -DFAULTS=2 -DBUG_DIALLER_TAKES_ALL
  search=-DBFS  # they are found early or late
  for bug in ANY_ANSWER SAME_NUMBER NO_SILENCE LOST_NOT_DUE NO_LIMIT; do
    check session refuted -DFAULTS=2 -DBUG_$bug
  done
}

for worker in 0 1; do
  mkdir "$worker"
  (cd "$worker" && { checks; touch ../finished."$worker"; }) &
done
wait
# Rows as tests/row.h: the states of each model that holds, and the mistakes.
[ -e finished.0 ] && [ -e finished.1 ] && [ ! -e failed ]
failed=$?
cat 0/checked 1/checked | awk -v failed="$failed" -v size="$size" '
  $2 == "holds" { states[$1] += $3 }
  $2 == "refuted" { ++refuted }
  END {
    row = "{\"id\":\"L11\",\"what\":\"%s\",\"n\":%d,\"violations\":%d,\"size\":\"" size "\"}\n"
    for (model in states) printf row, "states of " model, states[model], 0
    printf row, "seeded mistakes of the models, refuted", refuted, failed
  }'
[ "$failed" = 0 ]
