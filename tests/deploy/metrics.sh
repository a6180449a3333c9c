#!/bin/sh
# The metrics of real relays, the alert rules and the dashboard, by promtool (Debian's package prometheus). What a relay serves
# passes `check metrics`; the rules pass `check rules` and their tests; each expression of the dashboard and of the rules parses
# and names only metrics that relays serve. A mistake that is planted in each of them is found. What a Prometheus makes of
# them, prometheus.sh shows.
# lane: quick 40
set -eu
source_dir=$1
bin=$2/bin
promtool=$(command -v promtool) || {
  echo "promtool is in the package prometheus"
  exit 1
}
. "$source_dir/tests/house/check.sh"
export SMT_ROOT="$TMP/root"
relays=
end() {
  # shellcheck disable=SC2086  # one word a process
  [ -z "$relays" ] || kill $relays 2>/dev/null || true
  wait
}
trap end EXIT
trap 'exit 1' HUP INT TERM

# relay NAME ARGUMENT...: starts it, with pages on a free port, and waits for its line; $port and $endpoint.
relay() {
  name=$1
  shift
  "$@" --metrics '127.0.0.1:*' >"$TMP/$name.out" 2>"$TMP/$name.err" &
  relays="$relays $!"
  tries=0
  until grep -q '^ready' "$TMP/$name.out"; do
    tries=$((tries + 1))
    if [ $tries -gt 200 ] || ! kill -0 $!; then
      cat "$TMP/$name.err"
      exit 1
    fi
    sleep 0.1
  done
  endpoint=$(cut -d' ' -f3 "$TMP/$name.out")
  port=$(sed -n 's,.*metrics are at http://127.0.0.1:\([0-9]*\)/.*,\1,p' "$TMP/$name.err")
}
# The page of a relay, by python: curl is not everywhere.
page() { python3 -c "import sys, urllib.request as u; sys.stdout.write(u.urlopen('http://127.0.0.1:$1/metrics', timeout=20).read().decode())"; }

mkdir -p "$SMT_ROOT"
"$bin/smtsinewave" wave/a --domain robot >"$TMP/wave.out" 2>&1 &
relays="$relays $!"
relay pub "$bin/smtrelay_pub" --domain robot --name robot --bind 'tcp://127.0.0.1:*'
pub=$endpoint pub_port=$port
relay proxy "$bin/smtrelay_proxy" --name gate --connect "$pub" --bind 'tcp://127.0.0.1:*' --cache '**'
proxy=$endpoint proxy_port=$port
relay sub "$bin/smtrelay_sub" --domain base --name base --connect "$proxy"
sub_port=$port
tries=0
until page "$sub_port" | grep -q 'smtrelay_topic_age_seconds{topic="wave/a"}'; do
  tries=$((tries + 1))
  [ $tries -le 100 ] || exit 1
  sleep 0.2
done
for name in pub proxy sub; do
  eval "page \$${name}_port" >"$TMP/$name.prom"
  check "promtool takes the metrics of $name" "$promtool" check metrics <"$TMP/$name.prom"
done
sed 's/^# HELP.*//' "$TMP/sub.prom" >"$TMP/planted.prom"
check "promtool finds metrics without help" not "$promtool" check metrics <"$TMP/planted.prom"

rules=$source_dir/deploy/prometheus
check "the rules are rules" "$promtool" check rules "$rules/smtrelay.yml"
check "the rules fire as their tests say" "$promtool" test rules "$rules/smtrelay_test.yml"
sed 's/smtrelay_topic_fresh == 0/smtrelay_topic_fresh == 2/' "$rules/smtrelay.yml" >"$TMP/smtrelay.yml"
cp "$rules/smtrelay_test.yml" "$TMP"
check "and a rule that never fires is found" not "$promtool" test rules "$TMP/smtrelay_test.yml"

check "expressions name metrics that there are" python3 - "$source_dir" "$TMP" "$promtool" <<'PY'
import json, re, subprocess, sys
source, tmp, promtool = sys.argv[1:]
served = set()
for name in ("pub", "proxy", "sub"):
    for line in open(f"{tmp}/{name}.prom", encoding="utf-8"):
        if not line.startswith("#"):
            served.add(re.match(r"\w+", line)[0])
dashboard = json.load(open(source + "/deploy/grafana/smtrelay.json", encoding="utf-8"))
expressions = [t["expr"] for p in dashboard["panels"] for t in p["targets"]]
rules = open(source + "/deploy/prometheus/smtrelay.yml", encoding="utf-8").read()
wrong = 0

def unknown(text):
    # `smtrelay` alone is a job or a group, and smtrelay_client a command.
    return set(re.findall(r"\bsmtrelay_\w+", re.sub(r"#.*", "", text))) - served - {"smtrelay_health", "smtrelay_client"}

def parses(text):
    rule = {"groups": [{"name": "g", "rules": [{"record": "r:r", "expr": text.replace("$instance", ".*")}]}]}
    json.dump(rule, open(tmp + "/expression.yml", "w", encoding="utf-8"))
    return subprocess.run([promtool, "check", "rules", tmp + "/expression.yml"], capture_output=True).returncode == 0

for text in expressions + [rules]:
    for name in unknown(text):
        print("nobody serves", name)
        wrong += 1
for text in expressions:
    if not parses(text):
        print("does not parse:", text)
        wrong += 1
assert len(expressions) > 10 and unknown("rate(smtrelay_none_total[1m])") and not parses("rate(x[1m]")
sys.exit(wrong != 0)
PY
finish
