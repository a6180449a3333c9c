#!/bin/bash
# The part of ../packages.sh that upgrades the packages in a booted system while a publisher, three relays and two readers
# are at work. /debs has the packages, /debs/next the same with a higher version.
set -u
. /var/test/checks.sh
# Each of them: `systemctl is-active` of several is content with one.
running() { for unit; do systemctl is-active -q "$unit" || return; done; }
# mapped PID: the segments of publishers and relays that a process has mapped, and where. smtcore's is made anew.
mapped() { awk '$6 ~ "^/run/smt/" && $6 !~ "/smtcore([.]bell)?$" { print $1, $2, $4, $5, $6, $7 }' "/proc/$1/maps"; }
domains() { stat -c '%n %d:%i %a %U:%G' /run/smt/default /run/smt/base; grep ' /run/smt ' /proc/self/mountinfo; }
pids() { for unit in "${units[@]}"; do property "$unit" MainPID; done; }
lines() { wc -l <"/var/test/$1"; }
# gap_ms READER: the longest time between the arrivals of two samples that follow each other.
gap_ms() {
  sed -n 's/.*"receive_ns":\([0-9]*\).*/\1/p' "/var/test/$1" |
    awk 'NR > 1 && $1 - last > gap { gap = $1 - last } { last = $1 } END { printf "%d\n", gap / 1e6 }'
}

install_all() { DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install /debs/smt-*.deb /debs/smtrelay_*.deb; }
check "the packages are installed" install_all
check "the mount is there" findmnt -t tmpfs /run/smt
check "nothing but the mount is enabled" not grep -q smt <<<"$(find /etc/systemd/system -type l -name '*smt*' ! -name run-smt.mount)"
configure_relays
useradd -M -G smt alice
cd /
units=(smtrelay-pub@robot smtrelay-proxy@gateway smtrelay-sub@base smtcore@default)
as_alice() { exec setpriv --reuid alice --regid alice --init-groups env SMT_ROOT=/run/smt SMT_GROUP=smt "$@"; }
(as_alice smtsinewave wave --rate 200 --max-age 100ms >/dev/null 2>&1) &
check "the services start" systemctl start "${units[@]}"
check "a topic arrives" within 5000 fresh wave --domain base
(as_alice smttopic echo wave -f jsonl >/var/test/near) &
near=$!
(as_alice smttopic echo wave --domain base -f jsonl >/var/test/mirror) &
mirror=$!
read_some() { [ "$(lines near)" -gt 100 ] && [ "$(lines mirror)" -gt 100 ]; }
check "both readers read" within 5000 read_some
mapped $near >/var/test/near.before
mapped $mirror >/var/test/mirror.before
check "they map segments" grep -q /run/smt/default/ /var/test/near.before
check "of their domains" grep -q /run/smt/base/ /var/test/mirror.before
domains >/var/test/domains.before
pids >/var/test/pids.before
conffile=$(stat -c %i /etc/smt/base.toml)

begin=$(now_ms)
check "higher versions are installed" dpkg -i /debs/next/smt-tools_*.deb /debs/next/smt-logger_*.deb /debs/next/smtrelay_*.deb
echo "     that took $(($(now_ms) - begin)) ms"
check "they are the higher ones" test "$(dpkg-query -W -f '${Version}' smtrelay)" = "$(dpkg-deb -f /debs/next/smtrelay_*.deb Version)"
check "the services run" running "${units[@]}"
pids >/var/test/pids.after
check "each of them was started anew" test "$(sort /var/test/pids.before /var/test/pids.after | uniq -d | wc -l)" = 0
check "the topic is fresh" within 5000 fresh wave --domain base
before=$(lines mirror)
more() { [ "$(lines mirror)" -gt $((before + 100)) ]; }
check "the reader of the mirror goes on" within 5000 more
mapped $near >/var/test/near.after
mapped $mirror >/var/test/mirror.after
check "the reader beside the publisher has the segment that it had" diff /var/test/near.before /var/test/near.after
check "the reader of the mirror has the segment that it had" diff /var/test/mirror.before /var/test/mirror.after
domains >/var/test/domains.after
check "folders and mount are as before" diff /var/test/domains.before /var/test/domains.after
check "a configuration that is nobody's but ours is as before" test "$(stat -c %i /etc/smt/base.toml)" = "$conffile"
kill $near $mirror
wait $near $mirror
gap=$(gap_ms near)
check "beside the publisher no two samples are more than $gap ms apart (1000 at most)" test "$gap" -le 1000
check "and none is missed" not grep -qv '"missed":0,' /var/test/near
gap=$(gap_ms mirror)
check "in the mirror no two samples are more than $gap ms apart (1000 at most)" test "$gap" -le 1000

apt-get -q -y remove smtrelay >/var/test/removed 2>&1
check "without the package no relay runs" not systemctl is-active -q 'smtrelay-*'
check "and the domain stays, with what is in it" fresh wave
echo done
