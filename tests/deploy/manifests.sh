#!/bin/sh
# Compose files and manifests of Kubernetes: each fits its schema without an unknown key, each command in them is one of the
# image's programs and takes its arguments, each configuration passes --check-config, and every container is confined. The
# containers of README.md's `docker run` are those of Compose.
# lane: quick 40
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"
bin=$build_dir/bin
# Debian's python3 has python3-kubernetes, python3-jsonschema and python3-yaml.
check_file() { /usr/bin/python3 "$source_dir/tests/deploy/manifests/check.py" "$@"; }

# The keys that the manifests mount.
for role in robot gateway base; do "$bin/smtrelay_keygen" "$role" --out "$TMP/keys-$role" >/dev/null; done
cp "$TMP"/keys-robot/robot.pub "$TMP"/keys-base/base.pub "$TMP/keys-gateway/peers"
for role in robot base; do cp "$TMP/keys-gateway/gateway.pub" "$TMP/keys-$role/peers"; done
export SMT_ROOT="$TMP/root"
"$bin/smttopic" pub heartbeat u64 1 --count 1

# runs_with_keys PROGRAM ARGUMENT...: with the keys of its role in the place of `keys`.
runs_with_keys() {
  case $1 in
    *_pub) role=robot ;;
    *_sub) role=base ;;
    *) role=gateway ;;
  esac
  program=$1
  shift
  (cd "$TMP" && ln -sfn "keys-$role" keys && "$bin/$program" "$@" --check-config)
}

# runs_here PROGRAM ARGUMENT...: a command of a manifest, made short.
runs_here() {
  program=$(basename "$1")
  grep -qx "program $program" "$source_dir/deploy/image/smtrelay.txt" || { echo "the image has no $program"; return 1; }
  shift
  case $program:${1-} in
    smtrelay_health:*) "$bin/$program" --help ;;
    smtrelay_*:--bind | smtrelay_*:--connect) runs_with_keys "$program" "$@" ;;
    smtrelay_*:--config)
      role=$(basename "$2" .toml)
      sed "s,/etc/smt/keys,$TMP/keys-$role," "$folder/$role.toml" >"$TMP/$role.toml"
      "$bin/$program" --config "$TMP/$role.toml" --check-config
      ;;
    smttopic:pub) "$bin/smttopic" "$@" --count 1 ;;
    smttopic:echo) "$bin/smttopic" "$@" --count 1 --timeout 5s ;;
    *) echo "this test does not know how to try $program"; return 1 ;;
  esac
}

# commands KIND FILE: each container's.
commands() {
  check_file list "$1" "$2" "$TMP/inline" >"$TMP/list"
  tab=$(printf '\t')
  while IFS=$tab read -r name user hardened command; do
    check "$2: $name is confined" test "$user $hardened" = "65532:65532 True"
    set -f
    old=$IFS IFS=$tab
    # shellcheck disable=SC2086  # one word per field
    set -- "$1" "$2" $command
    IFS=$old
    set +f
    kind=$1 file=$2
    shift 2
    check "$file: $name: $*" runs_here "$@"
    set -- "$kind" "$file"
  done <"$TMP/list"
}

mkdir "$TMP/inline"
cd "$source_dir/deploy"
for file in compose/*.yaml; do
  check "$file fits the Compose specification" check_file compose "$file"
  folder=$source_dir/deploy/compose
  commands compose "$file"
done
for file in kubernetes/*.yaml; do
  check "$file fits the models of Kubernetes" check_file kubernetes "$file"
  folder=$TMP/inline
  commands kubernetes "$file"
done

# docker_run PAGE
docker_run() { /usr/bin/python3 "$source_dir/tests/deploy/manifests/docker_run.py" "$1" compose; }
folder=$source_dir/deploy/compose
check "README.md runs the containers of Compose" docker_run ../README.md
docker_run ../README.md >"$TMP/list" || :
check "one for each role" test "$(cut -f 1 "$TMP/list" | paste -s -d ' ')" = "robot gateway base"
while read -r name command; do
  # shellcheck disable=SC2086  # one word per argument
  check "README.md: $name: $command" runs_here $command
done <"$TMP/list"
# The other blocks of the pages that need an engine, a cluster or three machines.
check "docs/deploy.md builds and starts what there is" check_file page ../docs/deploy.md
for file in $(grep -oE 'from-file=keys/[^ ]+' ../docs/deploy.md | cut -d/ -f2-); do
  check "a secret of docs/deploy.md has keys/$file" test -e "$TMP/keys-$file"
done
commands page ../README.md
check "README.md starts three relays with keys" test "$(grep -c . "$TMP/list")" = 3

# planted KIND FILE SED WHAT: the mistake that sed makes is found.
planted() {
  sed "$3" "$2" >"$TMP/planted.yaml"
  check "a change is planted" not cmp -s "$2" "$TMP/planted.yaml"
  check "$4 is found" not check_file "$1" "$TMP/planted.yaml"
}
cp compose/*.toml "$TMP"
planted page ../docs/deploy.md 's/--target smtrelay/--target smtrealy/' "a stage that is none"
planted page ../docs/deploy.md 's/-f one-host.yaml/-f two-hosts.yaml/' "a Compose file that is not there"
planted kubernetes kubernetes/robot.yaml 's/sizeLimit/sizLimit/' "an unknown key of a volume"
planted kubernetes kubernetes/robot.yaml 's/replicas: 1/replicas: one/' "a word where a number belongs"
planted kubernetes kubernetes/robot.yaml 's/memory: 64Mi/memory: 64Mo/' "a quantity of no unit"
planted kubernetes kubernetes/robot.yaml 's/fsGroup: 1500/runAsUser: 0/' "a key that stands twice"
planted kubernetes kubernetes/robot.yaml 's/name: memory, mountPath/name: memmory, mountPath/' "a mount of no volume"
planted kubernetes kubernetes/gateway.yaml 's/protocol: TCP/protokol: TCP/' "an unknown key of a policy"
planted kubernetes kubernetes/base.yaml 's/^      automountServiceAccountToken: false/      hostIPC: true/' "the host's IPC namespace"
planted compose compose/robot.yaml 's/read_only: true$/read_onyl: true/' "an unknown key of a service"
planted compose compose/robot.yaml 's/pids_limit: 64/pids_limit: [64]/' "a list where a number belongs"
planted compose compose/robot.yaml 's/networks: \[robot\]/networks: [robbot]/' "a network that is none"
planted compose compose/robot.yaml 's/pids_limit: 64/ipc: host/' "the host's IPC namespace of a service"

# planted_run SED WHAT: the same with a command of README.md.
planted_run() {
  sed "$1" ../README.md >"$TMP/page.md"
  check "a change is planted" not cmp -s ../README.md "$TMP/page.md"
  check "$2 is found" not docker_run "$TMP/page.md"
}
planted_run 's/--read-only //' "a root that can be written"
planted_run 's/--cap-drop ALL/--privileged/' "a flag that is not expected"
planted_run 's/keys:ro smtrelay/keys smtrelay/' "a folder of keys that can be written"
planted_run 's,keys/gateway:,keys/robot:,' "another role's keys"
planted_run 's/-v memory:[^ ]* //' "a domain that is not mounted"
planted_run 's/-v memory:/-v ipc:/' "another volume"
planted_run 's/mode=1777,/mode=0777,/' "another mode of the memory"
planted_run 's/--group-add 1500/--group-add 1501/' "another group"
planted_run 's/--security-opt no-new-privileges/--user 0:0 &/' "root"
planted_run 's/smtrelay_sub --config/smtrelay_sub --conf/' "another command"
finish
