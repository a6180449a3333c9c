#!/bin/bash
# The part of ../packages.sh that runs on each of two new machines, `robot` and `base`: the six commands that README.md has for
# it, in step with the other machine's, whose root is /machines/NAME. The host names are those of the README.
set -u
. /var/test/checks.sh
me=$(hostname)
other=$([ "$me" = robot ] && echo base || echo robot)
there() { [ -e "/machines/$other/var/test/$1" ]; }
# in_step WHAT: both machines have come so far.
in_step() {
  touch "/var/test/at.$1"
  within 60000 there "at.$1"
}
# What sshd would do.
scp() { cp "$1" "/machines/${2%%:*}/${2#*:/}"; }
cd /debs || exit
begin=$(now_ms)
took=0
mapfile -t commands </var/test/commands
check "there are six commands" test "${#commands[@]}" = 6
for i in "${!commands[@]}"; do
  in_step "$i" >/dev/null
  from=$(now_ms)
  command=${commands[$i]}
  run() { eval "$command"; }
  check "${command%%  #*}" run
  took=$((took + $(now_ms) - from))
  if [ "$i" = 5 ]; then check "it says that all is well" grep -qi 'all is well' <<<"$(eval "$command" 2>&1)"; fi
done
in_step last >/dev/null
check "the six commands take $took ms, $(($(now_ms) - begin)) with waiting for the other machine (60000 at most)" \
  test $(($(now_ms) - begin)) -le 60000
export SMT_GROUP=smt
if [ "$me" = robot ]; then
  smtsinewave wave --rate 100 >/dev/null 2>&1 &
  publisher=$!
  check "the other machine sees the topic" within 20000 there seen
  kill $publisher
else
  mirrored() { fresh robot/wave && touch /var/test/seen; }
  check "a topic of the robot is fresh here" within 15000 mirrored
fi
in_step end >/dev/null
journalctl -q -o cat -u 'smtrelay-*@*' | sed 's/^/     /'
echo done
