#!/usr/bin/env python3
"""The tables of rooms in docs/architecture.md have every room of arrows.txt, with the rooms that it may use; docs/rooms.svg
names every room.

    page_of_rooms.py TREE

The page leaves `shm` out. "the façade" is `relay`, "all of relay" is that and all its rooms, "all rooms but http and zmq" are the rooms
that the façade may use.
"""
import re
import sys


def arrows(tree):
    found = {}
    for line in open(tree + "/tests/house/arrows.txt", encoding="utf-8"):
        m = re.match(r"((?:relay|cmd)(?:/\w+)?):(.*)", line)
        if m:
            found.setdefault(m.group(1), set()).update(m.group(2).split("#")[0].split())
    return found


def used(cell, layer, rooms):
    """The rooms that the last cell of a row names."""
    relay = {room for room in rooms if room.startswith("relay")}
    if "all of relay" in cell:
        return used(cell.replace(", all of relay", ""), layer, rooms) | relay | {"proto"}
    if "all rooms but" in cell:
        return relay - {"relay", "relay/http", "relay/zmq"} | {"proto"}
    cell = re.sub(r"relay/\{([^}]*)\}", lambda m: ", ".join("relay/" + name.strip() for name in m.group(1).split(",")), cell)
    names = [name.strip() for name in cell.split(",") if name.strip()]
    whole = {"proto": "proto", "the façade": "relay"}
    return {whole.get(name, name if "/" in name else f"{layer}/{name}") for name in names}


def main():
    tree = sys.argv[1]
    rooms, page, wrong = arrows(tree), {}, 0
    for line in open(tree + "/docs/architecture.md", encoding="utf-8"):
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []
        names = re.findall(r"`((?:relay|cmd)(?:/\w+)?)/`", cells[0]) if len(cells) > 1 else []
        if names and re.fullmatch(r"[*`/\w, ]+", cells[0]) and (len(cells) == 3 or names[0] == "relay/names"):
            for name in names:
                page[name] = used(cells[2].rstrip("| ") if len(cells) == 3 else "", name.split("/")[0], rooms)
    drawing = open(tree + "/docs/rooms.svg", encoding="utf-8").read()
    for room in sorted(rooms):
        if room == "cmd":
            continue
        if not re.search(rf">{room.split('/')[-1]}(/|\.h)?<", drawing):
            print(f"{room} is not in docs/rooms.svg")
            wrong += 1
        expected = rooms[room] - {"shm"}
        if room not in page:
            print(f"{room} has no row")
            wrong += 1
        elif page[room] != expected:
            print(f"{room}: the page has {sorted(page[room] - expected)} too many and lacks {sorted(expected - page[room])}")
            wrong += 1
    return wrong != 0


sys.exit(main())
