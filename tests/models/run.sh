#!/bin/sh
# Checks the models in all states, and that each seeded mistake is refuted. Exit 77 (skipped) without spin.
# usage: run.sh    needs: spin, a C compiler (CC, default cc)
set -u
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v spin >/dev/null; then
  echo "SKIP: spin is not installed: apt-get install spin"
  exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1
failures=0

# check MODEL holds|refuted FLAG...: searches all states (until the first mistake) and compares.
check() {
  model=$1 expected=$2
  shift 2
  optimise=-O0 depth=100000 table=20
  if [ "$expected" = holds ]; then
    optimise=-O2 depth=2000000 table=24
  fi
  found=broken
  if spin "$@" -a "$here/$model.pml" >spin.log 2>&1 &&
    ${CC:-cc} $optimise -w -DSAFETY -DMEMLIM=4000 -o pan pan.c >>spin.log 2>&1 &&
    ./pan -m$depth -w$table >pan.log 2>&1; then
    if grep -q 'errors: 1' pan.log && grep -q 'assertion violated' pan.log; then
      found=refuted
    # Nothing found counts only if nothing was left out.
    elif grep -q 'errors: 0' pan.log && ! grep -q -e 'depth too small' -e 'Search not completed' pan.log; then
      found=holds
    fi
  fi
  states=$(sed -n 's/^ *\([0-9][0-9.e+]*\) states, stored.*/\1/p' pan.log)
  printf '%-4s  %-8s %9s states  %s\n' "$model" "$found" "${states:-?}" "$*"
  if [ "$found" != "$expected" ]; then
    echo "FAILED: expected: $expected"
    tail -n 20 spin.log pan.log
    failures=$((failures + 1))
  fi
  rm -f pan.log
}

check bell holds -DREADERS=2 -DWAITERS=0 -DTHREADS=2 -DDEATHS=1
check bell holds -DREADERS=2 -DWAITERS=1 -DTHREADS=1
check bell holds -DREADERS=1 -DWAITERS=1
check bell holds -DREADERS=0 -DWAITERS=1 -DDEATHS=1
check bell holds -DREADERS=0 -DWAITERS=2 -DTHREADS=1 -DDEATHS=1
for bug in NO_SECOND_ADD LATE_LOAD BELL_FIRST; do
  check bell refuted -DREADERS=2 -DWAITERS=0 -DTHREADS=2 -DBUG_$bug
done
for bug in PLAIN_CLEAR LATE_ARM WORDS_AFTER_SCAN LATE_DRAIN; do
  check bell refuted -DREADERS=1 -DWAITERS=1 -DBUG_$bug
done
check bell refuted -DREADERS=2 -DWAITERS=0 -DTHREADS=2 -DDEATHS=1 -DBUG_NO_TIME_OUT

check slot holds -DOPERATIONS=4 -DCRASHES=2
check slot holds -DOPERATIONS=3 -DCRASHES=1 -DUSED_SEGMENT
for bug in NO_ODD_MARK COUNTER_FIRST NO_SLOT_CHECK NO_GENERATION_CHECK EARLY_REUSE GENERATION_FIRST RECORD_IN_USE \
  POSITION_FROM_ONE; do
  check slot refuted -DOPERATIONS=5 -DCRASHES=1 -DBUG_$bug
done
check slot refuted -DOPERATIONS=3 -DCRASHES=1 -DUSED_SEGMENT -DBUG_NO_CLEAR

[ "$failures" = 0 ]
