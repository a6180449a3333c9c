#!/usr/bin/env python3
"""Draws one run of bench_relay (or bench_peers) with gnuplot, and writes its tables into the pages.

    plots.py RUN.json TREE

RUN.json is what the program prints with --json. Each sweep in it becomes TREE/docs/plots/AXIS.svg; the tables stand in
TREE/docs/performance.md and TREE/README.md, between <!-- run NAME --> and <!-- end of run -->, and so does the link to each
drawing. Ends with 1 and a sentence if the run lacks what a table shows, and has then changed nothing. A sweep that the run
lacks leaves its drawing as it is.
"""
import json
import math
import os
import re
import subprocess
import sys

NAMES = {  # of the contestants, on the pages
    "smtrelay": "smtrelay",
    "best message each": "message per topic",
    "naive, futex, HWM 100,000": "message per topic",
    "batch": "batch",
    "raw tcp": "raw TCP",
    "bare zmq": "bare ZeroMQ",
}
COLUMNS = ["smtrelay", "best message each", "batch", "raw tcp", "bare zmq"]
LINES = ["smtrelay", "naive, futex, HWM 100,000", "batch", "raw tcp", "bare zmq"]
# On light pages and on dark ones.
COLOURS = {
    "smtrelay": ("#0969da", "#4493f8"),
    "naive, futex, HWM 100,000": ("#cf222e", "#f85149"),
    "batch": ("#9a6700", "#d29922"),
    "raw tcp": ("#1a7f37", "#3fb950"),
    "bare zmq": ("#8250df", "#ab7df8"),
}
TEXT, AXIS, GRID = ("#1f2328", "#e6edf3"), ("#818b98", "#7d8590"), ("#d8dee4", "#3d444d")
LINEAR = {"hops"}  # axes along which times add up
POINTS = [7, 5, 9, 11, 13]  # of gnuplot, for each line: it is told by its shape too
FONT = "DejaVu Sans"
CPU = "CPU of the relays per update, us"
DRAWINGS = "plots"  # the folder, seen from docs
AXES = {  # what the drawing shows, how the axis is labelled, and the ticks of gnuplot
    "topics": ("Latency and processor time per update against the number of topics",
               "topics, all changed ten times a second",
               "set logscale x; set xrange [8:130000]; set xtics ('10' 10, '100' 100, '1,000' 1e3, '10,000' 1e4, "
               "'100,000' 1e5)"),
    "size": ("Latency and processor time per update against the size of the value",
             "size of the value, bytes",
             "set logscale x 2; set xrange [7:2e7]; set xtics ('8' 8, '64' 64, '1 Ki' 1024, '8 Ki' 8192, '64 Ki' 65536, "
             "'1 Mi' 1048576, '16 Mi' 16777216)"),
    "subscribers": ("Latency and the sender's processor time per update against the number of subscribers",
                    "subscribers",
                    "set logscale x 2; set xrange [0.93:70]; set xtics (1, 2, 4, 8, 16, 32, 64)"),
    "hops": ("Latency and processor time per update against the number of relays between",
             "relays between",
             "set xtics 0, 1, 3; set xrange [-0.2:3.2]"),
    "changed share": ("Latency and processor time per update against the share of topics that changes",
                      "share of 10,000 topics that changes, %",
                      "set logscale x; set xrange [0.085:115]; set format x '%g'"),
}


DECADES = {-2: "10 ns", -1: "100 ns", 0: "1 us", 1: "10 us", 2: "100 us", 3: "1 ms", 4: "10 ms", 5: "100 ms", 6: "1 s",
           7: "10 s"}  # of microseconds
TITLES = {"p50, us": "latency, p50", "p99, us": "latency, p99"}  # of panels whose metric needs more words


def fail(why):
    sys.exit("plots.py: " + why)


def file_of(axis):
    return axis.replace(" ", "_") + ".svg"


