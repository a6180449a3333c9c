#!/usr/bin/env python3
"""Every #include and every linked target goes along an arrow of arrows.txt, and neither units nor rooms go round.

    arrows_test.py TREE            checks the tree, and that violations planted in a copy in memory are found
    arrows_test.py TREE --count    prints the figures of a tree, one without arrows.txt too
    arrows_test.py TREE --actual   prints the arrows that a tree has, as lines of arrows.txt

A unit is a .h with the .cc of its name; peer_sender_topics.cc, whose first include is peer_sender.h, belongs to the unit of that.
"""
import os
import re
import sys

sys.dont_write_bytecode = True
from source import PRODUCT, Report, Tree, code, line_of, without_comments

TABLE = "tests/house/arrows.txt"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.M)
PRINTS = re.compile(
    r"\b(?:printf|fprintf|vprintf|vfprintf|dprintf|puts|putchar|perror|syslog)\s*\(|\bstd::(?:cout|cerr|clog|print|println)\b"
    r"|\b(?:stdout|stderr|STDOUT_FILENO|STDERR_FILENO)\b|\bfmt::print\b|\bspdlog::|\bwrite\s*\(\s*[12]\s*,")


class Table:
    def __init__(self, text):
        self.arrows, self.libraries, self.silent, self.problems = {}, [], set(), []
        for number, line in enumerate(text.splitlines(), 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            head, colon, tail = line.rpartition(": ") if ": " in line else (line.rstrip(":"), ":", "")
            words = head.split()
            if words[0] == "library" and len(words) > 2:
                self.libraries.append((words[1], tuple(words[2:]), set(tail.split())))
            elif words == ["silent"]:
                self.silent |= set(tail.split())
            elif len(words) == 1 and colon:
                self.arrows.setdefault(words[0], set()).update(tail.split())
            else:
                self.problems.append(f"{TABLE}:{number}: neither an arrow, a library nor `silent`")
        named = set().union(*self.arrows.values(), self.silent, *(rooms for _, _, rooms in self.libraries))
        self.problems += [f"{TABLE}: {room} has no line of its own" for room in sorted(named - set(self.arrows))]


def room_of(path):
    return os.path.dirname(path)


def stem(path):
    return re.sub(r"\.(h|cc|cc\.in)$", "", path)


class Includes:
    """What includes what: by file, by unit and by room."""

    def __init__(self, tree):
        self.files = tree.sources(PRODUCT)
        known = set(self.files)
        self.quoted, self.angled = {}, {}
        for path in self.files:
            text = without_comments(tree.text(path))
            found = [(m.group(1), m.group(2), line_of(text, m.start(1))) for m in INCLUDE.finditer(text)]
            self.quoted[path] = [(name, line) for mark, name, line in found if mark == '"']
            self.angled[path] = [(name, line) for mark, name, line in found if mark == "<"]
        self.unit = {}
        for path in self.files:
            self.unit[path] = stem(path)
            first = self.quoted[path][0][0] if self.quoted[path] else ""
            if stem(path) + ".h" not in known and first in known and stem(path).startswith(stem(first) + "_"):
                self.unit[path] = stem(first)
        self.units, self.rooms = {u: {} for u in self.unit.values()}, {}
        for path in self.files:
            self.rooms.setdefault(room_of(path), {})
            for name, line in self.quoted[path]:
                place = f"{path}:{line}"
                if name in known and self.unit[name] != self.unit[path]:
                    self.units[self.unit[path]].setdefault(self.unit[name], place)
                room = room_of(name)
                if room != room_of(path):
                    self.rooms[room_of(path)].setdefault(room, place)


def circles(arrows):
    """The groups of nodes that reach each other: strongly connected components of more than one node."""
    index, low, stack, on, out = {}, {}, [], set(), []

    def enter(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on.add(node)
        for to in sorted(arrows.get(node, ())):
            if to not in index:
                enter(to)
                low[node] = min(low[node], low[to])
            elif to in on:
                low[node] = min(low[node], index[to])
        if low[node] == index[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
                on.discard(group[-1])
            if len(group) > 1:
                out.append(sorted(group))

    sys.setrecursionlimit(10000)
    for node in sorted(arrows):
        if node not in index:
            enter(node)
    return sorted(out)


def describe(group, arrows):
    """The shortest way round in the group, with the place of each include."""
    best = None
    for start in group:
        before, queue = {start: None}, [start]
        for node in queue:  # breadth first
            for to in sorted(arrows[node]):
                if to == start:
                    ring = [start]
                    while node != start:
                        ring.insert(1, node)
                        node = before[node]
                    if best is None or len(ring) < len(best):
                        best = ring
                    queue.clear()
                    break
                if to in group and to not in before:
                    before[to] = node
                    queue.append(to)
    steps = [f"{a} -> {b} ({arrows[a][b]})" for a, b in zip(best, best[1:] + best[:1])]
    return f"{len(group)} in circles ({', '.join(group)}): " + "; ".join(steps)


def include_problems(tree, table, includes):
    out = []
    for path in includes.files:
        room = room_of(path)
        if room not in table.arrows:
            out.append(f"{path}:1: room {room} has no line in {TABLE}")
            continue
        for name, line in includes.quoted[path]:
            to = room_of(name)
            if name.split("/")[0] not in PRODUCT:
                out.append(f"{path}:{line}: \"{name}\" is of no room; write the path from the root")
            elif to != room and to not in table.arrows[room]:
                out.append(f"{path}:{line}: {room} may not include {to} (\"{name}\")")
        for name, line in includes.angled[path]:
            for target, headers, rooms in table.libraries:
                if room not in rooms and name.startswith(headers):
                    out.append(f"{path}:{line}: {room} may not include <{name}>; that is for {', '.join(sorted(rooms))}")
        if room in table.silent:
            text = code(tree.text(path))
            out += [f"{path}:{line_of(text, m.start())}: {room} prints or logs: {m.group().strip()}"
                    for m in PRINTS.finditer(text)]
    return out


def circle_problems(arrows):
    return [describe(group, arrows) for group in circles(arrows)]


# --- CMake ------------------------------------------------------------------------------------------------------


def target_of(room):
    """shm: smt; proto: smt_proto; relay/outbound: smt_relay_outbound."""
    return "smt" if room == "shm" else "smt_" + room.replace("/", "_")


def commands(text):
    """name, arguments and line of each command of a CMakeLists.txt."""
    text = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), text)
    for m in re.finditer(r"\b(\w+)\s*\(((?:[^()]|\([^()]*\))*)\)", text):
        yield m.group(1).lower(), m.group(2).split(), line_of(text, m.start())


def page_of(tree, room):
    """The CMake file of the room's target, and its text; libsmt is built and installed by the root's."""
    for page in [room + "/CMakeLists.txt"] + ["CMakeLists.txt"] * (room == "shm"):
        try:
            return page, tree.text(page)
        except OSError:
            pass
    return room + "/CMakeLists.txt", None


def links_of(text):
    """(word, visible to others, line) of each name that a target of this file, or a tool(), links."""
    made = {w[0] for n, w, _ in commands(text) if n in ("add_library", "add_executable") and w}
    for name, words, line in commands(text):
        if name == "tool":
            yield from ((word, False, line) for word in words[1:])
        if name != "target_link_libraries" or words[0] not in made:
            continue
        visible = True
        for word in words[1:]:
            if word in ("PUBLIC", "INTERFACE", "PRIVATE"):
                visible = word != "PRIVATE"
            else:
                yield word, visible, line


def cmake_problems(tree, table, includes):
    """Each room has a target that links no room but those that it may include, and those that it includes."""
    targets = {target_of(room): room for room in table.arrows}
    out, direct, visible = [], {}, {}
    for room in sorted(table.arrows):
        page, text = page_of(tree, room)
        direct[room], visible[room] = set(), set()
        if text is None:
            out.append(f"{page}:1: there is none; each room has a target of its own")
            continue
        found = list(commands(text))
        if room != "cmd" and not any(n == "add_library" and w[0] == target_of(room) for n, w, _ in found) and \
                not (room == "cmd/demo" and any(n == "add_executable" for n, _, _ in found)):
            out.append(f"{page}:1: no add_library({target_of(room)} ...)")
        out += [f"{page}:{line}: {w[0]} is the target of {targets[w[0]]}" for n, w, line in found
                if n == "add_library" and targets.get(w[0], room) != room]
        for word, seen, line in links_of(text):
            to = targets.get(word)
            if to and to != room:
                direct[room].add(to)
                visible[room].update([to] if seen else [])
                if to not in table.arrows[room]:
                    out.append(f"{page}:{line}: {room} links {word}, but may not include {to}")
            out += [f"{page}:{line}: {room} links {word}, which is for {', '.join(sorted(rooms))}"
                    for target, _, rooms in table.libraries if word == target and room not in rooms]
    for room in sorted(table.arrows):
        reached, todo = set(), list(direct[room])
        while todo:
            to = todo.pop()
            if to not in reached:
                reached.add(to)
                todo += visible[to]
        out += [f"{page_of(tree, room)[0]}:1: {room} includes {to} ({place}), but links no {target_of(to)}"
                for to, place in sorted(includes.rooms.get(room, {}).items()) if to in table.arrows and to not in reached]
    return out


# --- what the check must find -----------------------------------------------------------------------------------


def planted(report, tree, table):
    """Plants one violation of each kind in a copy in memory, and one forbidden include in every room."""
    includes = Includes(tree)

    def problems(files, with_table=table):
        changed = tree.with_planted(files)
        found = Includes(changed)
        return (include_problems(changed, with_table, found) + circle_problems(found.units) +
                circle_problems(found.rooms))

    headers = {}
    for path in includes.files:
        if path.endswith(".h"):
            headers.setdefault(room_of(path), path)
    files, expected = {}, []
    for room, header in sorted(headers.items()):
        forbidden = next((r for r in sorted(headers, reverse=True) if r != room and r not in table.arrows[room]), None)
        if forbidden:
            files[header] = tree.text(header) + f'\n#include "{headers[forbidden]}"\n'
            expected.append(f"{room} may not include {forbidden}")
    found = problems(files)
    for text in expected:
        if not any(text in problem for problem in found):
            report.found("a forbidden include: " + text, found, text)
    report.check(f"finds a forbidden include in each of {len(expected)} rooms",
                 [] if expected else ["no room to plant one in"])

    # The circles: of two units of a room, and of two rooms whatever the table says.
    a, b = next((a, b) for a in includes.files for b, _ in includes.quoted[a]
                if a.endswith(".h") and b.endswith(".h") and b in includes.quoted and room_of(a) == room_of(b))
    report.found("a circle of units", problems({b: f'#include "{a}"\n' + tree.text(b)}), f"{stem(b)} -> {stem(a)} (")
    a, b = next((a, b) for a in includes.files for b, _ in includes.quoted[a]
                if a.endswith(".h") and b in includes.quoted and room_of(a) != room_of(b) and room_of(b) != "shm")
    wide = Table("")
    wide.arrows = {room: set(table.arrows) for room in table.arrows}
    found = problems({b: f'#include "{a}"\n' + tree.text(b)}, wide)
    report.found("a circle of rooms", found, f"{room_of(b)} -> {room_of(a)} (")
    # Not below what stands there already: a file beside each, so that the tree's own circles do not hide it.
    report.found("a room without a line", problems({"relay/attic/x.h": ""}), "room relay/attic has no line")
    for target, names, rooms in table.libraries:
        room = next(r for r in sorted(headers) if r not in rooms)
        report.found(f"<{names[0]}...> in {room}", problems({f"{room}/x.h": f"#include <{names[0]}x.h>\n"}),
                     f"{room}/x.h:1: {room} may not include <{names[0]}x.h>")
    for text in ('std::cout << "a"', "printf(\"a\")", "fputs(text, stderr)", "spdlog::warn(\"a\")", 'fmt::print("a")'):
        room = min(table.silent & set(headers))
        report.found(f"`{text}` in {room}", problems({f"{room}/x.cc": f"void f() {{ {text}; }}\n"}),
                     f"{room}/x.cc:1: {room} prints or logs")
    report.found("an include by a path that is not from the root", problems({"shm/x.cc": '#include "layout.h"\n'}),
                 "shm/x.cc:1: \"layout.h\" is of no room")
    report.check("snprintf, and a comment on printf(), are let be",
                 [p for p in problems({"shm/x.cc": "// printf(\nvoid f() { snprintf(a, 1, \"stdout\"); }\n"}) if "x.cc" in p])


def planted_cmake(report, tree, table):
    rooms = [r for r in table.arrows if r.startswith("relay/") and (page_of(tree, r)[1] or "").count("add_library")]
    if not rooms:
        report.check("a room to plant a link in", ["relay/*/CMakeLists.txt: there is none"])
        return
    room = rooms[0]
    page, text = page_of(tree, room)
    high = next(r for r in rooms if r not in table.arrows[room] and r != room)

    def problems(change):
        changed = tree.with_planted({page: change})
        return cmake_problems(changed, table, Includes(changed))

    more = f"{text}\ntarget_link_libraries({target_of(room)} PUBLIC {target_of(high)})\n"
    report.found("a forbidden link", problems(more), f"{room} links {target_of(high)}, but may not include {high}")
    report.found("a room without a target", problems(""), f"no add_library({target_of(room)} ...)")
    bare = re.sub(r"target_link_libraries\s*\([^()]*\)", "", text)
    used = min(Includes(tree).rooms[room])
    report.found("an include of what is not linked", problems(bare), f"{room} includes {used} (")
    more = f"{text}\ntarget_link_libraries({target_of(room)} PRIVATE PkgConfig::HDF5)\n"
    report.found("a link of a library that is for others", problems(more), f"{room} links PkgConfig::HDF5, which is for")


def main():
    tree = Tree(sys.argv[1])
    options = sys.argv[2:]
    includes = Includes(tree)
    arrows = sum(len(to) for to in includes.rooms.values())
    unit_circles, room_circles = circles(includes.units), circles(includes.rooms)
    figures = (f"{len(includes.rooms)} rooms, {arrows} arrows between them, {len(room_circles)} circles of rooms; "
               f"{len(includes.units)} units, {sum(len(to) for to in includes.units.values())} arrows, "
               f"{len(unit_circles)} circles of units")
    if "--actual" in options:
        for room, to in sorted(includes.rooms.items()):
            print(f"{room}: " + " ".join(sorted(to, key=lambda name: (name.split("/")[0] not in ("shm", "proto"), name))))
        return 0
    if "--count" in options:
        print(figures)
        for name, found, of in (("units", unit_circles, includes.units), ("rooms", room_circles, includes.rooms)):
            for group in found:
                print(f"circle of {name}: " + describe(group, of))
        return 0
    report = Report()
    table = Table(tree.text(TABLE))
    report.check("the table is whole", table.problems, "each room that is named has a line of its own")
    report.check("the table has no circles", [f"{TABLE}: {', '.join(group)}" for group in circles(table.arrows)],
                 "an arrow has to go: cut the room, or move the unit")
    gone = sorted(set(table.arrows) - set(includes.rooms))
    report.check("each room of the table exists", [f"{TABLE}: {room} has no sources" for room in gone])
    report.check("each include goes along an arrow", include_problems(tree, table, includes),
                 f"cut the file or pass the value in; where the plan is wrong, change {TABLE} with the reason in the commit")
    report.check("no circle of units", circle_problems(includes.units), "move what both need into a unit of its own")
    report.check("no circle of rooms", circle_problems(includes.rooms), "move what both need into a lower room")
    report.check("each room has a target, which links what it includes", cmake_problems(tree, table, includes),
                 "target_link_libraries names the rooms that are included")
    planted(report, tree, table)
    planted_cmake(report, tree, table)
    print(figures)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
