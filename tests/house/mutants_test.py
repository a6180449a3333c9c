#!/usr/bin/env python3
"""Each mutant of tests/mutants/mutants.txt still fits the tree: its file has the line, once, and its test is there.

    mutants_test.py TREE     checks the table, and that planted faults in it are found

tests/mutants/run.sh makes the mutants, some of them in each run; this test reads, so that a file that moves takes its
mutants along in the same commit.
"""
import re
import sys

sys.dont_write_bytecode = True
from source import Report, Tree

TABLE = "tests/mutants/mutants.txt"
TEST = re.compile(r"\bTEST(?:_[FP])?\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)")


def mutants(tree):
    """(line number, fields by name) of each mutant."""
    found = []
    for number, line in enumerate(tree.text(TABLE).split("\n"), 1):
        field = re.match(r"(mutant|in|from|to|test): *(.*)", line)
        if not field:
            continue
        if field[1] == "mutant":
            found.append((number, {}))
        found[-1][1][field[1]] = field[2]
    return found


def problems(tree):
    paths = set(tree.files(r".*"))
    tests = {".".join(names) for path in paths if path.startswith("tests/") and path.endswith(".cc")
             for names in TEST.findall(tree.text(path))}
    for number, fields in mutants(tree):
        at = f"{TABLE}:{number}: {fields['mutant']}: "
        missing = [name for name in ("in", "from", "test") if not fields.get(name)]
        if missing:
            yield at + "has no " + ", ".join(missing)
        elif fields["in"] not in paths:
            yield at + f"there is no {fields['in']}"
        else:
            count = sum(fields["from"] in line for line in tree.text(fields["in"]).split("\n"))
            if count != 1:
                yield at + f"{count} lines of {fields['in']} have what it changes"
            for test in fields["test"].split(" ")[1:]:  # none, or "*": all that the program has
                # Of a test with parameters the instance and the parameter stand around its name.
                if test != "*" and re.sub(r"^[^/.]*/|/[^/.]*$", "", test) not in tests:
                    yield at + f"there is no test {test}"


def main():
    tree, report = Tree(sys.argv[1]), Report()
    table = tree.text(TABLE)
    report.check(f"each of {len(mutants(tree))} mutants applies to the file it names, and its test exists", problems(tree),
                 "tests/mutants/mutants.txt moves along with what it changes")
    planted = table + "\nmutant: planted\nin: shm/no_such.cc\nfrom: x\nto:\ntest: shm_tests A.B\n"
    report.found("a file that moved", list(problems(tree.with_planted({TABLE: planted}))), "there is no shm/no_such.cc")
    planted = table + "\nmutant: planted\nin: shm/node.cc\nfrom: no such line\nto:\ntest: shm_tests A.B\n"
    report.found("a line that changed", list(problems(tree.with_planted({TABLE: planted}))), "0 lines of shm/node.cc")
    report.found("a test that is gone", list(problems(tree.with_planted({TABLE: planted.replace("no such line", "void Node::retire")}))) +
                 list(problems(tree.with_planted({TABLE: table.replace(" TopicTest.", " NoTopicTest.", 1)}))), "there is no test")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
