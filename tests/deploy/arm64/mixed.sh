#!/bin/bash
# mixed.sh SOURCE_DIR BUILD_DIR NAME ROOT NAME ROOT: containers of two machines, whose names and roots are given. Of the first are
# a robot's programs, its relay and the base's relay; of the other is the gateway between them, over two wires, and whoever
# reads the domains of the robot and of the base. One line for each thing that is shown.
set -u
source_dir=$1 build_dir=$2 name_a=$3 root_a=$4 name_b=$5 root_b=$6
. "$source_dir/tests/house/check.sh"
. "$source_dir/tests/deploy/images/containers.sh"
# tool NAME ROOT DOMAIN ARGUMENT...: prepares smttopic in a domain of a robot or a base.
tool() {
  local name=$1 from=$2 domain=$3
  shift 3
  bundle "$name" "$from" "$id-${domain:0:1}" "$TMP/$domain:/run/smt" -- SMT_ROOT=/run/smt SMT_GROUP=smt /usr/bin/smttopic "$@"
}
# run_tool: the same, to its end.
runs=0
run_tool() {
  runs=$((runs + 1))
  tool "run$runs" "$@"
  start "run$runs"
  eval "wait \$pid_run$runs"
  local code=$?
  cat "$TMP/run$runs.out"
  return $code
}
# values ROOT DOMAIN: the newest of each topic, but of the one that goes on.
values() {
  run_tool "$1" "$2" echo '**' --once -f jsonl | grep -v '"topic":"heartbeat"' | sed 's/"receive_ns.*"missed":[0-9]*,//' | sort
}
# state DOMAIN STATE [ROOT]: of what goes on.
state() { run_tool "${3:-$root_b}" "$1" info heartbeat | grep -q "$2"; }

# Where machines may differ: the sign of a char, the order of bytes, alignment, what is no number.
i=0
while read -r type value; do
  i=$((i + 1))
  check "$name_a publishes $type $value" run_tool "$root_a" robot pub "kinds/$i" "$type" "$value"
done <<'KINDS'
bool true
i8 -128
u8[5] [0,127,128,200,255]
i16 -32768
u32 4000000000
i64 -9223372036854775808
u64 18446744073709551615
f32[3] [0.1,-3.4e38,1e-45]
f64[2] [0.1,5e-324]
f64 "nan"
string "grüß \u20ac"
bytes "AP8Qgf4="
KINDS
echo '{"topic":"kinds/struct","value":{"on":true,"n":3,"x":0.1,"q":[1e300,-0.0],"name":"ü"}}' >"$TMP/robot/values"
check "$name_a publishes a struct" run_tool "$root_a" robot pub --from /run/smt/values
topics=$(values "$root_a" robot | tee "$TMP/values" | wc -l)
check "$name_a has $topics topics" test "$topics" = $((i + 1))
values "$root_b" robot >"$TMP/seen"
check "$name_b reads them in the same domain" cmp "$TMP/values" "$TMP/seen"

tool driver "$root_a" robot pub heartbeat u64 1 --rate 20
start driver
check "$name_b sees what $name_a goes on publishing" within 10000 state robot fresh
relay robot "$root_a" "$id-r" smtrelay_pub "$TMP/robot:/run/smt"
relay gateway "$root_b" "$id-g" smtrelay_proxy
relay base "$root_a" "$id-b" smtrelay_sub "$TMP/base:/run/smt"
for name in gateway robot base; do
  start "$name"
  check "the relay $name gets ready" within 10000 is_ready "$name"
done
mirrored() { values "$root_b" base | cmp - "$TMP/values"; }
check "$name_a's relay mirrors all values over $name_b's to $name_a's, where $name_b reads them" within 20000 mirrored
check "what goes on is fresh there" within 10000 state base fresh
for name in robot gateway base; do
  check "the relay $name is healthy" crun --cgroup-manager=disabled --root "$TMP/crun" exec "$name" /usr/bin/smtrelay_health
done

crun --root "$TMP/crun" kill driver KILL
wait "$pid_driver"
check "$name_b sees that a program of $name_a was killed" within 10000 state robot source-dead
tool heir "$root_b" robot pub heartbeat u64 2 --rate 20
start heir
check "a program of $name_b goes on with its topic" within 10000 state robot fresh "$root_a"
two() { run_tool "$root_b" base echo heartbeat --once -f jsonl | grep -q '"value":2'; }
check "and with its value at the base" within 10000 two

for name in base gateway robot heir; do crun --root "$TMP/crun" kill "$name" TERM; done
for name in base gateway robot heir; do
  eval "wait \$pid_$name"
  code=$?
  check "$name ends with 0" test "$code" = 0
done
finish
