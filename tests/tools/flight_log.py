"""A recorded flight as other people's readers give it, compared with its CSV files.

h5 FLIGHT PART...        h5py reads the parts of a recording
lines FLIGHT FILE        what mcap_lines.mjs has printed of one
lateness FILE            until SIGTERM: sleeps of 5 ms; writes into the file how late the machine ended them, p99 in ms
spacing FIRST SECOND LATE...
                         two outputs of `lines`: how much the samples of each topic lie apart in the second other than in the
                         first; prints p50, p99 and the most in ms, and fails if the p99 is above 1 ms and what the files of
                         `lateness` excuse

`h5` and `lines` print "N samples of M topics, all as in the CSV".
"""
import csv
import glob
import json
import os
import re
import signal
import sys
import time

import h5py
import numpy as np

EVENTS = "smt/logger/events"
C_TYPES = {"float": np.float32, "double": np.float64, "bool": np.bool_}


def number(kind, text):
    if kind == "bool":
        return bool(int(text))
    dtype = C_TYPES.get(kind) or np.dtype(kind.removesuffix("_t")).type
    return dtype(text) if kind in C_TYPES else dtype(int(text))


def load(flight):
    """{topic: {field: values, one row a sample}}, in the columns' own types."""
    topics = {}
    for path in sorted(glob.glob(os.path.join(flight, "*.csv"))):
        name, instance = os.path.basename(path).removesuffix(".csv").rsplit(".", 1)
        with open(path, encoding="utf-8", newline="") as file:
            names, kinds, *rows = list(csv.reader(file))
        columns = {}
        for at, (column, kind) in enumerate(zip(names, kinds)):
            element = re.fullmatch(r"(.*)\[\d+\]", column)
            field = element[1] if element else column
            columns.setdefault(field, []).append([number(kind, row[at]) for row in rows])
        topics[f"{name}/{instance}"] = {
            field: np.array(values[0]) if len(values) == 1 else np.array(values).T for field, values in columns.items()
        }
    return topics


def same(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def compare(flight, found):
    samples = 0
    assert sorted(found) == sorted(flight), (sorted(found), sorted(flight))
    for topic, fields in flight.items():
        assert list(found[topic]) == list(fields), (topic, list(found[topic]), list(fields))
        for field, values in fields.items():
            assert same(values, found[topic][field]), (topic, field, values, found[topic][field])
        samples += len(fields["timestamp"])
    print(f"{samples} samples of {len(flight)} topics, all as in the CSV")


def h5(flight, *parts):
    expected, found = load(flight), {}
    for part in parts:
        with h5py.File(part, "r") as file:
            for name, instances in file["topics"].items():
                if name == EVENTS.split("/")[0]:
                    continue
                for instance, group in instances.items():
                    if len(group["t"]) == 0:
                        continue
                    assert sum(group["missed"]) == 0
                    assert group["rows"][()] == len(group["t"])
                    # The CSV's own times are the stamps.
                    assert np.array_equal(group["t"][:], group["timestamp"][:].astype(np.int64) * 1000)
                    assert np.all(np.diff(group["recv_t"][:]) >= 0) and np.all(np.diff(group["seq"][:]) == 1)
                    fields = found.setdefault(f"{name}/{instance}", {})
                    for field in expected[f"{name}/{instance}"]:
                        values = group[field][:]
                        kind = expected[f"{name}/{instance}"][field].dtype
                        values = values.astype(kind) if kind == np.bool_ else values
                        fields[field] = np.concatenate([fields[field], values]) if field in fields else values
    compare(expected, found)


def read_lines(path):
    """{topic: [(log time, stamp, value)]}"""
    topics = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            topic, log_time, stamp, value = line.split("\t", 3)
            if topic != EVENTS:
                topics.setdefault(topic, []).append((int(log_time), int(stamp), value))
    return topics


def lines(flight, path):
    expected, found = load(flight), {}
    for topic, messages in read_lines(path).items():
        values = [json.loads(value) for _, _, value in messages]
        assert [stamp for _, stamp, _ in messages] == [value["timestamp"] * 1000 for value in values]
        found[topic] = {
            field: np.array([value[field] for value in values]).astype(expected[topic][field].dtype)
            for field in values[0]
        }
    compare(expected, found)


def lateness(path):
    late, running = [], [True]
    signal.signal(signal.SIGTERM, lambda *_: running.clear())
    with open(path, "w", encoding="utf-8") as file:
        due = time.monotonic()
        while running:
            due = max(due + 0.005, time.monotonic())
            time.sleep(max(0, due - time.monotonic()))
            late.append((time.monotonic() - due) * 1e3)
        print(np.percentile(late, 99), file=file)


def spacing(first, second, *late_files):
    a, b, apart = read_lines(first), read_lines(second), []
    assert sorted(a) == sorted(b)
    for topic in a:
        assert [m[1:] for m in a[topic]] == [m[1:] for m in b[topic]], topic
        times = [np.array([m[0] for m in log[topic]]) for log in (a, b)]
        apart.append(np.abs(np.diff(times[1]) - np.diff(times[0])) / 1e6)
    p50, p99, most = np.percentile(np.concatenate(apart), [50, 99, 100])
    # A distance of two samples is late by two wakings in each replay.
    late = [float(open(file, encoding="utf-8").read()) for file in late_files]
    bound = 1 + 2 * sum(late)
    print(f"spacing differs by p50 {p50:.3f} ms, p99 {p99:.3f} ms, at most {most:.3f} ms; p99 may be {bound:.3f} ms, as the "
          f"machine woke a program late by p99 {', '.join(f'{ms:.3f} ms' for ms in late)}")
    assert p99 <= bound


if __name__ == "__main__":
    {"h5": h5, "lateness": lateness, "lines": lines, "spacing": spacing}[sys.argv[1]](*sys.argv[2:])
