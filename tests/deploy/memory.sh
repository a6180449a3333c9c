#!/bin/bash
# A topic of 100 MB where there is room for 64: a tmpfs of that size, and a memory limit of that size. Its publisher ends with 1
# and a sentence, never by a signal, and a relay that mirrors it there goes on with all other topics.
# lane: full 90
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"
if [ "$(id -u)" != 0 ] || ! unshare --mount true 2>/dev/null; then
  echo "only root mounts a small tmpfs"
  exit 77
fi
if [ "${SMT_MEMORY_MOUNTED-}" != 1 ]; then
  SMT_MEMORY_MOUNTED=1 exec unshare --mount "$0" "$@"
fi
export PATH="$build_dir/bin:$PATH"
group=/sys/fs/cgroup/memory/smt-lane-$$
if ! mkdir "$group" 2>/dev/null || ! echo 64M >"$group/memory.limit_in_bytes"; then
  rmdir "$group" 2>/dev/null || true
  echo "memory limits are set by control groups of version 1 here"
  exit 77
fi
processes=
end() {
  # shellcheck disable=SC2086  # one word a process
  [ -z "$processes" ] || kill $processes 2>/dev/null || true
  wait
  umount "$TMP/small" 2>/dev/null || true
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    rmdir "$group" 2>/dev/null && break
    sleep 0.2
  done
}
trap end EXIT
trap 'exit 1' HUP INT TERM
mkdir "$TMP/small" "$TMP/large" "$TMP/robot"
mount -t tmpfs -o size=64m,mode=1777 small "$TMP/small"
start() {
  "$@" &
  processes="$processes $!"
}
# In the place: with a root of so much room, or under the limit.
in_tmpfs() { exec env SMT_ROOT="$TMP/small" "$@"; }
in_limit() {
  echo "$BASHPID" >"$group/cgroup.procs"
  exec env SMT_ROOT="$TMP/large" "$@"
}
within() {  # SECONDS COMMAND...
  local tries=$(($1 * 20))
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.05
  done
}

# The robot, where there is room: four slots of 25 MB, and a small topic beside them.
big="big --signal constant --type u8[25000000] --rate 2 --node big"
# shellcheck disable=SC2086  # several words
SMT_ROOT="$TMP/robot" start smtsinewave $big >/dev/null 2>&1
SMT_ROOT="$TMP/robot" start smtsinewave arm --node arm >/dev/null 2>&1
SMT_ROOT="$TMP/robot" start smtrelay_pub --name robot --bind 'tcp://127.0.0.1:*' >"$TMP/pub.out" 2>"$TMP/pub.err"
check "the robot serves" within 10 grep -q '^ready' "$TMP/pub.out"
endpoint=$(cut -d' ' -f3 "$TMP/pub.out")

for place in tmpfs limit; do
  root=$TMP/small
  [ $place = tmpfs ] || root=$TMP/large
  code=0
  # shellcheck disable=SC2086  # several words
  (in_$place timeout 20 smtsinewave $big) >"$TMP/out" 2>"$TMP/err" || code=$?
  cat "$TMP/err"
  check "$place: the publisher of 100 MB ends with 1 ($code)" test $code -eq 1
  check "$place: and says what there is no room for" grep -qE "no (room for topic big|space) in $root/default.*: need .* MiB" "$TMP/err"
  (in_$place smtsinewave own --node own) >/dev/null 2>&1 &
  own=$!
  check "$place: a small topic is published" within 5 env SMT_ROOT="$root" smttopic echo --once own
  (in_$place smtrelay_sub --name base --connect "$endpoint") >"$TMP/sub.out" 2>"$TMP/sub.err" &
  sub=$!
  processes="$processes $sub $own"
  fresh() { SMT_ROOT="$root" smttopic list -f json | python3 -c "
import json, sys
topics = {t.get('topic', t.get('name')): t for t in json.load(sys.stdin)}
sys.exit(topics['arm']['state'] != 'fresh' or 'big' in topics)"; }
  check "$place: a sub says what it cannot mirror" within 15 grep -qE "warning: no (room|space).* topic big" "$TMP/sub.err"
  check "$place: and goes on with the other topic" within 5 fresh
  sequence() { SMT_ROOT="$root" smttopic echo --once arm -f jsonl | grep -o '"sequence":[0-9]*' | cut -d: -f2; }
  before=$(sequence)
  further() { [ "$(sequence)" -gt $((before + 200)) ]; }
  check "$place: 200 samples later too" within 10 further
  check "$place: fresh, and without the large one" fresh
  head -n 3 "$TMP/sub.err"
  kill "$own"
  wait "$own" 2>/dev/null || true
  kill "$sub"
  code=0
  wait "$sub" || code=$?
  check "$place: the sub ends in order ($code)" test $code -eq 0
done
check "nobody was killed for memory" grep -qx "oom_kill 0" "$group/memory.oom_control"
finish