class Run:
    """The rows of one run."""

    def __init__(self, path):
        try:
            with open(path, encoding="utf-8") as file:
                self.json = json.load(file)
        except (OSError, ValueError) as why:
            fail(f"{path} is no run: {why}")
        self.rows = self.json["rows"]

    def find(self, title, metric, name):
        """The median of a question's row; None: there is none."""
        for row in self.rows:
            group = row["group"]
            if "axis" not in row and row["name"] == name and group.startswith(title) and group.endswith(": " + metric):
                return row["median"]
        return None

    def sweep(self, axis):
        """{metric: {name: [(x, median, min, max)]}}, the metrics in the order of the run."""
        found = {}
        for row in self.rows:
            if row.get("axis") == axis:
                points = found.setdefault(row["metric"], {}).setdefault(row["name"], [])
                points.append((row["x"], row["median"], row["min"], row["max"]))
        return found

    def machine(self):
        m, rounds = self.json["machine"], self.rows[0]["rounds"]
        return (f"{m['cores']} cores of {m['processor']}, {m['memory']}, {m['kernel']}, {m['system']}, {m['compiler']}, "
                f"{rounds} round{'' if rounds == 1 else 's'}")


def significant(value):
    """Three digits; no exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def time_text(us):
    for limit, factor, unit in ((1e3, 1, "us"), (1e6, 1e-3, "ms")):
        if us < limit:
            return f"{significant(us * factor)} {unit}"
    return f"{significant(us * 1e-6)} s"


def count_text(thousands):
    if thousands >= 1000:
        return f"{significant(thousands / 1000)} M"
    return f"{round(thousands * 1000):,}" if thousands < 20 else f"{significant(thousands)} k"


def percent_text(value):
    return f"{significant(value)} %"


P50, P99, RATE, SHARE = "p50, us", "p99, us", "delivered, k/s", "delivered of what was published, %"
BUSY, SENDER = "CPU of the relays, % of a core", "CPU of the sender, % of a core"
# load; figure; title of the question; metrics; how each is written; whether README has it
TABLE = [
    ("one topic, 32 B, 400 Hz", "p50 / p99", "(a)", [P50, P99], time_text, True),
    ("", "CPU of the relays per update", "(a)", [CPU], time_text, False),
    ("1,000 topics, 32 B, each every ms", "p50 / p99", "(b)", [P50, P99], time_text, True),
    ("", "delivered", "(b)", [SHARE], percent_text, False),
    ("", "CPU of the relays per update", "(b)", [CPU], time_text, True),
    ("1,000 topics, as fast as it goes", "updates/s", "(c) saturated, 1000 ", [RATE], count_text, True),
    ("10,000 topics, as fast as it goes", "updates/s", "(c) saturated, 10000 ", [RATE], count_text, True),
    ("", "p99", "(c) saturated, 10000 ", [P99], time_text, False),
    ("one topic, 1 MiB, 1 kHz", "p50 / p99", "(d) one topic of 1 MiB, at 1 kHz", [P50, P99], time_text, False),
    ("one topic, 1 MiB, 4 kHz offered", "values/s", "(d) one topic of 1 MiB, at 4 kHz", [RATE], count_text, True),
    ("1,000 silent topics", "CPU of the relays, of a core", "(e)", [BUSY], percent_text, False),
    ("100 topics, 1 kHz, 8 subscribers", "p99", "(f)", [P99], time_text, True),
    ("", "CPU of the sender, of a core", "(f)", [SENDER], percent_text, False),
]
PEERS = [
    ("32 B, 400 Hz: p50 / p99", "(a)", [P50, P99], time_text),
    ("CPU per update", "(a)", [CPU], time_text),
    ("1,000 topics of 32 B: updates/s", "(c) saturated, 1000 ", [RATE], count_text),
    ("1 MiB, 1 kHz: p50", "(d) one topic of 1 MiB, at 1 kHz", [P50], time_text),
    ("1 MiB, 4 kHz offered: values/s", "(d) one topic of 1 MiB, at 4 kHz", [RATE], count_text),
]


def cell(run, title, metrics, text, name):
    values = [run.find(title, metric, name) for metric in metrics]
    return "-" if None in values else " / ".join(text(value) for value in values)


def table(run, front):
    """Of README if `front`."""
    lines = ["| load | figure | " + " | ".join(NAMES[name] for name in COLUMNS) + " |", "|---" * (2 + len(COLUMNS)) + "|"]
    shown = ""
    for load, figure, title, metrics, text, in_front in TABLE:
        shown = load or shown
        if front and not in_front:
            continue
        cells = [cell(run, title, metrics, text, name) for name in COLUMNS]
        if cells[0] == "-":
            fail(f"the run has no figures of smtrelay for '{shown}', {figure}")
        first = shown if front or load else ""
        lines.append(f"| {first} | {figure} | " + " | ".join(cells) + " |")
    return lines


def peer_table(run):
    names = []
    for row in run.rows:
        if row["group"].startswith("(a)") and row["name"] not in names and row["name"] not in ("naive", "best naive"):
            if not row["name"].startswith("naive,"):
                names.append(row["name"])
    first = [name for name in COLUMNS if name in names]
    lines = ["| | " + " | ".join(column for column, *_ in PEERS) + " |", "|---" * (1 + len(PEERS)) + "|"]
    for name in first + [name for name in names if name not in first]:
        cells = [cell(run, title, metrics, text, name) for _, title, metrics, text in PEERS]
        lines.append(f"| {NAMES.get(name, name)} | " + " | ".join(cells) + " |")
    reasons = [f"- {gone['name']}, {gone['group']}: {' '.join(gone['why'].split())[:200]}" for gone in run.json["left_out"]]
    return lines + ([""] + reasons if reasons else [])


def goal_table(run):
    lines = ["| goal | measured | at most | |", "|---|---|---|---|"]
    for goal in run.json["goals"]:
        verdict = "met" if goal["met"] else "**not met**"
        unit = " " + goal["unit"] if goal["unit"] else ""
        measured, limit = (significant(goal[which]) + unit for which in ("value", "limit"))
        lines.append(f"| {goal['what']} | {measured} | {limit} | {verdict} |")
    return lines


def blocks_of(run):
    """What stands in the pages: {page: {name: lines}}."""
    machine = ["Medians of one run: " + run.machine() + "."]
    drawings = {f"drawing {axis}": [f"![{alt}]({DRAWINGS}/{file_of(axis)})"] for axis, (alt, _, _) in AXES.items()
                if run.sweep(axis)}
    return {
        "docs/performance.md": drawings | {
            "machine": machine,
            "table": table(run, False),
            "goals": goal_table(run),
            "peers": peer_table(run),
        },
        "README.md": {"table": table(run, True) + [""] + machine},
    }


def replace_blocks(text, blocks, page):
    for name, lines in blocks.items():
        mark = f"<!-- run {name} -->"
        pattern = re.compile(re.escape(mark) + r"\n.*?<!-- end of run -->", re.S)
        if not pattern.search(text):
            fail(f"{page} has no {mark} ... <!-- end of run -->")
        block = mark + "\n" + "\n".join(lines) + "\n<!-- end of run -->"
        text = pattern.sub(lambda _: block, text, count=1)
    return text


def scale(lines, linear):
    """The axis of times for {name: [(x, median, min, max)]}: whole decades that hold them all. If `linear`, from 0 to what
    holds the medians, as the maximum of one round would press all lines together."""
    if linear:
        top = max(median for points in lines.values() for _, median, _, _ in points)
        step = next(step for d in range(-3, 9) for step in (10.0 ** d, 2 * 10.0 ** d, 5 * 10.0 ** d) if top <= 5 * step)
        ticks = [f"'{time_text(i * step) if i else 0}' {i * step:g}" for i in range(6)]
        return [f"set yrange [0:{5 * step:g}]", "set ytics (" + ", ".join(ticks) + ")"]
    times = [time for points in lines.values() for point in points for time in point[1:] if time > 0]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    ticks = [f"'{DECADES[d]}' 1e{d}" for d in range(low, high + 1)]
    ticks += [f"'' {i}e{d} 1" for d in range(low, high) for i in range(2, 10)]
    # A little more, as gnuplot omits a tick at the very end of a logarithmic axis.
    return [f"set yrange [0.99e{low}:1.01e{high}]", "set ytics (" + ", ".join(ticks) + ")"]


def legend():
    """Labels 1 to 5 below the panels, each with its point; what a name takes follows from its length."""
    script, x, per_letter, gap = [], 0.14, 0.0085, 0.05
    for i, name in enumerate(LINES):
        colour = COLOURS[name][0]
        script.append(f"set label {i + 1} '{NAMES[name]}' at screen {x:.3f},0.05 left offset 0.8,-0.25 font ',12' "
                      f"textcolor rgb '{colour}' point pt {POINTS[i]} ps 0.7 lc rgb '{colour}'")
        x += per_letter * len(NAMES[name]) + gap
    return script


def gnuplot_script(axis, metrics, path):
    """One panel for each metric, side by side, and one legend below them."""
    _, label, ticks = AXES[axis]
    width = 1.0 / len(metrics)
    script = [
        f"set terminal svg size {320 * len(metrics)},320 font '{FONT},11'",
        f"set output '{path}'",
        "set multiplot",
        f"set border 3 lc rgb '{AXIS[0]}'",
        f"set tics out nomirror scale 0.5 textcolor rgb '{TEXT[0]}'",
        f"set grid xtics ytics lt 1 lw 0.5 lc rgb '{GRID[0]}'",
        "" if axis in LINEAR else "set logscale y",
        ticks,
        "unset key",
        f"set xlabel '{label}' textcolor rgb '{TEXT[0]}'",
    ]
    script += legend()
    for panel, (metric, lines) in enumerate(metrics.items()):
        title = TITLES.get(metric, metric.removesuffix(", us"))
        script += [f"set origin {panel * width},0.1", f"set size {width},0.9",
                   f"set title '{title}' offset 0,-0.5 textcolor rgb '{TEXT[0]}' font ',12'"]
        script += scale(lines, axis in LINEAR)
        plots = []
        for i, name in enumerate(LINES):
            if name not in lines:
                continue
            script.append(f"$d{panel}_{i} << EOD")
            script += [" ".join(f"{number:.6g}" for number in point) for point in sorted(lines[name])]
            script.append("EOD")
            colour = COLOURS[name][0]
            plots.append(f"$d{panel}_{i} using 1:3:4 with filledcurves fc rgb '{colour}' fs transparent solid 0.1 noborder "
                         f"title '{NAMES[name]}'")
            plots.append(f"$d{panel}_{i} using 1:2 with linespoints lw 1.8 pt {POINTS[i]} ps 0.5 lc rgb '{colour}' "
                         f"title '{NAMES[name]}'")
        script.append("plot " + ", ".join(plots))
        if panel == 0:
            script += [f"unset label {i + 1}" for i in range(len(LINES))]
    return "\n".join(script) + "\nunset multiplot\n"


def for_light_and_dark(svg, title):
    """gnuplot's drawing with colours that the reader's page may change."""
    def hexed(match):
        return "#" + "".join(f"{int(part):02x}" for part in match.groups())

    svg = re.sub(r"rgb\(\s*(\d+),\s*(\d+),\s*(\d+)\)", hexed, svg)
    svg = re.sub(r"""(stroke|fill|color)\s*=\s*['"](#\w+)['"]""", r'\1="\2"', svg)
    svg = svg.replace(f'font-family="{FONT}"', f'font-family="{FONT},Verdana,sans-serif"')
    pairs = [TEXT, AXIS, GRID] + list(COLOURS.values())
    dark = "".join(f'[{kind}="{light}"]{{{kind}:{other}}}' for light, other in pairs for kind in ("stroke", "fill", "color"))
    style = f"<style>@media (prefers-color-scheme:dark){{{dark}}}</style>"
    svg = re.sub(r"<title>.*?</title>\s*<desc>.*?</desc>", f"<title>{title}</title>\n{style}", svg, count=1, flags=re.S)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def draw(run, folder):
    """Writes an SVG for each sweep of the run."""
    os.makedirs(folder, exist_ok=True)
    for axis in AXES:
        metrics = run.sweep(axis)
        if not metrics:
            continue
        path = os.path.join(folder, file_of(axis))
        gnuplot = subprocess.run(["gnuplot", "-"], input=gnuplot_script(axis, metrics, path), text=True,
                                 capture_output=True, check=False)
        if gnuplot.returncode != 0 or gnuplot.stderr:
            fail(f"gnuplot on {axis}: {gnuplot.stderr}")
        with open(path, encoding="utf-8") as file:
            svg = for_light_and_dark(file.read(), AXES[axis][0])
        with open(path, "w", encoding="utf-8") as file:
            file.write(svg)


def main():
    if len(sys.argv) != 3:
        fail("usage: plots.py RUN.json TREE")
    run, tree = Run(sys.argv[1]), sys.argv[2]
    pages = {}
    for page, blocks in blocks_of(run).items():
        with open(os.path.join(tree, page), encoding="utf-8") as file:
            pages[page] = replace_blocks(file.read(), blocks, page)
    draw(run, os.path.join(tree, "docs", DRAWINGS))
    for page, text in pages.items():
        with open(os.path.join(tree, page), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
