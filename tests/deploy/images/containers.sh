# Sourced by what runs robot, gateway and base as containers, with $source_dir and $build_dir: their networks and wires, domains,
# keys and files, as Compose has them. All of it goes with the shell.
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
  /usr/bin/python3 "$source_dir/tests/deploy/images/bundle.py" "$TMP/b/$name" "$from" "$net" 65532:65532:1500 "$@"
}
# start NAME: in the background; its output is NAME.out.
start() {
  started="$started $1"
  crun --cgroup-manager=disabled --root "$TMP/crun" run -b "$TMP/b/$1" "$1" >"$TMP/$1.out" 2>&1 </dev/null &
  eval "pid_$1=\$!"
}
# relay NAME ROOT NET TOOL MOUNT...
relay() {
  local name=$1 from=$2 net=$3 tool=$4
  shift 4
  bundle "$name" "$from" "$net" "$TMP/$name.toml:/etc/smt/$name.toml:ro" "$TMP/keys-$name:/etc/smt/keys:ro" "$@" -- \
    SMT_ROOT=/run/smt SMT_GROUP=smt SMT_METRICS=127.0.0.1:9464 "/usr/bin/$tool" --config "/etc/smt/$name.toml"
}
is_ready() { grep -q '^ready' "$TMP/$1.out"; }
