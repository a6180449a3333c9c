#!/usr/bin/env python3
"""Each atomic operation names its memory order, and orders other than relaxed stand in ordering.h only.

    orderings_test.py TREE     checks shm, proto, relay and cmd, and that planted violations are found

Every room may have one ordering.h. shm is also compiled against an std::atomic that has neither default orders nor
operators: what the compiler takes names its order.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from source import PRODUCT, Report, Tree, code, line_of

CALL = re.compile(r"(\w+(?:\[[^\]]*\]|\([^()]*\))?)?\s*(?:\.|->)\s*"
                  r"(load|store|exchange|fetch_\w+|compare_exchange_\w+|test_and_set|test|clear|wait)\s*\(")
STRONG = re.compile(r"\bmemory_order(?:_|::)(?:acquire|release|acq_rel|seq_cst|consume)\b")
FENCE = re.compile(r"\batomic_(?:thread|signal)_fence\b|\b__atomic_\w+\s*\((?!\s*\d)|\b__sync_\w+\s*\(|\basm\s+volatile\b")
ORDER = re.compile(r"\bmemory_order(?:_|::)relaxed\b")
DECLARED = re.compile(r"\b(?:std::atomic\s*<[^;{}()]*?>|std::atomic_flag|std::atomic_ref\s*<[^;{}()]*?>|layout::Word|layout::Half)"
                      r"[&*\s]+(?:const\s+)?(\w+)\s*(?=[;={,\[)(])")
WEAK_NAMES = {"load", "store", "exchange", "test", "clear", "wait"}  # other classes have these too

# Stands before each source: all that the sources include from elsewhere, and then the strict one in its place.
STRICT = """
namespace std {
template <class T>
struct StrictAtomic {
  constexpr StrictAtomic() = default;
  constexpr StrictAtomic(T value) : atomic_(value) {}
  StrictAtomic(const StrictAtomic&) = delete;
  StrictAtomic& operator=(const StrictAtomic&) = delete;
  T load(memory_order o) const { return atomic_.load(o); }
  void store(T v, memory_order o) { atomic_.store(v, o); }
  T exchange(T v, memory_order o) { return atomic_.exchange(v, o); }
  bool compare_exchange_strong(T& e, T v, memory_order o) { return atomic_.compare_exchange_strong(e, v, o); }
  bool compare_exchange_strong(T& e, T v, memory_order o, memory_order f) {
    return atomic_.compare_exchange_strong(e, v, o, f);
  }
  bool compare_exchange_weak(T& e, T v, memory_order o) { return atomic_.compare_exchange_weak(e, v, o); }
  bool compare_exchange_weak(T& e, T v, memory_order o, memory_order f) {
    return atomic_.compare_exchange_weak(e, v, o, f);
  }
  T fetch_add(T v, memory_order o) { return atomic_.fetch_add(v, o); }
  T fetch_sub(T v, memory_order o) { return atomic_.fetch_sub(v, o); }
  T fetch_or(T v, memory_order o) { return atomic_.fetch_or(v, o); }
  T fetch_and(T v, memory_order o) { return atomic_.fetch_and(v, o); }
  T fetch_xor(T v, memory_order o) { return atomic_.fetch_xor(v, o); }
  static constexpr bool is_always_lock_free = atomic<T>::is_always_lock_free;
  std::atomic<T> atomic_;
};
}
#define atomic StrictAtomic
"""


def arguments(text, begin):
    """The text between the parenthesis at `begin` and its partner."""
    depth = 0
    for at in range(begin, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return text[begin + 1:at]
    return text[begin + 1:]


def file_problems(tree, path):
    """Orders that are not where they belong, and operations without one, in a file of the product."""
    text = code(tree.text(path))
    out = []
    if os.path.basename(path) != "ordering.h":
        for found in list(STRONG.finditer(text)) + list(FENCE.finditer(text)):
            out.append((line_of(text, found.start()), f"{found.group().strip('( ')} outside of ordering.h"))
    near = text
    header = re.sub(r"\.cc$", ".h", path)
    if header != path:
        try:
            near += code(tree.text(header))
        except OSError:
            pass
    atomics = set(DECLARED.findall(near))
    for call in CALL.finditer(text):
        given = arguments(text, call.end() - 1)
        receiver = re.match(r"\w*", call.group(1) or "").group()
        if call.group(2) in WEAK_NAMES and receiver not in atomics and "memory_order" not in given and \
                not path.startswith("shm/"):
            continue  # of another class
        if path.startswith("shm/") and call.group(2) in ("test", "clear", "wait") and receiver not in atomics:
            continue
        line = line_of(text, call.start(2))
        if "memory_order" not in given and not re.search(r"\bk\w*(Order|Word)\b|\border\b", given):
            out.append((line, f"{call.group(2)}() names no memory order"))
        elif os.path.basename(path) != "ordering.h" and not ORDER.search(given) and not STRONG.search(given):
            out.append((line, f"{call.group(2)}() with an order other than memory_order_relaxed, outside of ordering.h"))
    for name in atomics:
        # A bare word may be anything: what is looked for is a change of the value by an operator.
        for found in re.finditer(r"(?<![\w.>])(?:\+\+|--)\s*" + name + r"\b(?!\s*(?:->|\.))|(?<![\w.>:])" + name +
                                 r"\s*(?:\+\+|--|[-+|&^]=)", text):
            if not path.startswith("shm/"):
                out.append((line_of(text, found.start()), f"{found.group().strip()} names no memory order"))
    return [f"{path}:{line}: {what}" for line, what in sorted(set(out))]


def compiled(tree, planted=""):
    """What the compiler says to shm and to the text planted, against the strict std::atomic."""
    files = tree.files(r"shm/[^/]*\.(h|cc)")
    known = set()
    for path in files:
        known.update(re.findall(r"^#include (<[^>]+>)", tree.text(path), re.M))
    lines = [f"#include {header}" for header in sorted(known)] + [STRICT]
    lines += [f'#include "{path}"' for path in files if path.endswith(".cc")] + [planted]
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMP")) as folder:
        one = os.path.join(folder, "one.cc")
        with open(one, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        run = subprocess.run(["g++", "-std=c++20", "-fsyntax-only", "-w", "-I", tree.root, one], capture_output=True,
                             text=True, check=False)
    problems = []
    for m in re.finditer(r"^(\S+?):(\d+):\d+: error: (.*)", run.stderr, re.M):
        path = os.path.relpath(m.group(1), tree.root)
        problems.append(f"{'planted' if path.startswith('..') else path}:{m.group(2)}: {m.group(3)}")
    if run.returncode != 0 and not problems:
        problems.append("shm: g++ failed: " + run.stderr[:500])
    return problems


PLANTED = {
    "relay/link/x.cc": ("std::atomic<int> count{0};\nvoid f() { count.load(); }\n", "x.cc:2: load() names no memory order"),
    "relay/link/y.cc": ("static std::atomic<int> count{0};\nint f() { return ++count; }\n", "y.cc:2: ++count names no"),
    "relay/link/z.cc": ("std::atomic<int> n;\nvoid f() { n.store(1, std::memory_order_release); }\n",
                        "z.cc:2: memory_order_release outside of ordering.h"),
    "shm/x.cc": ("void f(layout::Word* w) { w->store(1); }\n", "x.cc:1: store() names no memory order"),
    "shm/y.cc": ("void f(layout::Word* w) { w->store(1, kStoreWord); }\n", "y.cc:1: store() with an order other than"),
    "shm/z.cc": ("void f() { std::atomic_thread_fence(std::memory_order::acquire); }\n",
                 "z.cc:1: atomic_thread_fence outside of ordering.h"),
    "shm/v.cc": ("void f(layout::Word* w) { w->compare_exchange_weak(\n    a, b, std::memory_order_acq_rel,\n"
                 "    std::memory_order_relaxed); }\n", "v.cc:2: memory_order_acq_rel outside"),
}
FINE = {
    "cmd/x.cc": "// memory_order_acquire\nvoid f(Client c) { c.store().load(); log(\"memory_order_release\"); }\n",
    "relay/link/w.cc": "std::atomic<int> count;\nvoid f() { auto count = find(1); --count->second; }\n",
    "shm/w.cc": "void f(layout::Word* w) { w->store(w->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }\n",
    "relay/link/ordering.h": "inline void f(std::atomic<int>* a) { a->store(1, std::memory_order_release); }\n",
}


def main():
    tree = Tree(os.path.abspath(sys.argv[1]))
    report = Report()
    paths = [path for path in tree.sources(PRODUCT) if not path.endswith(".in")]
    problems = [problem for path in paths for problem in file_problems(tree, path)]
    report.check(f"the orders of {len(paths)} files are named, and stand in ordering.h unless relaxed", problems,
                 "name std::memory_order_relaxed, or call a function of ordering.h that tells why")
    homes = [path for path in paths if os.path.basename(path) == "ordering.h"]
    report.check("there is one ordering.h for a room at most: " + (", ".join(homes) or "none"),
                 [f"{path}:1: an ordering.h with nothing but relaxed orders" for path in homes
                  if not STRONG.search(code(tree.text(path)))])
    # Compiled once: what is planted stands behind all the rest.
    plants = ("namespace planted { std::atomic<int> a;\nint f() { return a.load(); }\nint g() { return ++a; }\n"
              "int h() { return a; }\nvoid i() { a = 1; }\n}\n")
    errors = compiled(tree, plants)
    report.check("shm compiles against an std::atomic without default orders and operators",
                 [e for e in errors if not e.startswith("planted:")], "name the memory order")
    report.check("that finds load(), ++, conversion and = without an order", [] if
                 len({e.split(":")[1] for e in errors if e.startswith("planted:")}) == 4 else errors)
    changed = tree.with_planted({path: text for path, (text, _) in PLANTED.items()})
    for path, (text, expected) in PLANTED.items():
        report.found(text.strip().split("\n")[-1].strip(), file_problems(changed, path), expected)
    changed = tree.with_planted(FINE)
    report.check("lets relaxed orders, comments and other classes be",
                 [problem for path in FINE for problem in file_problems(changed, path)])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
