#!/bin/bash
# chain.sh SOURCE_DIR BUILD_DIR ROOT LOGGER: robot, gateway and base as containers from the root of the image smtrelay, each process 1 of
# its own, with keys; LOGGER is the root of the image smt-logger. One line for each thing that is shown. Called in a mount
# namespace of its own, with one tree of control groups.
set -u
source_dir=$1 build_dir=$2 root=$3 logger=$4
. "$source_dir/tests/house/check.sh"
. "$source_dir/tests/deploy/images/containers.sh"
relay robot "$root" "$id-r" smtrelay_pub "$TMP/robot:/run/smt"
relay gateway "$root" "$id-g" smtrelay_proxy
relay base "$root" "$id-b" smtrelay_sub "$TMP/base:/run/smt"
bundle driver "$root" "$id-r" "$TMP/robot:/run/smt" -- SMT_ROOT=/run/smt SMT_GROUP=smt \
  /usr/bin/smttopic pub heartbeat u64 1 --rate 100
bundle alone "$root" "$id-b" -- SMT_ROOT=/run/smt /usr/bin/smttopic list
# at_most MS BEGIN WHAT: so long after the begin, it has come.
at_most() {
  local took=$(($(now_ms) - $2))
  check "$3 after $took ms ($1 at most)" test "$took" -le "$1"
}
looks() {  # at the base's domain, from outside
  SMT_ROOT="$TMP/base" "$build_dir/bin/smttopic" info heartbeat | grep -q fresh
}

# The least of five runs.
version_ms() {
  local TIMEFORMAT='%U %S'
  for _ in 1 2 3 4 5; do { time chroot "$root" /usr/bin/smtrelay_pub --version >/dev/null; } 2>&1; done |
    awk '{ ms = int(($1 + $2) * 1000) } NR == 1 || ms < min { min = ms } END { print min }'
}
# A program finds the private library by its own path, which is in /proc.
mkdir -p "$root/proc"
mount -t proc proc "$root/proc"
check "the program of the image tells its version" sh -c 'chroot "$0" /usr/bin/smtrelay_pub --version | grep -q "^smtrelay [0-9]"' "$root"
took=$(version_ms)
check "--version takes $took ms of CPU (30 at most)" test "$took" -le 30
umount "$root/proc"

start driver
for name in gateway robot base; do
  begin=$(now_ms)
  start "$name"
  check "$name gets ready" within 5000 is_ready "$name"
  at_most 200 "$begin" "$name is ready"
done
check "the topic comes to the base" within 5000 looks
at_most 400 "$begin" "it is fresh"
start alone
wait "$pid_alone"
check "without the mount no topic is visible" not grep -q heartbeat "$TMP/alone.out"

begin=$(now_ms)
crun --root "$TMP/crun" kill gateway KILL
wait "$pid_gateway"
crun --root "$TMP/crun" delete -f gateway 2>/dev/null
down() { SMT_ROOT="$TMP/base" "$build_dir/bin/smttopic" info heartbeat | grep -q link-down; }
check "without the gateway the topic is link-down" within 3000 down
start gateway
begin=$(now_ms)
check "with a new gateway it comes again" within 5000 looks
at_most 600 "$begin" "it is fresh"

# A recorded flight: what the base holds at its end is what the robot holds, value by value.
last_values() {
  SMT_ROOT="$TMP/$1" "$build_dir/bin/smttopic" echo '**' --once -f jsonl | grep -v '"topic":"heartbeat"' |
    sed 's/"receive_ns.*"missed":[0-9]*,//' | sort
}
arrived() { [ "$(last_values robot)" = "$(last_values base)" ]; }
flight=$source_dir/../shared/data/px4_flight
if [ -d "$flight" ]; then
  bundle replay "$logger" "$id-r" "$TMP/robot:/run/smt" "$(realpath "$flight"):/data:ro" -- SMT_ROOT=/run/smt SMT_GROUP=smt \
    /usr/bin/smtreplay /data --speed 10
  start replay
  wait "$pid_replay"
  check "a recorded flight is played" test $? = 0
  check "it has 70 topics" test "$(last_values robot | wc -l)" = 70
  check "the base holds what the robot holds" within 3000 arrived
else
  echo "     no recorded flight at $flight"
fi

for name in robot gateway base; do
  pid=$(crun --root "$TMP/crun" state "$name" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
  rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
  check "$name is healthy" crun --cgroup-manager=disabled --root "$TMP/crun" exec "$name" /usr/bin/smtrelay_health
  check "$name is confined" grep -q '^Seccomp:.*2' "/proc/$pid/status"
  check "$name has no capability" sh -c "grep -q '^CapBnd:.*0000000000000000' /proc/$pid/status"
  check "$name takes $rss KiB of memory (24 MiB at most)" test "$rss" -le 24576
done
begin=$(now_ms)
for name in base gateway robot driver; do crun --root "$TMP/crun" kill "$name" TERM; done
for name in base gateway robot driver; do
  eval "wait \$pid_$name"
  code=$?
  check "$name ends with 0" test "$code" = 0
done
at_most 300 "$begin" "all four have ended"
finish
