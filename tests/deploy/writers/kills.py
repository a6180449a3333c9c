"""Two writers of one topic and two readers, each process 1 of PID, mount, IPC and network namespaces of its own.

    kills.py BIN FOLDER KILLS

Kills a writer, by turns, and starts it anew. Each time the first reader gets the other writer's values on and none of the dead
one's, the second reader, smttopic watch, tells `source-dead` of the dead one's own topic, a second owner of the living one's node is
refused, and the restarted one goes on with the segment that it left. The last line counts what was otherwise.
"""
import json
import os
import signal
import subprocess
import sys
import threading
import time

BIN, FOLDER, KILLS = sys.argv[1], sys.argv[2], int(sys.argv[3])
MS = 1_000_000
MAX_DEATH_NS = 75 * MS  # a reader of libsmt looks each 25 ms (promises.md, L3), smttopic watch at its readers each 50 ms
MAX_GAP_NS = 50 * MS  # between values, at 100 Hz of each writer
VALUE = {"a": 1.0, "b": 2.0}
violations = []


class Container:
    """A tool as process 1."""

    def __init__(self, *command, listens=False):
        self.lines = []
        inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--ipc", "--net", f"{BIN}/{command[0]}"]
        self.outer = subprocess.Popen(inside + list(command[1:]), stdout=subprocess.PIPE if listens else subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True, env={**os.environ, "SMT_ROOT": FOLDER + "/domains"})
        if listens:
            threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.outer.stdout:
            self.lines.append(json.loads(line))

    def kill(self):
        """Of process 1 alone, from outside. Returns the time before it."""
        children = f"/proc/{self.outer.pid}/task/{self.outer.pid}/children"
        inner = int(open(children, encoding="ascii").read().split()[0])
        before = time.time_ns()
        os.kill(inner, signal.SIGKILL)
        self.outer.communicate()
        return before

    def end(self):
        self.outer.kill()
        self.outer.communicate()


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def writer(node):
    return Container("smtsinewave", "shared", "own/" + node, "--signal", "constant", "--offset", str(VALUE[node]), "--node", node)


def expect(what, holds):
    if not holds:
        violations.append(what)
        print("FAIL", what, flush=True)


def told(reader, begin, topic, event):
    return [e for e in reader.lines[begin:] if e["topic"] == topic and e["event"] == event]


def second_owner(node):
    second = writer(node)
    try:
        _, errors = second.outer.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        second.end()
        return "it runs"
    return "" if second.outer.returncode == 1 and f"node {node} in" in errors and "is already running" in errors else errors


os.makedirs(FOLDER + "/domains")
# The domain, and who is told of each change in it, before there is any.
subprocess.run([f"{BIN}/smttopic", "pub", "first", "u8", "1"], env={**os.environ, "SMT_ROOT": FOLDER + "/domains"}, check=True)
events = Container("smttopic", "watch", "-f", "jsonl", listens=True)
while "watching" not in events.outer.stderr.readline():
    if events.outer.poll() is not None:
        sys.exit("smttopic watch has ended")
writers = {node: writer(node) for node in VALUE}
values = Container("smttopic", "echo", "shared", "-f", "jsonl", listens=True)
deaths, gaps = [], []
try:
    both = lambda: {e["value"]["value"] for e in values.lines[-50:]} == {1.0, 2.0}
    if not until(lambda: both() and all(told(events, 0, "own/" + node, "appears") for node in VALUE)):
        sys.exit(f"the writers do not come up: {values.lines[-3:]} {events.lines[-3:]}")
    left = 0  # the sequence that the dead one has come to
    for turn in range(KILLS):
        dead, other = ("a", "b") if turn % 2 == 0 else ("b", "a")
        seen, begin = len(values.lines), len(events.lines)
        killed = writers[dead].kill()
        expect(f"turn {turn}: nobody is told that {dead} is dead",
               until(lambda: told(events, begin, "own/" + dead, "source-dead")))
        for event in told(events, begin, "own/" + dead, "source-dead")[:1]:
            deaths.append(event["time_ns"] - killed)
            expect(f"turn {turn}: source-dead after {deaths[-1] / MS:.1f} ms", deaths[-1] <= MAX_DEATH_NS)
            left = event["sequence"]
        expect(f"turn {turn}: no value of {other}", until(lambda: [
            e for e in values.lines[seen:] if e["receive_ns"] > killed + 20 * MS and e["value"]["value"] == VALUE[other]]))
        since = [e for e in values.lines[max(0, seen - 1):] if e["receive_ns"] > killed]
        first = next((e for e in since if e["value"]["value"] == VALUE[other]), None)
        if first is not None:
            gaps.append(first["receive_ns"] - killed)
            expect(f"turn {turn}: the other's value after {gaps[-1] / MS:.1f} ms", gaps[-1] <= MAX_GAP_NS)
        expect(f"turn {turn}: a value of {dead} after its death",
               not [e for e in since if e["value"]["value"] == VALUE[dead] and e["receive_ns"] > killed + 20 * MS])
        expect(f"turn {turn}: the shared topic is taken for dead", not told(events, begin, "shared", "source-dead"))
        if turn % 10 == 0:
            why = second_owner(other)
            expect(f"turn {turn}: a second owner of {other} is not refused: {why}", why == "")
        begin = len(events.lines)
        writers[dead] = writer(dead)
        back = until(lambda: told(events, begin, "own/" + dead, "fresh"))
        expect(f"turn {turn}: {dead} does not come back", back)
        if back:
            expect(f"turn {turn}: {dead} begins anew", told(events, begin, "own/" + dead, "fresh")[0]["sequence"] > left)
    expect("a value that nobody wrote", {e["value"]["value"] for e in values.lines} == set(VALUE.values()))
finally:
    for container in [*writers.values(), values, events]:
        container.end()
for what, all_ns in (("source-dead", deaths), ("the other's value", gaps)):
    all_ns.sort()
    print(f"{what}: median {all_ns[len(all_ns) // 2] / MS:.1f} ms, greatest {all_ns[-1] / MS:.1f} ms of {len(all_ns)}")
print(f"{KILLS} kills, {len(values.lines)} values, {len(violations)} violations")
sys.exit(len(violations) != 0)
