#!/bin/sh
# Runs the lanes of `./run deploy`, one after the other, and prints the seconds of each:
#   tests/deploy/run.sh SOURCE_DIR BUILD_DIR [--full] [NAME...]
# NAME chooses lanes; without one, all quick lanes run, and with --full all lanes.
#
# A lane is an executable script tests/deploy/NAME.sh (this one excepted). What a lane keeps to:
# - One of its first lines is `# lane: quick SECONDS` or `# lane: full SECONDS`. A full lane runs with --full only. After
#   SECONDS the lane is killed with all that it started and has failed. The quick lanes take 3 minutes together at most, with
#   the installation of their packages; none of them takes more than 40 s.
# - It is called with the absolute paths SOURCE_DIR and BUILD_DIR. $TMP is a folder of its own in memory that is removed
#   afterwards, and SMT_FULL=1 says that --full was asked. The targets `tools` and `man` are built: the programs are in
#   BUILD_DIR/bin. What takes much room makes a folder of its own on disk and removes it.
# - `. "$1/tests/house/check.sh"` gives `check WHAT COMMAND...`, `not`, and `finish`, which ends the script.
# - It exits with 0 (passed), 77 (left out) or another number (failed). The last line of a lane that is left out says why,
#   as `nftables needs root`; that a program is missing is no reason. Without --full this is accepted and told; with --full it is a failure.
# - Programs beyond deploy/apt-build.txt, apt-run.txt and apt-test.txt come from packages in deploy/apt-deploy.txt (quick
#   lanes) or deploy/apt-deploy-full.txt (full lanes). Both are installed before, so that a program that is missing is a
#   failure and no reason to be left out.
# - It leaves no process, mount, namespace or file behind, also when it fails, uses free ports only, and goes to the network
#   only in full lanes.
# SMT_LANES names another folder of lanes, for the test of this script.
set -eu
[ $# -ge 2 ] || {
  echo "usage: run.sh SOURCE_DIR BUILD_DIR [--full] [NAME...]" >&2
  exit 2
}
source_dir=$1
build_dir=$2
shift 2
lanes=${SMT_LANES:-$source_dir/tests/deploy}
SMT_FULL=0
if [ "${1-}" = --full ]; then
  SMT_FULL=1
  shift
fi
export SMT_FULL
table=$(mktemp)
log=$(mktemp)
trap 'rm -f "$table" "$log"' EXIT
trap 'exit 1' HUP INT TERM

tell() { printf '%-24s %8s  %s\n' "$@" >>"$table"; }

# run_lane NAME SECONDS
run_lane() {
  echo "==> deploy: $1" >&2
  begin=$(date +%s) code=0
  # A session of its own: timeout kills it with its children, and a pipe to tee would hide the exit code.
  timeout -k 5 "$2" "$source_dir/tests/house/with_tmp.sh" "$lanes/$1.sh" "$source_dir" "$build_dir" >"$log" 2>&1 </dev/null ||
    code=$?
  cat "$log"
  case $code:$SMT_FULL in
    0:*) outcome=passed ;;
    77:0) outcome="left out: $(tail -n 1 "$log")" ;;
    77:1) outcome="FAILED: left out, which --full does not allow: $(tail -n 1 "$log")" ;;
    124:* | 137:*) outcome="FAILED: not done after $2 s" ;;
    *) outcome="FAILED: exit code $code" ;;
  esac
  tell "$1" $(($(date +%s) - begin)) "$outcome"
}

begin_all=$(date +%s)
for name; do
  [ -e "$lanes/$name.sh" ] || tell "$name" 0 "FAILED: there is no $lanes/$name.sh"
done
for script in "$lanes"/*.sh; do
  name=$(basename "$script" .sh)
  if [ "$name" = run ]; then continue; fi
  case " $* " in
    "  ") ;;
    *" $name "*) ;;
    *) continue ;;
  esac
  set_of_lane=$(sed -n '2,12s/^# lane: \(quick\|full\) \([1-9][0-9]*\)$/\1 \2/p' "$script")
  kind=${set_of_lane%% *}
  seconds=${set_of_lane##* }
  case $kind:$SMT_FULL:$# in
    quick:*) run_lane "$name" "$seconds" ;;
    full:1:*) run_lane "$name" "$seconds" ;;
    full:0:0) tell "$name" 0 "with --full only" ;;
    full:*) tell "$name" 0 "FAILED: runs with --full only" ;;
    *) tell "$name" 0 "FAILED: says not once '# lane: quick SECONDS' or '# lane: full SECONDS'" ;;
  esac
done
printf '%-24s %8s\n' lane seconds
cat "$table"
printf '%-24s %8s\n' "in all" $(($(date +%s) - begin_all))
not_passed=$(grep -c ' FAILED: ' "$table") || :
[ -s "$table" ] || {
  echo "there are no lanes in $lanes"
  exit 1
}
echo "$not_passed failed"
[ "$not_passed" -eq 0 ]
