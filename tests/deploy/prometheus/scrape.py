"""What a Prometheus makes of three relays: pub, proxy and sub, and a second sub that takes little.

scrape.py SOURCE_DIR BIN_DIR FOLDER; SMT_ROOT names the folder of the domains. Prints a line for each check; exit code 1 if one
has failed. FOLDER keeps the logs of all processes.
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

source, bin_folder, folder = sys.argv[1:4]
QUOTED = 'he said "grüß\\dich"/wert'
MANY = 100_000
MAX_LABELS = 200
failures = 0
processes = []


def check(what, ok, seen=""):
    global failures
    failures += not ok
    print(("ok   " if ok else "FAIL ") + what + (f": {seen}" if seen != "" else ""), flush=True)


def eventually(seconds, condition):
    """The seconds that it took until the condition was true; None: it has not become true in time."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if condition():
            return time.monotonic() - begin
        time.sleep(0.05)
    return None


def check_within(what, seconds, condition):
    took = eventually(seconds, condition)
    check(f"{what} within {seconds} s", took is not None, "" if took is None else f"{took:.2f} s")


def start(name, *command):
    with open(f"{folder}/{name}.out", "w") as out, open(f"{folder}/{name}.err", "w") as err:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    processes.append(process)
    return process


def stop(process, by=signal.SIGTERM):
    process.send_signal(by)
    process.wait()
    processes.remove(process)


def log(name):
    with open(f"{folder}/{name}", encoding="utf-8") as file:
        return file.read()


