#!/bin/bash
# chain.sh SOURCE_DIR BUILD_DIR ROOT LOGGER: robot, gateway and base as containers from the root of the image smtrelay, each process 1 of
# its own, with keys; LOGGER is the root of the image smt-logger. One line for each thing that is shown. Called in a mount
# namespace of its own, with one tree of control groups.
set -u
source_dir=$1 build_dir=$2 root=$3 logger=$4
here=$source_dir/tests/deploy/images
. "$source_dir/tests/house/check.sh"
TMP=$(mktemp -d "$TMP/chain-XXXXXX")
now_ms() { date +%s%3N; }
within() {  # MS COMMAND...
  local end=$(($(now_ms) + $1))
  shift
  until "$@" 2>/dev/null; do
    [ "$(now_ms)" -lt "$end" ] || return 1
    sleep 0.005
  done
}
id=smt$$
nets="$id-r $id-g $id-b"
cleanup() {
  for one in $started; do crun --root "$TMP/crun" delete -f "$one" 2>/dev/null; done
  for net in $nets; do ip netns del "$net" 2>/dev/null; done
  for domain in robot base; do umount "$TMP/$domain" 2>/dev/null; done
}
started=
trap cleanup EXIT
mkdir -p "$TMP/crun" "$TMP/etc"

for net in $nets; do ip netns add "$net" && ip -n "$net" link set lo up; done
# wire NET NET SUBNET: two network namespaces, .1 and .2.
wire() {
  ip -n "$1" link add "to-$2" type veth peer name "to-$1" netns "$2"
  ip -n "$1" addr add "$3.1/24" dev "to-$2" && ip -n "$1" link set "to-$2" up
  ip -n "$2" addr add "$3.2/24" dev "to-$1" && ip -n "$2" link set "to-$1" up
}
wire "$id-g" "$id-r" 10.77.1
wire "$id-g" "$id-b" 10.77.2

for domain in robot base; do
  mkdir "$TMP/$domain"
  mount -t tmpfs -o size=256m,mode=1777,nosuid,nodev,noexec tmpfs "$TMP/$domain"
done
for role in robot gateway base; do
  "$build_dir/bin/smtrelay_keygen" "$role" --out "$TMP/keys-$role" >/dev/null
done
cp "$TMP"/keys-robot/robot.pub "$TMP"/keys-base/base.pub "$TMP/keys-gateway/peers"
cp "$TMP/keys-gateway/gateway.pub" "$TMP/keys-robot/peers"
cp "$TMP/keys-gateway/gateway.pub" "$TMP/keys-base/peers"
chown -R 65532:65532 "$TMP"/keys-*
compose=$source_dir/deploy/compose
for role in robot gateway base; do sed 's,tcp://gateway:,tcp://10.77.N.1:,' "$compose/$role.toml" >"$TMP/$role.toml"; done
sed -i 's/77\.N/77.1/' "$TMP/robot.toml"
sed -i 's/77\.N/77.2/' "$TMP/base.toml"

# bundle NAME ROOT NET MOUNT... -- COMMAND...
bundle() {
  local name=$1 from=$2 net=$3
  shift 3
  /usr/bin/python3 "$here/bundle.py" "$TMP/b/$name" "$from" "$net" 65532:65532:1500 "$@"
}
# start NAME: in the background; its output is NAME.out.
start() {
  started="$started $1"
  crun --cgroup-manager=disabled --root "$TMP/crun" run -b "$TMP/b/$1" "$1" >"$TMP/$1.out" 2>&1 </dev/null &
  eval "pid_$1=\$!"
}
relay() {  # NAME NET TOOL MOUNT...
  local name=$1 net=$2 tool=$3
  shift 3
  bundle "$name" "$root" "$net" "$TMP/$name.toml:/etc/smt/$name.toml:ro" "$TMP/keys-$name:/etc/smt/keys:ro" "$@" -- \
    SMT_ROOT=/run/smt SMT_GROUP=smt SMT_METRICS=127.0.0.1:9464 "/usr/bin/$tool" --config "/etc/smt/$name.toml"
}
relay robot "$id-r" smtrelay_pub "$TMP/robot:/run/smt"
relay gateway "$id-g" smtrelay_proxy
relay base "$id-b" smtrelay_sub "$TMP/base:/run/smt"
bundle driver "$root" "$id-r" "$TMP/robot:/run/smt" -- SMT_ROOT=/run/smt SMT_GROUP=smt \
  /usr/bin/smttopic pub heartbeat u64 1 --rate 100
bundle alone "$root" "$id-b" -- SMT_ROOT=/run/smt /usr/bin/smttopic list
is_ready() { grep -q '^ready' "$TMP/$1.out"; }
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
