#!/bin/sh
# Runs a test at the size that SMT_SCALE chooses (tests/scale.h), or without it at that of CI. Of a fuzzer, -runs=N is
# the full size: another one runs as much less or more, and its random choices (-seed=N) move on with SMT_ROUND.
# usage: sized.sh PROGRAM [ARGUMENT]...
set -eu
export SMT_SCALE="${SMT_SCALE:-ci}"
round=${SMT_ROUND:-0}
case $SMT_SCALE in
  ci | full) ;;
  *[!0-9]* | 0*)
    echo "sized.sh: SMT_SCALE is ci, full or a number from 1 on, not $SMT_SCALE" >&2
    exit 2
    ;;
esac
# Each argument is taken from the front and put at the end.
for argument; do
  shift
  case $argument in
    -runs=*)
      runs=${argument#-runs=}
      case $SMT_SCALE in
        ci) runs=$(((runs + 9) / 10)) ;;
        full) ;;
        *) runs=$((runs * SMT_SCALE)) ;;
      esac
      argument=-runs=$runs
      ;;
    -seed=*) argument=-seed=$((${argument#-seed=} + round)) ;;
  esac
  set -- "$@" "$argument"
done
exec "$@"
