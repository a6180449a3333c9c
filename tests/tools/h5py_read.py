"""growing FILE: waits until more samples come while it is recorded. complete FILE SUMMARY: compares all. whole FILE: it has
its end, and each topic as many rows as it says."""
import json
import sys
import time

import h5py


def wait_for(what, condition):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    sys.exit(f"no {what} in 30 s")


def open_growing(path):
    try:
        file = h5py.File(path, "r", libver="latest", swmr=True)
        return file if "wheel" in file["topics"] else None
    except OSError:
        return None


def text(attribute):
    return attribute.decode() if isinstance(attribute, bytes) else attribute


def growing(path):
    file = wait_for("file to read", lambda: open_growing(path))
    speed = file["topics/wheel/speed/value"]
    first = len(speed)

    def more():
        speed.refresh()
        return len(speed) > first + 500

    wait_for("more samples", more)
    assert abs(speed[len(speed) - 1]) <= 1.0
    assert "end_time_ns" not in file.attrs


def complete(path, summary_path):
    with open(summary_path, encoding="utf-8") as file:
        summary = json.load(file)
    assert summary["files"] == [path], summary["files"]
    with h5py.File(path, "r") as file:
        assert file.attrs["smt_log_version"] == 1
        assert file.attrs["end_time_ns"] > file.attrs["start_time_ns"]
        topics = file["topics"]
        for topic in summary["topics"]:
            group = topics[topic["topic"]]
            assert text(group.attrs["topic"]) == topic["topic"]
            for name in ("t", "recv_t", "seq", "missed", "initial"):
                assert len(group[name]) == topic["samples"] + topic["initial"], (topic, name)
            initial = [int(n) for n in group["initial"]]
            assert group["initial"].dtype == "u1"
            assert sum(initial) == topic["initial"] and not any(initial[1:]), (topic, initial)
            if any(initial):
                assert group["t"][0] <= group["recv_t"][0] >= file.attrs["start_time_ns"] - 100_000_000, topic
            assert text(group["t"].attrs["units"]) == "nanoseconds since 1970-01-01"
            assert sum(group["missed"]) == topic["missed"]
            for name in group:
                dataset = isinstance(group[name], h5py.Dataset)
                if dataset and len(group[name].shape) > 0 and name not in ("t", "data"):
                    assert group[name].dims[0][0] == group["t"], (topic, name)
        assert topics["arm/pose/value"].shape == (1, 3)
        assert list(topics["arm/pose/value"][0]) == [1, 2.5, -3]
        assert topics["arm/value"][0] == -7
        assert bytes(topics["arm/name/data"][:]) == b"height"
        assert bytes(topics["arm/bits/data"][:]) == b"\0\1\2"
        assert list(topics["arm/bits/end"]) == [3]
        for name in ("arm/pose", "arm/name", "arm/bits", "arm"):
            assert list(topics[name]["initial"]) == [1], name
        events = file["events"]
        assert len(events["t"]) == len(events["event"]) == summary["events"]
        assert (b"wheel/speed", b"source-dead") in zip(events["topic"], events["event"])
        sequences = [int(n) for n in topics["wheel/speed/seq"]]
        missed = [int(n) for n in topics["wheel/speed/missed"]]
        for before, after, gap in zip(sequences, sequences[1:], missed[1:]):
            assert after - before - 1 == gap


def whole(path):
    with h5py.File(path, "r") as file:
        assert file.attrs["end_time_ns"] > file.attrs["start_time_ns"]
        for topic in ("count", "noise"):
            group = file["topics"][topic]
            rows = group["rows"][()]
            assert rows > 0, topic
            assert all(len(group[name]) == rows for name in ("t", "recv_t", "seq", "missed")), topic
        assert len(file["topics/count/value"][:]) == file["topics/count/rows"][()]
        assert len(file["topics/noise/data"][:]) == file["topics/noise/end"][-1]


if sys.argv[1] == "growing":
    growing(sys.argv[2])
elif sys.argv[1] == "whole":
    whole(sys.argv[2])
else:
    complete(sys.argv[2], sys.argv[3])
