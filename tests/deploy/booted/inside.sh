#!/bin/bash
# The part of ../booted.sh that runs in the booted system.
set -u
. /var/test/checks.sh
# A peer that connects is answered: the ten octets with which ZMTP begins.
answered() { [ "$(head -c 1 <"/dev/tcp/127.0.0.1/$1" | od -An -tx1)" = " ff" ]; }
is_failed() { [ "$(property "$1" ActiveState)" = failed ]; }
has() { grep -q -e "$2" <<<"$(property "$pub" "$1")"; }

systemd-sysusers
systemctl start run-smt.mount
check "the mount is a tmpfs of its own" test "$(findmnt -no FSTYPE /run/smt)" = tmpfs
check "its options are those of the unit" grep -q "nosuid,nodev,noexec" <<<"$(findmnt -no OPTIONS /run/smt)"
systemd-tmpfiles --create smtrelay.conf
check "the default domain is the group's" test "$(stat -c '%a %G' /run/smt/default)" = "3770 smt"
useradd -m -G smt alice

pub=smtrelay-pub@robot
configure_relays
cd /
smtsinewave wave --rate 100 --root /run/smt --group smt >/dev/null 2>&1 &
publisher=$!

check "systemd-analyze verify prints nothing" \
  test -z "$(systemd-analyze verify --man=no $pub.service smtrelay-sub@base.service smtrelay-proxy@gateway.service \
    smtcore@default.service run-smt.mount 2>&1)"
check "a relay starts" systemctl start $pub
check "READY comes when a connection is answered" answered 7400
check "the other relays start" systemctl start smtrelay-proxy@gateway smtrelay-sub@base smtcore@default
check "a topic arrives, fresh" within 3000 fresh wave --domain base
check "the status tells of the peer" within 3000 has StatusText "peers connected: 1"
check "smtcore tells of nodes" grep -q "nodes: [1-9]" <<<"$(property smtcore@default StatusText)"
for unit in $pub:12 smtrelay-sub@base:12 smtrelay-proxy@gateway:12 smtcore@default:5; do
  check "${unit%:*} exposes ${unit#*:} tenths at most" \
    systemd-analyze security --no-pager --threshold="${unit#*:}" "${unit%:*}.service"
done

# Services that see no /proc/sys, and what sees another boot id, as in a container of nspawn.
check "a topic is fresh without /proc/sys" grep -q fresh \
  <<<"$(systemd-run -q --wait --pipe -p ProcSubset=pid -p ProtectProc=invisible smttopic --root /run/smt info wave 2>&1)"
other_boot() {
  unshare -m sh -c 'cat /proc/sys/kernel/random/uuid >/tmp/boot_id && mount --bind /tmp/boot_id /proc/sys/kernel/random/boot_id &&
    exec smttopic --root /run/smt info wave' 2>&1
}
check "and with another boot id" grep -q fresh <<<"$(other_boot)"

check "a reload is taken" systemctl reload $pub
check "and the relay is ready again" within 1000 has SubState '^running$'
echo 'wrong = 1' >>/etc/smt/robot.toml
systemctl reload $pub
check "a wrong file is in the status with its line" within 2000 has StatusText "^reload refused: /etc/smt/robot.toml:7:"
check "and is an error in the journal" grep -q 'robot.toml:7:' <<<"$(journalctl -q -o cat -p err -u $pub)"
check "a line that is none is not" not grep -q 'error' <<<"$(journalctl -q -o cat -p 6..7 -u $pub)"
sed -i '$d' /etc/smt/robot.toml

# Keys: the secret one is root's alone and comes as a credential, public ones lie in a folder that ProtectSystem=strict shows
# in a read-only mount.
smtrelay_keygen keyed --out /etc/smt/keyed-keys >/dev/null
smtrelay_keygen desk --out /root/desk >/dev/null
mv /etc/smt/keyed-keys/self.key /root/keyed.key
cp /root/desk/desk.pub /etc/smt/keyed-keys/peers
cp /etc/smt/keyed-keys/keyed.pub /root/desk/peers
chmod -R u=rwX,go=rX /etc/smt/keyed-keys
cat >/etc/smt/keyed.toml <<'END'
version = 1
name = "keyed"
keys = "/etc/smt/keyed-keys"
self_key = "keyed.key"
[[peer]]
bind = "tcp://127.0.0.1:7403"
[[send]]
topic = "**"
END
mkdir -p /run/systemd/system/smtrelay-pub@keyed.service.d
printf '[Service]\nLoadCredential=keyed.key:/root/keyed.key\n' \
  >/run/systemd/system/smtrelay-pub@keyed.service.d/credential.conf
