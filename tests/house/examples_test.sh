#!/bin/sh
# The programs of examples/ do what their first lines say, in a domain of their own.
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"
export SMT_ROOT="$TMP/root" SMT_LOG=off
bin=$build_dir/bin

"$bin/example_publish" >"$TMP/publish.out" &
started=$!
trap 'kill $started' EXIT
check "read prints ten poses" sh -c "[ \"\$('$bin/example_read' | grep -c ' 2 0.5')\" = 10 ]"
check "wait_many names the node that publishes" sh -c "'$bin/example_wait_many' | grep -q '^driver: 1 topics'"
check "record keeps the samples of two seconds" sh -c "'$bin/example_record' '$TMP/pose.mcap' 'base/**' | grep -q 'base/pose: .* 0 missed'"
check "and smtlogger reads the recording" sh -c "'$bin/smtlogger' info '$TMP/pose.mcap' | grep -q base/pose"

# mirrored EXAMPLE: a mirror of the example's relay has the pose.
mirrored() {
  mkfifo "$TMP/$1.stdin"
  "$bin/example_$1" 'tcp://127.0.0.1:*' <"$TMP/$1.stdin" >"$TMP/$1.out" &
  relay=$!
  exec 9>"$TMP/$1.stdin"
  endpoint=$(timeout 10 sh -c "until sed -n 's/^ready //p' '$TMP/$1.out' | grep .; do sleep 0.1; done" 9>&-)
  "$bin/smtrelay_sub" --connect "$endpoint" --domain "$1" --name "$1" >"$TMP/$1.sub" 9>&- &
  started="$started $!"
  check "the pose crosses $1" "$bin/smttopic" echo base/pose --domain "$1" --count 5 --timeout 10s
  exec 9>&-
  check "$1 ends with its standard input" timeout 10 tail --pid="$relay" -f /dev/null
}
mirrored embed_relay
mirrored custom_link

for program in "$source_dir"/examples/*.cc "$source_dir"/examples/*.h; do
  check "$(basename "$program") has at most 30 lines" sh -c "[ \$(wc -l <'$program') -le 30 ]"
done
finish
