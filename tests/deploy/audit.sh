#!/bin/bash
# The audit of values that peers set, and the logrotate file that the package installs: under 100 sets a second each set is in
# exactly one file, and a set that finds no room on the disk is refused.
# lane: quick 40
set -eu
source_dir=$1
build_dir=$2
. "$source_dir/tests/house/check.sh"
if [ "$(id -u)" != 0 ] || ! unshare --mount true 2>/dev/null; then
  echo "only root mounts a folder of its own over /var/log/smtrelay"
  exit 77
fi
if [ "${SMT_AUDIT_MOUNTED-}" != 1 ]; then
  SMT_AUDIT_MOUNTED=1 exec unshare --mount "$0" "$@"
fi

# In mounts of its own: what the relay of a unit has, and a systemctl that does what systemd does for `reload`.
logs=/var/log/smtrelay
made=
if [ ! -d $logs ]; then
  mkdir $logs
  made=1
fi
mount -t tmpfs -o size=4m,mode=0755 smt $logs
mkdir -p "$TMP/run" "$TMP/bin"
mount --bind "$TMP/run" /run
mkdir -p /run/systemd/system
cat >"$TMP/bin/systemctl" <<END
#!/bin/sh
echo "\$*" >>"$TMP/systemctl.calls"
[ "\$*" = "reload smtrelay-*@*.service" ] && kill -HUP "\$(cat "$TMP/relay.pid")"
END
chmod +x "$TMP/bin/systemctl"
export PATH="$build_dir/bin:$TMP/bin:/usr/sbin:$PATH" SMT_ROOT="$TMP/root"
processes=
end() {
  # shellcheck disable=SC2086  # one word a process
  [ -z "$processes" ] || kill $processes 2>/dev/null || true
  wait
  umount /run
  umount $logs
  [ -z "$made" ] || rmdir $logs
}
trap end EXIT
trap 'exit 1' HUP INT TERM
command -v logrotate >/dev/null
mkdir -p "$SMT_ROOT"

cat >"$TMP/robot.toml" <<END
version = 1
name = "robot"
audit = "$logs/robot.jsonl"
[[peer]]
bind = "tcp://127.0.0.1:*"
[[write]]
topic = "cmd/**"
type = "u64"
dead_man = "0s"
END
: >"$TMP/relay.out"
smtrelay_pub --config "$TMP/robot.toml" >"$TMP/relay.out" 2>"$TMP/relay.err" &
echo $! >"$TMP/relay.pid"
processes=$!
until grep -q '^ready' "$TMP/relay.out"; do
  kill -0 "$(cat "$TMP/relay.pid")"
  sleep 0.05
done
endpoint=$(cut -d' ' -f3 "$TMP/relay.out")
set_value() { smtrelay_client --connect "$endpoint" set cmd/x "$@"; }

# 100 sets a second for 6 s, and four turns of logrotate meanwhile; with delaycompress the older files are packed.
python3 -c "
import sys, time
begin = time.monotonic()
for i in range(1, 601):
    print(i, flush=True)
    time.sleep(max(0, begin + i / 100 - time.monotonic()))
" | set_value - >"$TMP/set.out" 2>"$TMP/set.err" &
setter=$!
processes="$processes $setter"
rotate() { logrotate --force --state "$TMP/state" "$source_dir/debian/smtrelay.logrotate"; }
for turn in 1 2 3 4; do
  # The newest file has the sets of most of a second.
  until [ "$(wc -l 2>/dev/null <$logs/robot.jsonl || echo 0)" -ge 80 ]; do
    kill -0 $setter
    sleep 0.05
  done
  check "logrotate moves the audit, turn $turn" rotate
done
check "each value is set" wait $setter
processes=$(cat "$TMP/relay.pid")
check "logrotate has reloaded the relays each time" \
  test "$(grep -cx 'reload smtrelay-\*@\*.service' "$TMP/systemctl.calls")" = 4
ls -l $logs
check "each set is in exactly one of the files" python3 - $logs <<'PY'
import collections, glob, gzip, json, sys
folder = sys.argv[1]
files = sorted(glob.glob(folder + "/robot.jsonl*"))
places = collections.defaultdict(list)
for path in files:
    with (gzip.open if path.endswith(".gz") else open)(path, "rt") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["act"] == "set":
                places[entry["value"]["value"] if isinstance(entry["value"], dict) else entry["value"]].append(path)
            assert entry["act"] != "lost", line
print(len(files), "files", {path: sum(p == [path] for p in places.values()) for path in files})
assert len(files) == 5, files
assert sorted(places) == list(range(1, 601)), sorted(places)[:20]
assert all(len(p) == 1 for p in places.values()), [(v, p) for v, p in places.items() if len(p) != 1][:5]
assert sum(any(p == [path] for p in places.values()) for path in files) >= 4
PY

# A full disk: what is done is in the file, and what is not in it is not done.
check "a set finds its way while there is room" set_value 601
sets() { grep -h '"act":"set"' $logs/robot.jsonl | grep -o '"value":{"value":[0-9]*' | grep -o '[0-9]*$'; }
sets >"$TMP/before"
dd if=/dev/zero of=$logs/full bs=4k >/dev/null 2>&1 || true
# The last page of the file has room for some lines, which a lease, a value and a release share.
value=700
while [ $value -lt 900 ] && set_value $value >"$TMP/set.out" 2>"$TMP/refused.err"; do
  echo $value >>"$TMP/before"
  value=$((value + 1))
done
refused() {
  code=0
  set_value "$1" >"$TMP/set.out" 2>"$TMP/refused.err" || code=$?
  [ $code -eq 6 ] && grep -q "the audit cannot be written, so nothing is" "$TMP/refused.err"
}
check "a set is refused on a full disk, with the reason" refused 950
check "the log says which file, and why" \
  grep -q "audit file $logs/robot.jsonl: No space left on device" "$TMP/relay.err"
holds() { smttopic echo --once cmd/x -f jsonl | grep -q "\"value\":$1}"; }
check "the topic has the value that was set last" holds "$(tail -n 1 "$TMP/before")"
same() { sets | cmp - "$TMP/before"; }
check "the file has the sets that were done, and no other" same
rm $logs/full
check "once there is room, sets are done again" set_value 960
echo 960 >>"$TMP/before"
check "and are in the file" same
finish
