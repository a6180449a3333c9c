#!/bin/sh
# Records a release in tests/compat/VERSION, for the tests of each later one:
#
#   make.sh SOURCE_DIR BUILD_DIR      as root
#
# VERSION is the project's, and BUILD_DIR is built from the commit that is checked out, whose name goes into the file
# `commit`. segments/ has segments of nodes that were killed, each with a text of what was published; sessions/ has what
# both sides of a session said (sessions_test.cc); help/ the help of each tool and verb; status/ what relays answer to
# /status. A folder that is there is not written over: a release is recorded once.
set -eu
source_dir=$(cd "$1" && pwd)
build_dir=$(cd "$2" && pwd)
bin=$build_dir/bin
version=$("$bin/smtrelay_pub" --version | grep -o '[0-9]*\.[0-9]*\.[0-9]*')
folder=$source_dir/tests/compat/$version
if [ -e "$folder" ]; then
  echo "$folder is there already: $version has been recorded" >&2
  exit 1
fi
work=$(mktemp -d /dev/shm/smt-compat-XXXXXX)
relays=
end() {
  # shellcheck disable=SC2086  # one word a process
  [ -z "$relays" ] || kill $relays 2>/dev/null || true
  wait
  rm -rf "$work"
}
trap end EXIT
trap 'exit 1' HUP INT TERM
made=$work/made
mkdir -p "$made/help" "$made/status"
git -C "$source_dir" rev-parse HEAD >"$made/commit"

# A segment has the name of its host: no image tells that of this machine.
SMT_COMPAT_FILL=$made unshare --uts sh -c 'echo robot >/proc/sys/kernel/hostname && exec "$0" "$@"' \
  "$bin/compat_tests" --gtest_filter='CompatRecord.*'

# As help_test does it: what the machine decides is left out.
SMT_RENEW=1 TMP=$work/help.tmp
export SMT_RENEW TMP
mkdir -p "$TMP" "$work/help/tests/vectors/help"
cp -r "$source_dir/tests/house" "$work/help/tests"
"$source_dir/tests/house/help_test.sh" "$work/help" "$build_dir"
cp "$work/help/tests/vectors/help"/*.txt "$made/help"

export SMT_ROOT="$work/root"
mkdir -p "$SMT_ROOT"
# relay NAME ARGUMENT...: starts it and waits for its line; $endpoint and $port.
relay() {
  name=$1
  shift
  : >"$work/$name.out"
  "$@" --metrics '127.0.0.1:*' >"$work/$name.out" 2>"$work/$name.err" &
  relays="$relays $!"
  until grep -q '^ready' "$work/$name.out"; do kill -0 $!; sleep 0.1; done
  endpoint=$(cut -d' ' -f3 "$work/$name.out")
  port=$(sed -n 's,.*metrics are at http://127.0.0.1:\([0-9]*\)/.*,\1,p' "$work/$name.err")
}
status() {
  python3 -c "import sys, urllib.request as u; sys.stdout.write(u.urlopen('http://127.0.0.1:$1/status', timeout=20).read().decode())"
}
"$bin/smtsinewave" wave/a --domain robot >"$work/wave.out" 2>&1 &
relays="$relays $!"
relay robot "$bin/smtrelay_pub" --domain robot --name robot --bind 'tcp://127.0.0.1:*'
pub=$endpoint pub_port=$port
relay gate "$bin/smtrelay_proxy" --name gate --connect "$pub" --bind 'tcp://127.0.0.1:*' --cache '**'
proxy=$endpoint proxy_port=$port
relay base "$bin/smtrelay_sub" --domain base --name base --connect "$proxy"
until status "$port" | grep -q '"wave/a"'; do sleep 0.2; done
status "$pub_port" >"$made/status/pub.json"
status "$proxy_port" >"$made/status/proxy.json"
status "$port" >"$made/status/sub.json"

mv "$made" "$folder"
du -sb "$folder"
