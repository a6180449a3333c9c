#!/usr/bin/env python3
"""No function is longer than 60 lines, and no test than 100, but those of functions_exceptions.txt, which are tables.

    functions_test.py TREE             checks the tree, and that a planted function is found
    functions_test.py TREE --longest   prints the twenty longest functions, and the figures of files and classes

A function is as long as from the line of its name to that of its closing brace. ctags finds them.
"""
import re
import statistics
import sys

sys.dont_write_bytecode = True
from source import ALL, PRODUCT, Report, Tree, ctags, ctags_of_text

EXCEPTIONS = "tests/house/functions_exceptions.txt"
LIMIT, TEST_LIMIT = 60, 100


def lengths(tags):
    """(lines, path, line, name) of each function; lambdas count as part of theirs."""
    for tag in tags:
        if tag["kind"] == "function" and "end" in tag and not tag["name"].startswith("__anon"):
            scope = re.sub(r"(::)?__anon\w+", "", tag.get("scope", ""))
            name = tag["name"] + tag.get("signature", "") if tag["name"].startswith("TEST") else tag["name"]
            yield tag["end"] - tag["line"] + 1, tag["path"], tag["line"], (scope + "::" if scope else "") + name


def limit_of(path):
    return TEST_LIMIT if path.startswith("tests/") else LIMIT


def too_long(tags):
    return [(n, path, line, name) for n, path, line, name in sorted(lengths(tags), reverse=True) if n > limit_of(path)]


def sizes(tree, tags):
    """The figures of files and classes of the product."""
    paths = [path for path in tree.sources(PRODUCT) if not path.endswith(".in")]
    files = sorted((len(tree.text(path).splitlines()), path) for path in paths)
    declared = {}
    for tag in tags:
        if tag["kind"] in ("prototype", "member", "function") and tag.get("scopeKind") in ("class", "struct"):
            if tag["path"].split("/")[0] in PRODUCT and not tag["name"].startswith("__anon"):
                key = re.sub(r"__anon\w+(::)?", "", tag["scope"])
                # Out of the class is a definition of what is declared there.
                if tag["kind"] != "function" or "access" in tag:
                    declared.setdefault(key, set()).add((tag["path"], tag["line"], tag["name"]))
    largest = sorted(((len(names), key) for key, names in declared.items()), reverse=True)
    print(f"{len(files)} files, median {statistics.median(n for n, _ in files):.0f} lines, largest {files[-1][0]} ({files[-1][1]})")
    print("largest classes by declarations: " + ", ".join(f"{key} {n}" for n, key in largest[:8]))
    spread = {}
    for tag in tags:
        key = re.sub(r"__anon\w+(::)?", "", tag.get("scope", ""))
        if key in declared and tag["path"].split("/")[0] in PRODUCT:
            spread.setdefault(key, set()).add(tag["path"])
    widest = sorted(((len(found), key) for key, found in spread.items()), reverse=True)
    print("largest classes by files: " + ", ".join(f"{key} {n}" for n, key in widest[:8]))


def main():
    tree = Tree(sys.argv[1])
    paths = [path for path in tree.sources(ALL) if not path.endswith(".in")]
    tags = ctags(tree.root, paths, "fmp")
    if "--longest" in sys.argv:
        product = [f for f in lengths(tags) if f[1].split("/")[0] in PRODUCT]
        for n, path, line, name in sorted(product, reverse=True)[:20]:
            print(f"{n:4} {path}:{line} {name}")
        sizes(tree, tags)
        return 0
    report = Report()
    allowed, problems = {}, []
    for number, line in enumerate(tree.text(EXCEPTIONS).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        m = re.fullmatch(r"(\S+) (.+?): (\S.*)", line)
        if m:
            allowed[(m.group(1), m.group(2))] = number
        else:
            problems.append(f"{EXCEPTIONS}:{number}: not `FILE FUNCTION: reason`")
    found, used = [], set()
    for n, path, line, name in too_long(tags):
        short = re.sub(r"^(.*::)?(?=TEST|\w+$)", "", name)
        if (path, short) in allowed:
            used.add((path, short))
        else:
            found.append(f"{path}:{line}: {short} has {n} lines; {limit_of(path)} are the limit")
    problems += [f"{EXCEPTIONS}:{number}: {name} in {path} is not too long" for (path, name), number in allowed.items()
                 if (path, name) not in used]
    report.check("the exceptions are whole", problems, "take out what nobody needs")
    functions = list(lengths(tags))
    report.check(f"none of {len(functions)} functions is too long", found,
                 f"cut it by what its parts do; a table gets a line with its reason in {EXCEPTIONS}")
    unmeasured = [f"{tag['path']}:{tag['line']}: ctags finds no end of {tag['name']}" for tag in tags
                  if tag["kind"] == "function" and "end" not in tag]
    report.check("each has an end", unmeasured, "write it so that ctags understands it: no braces by #if")
    body = "\n".join(f"  f({i});" for i in range(LIMIT))
    text = "class A { void g(int x); };\nvoid A::g(int x)\n    try {\n" + body + "\n} catch (...) {}\n" \
        "void h() { [] {\n" + "\n".join(["  f();"] * (LIMIT - 3)) + "\n}(); }\n"
    planted = [f"{path}:{line}: {name} has {n} lines" for n, path, line, name in too_long(ctags_of_text(text, "fmp"))]
    report.found("a planted method of 63 lines", planted, "planted.cc:2: A::g has 63 lines")
    report.check("lets a function of 59 lines with a lambda be", [p for p in planted if " h has" in p])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
