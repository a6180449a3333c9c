#!/bin/sh
# Runs a test at the size that SMT_SCALE chooses (tests/scale.h), at the size of CI if it is unset. The argument -runs=N of a
# fuzzer is its full size and is scaled as well; SMT_ROUND is added to -seed=N.
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
# Each argument moves from the front of the list to its end.
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