def get(url):
    """The code and the text of the answer; code 0: nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


class Relay:
    def __init__(self, name, role, *flags):
        self.name = name
        command = [f"{bin_folder}/smtrelay_{role}", "--name", name, "--metrics", "127.0.0.1:*", *flags]
        self.process = start(name, *command)
        if eventually(20, lambda: log(name + ".out").startswith("ready ")) is None:
            sys.exit(f"{name} is not ready: {log(name + '.err')}")
        self.endpoint = (log(name + ".out").split() + [""])[2:][0]
        self.address = re.search(r"metrics are at http://([0-9.:]+)/", log(name + ".err"))[1]

    def page(self, path):
        return get(f"http://{self.address}/{path}")

    def numbers(self):
        """Of the metrics, each the sum over its labels."""
        sums = {}
        for line in self.page("metrics")[1].splitlines():
            if not line.startswith("#"):
                name, value = re.match(r"(\w+).* (\S+)$", line).groups()
                sums[name] = sums.get(name, 0) + float(value)
        return sums


class Prometheus:
    """deploy/prometheus/prometheus.yml with other targets, and the rules beside it."""

    def __init__(self, relays):
        self.relays = list(relays)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.configure()
        with open(f"{source}/deploy/prometheus/smtrelay.yml") as rules, open(f"{folder}/smtrelay.yml", "w") as copy:
            copy.write(rules.read())
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        self.process = start("prometheus", *command, f"--web.listen-address={self.address}")
        if eventually(20, lambda: get(f"http://{self.address}/-/ready")[0] == 200) is None:
            sys.exit(f"Prometheus is not ready: {log('prometheus.err')}")

    def configure(self):
        with open(f"{source}/deploy/prometheus/prometheus.yml") as file:
            text = file.read()
        targets = json.dumps([relay.address for relay in self.relays])
        text, count = re.subn(r"targets: \[.*\]", f"targets: {targets}", text)
        assert count == 1
        with open(f"{folder}/prometheus.yml", "w") as file:
            file.write(text)

    def add(self, relay):
        self.relays.append(relay)
        self.configure()
        self.process.send_signal(signal.SIGHUP)

    def ask(self, path, **arguments):
        """The data; None: refused."""
        text = get(f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(arguments)}")[1]
        answer = json.loads(text)
        return answer["data"] if answer["status"] == "success" else None

    def series(self, expression):
        data = self.ask("query", query=expression)
        return None if data is None else data["result"]

    def value(self, expression):
        """Of the one series; 0: there is none."""
        found = self.series(expression)
        return float(found[0]["value"][1]) if found else 0

    def alerts(self, **labels):
        """Names of those that fire and have the labels."""
        fire = [a["labels"] for a in self.ask("alerts")["alerts"] if a["state"] == "firing"]
        return {a["alertname"] for a in fire if labels.items() <= a.items()}


def expressions():
    with open(f"{source}/deploy/grafana/smtrelay.json", encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    return [target["expr"].replace("$instance", ".*") for panel in panels for target in panel["targets"]]


def problem_of(prometheus, expression):
    """What is wrong with an expression of the dashboard; "": nothing."""
    series = prometheus.series(expression)
    if series is None:
        return "does not parse"
    there = set(prometheus.ask("label/__name__/values"))
    unknown = set(re.findall(r"\bsmtrelay_\w+", expression)) - there
    if unknown:
        return f"nobody serves {unknown}"
    # Of drops at a receiver there may be none.
    if not series and "inbound_drops" not in expression:
        return "has no series"
    return ""


def look_at_dashboard(prometheus):
    for expression in expressions():
        problem = problem_of(prometheus, expression)
        check(f"the dashboard's {expression}", problem == "", problem)
    for planted in ("rate(smtrelay_none_total[1m])", "rate(smtrelay_ready[1m]", 'smtrelay_ready{instance="none"}'):
        check(f"{planted} is found", problem_of(prometheus, planted) != "")
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    ill = [rule["name"] for rule in rules if rule["health"] != "ok"]
    check("all alert rules are evaluated", len(rules) >= 6 and not ill, ill or f"{len(rules)} rules")


def look_at_a_topic_that_stops(prometheus, sub, begin_wave, wave):
    """The alert, /readyz and /livez, while a publisher is killed and starts again."""
    lives = []
    ends = threading.Event()

    def ask_livez():
        while not ends.wait(0.1):
            lives.append(sub.page("livez")[0])

    asker = threading.Thread(target=ask_livez, daemon=True)
    asker.start()
    stop(wave, signal.SIGKILL)
    killed = time.monotonic()
    check_within("/readyz turns", 2, lambda: sub.page("readyz")[0] == 503)
    check("it says which topic", "arm/elbow is source-dead" in sub.page("readyz")[1], sub.page("readyz")[1].strip())
    names = dict(instance=sub.address, topic="arm/elbow")
    left = 10 - (time.monotonic() - killed)
    eventually(left, lambda: "SmtTopicNotFresh" in prometheus.alerts(**names))
    took = time.monotonic() - killed
    check("the alert of the topic fires within 10 s", "SmtTopicNotFresh" in prometheus.alerts(**names), f"{took:.2f} s")
    check_within("that of the relay fires too", 10, lambda: "SmtRelayNotReady" in prometheus.alerts(instance=sub.address))
    look_at_dashboard(prometheus)
    wave = begin_wave()
    check_within("/readyz turns back", 2, lambda: sub.page("readyz")[0] == 200)
    check_within("and the alerts clear", 10, lambda: not prometheus.alerts())
    ends.set()
    asker.join()
    check("/livez has not turned", set(lives) == {200}, f"{len(lives)} answers")
    return wave


def outcomes_of(relay_numbers):
    ways = ("written_total", "confirmed_total", "drops_total", "held")
    return sum(relay_numbers["smtrelay_inbound_" + way] for way in ways)


def look_at_outcomes(pub, proxy, subs, waves):
    """In = out + drops + pending at rest, after a link that was slow, lost and ended in the midst."""
    impaired = ["--impair", "delay=5ms,loss=5%,rate=500kbit"]
    lossy, dies = (Relay(name, "sub", "--domain", name, "--connect", proxy.endpoint, *impaired) for name in ("lossy", "dies"))
    sent, came = "smtrelay_outbound_samples_total", "smtrelay_inbound_samples_total"
    for sub in (lossy, dies):
        check("samples arrive over a link that loses", eventually(20, lambda: sub.numbers()[came] > 500) is not None)
    before = proxy.numbers()
    time.sleep(2)
    stop(dies.process, signal.SIGKILL)
    for wave in waves:
        stop(wave)
    relays = [pub, proxy, lossy, *subs]

    def rest():
        first = [relay.numbers() for relay in relays]
        time.sleep(1.1)  # after which each has new pages
        second = [relay.numbers() for relay in relays]
        same = all(a[name] == b[name] for a, b in zip(first, second) for name in (sent, came))
        return same and all(numbers["smtrelay_outbound_pending"] == 0 for numbers in second)

    check_within("all that was published has an outcome", 20, rest)
    there = {relay: relay.numbers() for relay in relays}
    check("the proxy has got what the pub has sent", there[pub][sent] == there[proxy][came], f"{there[proxy][came]:.0f}")
    dropped = there[proxy]["smtrelay_outbound_drops_total"] - before["smtrelay_outbound_drops_total"]
    check("samples were dropped on the way", dropped > 100, f"{dropped:.0f}")
    for relay, numbers in there.items():
        check(f"what came into {relay.name} has an outcome", numbers[came] == outcomes_of(numbers), f"{numbers[came]:.0f}")


def look_at_all_scrapes(prometheus, began):
    """The sums, at each second since `began`, of each relay."""
    inbound = "smtrelay_inbound_samples_total - smtrelay_inbound_written_total - smtrelay_inbound_confirmed_total"
    inbound += " - smtrelay_inbound_held - sum by (instance, job) (smtrelay_inbound_drops_total)"
    without_drops = "smtrelay_outbound_publications_total - smtrelay_outbound_samples_total - smtrelay_outbound_pending"
    outbound = without_drops + " - sum by (instance, job) (smtrelay_outbound_drops_total)"

    def values_of(expression):
        series = prometheus.ask("query_range", query=expression, start=began, end=time.time(), step=1)["result"]
        return [float(value) for one in series for _, value in one["values"]]

    for group, expression in (("inbound", inbound), ("outbound", outbound)):
        values = values_of(expression)
        seen = f"{len(values)} at {len(prometheus.relays)} relays"
        check(f"{group} = outcomes at each scrape", len(values) > 30 and not any(values), seen)
    check("a sum that leaves out drops is found", any(values_of(without_drops)))
    pending = prometheus.series(f"min_over_time(smtrelay_outbound_pending[{time.time() - began:.0f}s])")
    check("no sample has two outcomes", pending and all(float(s["value"][1]) >= 0 for s in pending))


def look_at_many_topics(prometheus):
    start("topics", f"{bin_folder}/smtsinewave", "many", "--topics", str(MANY), "--rate", "1", "--domain", "many")
    relay = Relay("many", "pub", "--domain", "many", "--bind", "tcp://127.0.0.1:*")
    prometheus.add(relay)
    its = f'{{instance="{relay.address}"}}'
    check_within(f"{MANY} topics are counted", 60, lambda: prometheus.value(f"sum(smtrelay_topics{its})") >= MANY)
    labels = prometheus.value(f'count(count by (topic) ({{instance="{relay.address}",topic!=""}}))')
    check(f"{MAX_LABELS} of them are named", labels == prometheus.value("smtrelay_topics_named" + its) == MAX_LABELS, labels)
    took = prometheus.value("scrape_duration_seconds" + its)
    check("and the scrape was in time", prometheus.value("up" + its) == 1, f"{took:.3f} s")


def run():
    def begin_wave():
        return start("wave", f"{bin_folder}/smtsinewave", "arm/elbow", QUOTED, "--rate", "50", "--domain", "robot")

    wave = begin_wave()
    many = start("waves", f"{bin_folder}/smtsinewave", "wave", "--topics", "50", "--rate", "200", "--domain", "robot")
    pub = Relay("robot", "pub", "--domain", "robot", "--bind", "tcp://127.0.0.1:*")
    gate = ["--connect", pub.endpoint, "--bind", "tcp://127.0.0.1:*", "--cache", "**"]
    proxy = Relay("gate", "proxy", *gate)
    base = ["--domain", "base", "--connect", proxy.endpoint]
    sub = Relay("base", "sub", *base, "--ready", "arm/*")
    # It takes few of the samples, so that there are drops from the beginning.
    slow = Relay("slow", "sub", "--domain", "slow", "--connect", proxy.endpoint, "--rate", "5")
    prometheus = Prometheus([pub, proxy, sub])
    check_within("three relays are scraped", 10, lambda: prometheus.value("sum(up)") == 3)
    began = time.time()
    check_within("the sub is ready", 10, lambda: sub.page("readyz")[0] == 200)
    check_within("and Prometheus knows it", 3, lambda: prometheus.value(f'smtrelay_ready{{instance="{sub.address}"}}') == 1)
    topics = prometheus.ask("label/topic/values", **{"match[]": "smtrelay_topic_fresh"})
    check("names keep their quotes and signs", QUOTED in topics, QUOTED)
    check_within("while all is well no alert fires", 10, lambda: not prometheus.alerts())
    wave = look_at_a_topic_that_stops(prometheus, sub, begin_wave, wave)
    look_at_outcomes(pub, proxy, [sub, slow], [wave, many])
    look_at_all_scrapes(prometheus, began)
    look_at_many_topics(prometheus)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
try:
    run()
finally:
    for process in processes:
        process.kill()
    for process in processes:
        process.wait()
print(f"{failures} failed")
sys.exit(failures != 0)