systemctl daemon-reload
check "the secret key is root's alone" test "$(stat -c '%a %U' /root/keyed.key)" = "600 root"
check "a relay starts with its key as a credential" systemctl start smtrelay-pub@keyed
check "and answers who has its public key" smtrelay_client --keys /root/desk --connect tcp://127.0.0.1:7403 get wave
check "and nobody without a key" not smtrelay_client --connect tcp://127.0.0.1:7403 --timeout 1s get wave
chmod o+w /etc/smt/keyed-keys/peers
systemctl restart smtrelay-pub@keyed 2>/dev/null
check "a folder of keys that others may write is refused in its read-only mount" within 5000 is_failed smtrelay-pub@keyed
tells() { property smtrelay-pub@keyed StatusText | grep -e "$1" || { property smtrelay-pub@keyed StatusText; false; }; }
check "with the command that mends it" tells "/etc/smt/keyed-keys/peers: other users may write there; run chmod go-w"
chmod o-w /etc/smt/keyed-keys/peers
rm /run/systemd/system/smtrelay-pub@keyed.service.d/credential.conf
systemctl daemon-reload
systemctl restart smtrelay-pub@keyed 2>/dev/null
check "without the credential it says what the unit lacks" within 5000 is_failed smtrelay-pub@keyed
check "in its status" tells "LoadCredential=keyed.key:FILE"

# Killed: how long until a peer is answered.
for run in 1 2 3; do
  begin=$(now_ms)
  systemctl kill -s KILL $pub
  within 50 not answered 7400 >/dev/null
  within 5000 answered 7400
  took=$(($(now_ms) - begin))
  check "killed, it answers again after $took ms (700 at most)" test "$took" -le 700
done

mkdir -p /run/systemd/system/smtrelay-pub@.service.d
printf '[Service]\nWatchdogSec=1s\n' >/run/systemd/system/smtrelay-pub@.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart $pub
fed_us() { property $pub WatchdogTimestampMonotonic; }
first=$(fed_us)
fed_for_long() { [ $(($(fed_us) - first)) -ge 2500000 ]; }
check "the loop feeds the watchdog for longer than its second" within 6000 fed_for_long
check "and is not started anew" test "$(property $pub NRestarts)" = 0
begin=$(now_ms)
kill -STOP "$(property $pub MainPID)"
check "stopped, it is started again" within 5000 has NRestarts '^1$'
within 5000 answered 7400
took=$(($(now_ms) - begin))
check "stopped, it answers again after $took ms (WatchdogSec + 1 s at most)" test "$took" -le 2000
check "and the topic is fresh again" within 3000 fresh wave --domain base

echo 'wrong = 1' >>/etc/smt/robot.toml
systemctl stop $pub
systemctl start $pub
check "a wrong file ends the unit" within 5000 is_failed $pub
check "after one start" test "$(property $pub NRestarts)" = 0
check "with file and line in the status" has StatusText "^/etc/smt/robot.toml:7:"
systemctl start smtrelay-pub@missing
check "a file that is missing is not tried for ever" within 5000 is_failed smtrelay-pub@missing
sed -i '$d' /etc/smt/robot.toml
systemctl reset-failed $pub
systemctl start $pub

# The units have RemoveIPC=yes and the domain's group: their stop and a user's logout leave the domain as it is.
cat >/tmp/alice <<'END'
smtsinewave hers --rate 10 --root /run/smt --group smt >/dev/null 2>&1 &
sleep 0.5
kill $!
wait
echo 1 >/dev/shm/hers
END
su -l alice -c "sh /tmp/alice"
gone() { [ ! -e /dev/shm/hers ]; }
check "alice's session was one of logind's, which removes her files in /dev/shm" within 15000 gone
check "but not those in /run/smt" smttopic --root /run/smt info hers
systemctl stop $pub smtrelay-sub@base smtcore@default
check "a unit that stops removes nobody's topics" fresh wave
check "nor the domain" test "$(stat -c '%a %G' /run/smt/default)" = "3770 smt"
kill $publisher
echo done
